// What early stopping saves and gains.

import { earlyStopping } from "../early-stopping.ts";
import { lossPanel } from "../frame/figure.ts";
import { lesson } from "../frame/lesson.ts";
import { argLeast, bySeed, curvesOf, last, numberOf, percent, show } from "../frame/measured.ts";
import { overfitForms } from "../frame/overfit.ts";

const [whole, stopped] = ["to the end", "stopped early"];

export default lesson({
  name: "early-stopping",
  title: "Early stopping: end where the validation loss turns",
  korean: "조기 종료 (the notes stop at the overfitting; this is the natural next cure)",
  notes: ["000", "003"],
  topic: "Overfitting and its cures",
  about: `
The notes show that the validation loss turns; they do not draw the conclusion to stop there. \`EarlyStopping\` ends training when the
validation loss has not improved for three epochs and takes back the best weights. A third set of digits, which neither trained nor
chose, has the last word.`,
  ...overfitForms,
  sizes: {
    ...overfitForms.sizes,
    quick: { rows: 1500, tests: 1000, epochs: 20 },
    usual: { rows: 10_000, tests: 2000, epochs: 12 },
  },
  parts: () => 2,
  program: earlyStopping,
  claims: [
    {
      note: "003",
      says: "Stopped at the least validation loss, a network generalizes better than one trained to the end.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            stopped: numberOf(run, `${stopped}: test loss`),
            whole: numberOf(run, `${whole}: test loss`),
          }),
          isTrue: ({ stopped, whole }) => stopped < whole,
          tell: (text) => `test loss ${text("stopped")} stopped, ${text("whole")} at the end`,
        }),
    },
    {
      note: "003",
      says: "It takes fewer epochs.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            stopped: curvesOf(run, stopped).loss.length,
            whole: curvesOf(run, whole).loss.length,
          }),
          isTrue: ({ stopped, whole }) => stopped < whole,
          tell: (text) => `${text("stopped")} of ${text("whole")}`,
        }),
    },
    {
      note: "003",
      says: "Its accuracy is no worse.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            stopped: numberOf(run, `${stopped}: test accuracy`),
            whole: numberOf(run, `${whole}: test accuracy`),
          }),
          isTrue: ({ stopped, whole }) => stopped >= whole,
          tell: (text) => `${text("stopped", percent)} stopped, ${text("whole", percent)} at the end`,
          range: () => {
            const { valLoss, valAccuracy } = curvesOf(runs[0], whole);
            const turn = argLeast(valLoss);
            return `To the end the validation loss goes from its least, ${show(valLoss[turn])}, to ${show(last(valLoss))}, and the accuracy from ${percent(valAccuracy[turn])} to ${percent(last(valAccuracy))} (seed ${runs[0].seed})${last(valAccuracy) >= valAccuracy[turn] ? ": the one need not follow the other" : ""}.`;
          },
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "curves",
      title: "Stopped early, and to the end",
      caption: `Both trainings: the stopped one ended after ${curvesOf(run, stopped).loss.length} epochs and was best after ${argLeast(curvesOf(run, stopped).valLoss) + 1} (seed ${run.seed}).`,
      panels: [
        lossPanel(
          "Loss",
          [whole, stopped].map((name) => ({ name, curves: curvesOf(run, name) })),
        ),
      ],
    }),
  ],
});

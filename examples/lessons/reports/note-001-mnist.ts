// The figures that note 001's network must reach, and its log.

import { lossPanel } from "../frame/figure.ts";
import { lesson } from "../frame/lesson.ts";
import { bySeed, curvesOf, exactly, keptBy, last, percent, verdictOf } from "../frame/measured.ts";
import { deepNet } from "../note-001-mnist.ts";

const net = "deep-net";

export default lesson({
  name: "note-001-mnist",
  title: "MNIST with batch normalization, dropout and TensorBoard",
  korean: "MNIST 분류기 소스코드 - DNN",
  notes: ["001"],
  topic: "The notes' own programs",
  experiments: ["E7"],
  about: `
The note's network of three layers of 64 units, each with batch normalization behind its activation, and dropout before the output.
It is trained as the note trains it: batches of 128, 20 epochs, validated after each, with a log in \`logs/deep-net\` below the
lesson's folder. \`npx gradgpu log FOLDER\` shows it without Python; \`tensorboard --logdir FOLDER\` reads it, too. The note does
not show how it compiles the model; its companion notebook uses Nadam and categorical cross-entropy.`,
  keras: `
model = Sequential()

model.add(Dense(64, activation='relu', input_shape=(784,)))
model.add(BatchNormalization())

model.add(Dense(64, activation='relu'))
model.add(BatchNormalization())

model.add(Dense(64, activation='relu'))
model.add(BatchNormalization())
model.add(Dropout(0.2))

model.add(Dense(10, activation='softmax'))

tensorboard = TensorBoard('logs/deep-net')

model.fit(X_train, y_train,
          batch_size=128,
          epochs=20, verbose=1,
          validation_data=(X_valid, y_valid),
          callbacks=[tensorboard])`,
  sizes: {
    quick: { rows: 60_000, tests: 10_000, epochs: 3 },
    usual: { rows: 60_000, tests: 10_000, epochs: 20 },
    full: { rows: 60_000, tests: 10_000, epochs: 20 },
    cpu: { rows: 1000, tests: 200, epochs: 2 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  cut: "The quick form ends after 3 of the 20 epochs.",
  parts: () => 1,
  program: deepNet,
  claims: [
    {
      note: "001",
      says: "The network has 59,978 parameters.",
      judge: (runs) => exactly(runs, "parameters", 59_978),
    },
    {
      note: "001",
      says: "59,594 of them are trained; the moving averages of batch normalization are not.",
      judge: (runs) => exactly(runs, "trainable", 59_594),
    },
    {
      note: "001",
      says: "After the first epoch about 0.951 of the test images are right (0.945 and more is taken for it).",
      judge: (runs) => accuracyAfter(runs, 1, 0.945),
    },
    {
      note: "001",
      says: "After 20 epochs about 0.973 to 0.979 are right (0.970 and more is taken for it).",
      judge: (runs) => accuracyAfter(runs, 20, 0.97),
    },
    {
      note: "001",
      says: "TensorBoard's log has loss and accuracy of training and validation, a value an epoch.",
      judge: (runs) => {
        const logs = runs.map((run) => keptBy(run, "log") as readonly string[]);
        const epochs = runs.map((run) => curvesOf(run, net).loss.length);
        const held = logs.map((log, i) =>
          ["train", "validation"].every((part) =>
            ["loss", "accuracy"].every((name) => log.includes(`${part}/epoch_${name}: ${epochs[i]}`)),
          ),
        );
        return {
          verdict: verdictOf(held),
          measured: logs[0].filter((line) => /loss|accuracy/.test(line)).join(", "),
        };
      },
    },
  ],
  figures: [
    ([run]) => ({
      name: "curves",
      title: "784-64-64-64-10 with batch normalization and dropout",
      caption: `Loss and accuracy on the training images, with dropout at work, and on the test images (seed ${run.seed}).`,
      panels: [
        lossPanel("Loss", [{ name: net, curves: curvesOf(run, net) }]),
        lossPanel("Accuracy", [{ name: net, curves: curvesOf(run, net) }], {
          metric: "accuracy",
          label: "right (share of images)",
        }),
      ],
    }),
  ],
});

function accuracyAfter(runs: Parameters<typeof bySeed>[0], epoch: number, atLeast: number) {
  const isWhole = runs.every((run) => {
    const { length } = curvesOf(run, net).valAccuracy;
    return length >= epoch;
  });
  const rows = runs.map((run) => curvesOf(run, net).valAccuracy);
  if (!isWhole) {
    return {
      verdict: "not applicable" as const,
      measured: `only ${rows[0].length} epochs were trained; then ${percent(last(rows[0]))}`,
    };
  }
  return bySeed(runs, {
    measure: (run) => ({ accuracy: curvesOf(run, net).valAccuracy[epoch - 1] }),
    isTrue: ({ accuracy }) => accuracy >= atLeast,
    tell: (text) => text("accuracy", (value) => value.toFixed(4)),
  });
}

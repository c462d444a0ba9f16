// The figures that note 004's network must reach.

import { lesson } from "../frame/lesson.ts";
import { bySeed, curvesOf, exactly, last, numberOf, percent } from "../frame/measured.ts";
import { fashion } from "../note-004-fashion.ts";

export default lesson({
  name: "note-004-fashion",
  title: "Fashion-MNIST with a Flatten layer and Adam",
  korean: "Optimizer와 Flatten Layer를 사용한 모델링",
  notes: ["004"],
  topic: "The notes' own programs",
  experiments: ["E15"],
  about: `
The note's program: 60,000 pictures of clothes, of which a fifth is kept to validate; a layer that flattens, 100 units, ten
classes; Adam and the sparse cross-entropy, batches of 32 by default, 5 epochs. \`trainTestSplit\` shuffles by a generator of its
own, so the split with seed 42 is not scikit-learn's, but one like it.`,
  keras: `
(train_input, train_target),(test_input,test_target) = keras.datasets.fashion_mnist.load_data()

train_scaled = train_input / 255

train_scaled, val_scaled, train_target, val_target = train_test_split(
    train_scaled, train_target, test_size=0.2, random_state=42
)

model = keras.Sequential()

# Flatten layer
model.add(keras.layers.Flatten(input_shape=(28,28)))

model.add(keras.layers.Dense(100, activation='relu'))

model.add(keras.layers.Dense(10, activation='softmax'))

model.compile(
    optimizer='adam',
    loss='sparse_categorical_crossentropy',
    metrics='accuracy'
    )

model.fit(train_scaled,train_target, epochs=5)

model.evaluate(val_scaled,val_target)`,
  sizes: {
    quick: { rows: 60_000, epochs: 5 },
    usual: { rows: 60_000, epochs: 5 },
    full: { rows: 60_000, epochs: 5 },
    cpu: { rows: 1000, epochs: 1 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  parts: () => 1,
  program: fashion,
  claims: [
    { note: "004", says: "79,510 parameters.", judge: (runs) => exactly(runs, "parameters", 79_510) },
    {
      note: "004",
      says: "Without a batch size, 32 is taken: 1,500 steps an epoch over 48,000 rows.",
      judge: (runs) => {
        const outcome = exactly(runs, "steps", 1500);
        return outcome.verdict === "held"
          ? outcome
          : { ...outcome, verdict: "not applicable", range: "Fewer rows were taken." };
      },
    },
    {
      note: "004",
      says: "Trained, then evaluated: of this network 0.86 and more is expected.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ accuracy: numberOf(run, "accuracy"), loss: numberOf(run, "loss") }),
          isTrue: ({ accuracy }) => accuracy >= 0.86,
          tell: (text) =>
            `${text("accuracy", percent)} of the validation images are right, loss ${text("loss")}`,
        }),
    },
    {
      note: "004",
      says: "Training lowers the loss.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            first: curvesOf(run, "fashion").loss[0],
            last: last(curvesOf(run, "fashion").loss),
          }),
          isTrue: ({ first, last }) => last < first,
          tell: (text) => `${text("first")} in the first epoch, ${text("last")} in the last`,
        }),
    },
  ],
  figures: [
    (runs) => ({
      name: "curves",
      title: "Fashion-MNIST, 784-100-10",
      caption: "Training loss and accuracy, a line for each seed.",
      panels: (["loss", "accuracy"] as const).map((metric) => ({
        kind: "lines" as const,
        title: metric === "loss" ? "Loss" : "Accuracy",
        x: { label: "epoch" },
        y: { label: metric === "loss" ? "cross-entropy (nats per image)" : "right (share of images)" },
        series: runs.map((run) => ({ name: `seed ${run.seed}`, y: curvesOf(run, "fashion")[metric] })),
      })),
    }),
  ],
});

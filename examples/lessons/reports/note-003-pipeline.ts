// The figures of note 003's program, and the list of what was mended in it.

import { lossPanel } from "../frame/figure.ts";
import { lesson, type Run } from "../frame/lesson.ts";
import { argLeast, bySeed, curvesOf, exactly, last, least, most, percent } from "../frame/measured.ts";
import { pipeline } from "../note-003-pipeline.ts";

const net = "big model";
/** Where it guesses: a network whose 8 units died gives every image the same answer. */
const guessing = 0.2;
const isDead = (run: Run) => most(curvesOf(run, net).accuracy) < guessing;

export default lesson({
  name: "note-003-pipeline",
  title: "A data pipeline and a model that is too big",
  korean: "DNN 모델 크기 변경",
  notes: ["003"],
  topic: "The notes' own programs",
  experiments: ["E11"],
  about: `
The note's program reads MNIST, makes a pipeline that shuffles, batches and repeats, and trains a network of 912,226 parameters, to be
made smaller while one watches the validation loss. As it is printed it does not run; here it does. What was mended:

- \`keras.datasets.mninst\` is \`mnist\`.
- \`LEARING_RATE\` is set, \`LEARNING_RATE\` is read.
- The brackets behind \`Input(\` and \`Flatten(\` are not closed.
- \`val_dataset\` is validated on and never made: \`test_dataset\` was.

Elsewhere the note says that dropout picks units anew "every repetition (epochs)": it does so at every step.`,
  keras: `
LEARING_RATE = 0.001
N_EPOCHS = 20
N_BATCHS = 100

(train_image, train_label), (test_image, test_label) = keras.datasets.mninst.load_data()

N_TRAIN = train_image.shape[0]
N_TEST = test_image.shape[0]
IMAGE_SIZE = 28
N_CLASS = 10

X_train = train_image/255.
X_test = test_image/255.

y_train = keras.utils.to_categorical(train_label)
y_test = keras.utils.to_categorical(test_label)

train_dataset = tf.data.Dataset.from_tensor_slices((X_train, y_train))\\
                               .shuffle(N_TRAIN)\\
                               .batch(N_BATCHS, drop_remainder=True)\\
                               .repeat()
test_dataset = tf.data.Dataset.from_tensor_slices((X_test, y_test)).batch(N_BATCHS)

steps_per_epoch = N_TRAIN//N_BATCHS
validation_steps = int(np.ceil(N_TEST/N_BATCHS))

def create_model():
  model = keras.Sequential()
  model.add(keras.layers.Input((IMAGE_SIZE, IMAGE_SIZE))
  model.add(keras.layers.Flatten()
  # Hidden layer
  model.add(keras.layers.Dense(512, activation='relu'))
  model.add(keras.layers.Dense(512, activation='relu'))
  model.add(keras.layers.Dense(256, activation='relu'))
  model.add(keras.layers.Dense(256, activation='relu'))
  model.add(keras.layers.Dense(128, activation='relu'))
  model.add(keras.layers.Dense(128, activation='relu'))
  model.add(keras.layers.Dense(8, activation='relu'))
  # output layer
  model.add(keras.layers.Dense(N_CLASS, activation='softmax'))
  # model compile
  model.compile(optimizer=keras.optimizers.Adam(learning_rate=LEARNING_RATE),
                loss='categorical_crossentropy',
                metrics=['accuracy'])
  return model

model = create_model()

history = model.fit(train_dataset,
                    epochs=N_EPOCHS,
                    steps_per_epoch=steps_per_epoch,
                    validation_data=val_dataset,
                    validation_steps=validation_steps)`,
  sizes: {
    quick: { rows: 10_000, tests: 2000, epochs: 4 },
    usual: { rows: 12_000, tests: 2000, epochs: 10 },
    full: { rows: 60_000, tests: 10_000, epochs: 20 },
    cpu: { rows: 200, tests: 100, epochs: 1 },
  },
  seeds: { quick: 1, usual: 3, full: 1, cpu: 1 },
  cut: "The quick form takes 10,000 of 60,000 images, the usual one 12,000; of the 20 epochs they take 4 and 10.",
  parts: () => 1,
  program: pipeline,
  claims: [
    { note: "003", says: "912,226 parameters.", judge: (runs) => exactly(runs, "parameters", 912_226) },
    {
      note: "003",
      says: "600 steps an epoch of 60,000 images.",
      judge: (runs) => ofAllRows(runs, "steps", 600),
    },
    {
      note: "003",
      says: "100 steps validate 10,000 images.",
      judge: (runs) => ofAllRows(runs, "validation steps", 100),
    },
    {
      note: "003",
      says: "The model is too big: its validation loss turns while the training loss falls.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const { loss, valLoss, valAccuracy } = curvesOf(run, net);
            return {
              turn: argLeast(valLoss) + 1,
              least: least(valLoss),
              end: last(valLoss),
              loss: last(loss),
              accuracy: last(valAccuracy),
            };
          },
          isTrue: ({ least, end, loss }) => end > least && loss < end,
          tell: (text) =>
            `the validation loss is least, ${text("least")}, after epoch ${text("turn")} and ${text("end")} at the end, where the training loss is ${text("loss")}; ${text("accuracy", percent)} of the test images are right`,
          range: (all) =>
            all.some(({ end, least }) => end === least) ? "In so few epochs it need not turn." : undefined,
        }),
    },
    {
      note: "003",
      says: "The last hidden layer's 8 units are enough (the note leaves them in).",
      judge: (runs) => {
        const dead = runs.filter(isDead).length;
        return {
          verdict: dead === 0 ? "held" : "not held",
          measured: `${runs.length - dead} of ${runs.length} networks learn`,
          range:
            "The lesson pipeline-cures counts how many of the 8 units give anything before training, in ten networks.",
        };
      },
    },
  ],
  figures: [
    ([run]) => ({
      name: "curves",
      title: "784-512-512-256-256-128-128-8-10",
      caption: `Loss and accuracy of the big model on training and test images (seed ${run.seed}).`,
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

/** Expected of all rows; of fewer there are as many steps as these make. */
function ofAllRows(runs: readonly Run[], name: "steps" | "validation steps", expected: number) {
  const outcome = exactly(runs, name, expected);
  return outcome.verdict === "held"
    ? outcome
    : {
        ...outcome,
        verdict: "not applicable" as const,
        range: "This form takes fewer images; `--full` takes all.",
      };
}

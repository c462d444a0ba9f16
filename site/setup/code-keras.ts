// A set-up as a Python program with Keras 3.

import { type SaidOption, saidOptions } from "./code-options.ts";
import { kerasTable } from "./code-table.ts";
import type { LayerSetup } from "./layers.ts";
import { type DataSpec, isPointSet, outputLayer, type Setup, textLength, vocabularySize } from "./setup.ts";
import { countsSteps, metricOf, optimizerOf } from "./training.ts";

export function kerasCode(setup: Setup, data: DataSpec): string {
  const { keras, fixed } = optimizerOf(setup.optimizer);
  const output = outputLayer(data);
  const options = [
    `learning_rate=${rateCode(setup)}`,
    ...Object.entries(fixed ?? {}).map(([name, value]) => `${name}=${pythonValue(value)}`),
    ...(setup.clip > 0 ? [`global_clipnorm=${setup.clip}`] : []),
  ];
  const isPlain = ["mnist", "fashion", "images"].includes(setup.data) && setup.schedule !== "oneCycle";
  const dtype = setup.data === "text" ? ', dtype="int32"' : "";
  const hasTable = setup.data === "csv" && data.table !== undefined;
  const imports = [
    ...(isPlain ? [] : ["import numpy as np"]),
    ...(hasTable ? ["import pandas as pd"] : []),
    "import keras",
    "from keras import layers",
  ];
  return `${imports.join("\n")}

keras.utils.set_random_seed(${setup.seed})
${dataCode(setup, data)}
${setup.schedule === "oneCycle" ? oneCycleCode : ""}
model = keras.Sequential([
    keras.Input((${data.shape.join(", ")}${data.shape.length === 1 ? "," : ""})${dtype}),
${setup.layers.map((layer) => `    ${layerCode(layer)},\n`).join("")}    layers.Dense(${output.units}${output.activation === "linear" ? "" : `, activation="${output.activation}"`}),
])
model.summary()
${!countsSteps(setup.schedule) ? "" : `steps = -(-int(len(y) * ${Number((1 - setup.heldBack).toPrecision(6))}) // ${setup.batchSize})\n`}model.compile(
    optimizer=keras.optimizers.${keras}(${options.join(", ")}),
    loss="${snake(setup.loss)}",
    metrics=[${metricOf(setup.metric, data.task).keras}],
)
history = model.fit(
    x, y,
    batch_size=${setup.batchSize},
    epochs=100,
    validation_split=${setup.heldBack},${setup.schedule === "plateau" ? `\n    callbacks=[keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=${setup.decayEpochs})],` : ""}
)
`;
}

function dataCode({ data, samples, seed }: Setup, { shape, classNames = [], table }: DataSpec): string {
  if (data === "mnist" || data === "fashion") {
    return `(x, y), _ = keras.datasets.${data === "mnist" ? "mnist" : "fashion_mnist"}.load_data()
x, y = x[:${samples}, ..., None] / 255, y[:${samples}]`;
  }
  if (data === "images") return imagesCode(shape);
  if (data === "text") return textCode;
  if (data === "csv" && table !== undefined) return kerasTable(table, classNames, seed);
  const file = isPointSet(data) ? `${data}.csv` : "data.csv";
  const note = isPointSet(data) ? "" : "\n# The columns as numbers, with mean 0 and deviation 1 each.";
  return `rows = np.loadtxt("${file}", delimiter=",", skiprows=1)${note}
x, y = rows[:, :-1], rows[:, -1:]`;
}

/** Images in folders by class, all in memory and in any order. */
const imagesCode = ([height, width, channels]: readonly number[]): string =>
  `images = keras.utils.image_dataset_from_directory(
    "images", image_size=(${height}, ${width}), color_mode="${channels === 1 ? "grayscale" : "rgb"}",
    crop_to_aspect_ratio=True, batch_size=None, shuffle=True)
x, y = (keras.ops.stack(part) for part in zip(*images))
x = keras.ops.convert_to_numpy(x) / 255
y = keras.ops.convert_to_numpy(y)`;

const textCode = `rows = [line.rstrip("\\n").split("\\t", 1) for line in open("texts.tsv", encoding="utf-8")]
names = sorted({label for label, _ in rows})
vectorize = layers.TextVectorization(max_tokens=${vocabularySize}, output_sequence_length=${textLength})
vectorize.adapt([text for _, text in rows])
x = keras.ops.convert_to_numpy(vectorize([text for _, text in rows]))
y = np.array([names.index(label) for label, _ in rows])`;

function rateCode({ schedule, learningRate, decayEpochs }: Setup): string {
  const steps = `decay_steps=${decayEpochs} * steps`;
  const schedules = "keras.optimizers.schedules";
  switch (schedule) {
    case "constant":
    case "plateau":
      return String(learningRate);
    case "cosine":
      return `${schedules}.CosineDecay(${learningRate}, ${steps})`;
    case "exponential":
      return `${schedules}.ExponentialDecay(${learningRate}, ${steps}, decay_rate=0.1)`;
    case "step":
      return `${schedules}.ExponentialDecay(${learningRate}, ${steps}, decay_rate=0.5, staircase=True)`;
    case "warmup":
      return `${schedules}.CosineDecay(0.0, ${steps}, warmup_target=${learningRate}, warmup_steps=${decayEpochs} * steps / 10)`;
    case "oneCycle":
      return `OneCycle(${learningRate}, ${decayEpochs} * steps)`;
  }
}

/** Keras has none: PyTorch's OneCycleLR, as gradgpu has it. */
const oneCycleCode = `
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, peak, total):
        self.peak, self.top, self.end = peak, 0.3 * total - 1, total - 1

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        between = lambda a, b, share: b + (a - b) * (1 + keras.ops.cos(np.pi * keras.ops.clip(share, 0, 1))) / 2
        low = self.peak / 25
        return keras.ops.where(
            step < self.top,
            between(low, self.peak, step / self.top),
            between(self.peak, low / 1e4, (step - self.top) / (self.end - self.top)),
        )
`;

function layerCode(layer: LayerSetup): string {
  const { type, options } = layer;
  const said = saidOptions(layer);
  const positional = said.positional.map(({ value }) => pythonValue(value));
  const named = said.named.map(({ name, value }) => `${snake(name)}=${pythonValue(value)}`);
  if (options.regularizer !== undefined && options.regularizer !== "none")
    named.push(
      `kernel_regularizer=keras.regularizers.${String(options.regularizer).toUpperCase()}(${options.regularizer === "l1l2" ? `l1=${options.strength}, l2=${options.strength}` : options.strength})`,
    );
  const code = `layers.${type}(${[...positional, ...named].join(", ")})`;
  return options.bothWays === true ? `layers.Bidirectional(${code})` : code;
}

function pythonValue(value: SaidOption["value"]): string {
  if (typeof value === "object") return `(${value.join(", ")},)`;
  if (typeof value === "string") return `"${snake(value)}"`;
  return typeof value === "boolean" ? (value ? "True" : "False") : String(value);
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

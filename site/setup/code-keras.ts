// A set-up as a Python program with Keras 3.

import { isOfEditor, type LayerSetup, type OptionValue, sizesOf, specOf } from "./layers.ts";
import { type DataSpec, isPointSet, outputLayer, type Setup, textLength, vocabularySize } from "./setup.ts";
import { optimizerOf } from "./training.ts";

export function kerasCode(setup: Setup, data: DataSpec): string {
  const { keras, fixed } = optimizerOf(setup.optimizer);
  const output = outputLayer(data);
  const options = [
    `learning_rate=${rateCode(setup)}`,
    ...Object.entries(fixed ?? {}).map(([name, value]) => `${name}=${pythonValue(value)}`),
    ...(setup.clip > 0 ? [`global_clipnorm=${setup.clip}`] : []),
  ];
  const isPlain = ["mnist", "fashion", "images"].includes(setup.data);
  const dtype = setup.data === "text" ? ', dtype="int32"' : "";
  const imports = [...(isPlain ? [] : ["import numpy as np"]), "import keras", "from keras import layers"];
  return `${imports.join("\n")}

keras.utils.set_random_seed(${setup.seed})
${dataCode(setup, data)}

model = keras.Sequential([
    keras.Input((${data.shape.join(", ")}${data.shape.length === 1 ? "," : ""})${dtype}),
${setup.layers.map((layer) => `    ${layerCode(layer)},\n`).join("")}    layers.Dense(${output.units}${output.activation === "linear" ? "" : `, activation="${output.activation}"`}),
])
model.summary()
${setup.schedule === "constant" ? "" : `steps = -(-int(len(y) * ${Number((1 - setup.heldBack).toPrecision(6))}) // ${setup.batchSize})\n`}model.compile(
    optimizer=keras.optimizers.${keras}(${options.join(", ")}),
    loss="${lossNames[setup.loss] ?? snake(setup.loss)}",${data.task === "regression" ? "" : '\n    metrics=["accuracy"],'}
)
history = model.fit(
    x, y,
    batch_size=${setup.batchSize},
    epochs=100,
    validation_split=${setup.heldBack},
)
`;
}

const lossNames: Readonly<Record<string, string>> = { logCosh: "log_cosh" };

function dataCode({ data, samples }: Setup, { shape }: DataSpec): string {
  if (data === "mnist" || data === "fashion") {
    return `(x, y), _ = keras.datasets.${data === "mnist" ? "mnist" : "fashion_mnist"}.load_data()
x, y = x[:${samples}, ..., None] / 255, y[:${samples}]`;
  }
  if (data === "images") return imagesCode(shape);
  if (data === "text") return textCode;
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
  if (schedule === "constant") return String(learningRate);
  const shared = `${learningRate}, decay_steps=${decayEpochs} * steps`;
  return schedule === "cosine"
    ? `keras.optimizers.schedules.CosineDecay(${shared})`
    : `keras.optimizers.schedules.ExponentialDecay(${shared}, decay_rate=0.1)`;
}

function layerCode({ type, options }: LayerSetup): string {
  const spec = specOf(type);
  const positional = spec.positional.map((name) => valueCode(type, name, options[name]));
  const named = spec.options
    .filter(({ name, usual }) => !spec.positional.includes(name) && options[name] !== usual)
    .filter(({ name }) => !isOfEditor(name))
    .map(({ name }) => `${snake(name)}=${valueCode(type, name, options[name])}`);
  if (options.regularizer !== undefined && options.regularizer !== "none")
    named.push(
      `kernel_regularizer=keras.regularizers.${String(options.regularizer).toUpperCase()}(${options.strength})`,
    );
  const code = `layers.${type}(${[...positional, ...named].join(", ")})`;
  return options.bothWays === true ? `layers.Bidirectional(${code})` : code;
}

function valueCode(type: LayerSetup["type"], name: string, value: OptionValue): string {
  const spec = specOf(type).options.find((option) => option.name === name);
  if (spec?.kind === "sizes") return `(${sizesOf(String(value))?.join(", ")},)`;
  return typeof value === "string" ? `"${snake(value)}"` : pythonValue(value);
}

const pythonValue = (value: OptionValue): string =>
  typeof value === "boolean" ? (value ? "True" : "False") : String(value);

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

// The layers that the playground's editor offers: what can be set of each, and what the setting starts with.

export type OptionValue = number | string | boolean;

export interface OptionSpec {
  readonly name: string;
  readonly label: string;
  readonly kind: "integer" | "number" | "choice" | "switch" | "sizes";
  /** What a new layer begins with. */
  readonly initial: OptionValue;
  /** What the library takes where nothing is said, so that code can leave it out. */
  readonly usual?: OptionValue;
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly step?: number;
}

export interface LayerSpec {
  readonly group: string;
  /** What it does, in a few words. */
  readonly about: string;
  /** Options that stand before the others, without a name. */
  readonly positional: readonly string[];
  readonly options: readonly OptionSpec[];
}

export const activations = [
  "linear",
  "relu",
  "leakyRelu",
  "elu",
  "selu",
  "silu",
  "gelu",
  "mish",
  "softplus",
  "sigmoid",
  "tanh",
] as const;

const activation = (initial: string): OptionSpec => ({
  name: "activation",
  label: "Activation",
  kind: "choice",
  initial,
  usual: "linear",
  choices: activations,
});

const count = (name: string, label: string, initial: number, max: number): OptionSpec => ({
  name,
  label,
  kind: "integer",
  initial,
  min: 1,
  max,
});

const rate: OptionSpec = {
  name: "rate",
  label: "Rate",
  kind: "number",
  initial: 0.2,
  min: 0,
  max: 0.95,
  step: 0.05,
};

const padding: OptionSpec = {
  name: "padding",
  label: "Padding",
  kind: "choice",
  initial: "same",
  usual: "valid",
  choices: ["same", "valid"],
};

const strides: OptionSpec = { ...count("strides", "Stride", 1, 8), usual: 1 };
const poolSize: OptionSpec = { ...count("poolSize", "Window", 2, 8), usual: 2 };

const initializer: OptionSpec = {
  name: "kernelInitializer",
  label: "Starting weights",
  kind: "choice",
  initial: "glorotUniform",
  usual: "glorotUniform",
  choices: ["glorotUniform", "glorotNormal", "heUniform", "heNormal", "lecunNormal", "randomNormal", "zeros"],
};

const regularizers: readonly OptionSpec[] = [
  {
    name: "regularizer",
    label: "Penalty",
    kind: "choice",
    initial: "none",
    usual: "none",
    choices: ["none", "l1", "l2", "l1l2"],
  },
  {
    name: "strength",
    label: "Strength",
    kind: "number",
    initial: 0.001,
    usual: 0.001,
    min: 0,
    max: 1,
    step: 0.0005,
  },
];

const returnSequences: OptionSpec = {
  name: "returnSequences",
  label: "All steps",
  kind: "switch",
  initial: false,
  usual: false,
};

/** The layer stands in a Bidirectional. */
const bothWays: OptionSpec = {
  name: "bothWays",
  label: "Both ways",
  kind: "switch",
  initial: false,
  usual: false,
};

const recurrent = (about: string): LayerSpec => ({
  group: "Sequences",
  about,
  positional: ["units"],
  options: [count("units", "Units", 32, 512), returnSequences, bothWays],
});

const convolution = (group: string, about: string, filters: number): LayerSpec => ({
  group,
  about,
  positional: ["filters", "kernelSize"],
  options: [
    count("filters", "Filters", filters, 256),
    count("kernelSize", "Window", 3, 11),
    activation("relu"),
    strides,
    padding,
    ...regularizers,
  ],
});

/** What the editor adds to options of the layers' own. */
export const isOfEditor = (name: string): boolean => ["regularizer", "strength", "bothWays"].includes(name);

const plain = (group: string, about: string): LayerSpec => ({ group, about, positional: [], options: [] });

export const layerSpecs = {
  Dense: {
    group: "Core",
    about: "Every unit sees everything that comes in",
    positional: ["units"],
    options: [count("units", "Units", 8, 4096), activation("relu"), initializer, ...regularizers],
  },
  Activation: {
    group: "Core",
    about: "A function, value by value",
    positional: ["activation"],
    options: [{ ...activation("relu"), usual: undefined }],
  },
  Flatten: plain("Core", "All of a sample in one row"),
  Reshape: {
    group: "Core",
    about: "The same numbers in another shape",
    positional: ["targetShape"],
    options: [{ name: "targetShape", label: "Shape", kind: "sizes", initial: "28x28" }],
  },
  Conv2D: convolution("Images", "Filters that slide over an image", 8),
  MaxPooling2D: {
    group: "Images",
    about: "The largest value under each window",
    positional: ["poolSize"],
    options: [poolSize],
  },
  AveragePooling2D: {
    group: "Images",
    about: "The mean under each window",
    positional: ["poolSize"],
    options: [poolSize],
  },
  GlobalAveragePooling2D: plain("Images", "The mean of each channel"),
  BatchNormalization: plain("Normalization", "Mean 0 and spread 1 over the batch, then scaled"),
  LayerNormalization: plain("Normalization", "Mean 0 and spread 1 within each sample, then scaled"),
  Dropout: {
    group: "Regularizing",
    about: "Sets a share of values to 0 while training",
    positional: ["rate"],
    options: [rate],
  },
  GaussianNoise: {
    group: "Regularizing",
    about: "Adds noise while training",
    positional: ["stddev"],
    options: [
      { name: "stddev", label: "Deviation", kind: "number", initial: 0.1, min: 0, max: 2, step: 0.05 },
    ],
  },
  Embedding: {
    group: "Sequences",
    about: "A row of numbers for each word",
    positional: ["inputDim", "outputDim"],
    options: [count("inputDim", "Words", 2000, 50000), count("outputDim", "Numbers a word", 16, 512)],
  },
  Conv1D: convolution("Sequences", "Filters that slide along a sequence", 16),
  MaxPooling1D: {
    group: "Sequences",
    about: "The largest value under each window",
    positional: ["poolSize"],
    options: [poolSize],
  },
  GlobalAveragePooling1D: plain("Sequences", "The mean over the sequence"),
  GlobalMaxPooling1D: plain("Sequences", "The largest value over the sequence"),
  SimpleRNN: recurrent("One product a step, fed back"),
  LSTM: recurrent("Long short-term memory, with gates"),
  GRU: recurrent("Gated recurrent unit"),
} as const satisfies Record<string, LayerSpec>;

export type LayerType = keyof typeof layerSpecs;

export interface LayerSetup {
  readonly type: LayerType;
  readonly options: Readonly<Record<string, OptionValue>>;
}

export const isLayerType = (name: string): name is LayerType => Object.hasOwn(layerSpecs, name);
export const specOf = (type: LayerType): LayerSpec => layerSpecs[type];

/** A new layer, with some of its options given. */
export function newLayer(type: LayerType, given: Readonly<Record<string, OptionValue>> = {}): LayerSetup {
  const initial = specOf(type).options.map(({ name, initial }) => [name, initial] as const);
  return { type, options: { ...Object.fromEntries(initial), ...given } };
}

/** Numbers of a shape that was written as "28x28" or "28, 28"; undefined where it is none. */
export function sizesOf(text: string): number[] | undefined {
  const parts = text.split(/[x×,\s]+/).filter((part) => part !== "");
  const sizes = parts.map(Number);
  return sizes.length > 0 && sizes.every((size) => Number.isInteger(size) && size > 0) ? sizes : undefined;
}

/** The value as the option takes it, or undefined where it does not. */
export function checkedOption(spec: OptionSpec, value: unknown): OptionValue | undefined {
  if (spec.kind === "choice")
    return spec.choices?.includes(String(value)) === true ? String(value) : undefined;
  if (spec.kind === "sizes") return sizesOf(String(value)) === undefined ? undefined : String(value);
  if (spec.kind === "switch") {
    if (typeof value === "boolean") return value;
    return value === "true" ? true : value === "false" ? false : undefined;
  }
  const number = typeof value === "string" && value.trim() === "" ? Number.NaN : Number(value);
  if (!Number.isFinite(number) || (spec.kind === "integer" && !Number.isInteger(number))) return undefined;
  if (number < (spec.min ?? -Infinity) || number > (spec.max ?? Infinity)) return undefined;
  return number;
}

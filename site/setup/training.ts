// How a net is trained, as the playground offers it: optimizers, schedules, losses, and which fit which task.

export type Task = "binary" | "classes" | "regression";

export interface OptimizerSpec {
  /** The class of gradgpu/optim, and of Keras. */
  readonly className: string;
  readonly keras: string;
  readonly learningRate: number;
  /** Options that the playground sets besides, and how Keras calls them. */
  readonly fixed?: Readonly<Record<string, number | boolean>>;
}

export const optimizers = {
  adam: { className: "Adam", keras: "Adam", learningRate: 0.01 },
  adamw: { className: "AdamW", keras: "AdamW", learningRate: 0.01 },
  nadam: { className: "Nadam", keras: "Nadam", learningRate: 0.01 },
  rmsprop: { className: "RMSprop", keras: "RMSprop", learningRate: 0.005 },
  adagrad: { className: "Adagrad", keras: "Adagrad", learningRate: 0.05 },
  sgd: { className: "SGD", keras: "SGD", learningRate: 0.05 },
  momentum: { className: "SGD", keras: "SGD", learningRate: 0.02, fixed: { momentum: 0.9 } },
  nesterov: {
    className: "SGD",
    keras: "SGD",
    learningRate: 0.02,
    fixed: { momentum: 0.9, nesterov: true },
  },
  lion: { className: "Lion", keras: "Lion", learningRate: 0.001 },
} as const satisfies Record<string, OptimizerSpec>;

export type OptimizerName = keyof typeof optimizers;
export const optimizerOf = (name: OptimizerName): OptimizerSpec => optimizers[name];

export const optimizerLabels: Readonly<Record<OptimizerName, string>> = {
  adam: "Adam",
  adamw: "AdamW",
  nadam: "Nadam",
  rmsprop: "RMSprop",
  adagrad: "Adagrad",
  sgd: "SGD",
  momentum: "SGD, momentum 0.9",
  nesterov: "SGD, Nesterov 0.9",
  lion: "Lion",
};

export const schedules = ["constant", "cosine", "exponential"] as const;
export type ScheduleName = (typeof schedules)[number];

export const scheduleLabels: Readonly<Record<ScheduleName, string>> = {
  constant: "Constant",
  cosine: "Cosine to 0",
  exponential: "Exponential, to a tenth",
};

const lossesByTask = {
  binary: ["binaryCrossentropy", "meanSquaredError", "binaryFocalCrossentropy"],
  classes: ["sparseCategoricalCrossentropy"],
  regression: ["meanSquaredError", "meanAbsoluteError", "huber", "logCosh"],
} as const satisfies Record<Task, readonly string[]>;

export const lossesOf = (task: Task): readonly string[] => lossesByTask[task];

export const lossLabels: Readonly<Record<string, string>> = {
  binaryCrossentropy: "Binary cross-entropy",
  binaryFocalCrossentropy: "Binary focal cross-entropy",
  sparseCategoricalCrossentropy: "Cross-entropy of the classes",
  meanSquaredError: "Mean squared error",
  meanAbsoluteError: "Mean absolute error",
  huber: "Huber",
  logCosh: "Log cosh",
};

export const batchSizes = [1, 4, 8, 16, 32, 64, 128, 256, 512] as const;

/** What the library knows by name without another import. */
const commonNames = new Set([
  ...["linear", "relu", "leakyRelu", "sigmoid", "tanh"],
  ...[
    "binaryCrossentropy",
    "sparseCategoricalCrossentropy",
    "meanSquaredError",
    "meanAbsoluteError",
    "huber",
  ],
  ...["glorotUniform", "heUniform", "lecunUniform", "randomUniform", "zeros", "ones"],
]);

interface Named {
  readonly loss: string;
  readonly layers: readonly { readonly options: Readonly<Record<string, unknown>> }[];
}

/** Whether a net needs the names that `gradgpu/names` adds. */
export const hasRareNames = ({ loss, layers }: Named): boolean =>
  [
    loss,
    ...layers.flatMap(({ options }) => [options.activation ?? [], options.kernelInitializer ?? []].flat()),
  ].some((name) => !commonNames.has(String(name)));

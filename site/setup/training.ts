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
  adamax: { className: "Adamax", keras: "Adamax", learningRate: 0.01 },
  adadelta: { className: "Adadelta", keras: "Adadelta", learningRate: 1 },
  adafactor: { className: "Adafactor", keras: "Adafactor", learningRate: 0.02 },
  lamb: { className: "Lamb", keras: "Lamb", learningRate: 0.01 },
  muon: { className: "Muon", keras: "Muon", learningRate: 0.01 },
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
  adamax: "Adamax",
  adadelta: "Adadelta",
  adafactor: "Adafactor",
  lamb: "LAMB",
  muon: "Muon",
};

export const schedules = [
  "constant",
  "cosine",
  "exponential",
  "step",
  "warmup",
  "oneCycle",
  "plateau",
] as const;
export type ScheduleName = (typeof schedules)[number];

export const scheduleLabels: Readonly<Record<ScheduleName, string>> = {
  constant: "Constant",
  cosine: "Cosine to 0",
  exponential: "Exponential, to a tenth",
  step: "Halved in steps",
  warmup: "Warm-up, then cosine to 0",
  oneCycle: "One cycle",
  plateau: "Halved on a plateau",
};

/** What the schedule's number of epochs stands for. */
export const scheduleSpans: Readonly<Record<Exclude<ScheduleName, "constant">, string>> = {
  cosine: "Over epochs",
  exponential: "Over epochs",
  step: "Epochs to each halving",
  warmup: "Over epochs",
  oneCycle: "Over epochs",
  plateau: "Epochs without progress",
};

/** Those that count steps; a plateau is found by a callback. */
export const countsSteps = (name: ScheduleName): boolean => name !== "constant" && name !== "plateau";

export interface MetricSpec {
  readonly label: string;
  /** The name of its numbers among those that `fit` reports. */
  readonly key: string;
  /** How programs write it. */
  readonly typescript: string;
  readonly keras: string;
  /** Whether it lies between 0 and 1, and is shown in percent. */
  readonly isShare: boolean;
  /** Whether it is in the unit of what is learnt. */
  readonly hasUnit?: boolean;
}

const metric = (label: string, key: string, keras: string, isShare = true, options = ""): MetricSpec => ({
  label,
  key,
  typescript: `metrics.${key}(${options})`,
  keras: `keras.metrics.${keras}`,
  isShare,
});

export const metrics = {
  accuracy: {
    label: "Right",
    key: "accuracy",
    typescript: '"accuracy"',
    keras: '"accuracy"',
    isShare: true,
  },
  precision: metric("Precision", "precision", "Precision()"),
  recall: metric("Recall", "recall", "Recall()"),
  auc: metric("Area under the curve", "auc", "AUC()"),
  top3: metric(
    "Among the likeliest 3",
    "sparseTopKCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy(3)",
    true,
    "{ k: 3 }",
  ),
  mae: {
    label: "Mean absolute error",
    key: "meanAbsoluteError",
    typescript: '"meanAbsoluteError"',
    keras: "keras.metrics.MeanAbsoluteError()",
    isShare: false,
    hasUnit: true,
  },
  rmse: {
    ...metric("Root mean squared error", "rootMeanSquaredError", "RootMeanSquaredError()", false),
    hasUnit: true,
  },
  // A net that is worse than the mean has a negative one.
  r2: metric("R² score", "r2Score", "R2Score()", false),
} as const satisfies Record<string, MetricSpec>;

export type MetricName = keyof typeof metrics;

const metricsByTask: Readonly<Record<Task, readonly MetricName[]>> = {
  binary: ["accuracy", "precision", "recall", "auc"],
  classes: ["accuracy", "top3"],
  regression: ["mae", "rmse", "r2"],
};

export const metricsOf = (task: Task): readonly MetricName[] => metricsByTask[task];

/** Those that say something of so many classes: of three, the likeliest three are all. */
export const metricsFor = ({ task, classes }: { task: Task; classes: number }): readonly MetricName[] =>
  metricsByTask[task].filter((name) => name !== "top3" || classes > 3);

/** The metric of a set-up, or the task's usual one where that is of another task. */
export function metricOf(name: string, task: Task): MetricSpec {
  const known: readonly string[] = metricsByTask[task];
  return metrics[known.includes(name) ? (name as MetricName) : metricsByTask[task][0]];
}

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

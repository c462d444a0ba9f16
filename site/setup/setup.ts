// A set-up of the playground: data, layers and how to train, as plain data, and as the text behind # in the address.

import {
  checkedOption,
  isLayerType,
  type LayerSetup,
  type LayerType,
  newLayer,
  type OptionValue,
  specOf,
} from "./layers.ts";
import type { Column, CsvNotes, LearntAs, MissingCells, OwnData } from "./own-data.ts";
import { type PointSet, pointSets } from "./points.ts";
import {
  batchSizes,
  lossesOf,
  lossLabels,
  type MetricName,
  metrics,
  metricsFor,
  metricsOf,
  type OptimizerName,
  optimizerOf,
  optimizers,
  type ScheduleName,
  schedules,
  type Task,
} from "./training.ts";

export type DataName = PointSet | "mnist" | "fashion" | OwnName;
/** Data of the user's own, which no address holds. */
export type OwnName = "csv" | "images" | "text";

export interface Setup {
  readonly data: DataName;
  /** Points of a point set; images of a sample. */
  readonly samples: number;
  /** Of point sets: the deviation of what is added, as a share of the range. */
  readonly noise: number;
  /** Share of the samples that is held back, to validate on. */
  readonly heldBack: number;
  /** Of the points, of starting weights, and of everything else that is drawn. */
  readonly seed: number;
  /** Hidden ones: the last layer follows from the data. */
  readonly layers: readonly LayerSetup[];
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  readonly schedule: ScheduleName;
  /** Epochs that the schedule takes. */
  readonly decayEpochs: number;
  /** Largest norm of all gradients together; 0: as large as it comes. */
  readonly clip: number;
  readonly loss: string;
  /** What is shown of training beside the loss. */
  readonly metric: MetricName;
  readonly batchSize: number;
  /** Of a CSV file: the column that is learnt; empty: the last one that can be. */
  readonly target: string;
  /** Of a CSV file: whether a row that lacks a value is filled in or left out. */
  readonly missing: MissingCells;
  /** Of a CSV file: what a column of whole numbers is learnt as. */
  readonly learntAs: LearntAs;
}

export interface DataSpec {
  readonly label: string;
  readonly task: Task;
  readonly classes: number;
  /** Of one sample; of the user's own data known when they are read. */
  readonly shape: readonly number[];
  /** Of the user's own, where they have some. */
  readonly classNames?: readonly string[];
  /** Of a CSV file: what became of its columns, those that the net gets and the one that it learns. */
  readonly table?: {
    readonly file: string;
    readonly columns: readonly Column[];
    readonly learnt: Column | undefined;
    readonly csv: CsvNotes;
  };
}

/** Words of a text that count, and how many different ones are known. */
export const textLength = 40;
export const vocabularySize = 2000;

export const dataSpecs: Readonly<Record<DataName, DataSpec>> = {
  spiral: { label: "Spiral", task: "binary", classes: 2, shape: [2] },
  circles: { label: "Circles", task: "binary", classes: 2, shape: [2] },
  moons: { label: "Moons", task: "binary", classes: 2, shape: [2] },
  xor: { label: "XOR", task: "binary", classes: 2, shape: [2] },
  plane: { label: "Plane", task: "regression", classes: 0, shape: [2] },
  hills: { label: "Hills", task: "regression", classes: 0, shape: [2] },
  mnist: { label: "MNIST", task: "classes", classes: 10, shape: [28, 28, 1] },
  fashion: { label: "Fashion-MNIST", task: "classes", classes: 10, shape: [28, 28, 1] },
  csv: { label: "Your CSV", task: "binary", classes: 2, shape: [2] },
  images: { label: "Your images", task: "classes", classes: 2, shape: [32, 32, 3] },
  text: { label: "Your texts", task: "classes", classes: 2, shape: [textLength] },
};

/** Letters of a column's name that an address may have. */
const longestName = 200;

export const isOwn = (name: string): name is OwnName => ["csv", "images", "text"].includes(name);

export const isPointSet = (name: string): name is PointSet => Object.hasOwn(pointSets, name);
const isDataName = (name: string): name is DataName => Object.hasOwn(dataSpecs, name);

const dense = (units: number, activation = "relu") => newLayer("Dense", { units, activation });

export const defaultSetup: Setup = {
  data: "spiral",
  samples: 400,
  noise: 0.02,
  heldBack: 0.3,
  seed: 1,
  layers: [dense(24, "tanh"), dense(24, "tanh")],
  optimizer: "adam",
  learningRate: 0.02,
  schedule: "constant",
  decayEpochs: 100,
  clip: 0,
  loss: "binaryCrossentropy",
  metric: "accuracy",
  batchSize: 32,
  target: "",
  missing: "fill",
  learntAs: "auto",
};

/** What data begin with where nothing else is said: a net that can learn them. */
export function setupFor(data: DataName, given: Setup = defaultSetup): Setup {
  const { task } = dataSpecs[data];
  const [loss] = lossesOf(task);
  const from = metricsOf(task).includes(given.metric) ? given : { ...given, metric: metricsOf(task)[0] };
  if (isPointSet(data)) {
    const wasPoints = isPointSet(from.data);
    return {
      ...from,
      data,
      loss: lossesOf(dataSpecs[data].task).includes(from.loss) ? from.loss : loss,
      ...(wasPoints
        ? {}
        : { samples: 400, layers: defaultSetup.layers, learningRate: 0.02, batchSize: 32, heldBack: 0.3 }),
    };
  }
  if (data === "csv")
    return { ...from, data, loss, layers: [dense(16)], learningRate: 0.01, batchSize: 32, heldBack: 0.2 };
  if (data === "text")
    return {
      ...from,
      data,
      loss,
      layers: [newLayer("Embedding"), newLayer("GlobalAveragePooling1D"), dense(16)],
      learningRate: 0.01,
      batchSize: 32,
      heldBack: 0.2,
    };
  return {
    ...from,
    data,
    loss,
    samples: 4000,
    heldBack: 0.2,
    layers: [
      newLayer("Conv2D", { filters: 8 }),
      newLayer("MaxPooling2D"),
      newLayer("Flatten"),
      newLayer("Dropout", { rate: 0.3 }),
      dense(32),
    ],
    learningRate: 0.003,
    batchSize: 64,
  };
}

/**
 * A set-up of before for the user's own data, with a loss and a metric of theirs.
 *
 * @param task of the user's own data before, where there were some: a loss of another task was not meant for this one
 */
export function setupForOwn(data: OwnName, own: OwnData, before: Setup, task: Task = own.task): Setup {
  const next = setupFor(data, before);
  const [losses, metrics] = [lossesOf(own.task), metricsFor(own)];
  const { target, missing, learntAs } = own.csv ?? next;
  return {
    ...next,
    target,
    missing,
    learntAs,
    // A net that stands for such data is kept; files are often chosen twice.
    layers: before.data === data ? before.layers : next.layers,
    loss: task === own.task && losses.includes(before.loss) ? before.loss : losses[0],
    metric: metrics.includes(before.metric) ? before.metric : metrics[0],
  };
}

const limits: Readonly<Record<string, readonly [low: number, high: number]>> = {
  samples: [20, 60000],
  noise: [0, 0.5],
  heldBack: [0.05, 0.8],
  seed: [0, 2 ** 31],
  learningRate: [1e-7, 100],
  decayEpochs: [1, 100000],
  clip: [0, 1000],
};

const whole = new Set(["samples", "seed", "decayEpochs"]);

/** By the name in the address. */
const numberNames = {
  n: "samples",
  noise: "noise",
  val: "heldBack",
  seed: "seed",
  lr: "learningRate",
  decay: "decayEpochs",
  clip: "clip",
} as const;

/** The text behind # that says all of a set-up. */
export function toHash(setup: Setup): string {
  const parts: [string, string | number][] = [["data", setup.data]];
  for (const [short, name] of Object.entries(numberNames)) parts.push([short, setup[name]]);
  parts.push(["opt", setup.optimizer], ["schedule", setup.schedule], ["loss", setup.loss]);
  if (setup.metric !== metricsOf(dataSpecs[setup.data].task)[0]) parts.push(["metric", setup.metric]);
  if (setup.data === "csv" && setup.target !== "") parts.push(["target", encodeURIComponent(setup.target)]);
  if (setup.data === "csv" && setup.missing !== "fill") parts.push(["missing", setup.missing]);
  if (setup.data === "csv" && setup.learntAs !== "auto") parts.push(["as", setup.learntAs]);
  parts.push(["batch", setup.batchSize], ["layers", setup.layers.map(layerText).join("~")]);
  return parts.map(([name, value]) => `${name}=${String(value).replaceAll(" ", "")}`).join("&");
}

function layerText({ type, options }: LayerSetup): string {
  const initial = newLayer(type).options;
  const said = Object.entries(options).filter(([name, value]) => value !== initial[name]);
  return `${type}${said.length === 0 ? "" : `(${said.map(([name, value]) => `${name}:${value}`).join(",")})`}`;
}

/** A set-up out of an address, and in words what of it could not be used. */
export function fromHash(hash: string): { setup: Setup; problems: string[] } {
  const told = new URLSearchParams(hash.replace(/^#/, ""));
  const problems: string[] = [];
  const data = told.get("data") ?? defaultSetup.data;
  if (!isDataName(data)) problems.push(`there are no data called ${shown(data)}`);
  const start = setupFor(isDataName(data) ? data : defaultSetup.data);
  const setup: { -readonly [K in keyof Setup]: Setup[K] } = { ...start };
  for (const [short, name] of Object.entries(numberNames)) {
    const text = told.get(short);
    if (text === null) continue;
    const value = checkedNumber(name, Number(text));
    if (text.trim() === "" || value === undefined) problems.push(`${short}=${shown(text)} is out of bounds`);
    else setup[name] = value;
  }
  const choice = <T extends string>(
    short: string,
    known: readonly string[],
    use: (value: T) => void,
  ): void => {
    const text = told.get(short);
    if (text === null) return;
    if (known.includes(text)) use(text as T);
    else problems.push(`${short}=${shown(text)} is not known`);
  };
  choice<OptimizerName>("opt", Object.keys(optimizers), (name) => {
    setup.optimizer = name;
    if (!told.has("lr")) setup.learningRate = optimizerOf(name).learningRate;
  });
  choice<ScheduleName>("schedule", schedules, (name) => {
    setup.schedule = name;
  });
  choice("loss", lossesKnown(setup.data), (name) => {
    setup.loss = name;
  });
  choice<MetricName>("metric", metricsKnown(setup.data), (name) => {
    setup.metric = name;
  });
  choice("batch", batchSizes.map(String), (size) => {
    setup.batchSize = Number(size);
  });
  // Which columns there are is known when the file is read.
  setup.target = (told.get("target") ?? "").slice(0, longestName);
  choice<MissingCells>("missing", ["fill", "drop"], (missing) => {
    setup.missing = missing;
  });
  choice<LearntAs>("as", ["auto", "classes", "number"], (learntAs) => {
    setup.learntAs = learntAs;
  });
  const layers = told.get("layers");
  if (layers !== null) setup.layers = layersOf(layers, problems);
  return { setup, problems };
}

// Of a file of the user's own, whose task no address holds, every one.
const lossesKnown = (data: DataName): readonly string[] =>
  data === "csv" ? Object.keys(lossLabels) : lossesOf(dataSpecs[data].task);
const metricsKnown = (data: DataName): readonly string[] =>
  data === "csv" ? Object.keys(metrics) : metricsOf(dataSpecs[data].task);

/** A number of a set-up, or undefined where it is out of bounds. */
export function checkedNumber(name: string, value: number): number | undefined {
  const [low, high] = limits[name];
  const isFine = value >= low && value <= high && (!whole.has(name) || Number.isInteger(value));
  return isFine ? value : undefined;
}

export const boundsOf = (name: string): readonly [low: number, high: number] => limits[name];

function layersOf(text: string, problems: string[]): LayerSetup[] {
  const found: LayerSetup[] = [];
  for (const part of text.split("~").slice(0, 64)) {
    if (part === "") continue;
    const [, type, inside = ""] = /^(\w+)(?:\((.*)\))?$/s.exec(part) ?? [];
    if (type === undefined || !isLayerType(type)) {
      problems.push(`there is no layer ${shown(part)}`);
      continue;
    }
    found.push(newLayer(type, optionsOf(type, inside, problems)));
  }
  return found;
}

function optionsOf(type: LayerType, text: string, problems: string[]): Record<string, OptionValue> {
  const found: Record<string, OptionValue> = {};
  for (const pair of text.split(",").filter((part) => part !== "")) {
    const [name, said = ""] = pair.split(":");
    const spec = specOf(type).options.find((option) => option.name === name);
    const value = spec === undefined ? undefined : checkedOption(spec, said);
    if (value === undefined) problems.push(`${type} takes no ${shown(pair)}`);
    else found[name] = value;
  }
  return found;
}

const shown = (text: string): string => `“${text.length > 40 ? `${text.slice(0, 40)}…` : text}”`;

/** The layer that ends the net. */
export function outputLayer({ task, classes }: DataSpec): { units: number; activation: string } {
  if (task === "classes") return { units: classes, activation: "softmax" };
  return { units: 1, activation: task === "binary" ? "sigmoid" : "linear" };
}

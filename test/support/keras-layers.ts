// Layers beside those of tfjs-layers, which have Keras's meaning: those that have a gradient there.

import fs from "node:fs";
import path from "node:path";
import type * as TfjsLayers from "@tensorflow/tfjs-layers";
import { build } from "esbuild";
import {
  Add,
  Average,
  BatchNormalization,
  Bidirectional,
  Concatenate,
  Dense,
  Dot,
  ELU,
  GRU,
  initializers,
  type Layer,
  LeakyReLU,
  LSTM,
  Maximum,
  Minimum,
  Multiply,
  PReLU,
  ReLU,
  RepeatVector,
  SimpleRNN,
  TimeDistributed,
} from "../../nn/index.ts";
import { root } from "../../scripts/setup.mjs";
import type { Tfjs } from "./tfjs.ts";

type Layers = typeof TfjsLayers.layers;

export interface KerasCase {
  readonly name: string;
  readonly ours: () => Layer;
  readonly theirs: (layers: Layers) => TfjsLayers.layers.Layer;
  /** Of the inputs, the batch first. */
  readonly shapes: readonly (readonly number[])[];
  readonly training?: boolean;
}

const one = [[3, 5, 7]];
const vectors = [[3, 7]];
const unlike = [
  [3, 7],
  [3, 5, 7],
  [3, 1, 7],
];
/** tfjs has no gradient of a maximum of shapes that broadcast. */
const alike = [
  [3, 5, 7],
  [3, 5, 7],
];
/** Away from where it starts by default, so that nothing is hidden by a 0 or a 1. */
const started = {
  gammaInitializer: initializers.constant(0.5),
  betaInitializer: initializers.constant(-0.25),
  movingMeanInitializer: initializers.constant(0.125),
  movingVarianceInitializer: initializers.constant(2),
};

export const kerasCases: readonly KerasCase[] = [
  { name: "ReLU", ours: () => new ReLU(), theirs: (l) => l.reLU(), shapes: one },
  {
    name: "ReLU to 0.5",
    ours: () => new ReLU({ maxValue: 0.5 }),
    theirs: (l) => l.reLU({ maxValue: 0.5 }),
    shapes: one,
  },
  { name: "LeakyReLU", ours: () => new LeakyReLU(), theirs: (l) => l.leakyReLU(), shapes: one },
  {
    name: "LeakyReLU of 0.1",
    ours: () => new LeakyReLU({ negativeSlope: 0.1 }),
    theirs: (l) => l.leakyReLU({ alpha: 0.1 }),
    shapes: vectors,
  },
  {
    name: "PReLU",
    ours: () => new PReLU({ alphaInitializer: "randomUniform" }),
    theirs: (l) => l.prelu(),
    shapes: one,
  },
  {
    name: "PReLU, shared over time",
    ours: () => new PReLU({ alphaInitializer: "randomUniform", sharedAxes: [1] }),
    theirs: (l) => l.prelu({ sharedAxes: [1] }),
    shapes: one,
  },
  { name: "ELU", ours: () => new ELU(), theirs: (l) => l.elu(), shapes: one },
  {
    name: "RepeatVector",
    ours: () => new RepeatVector(5),
    theirs: (l) => l.repeatVector({ n: 5 }),
    shapes: vectors,
  },
  { name: "Dense", ours: () => new Dense(4), theirs: (l) => l.dense({ units: 4 }), shapes: one },
  { name: "Add", ours: () => new Add(), theirs: (l) => l.add(), shapes: unlike },
  { name: "Multiply", ours: () => new Multiply(), theirs: (l) => l.multiply(), shapes: unlike },
  { name: "Average", ours: () => new Average(), theirs: (l) => l.average(), shapes: unlike },
  { name: "Maximum", ours: () => new Maximum(), theirs: (l) => l.maximum(), shapes: alike },
  { name: "Minimum", ours: () => new Minimum(), theirs: (l) => l.minimum(), shapes: alike },
  {
    name: "Concatenate",
    ours: () => new Concatenate(),
    theirs: (l) => l.concatenate(),
    shapes: [
      [3, 5, 7],
      [3, 5, 2],
    ],
  },
  {
    name: "Concatenate along time",
    ours: () => new Concatenate({ axis: 1 }),
    theirs: (l) => l.concatenate({ axis: 1 }),
    shapes: [
      [3, 5, 7],
      [3, 1, 7],
      [3, 2, 7],
    ],
  },
  {
    name: "Dot of vectors",
    ours: () => new Dot(1),
    theirs: (l) => l.dot({ axes: 1 }),
    shapes: [
      [3, 7],
      [3, 7],
    ],
  },
  {
    name: "Dot of vectors' directions",
    ours: () => new Dot(-1, { normalize: true }),
    theirs: (l) => l.dot({ axes: -1, normalize: true }),
    shapes: [
      [3, 7],
      [3, 7],
    ],
  },
  {
    name: "Dot of matrices",
    ours: () => new Dot([2, 1]),
    theirs: (l) => l.dot({ axes: [2, 1] }),
    shapes: [
      [3, 5, 7],
      [3, 7, 2],
    ],
  },
  { name: "Dot over time", ours: () => new Dot(1), theirs: (l) => l.dot({ axes: 1 }), shapes: alike },
  {
    name: "SimpleRNN",
    ours: () => new SimpleRNN(4),
    theirs: (l) => l.simpleRNN({ units: 4, recurrentInitializer: "glorotUniform" }),
    shapes: one,
  },
  {
    name: "LSTM of sequences",
    ours: () => new LSTM(4, { returnSequences: true }),
    theirs: (l) =>
      l.lstm({
        units: 4,
        returnSequences: true,
        recurrentActivation: "sigmoid",
        recurrentInitializer: "glorotUniform",
      }),
    shapes: one,
  },
  {
    name: "LSTM of other activations, backwards",
    ours: () =>
      new LSTM(4, {
        activation: "relu",
        recurrentActivation: "tanh",
        goBackwards: true,
        returnSequences: true,
      }),
    theirs: (l) =>
      l.lstm({
        units: 4,
        activation: "relu",
        recurrentActivation: "tanh",
        goBackwards: true,
        returnSequences: true,
        recurrentInitializer: "glorotUniform",
      }),
    shapes: one,
  },
  {
    name: "GRU that resets before",
    ours: () => new GRU(4, { resetAfter: false }),
    theirs: (l) => l.gru({ units: 4, recurrentActivation: "sigmoid", recurrentInitializer: "glorotUniform" }),
    shapes: one,
  },
  {
    name: "Bidirectional sum",
    ours: () => new Bidirectional(new SimpleRNN(4, { returnSequences: true }), { mergeMode: "sum" }),
    theirs: (l) =>
      l.bidirectional({
        layer: l.simpleRNN({
          units: 4,
          returnSequences: true,
          recurrentInitializer: "glorotUniform",
        }) as TfjsLayers.RNN,
        mergeMode: "sum",
      }),
    shapes: one,
  },
  {
    name: "TimeDistributed",
    ours: () => new TimeDistributed(new Dense(4)),
    theirs: (l) => l.timeDistributed({ layer: l.dense({ units: 4 }) }),
    shapes: one,
  },
  ...[true, false].map(
    (training): KerasCase => ({
      name: `BatchNormalization, training ${training}`,
      ours: () => new BatchNormalization(started),
      theirs: (l) => l.batchNormalization(),
      shapes: one,
      training,
    }),
  ),
];

/** tfjs and tfjs-layers on one core, with gradients. */
export async function loadTfjsLayers(): Promise<Tfjs & typeof TfjsLayers> {
  const packages = path.join(root, "node_modules", "@tensorflow");
  const { version } = JSON.parse(fs.readFileSync(path.join(packages, "tfjs-layers", "package.json"), "utf8"));
  const folder = path.join(root, "node_modules", ".cache", "gradgpu");
  const file = path.join(folder, `tfjs-with-layers-${version}.mjs`);
  if (!fs.existsSync(file)) {
    const result = await build({
      stdin: {
        contents: `
          export * from "@tensorflow/tfjs-core";
          export * from "@tensorflow/tfjs-layers";
          import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
          import "@tensorflow/tfjs-backend-cpu";`,
        resolveDir: root,
      },
      bundle: true,
      write: false,
      format: "esm",
      platform: "node",
      mainFields: ["module", "main"],
      banner: {
        js: `import { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);`,
      },
      logLevel: "error",
    });
    fs.mkdirSync(folder, { recursive: true });
    const temporary = `${file}.${process.pid}`;
    fs.writeFileSync(temporary, result.outputFiles[0].contents);
    fs.renameSync(temporary, file);
  }
  const tf = (await import(/* @vite-ignore */ `file://${file}`)) as Tfjs & typeof TfjsLayers;
  await tf.setBackend("cpu");
  return tf;
}

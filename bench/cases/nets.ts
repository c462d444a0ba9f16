// The four networks whose training steps the bench times: as data, for the other libraries too, and as nn models.

import { BatchNormalization, Dense, Dropout, Input, type Layer, Sequential } from "../../nn/index.ts";

/** A layer as every library has it; a dense one has relu behind it unless it is the last. */
export type LayerSpec =
  | { readonly kind: "dense"; readonly units: number }
  | { readonly kind: "batchNorm" }
  | { readonly kind: "dropout"; readonly rate: number };

export interface NetSpec {
  readonly name: string;
  readonly inputs: number;
  readonly classes: number;
  readonly batchSize: number;
  readonly layers: readonly LayerSpec[];
  /** Batches of data that steps go round, where they are not as many as usual. */
  readonly batches?: number;
}

export interface Net extends NetSpec {
  readonly build: () => Sequential;
}

const dense = (units: number): LayerSpec => ({ kind: "dense", units });
const dropout = (rate: number): LayerSpec => ({ kind: "dropout", rate });
const batchNorm: LayerSpec = { kind: "batchNorm" };

const specs: readonly NetSpec[] = [
  {
    name: "N1",
    inputs: 784,
    classes: 10,
    batchSize: 128,
    layers: [...[64, 64, 64].flatMap((units) => [dense(units), batchNorm]), dropout(0.2), dense(10)],
  },
  {
    name: "N2",
    inputs: 784,
    classes: 10,
    batchSize: 100,
    layers: [512, 512, 256, 256, 128, 128, 8, 10].map(dense),
  },
  { name: "N3", inputs: 784, classes: 10, batchSize: 32, layers: [100, 10].map(dense) },
  {
    name: "N4",
    inputs: 10000,
    classes: 46,
    batchSize: 128,
    layers: [dense(256), dropout(0.5), dense(128), dropout(0.5), dense(46)],
  },
];

/** As in "784-64-BN-dropout 0.2-10, batches of 128"; relu stands behind each number but the last, which softmax follows. */
export function describeNet({ inputs, layers, batchSize }: NetSpec, withBatch = true): string {
  const parts = layers.map((layer) => {
    if (layer.kind === "dense") return String(layer.units);
    return layer.kind === "dropout" ? `dropout ${layer.rate}` : "BN";
  });
  return `${[inputs, ...parts].join("-")}${withBatch ? `, batches of ${batchSize}` : ""}`;
}

/** The net as data alone, which another process can be sent. */
export function specOf({ name, inputs, classes, batchSize, layers, batches }: NetSpec): NetSpec {
  return { name, inputs, classes, batchSize, layers, batches };
}

/** The spec without its dropout: what every library computes alike. */
export function withoutDropout(net: NetSpec): NetSpec {
  return { ...specOf(net), layers: net.layers.filter(({ kind }) => kind !== "dropout") };
}

/** The layers as nn has them, without the shape of their input. */
export const layersOf = ({ layers }: NetSpec): Layer[] =>
  layers.map((layer, i) => {
    if (layer.kind === "batchNorm") return new BatchNormalization();
    if (layer.kind === "dropout") return new Dropout(layer.rate);
    return new Dense(layer.units, { activation: i === layers.length - 1 ? "softmax" : "relu" });
  });

export const buildModel = (net: NetSpec): Sequential =>
  new Sequential([new Input([net.inputs]), ...layersOf(net)]);

export const nets: readonly Net[] = specs.map((spec) => ({ ...spec, build: () => buildModel(spec) }));

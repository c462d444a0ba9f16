// What the page and its training worker tell each other: plain data only.

import type { EpochPoint } from "../runs/kept-runs.ts";
import type { GivenFile, OwnData, OwnForm } from "../setup/own-data.ts";
import type { OwnName, Setup } from "../setup/setup.ts";

/** What is to be looked at while it trains. */
export interface Views {
  readonly boundary: boolean;
  readonly layers: boolean;
}

export type ToWorker =
  | { readonly kind: "open"; readonly device: "auto" | "cpu" }
  | {
      readonly kind: "setup";
      readonly setup: Setup;
      readonly own: OwnData | undefined;
      /** Counts the set-ups: what is told of an earlier one's net comes too late. */
      readonly number: number;
      /** The name to keep it under; empty: it is not kept. */
      readonly run: string;
      /** Name of a kept run to go on with. */
      readonly from: string | undefined;
    }
  /** Reads files of the user's own; `own` comes back. `form` is how. */
  | {
      readonly kind: "read";
      readonly data: OwnName;
      readonly id: number;
      readonly files: readonly GivenFile[];
      readonly form: OwnForm;
    }
  /** What is being read is not wanted any more. */
  | { readonly kind: "unread" }
  | { readonly kind: "train"; readonly epochs: number }
  | { readonly kind: "step" }
  | { readonly kind: "rate"; readonly learningRate: number }
  | { readonly kind: "pause" }
  | { readonly kind: "views"; readonly views: Views }
  | { readonly kind: "walk" }
  | { readonly kind: "keep" }
  /** The net as a file; `file` comes back. */
  | { readonly kind: "save"; readonly id: number }
  /** A net out of a file is a run of its own; the one before stays as it was kept. */
  | {
      readonly kind: "load";
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly name: string;
      readonly run: string;
    }
  /** What the net says of a sample; `tried` comes back. `sample` is the same for one that is tried again. */
  | { readonly kind: "try"; readonly id: number; readonly sample: number; readonly trial: Trial };

/** A sample of the user's own: numbers as the net takes them, an image, or a text. */
export type Trial =
  | { readonly kind: "values"; readonly x: Float32Array<ArrayBuffer> }
  | { readonly kind: "image"; readonly file: File }
  | { readonly kind: "text"; readonly text: string };

export interface Tried {
  /** The net's output. */
  readonly values: Float32Array<ArrayBuffer>;
  /** An image as the net sees it: [height, width, channels], bytes. */
  readonly seen?: { readonly shape: readonly number[]; readonly values: Uint8Array<ArrayBuffer> };
}

/** How the worker tells the page something. */
export type Post = (message: FromWorker, transfer?: Transferable[]) => void;

/** What comes to the page: a message, and the number of the set-up whose net stood then. */
export interface Told {
  readonly message: FromWorker;
  readonly number: number;
}

export interface DeviceNote {
  readonly kind: "webgpu" | "cpu";
  readonly adapter: string;
  readonly isSoftware: boolean;
  /** Why there is no GPU, where there is none. */
  readonly reason: string;
}

export interface LayerRow {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | null)[];
  readonly parameters: number;
}

export interface WeightLook {
  readonly path: string;
  readonly shape: readonly number[];
  readonly norm: number;
  readonly gradientNorm: number | undefined;
  readonly updateRatio: number | undefined;
  /** [bucket, 3]: left edge, right edge, count; so are the others. */
  readonly histogram: Float64Array | undefined;
  readonly gradientHistogram: Float64Array | undefined;
}

export interface LayerLook {
  readonly name: string;
  readonly type: string;
  readonly activation: string | undefined;
  readonly isOutput: boolean;
  readonly gradientNorm: number | undefined;
  readonly mean: number;
  readonly deviation: number;
  readonly zeros: number;
  readonly deadUnits: number | undefined;
  readonly saturation: number | undefined;
  readonly histogram: Float64Array | undefined;
  readonly weights: readonly WeightLook[];
}

export interface LayersLook {
  readonly layers: readonly LayerLook[];
  readonly gradientNorm: number;
  readonly warnings: readonly { readonly layer: string | undefined; readonly text: string }[];
}

/** What the units of a layer give: as maps over the plane of points, or for one image. */
export interface UnitMaps {
  readonly layer: string;
  readonly width: number;
  readonly height: number;
  readonly units: number;
  /** [unit, height, width] */
  readonly values: Float32Array<ArrayBuffer>;
}

export type FromWorker =
  | { readonly kind: "device"; readonly device: DeviceNote }
  | {
      readonly kind: "built";
      readonly rows: readonly LayerRow[];
      /** Of the data, where they have some. */
      readonly classNames: readonly string[];
      readonly trainCount: number;
      readonly validationCount: number;
      readonly epoch: number;
      readonly step: number;
      readonly history: readonly EpochPoint[];
      /** The name that it is kept under. */
      readonly run: string;
      /** What it was loaded from; undefined where its layers are the set-up's. */
      readonly file: string | undefined;
    }
  | { readonly kind: "own"; readonly id: number; readonly data: OwnName; readonly own: OwnData }
  | { readonly kind: "running"; readonly isRunning: boolean }
  | {
      readonly kind: "progress";
      readonly epoch: number;
      readonly step: number;
      readonly points: readonly EpochPoint[];
      readonly stepsPerSecond: number;
    }
  | {
      readonly kind: "boundary";
      readonly size: number;
      /** [size, size], the top row first */
      readonly values: Float32Array<ArrayBuffer>;
    }
  | { readonly kind: "units"; readonly maps: readonly UnitMaps[] }
  | { readonly kind: "layers"; readonly look: LayersLook }
  | { readonly kind: "walk"; readonly page: string }
  /** Undefined where it could not be saved; a problem says why. */
  | { readonly kind: "file"; readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> | undefined }
  | { readonly kind: "loaded"; readonly name: string }
  | { readonly kind: "notice"; readonly text: string }
  /** `isWhole`: with the user's own data, where it learns those. */
  | { readonly kind: "kept"; readonly run: string; readonly isWhole: boolean }
  /** Undefined where it could not be tried; a problem says why. */
  | { readonly kind: "tried"; readonly id: number; readonly tried: Tried | undefined }
  /** `about`: what the page was asked for. */
  | { readonly kind: "problem"; readonly about: string; readonly text: string };

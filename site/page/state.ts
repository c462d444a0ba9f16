// What the playground's page knows at a time, and what the worker's messages change of it.

import type { EpochPoint } from "../runs/kept-runs.ts";
import type { Lesson } from "../setup/lessons.ts";
import type { OwnData } from "../setup/own-data.ts";
import { type DataSpec, dataSpecs, isOwn, type Setup } from "../setup/setup.ts";
import type { DeviceNote, FromWorker, LayerRow, LayersLook, UnitMaps } from "../worker/messages.ts";

export type Tab = "layers" | "steps" | "code" | "runs";

export interface Problem {
  readonly about: string;
  readonly text: string;
}

export interface Boundary {
  readonly size: number;
  readonly values: Float32Array;
}

export interface State {
  readonly setup: Setup;
  readonly device: DeviceNote | undefined;
  /** Whether a worker has said that the net of this set-up stands. */
  readonly isBuilt: boolean;
  /** How many nets have stood here: another number is another net. */
  readonly nets: number;
  readonly isRunning: boolean;
  readonly rows: readonly LayerRow[];
  /** Of the data of the net that stands; none of points and of regressions. */
  readonly classNames: readonly string[];
  readonly trainCount: number;
  readonly validationCount: number;
  readonly epoch: number;
  readonly step: number;
  readonly stepsPerSecond: number;
  readonly history: readonly EpochPoint[];
  readonly boundary: Boundary | undefined;
  readonly units: readonly UnitMaps[];
  readonly look: LayersLook | undefined;
  /** The stepper's page. */
  readonly walk: string | undefined;
  readonly tab: Tab;
  readonly problems: readonly Problem[];
  /** What has just happened, for those who hear the page. */
  readonly notice: string;
  readonly own: OwnData | undefined;
  /** The lesson that the address names. */
  readonly lesson: Lesson | undefined;
  /** The name that it is kept under; empty: it is not kept. */
  readonly run: string;
  /** What the net was loaded from; undefined where its layers are the set-up's. */
  readonly file: string | undefined;
  /** Whether files of the user's own are being read. */
  readonly isReading: boolean;
  /** Changes when a run has been kept or removed. */
  readonly runsVersion: number;
}

/** @param problems what of the address was not understood */
export function firstState(setup: Setup, problems: readonly string[], lesson: Lesson | undefined): State {
  return {
    setup,
    device: undefined,
    isBuilt: false,
    nets: 0,
    isRunning: false,
    rows: [],
    classNames: [],
    trainCount: 0,
    validationCount: 0,
    epoch: 0,
    step: 0,
    stepsPerSecond: 0,
    history: [],
    boundary: undefined,
    units: [],
    look: undefined,
    walk: undefined,
    tab: "layers",
    problems:
      problems.length === 0
        ? []
        : [{ about: "address", text: `The address was not all understood: ${problems.join("; ")}.` }],
    notice: "",
    own: undefined,
    lesson,
    run: "",
    file: undefined,
    isReading: false,
    runsVersion: 0,
  };
}

/** What is otherwise after a message of the worker. */
export function patchOf(message: FromWorker, state: State): Partial<State> {
  switch (message.kind) {
    case "device":
      return { device: message.device };
    case "built": {
      const { kind: _, ...built } = message;
      // What was seen of another net may have come after this one was asked for.
      const unseen = { boundary: undefined, units: [], look: undefined };
      return { isBuilt: true, nets: state.nets + 1, ...unseen, ...built };
    }
    case "own":
      return { notice: "", isReading: false };
    case "running":
      return { isRunning: message.isRunning };
    case "progress": {
      const { epoch, step, points, stepsPerSecond } = message;
      const history = points.length === 0 ? state.history : [...state.history, ...points];
      return { epoch, step, history, stepsPerSecond: stepsPerSecond || state.stepsPerSecond };
    }
    case "boundary":
      return { boundary: { size: message.size, values: message.values } };
    case "units":
      return { units: message.maps };
    case "layers":
      return { look: message.look };
    case "walk":
      return { walk: message.page };
    case "loaded":
      return { notice: `${message.name} is loaded.` };
    case "notice":
      return { notice: message.text };
    case "kept":
      return { runsVersion: state.runsVersion + 1 };
    default:
      return {};
  }
}

/** Messages about one net. */
const ofNet: ReadonlySet<FromWorker["kind"]> = new Set([
  ...(["built", "loaded", "progress", "boundary", "units", "layers", "walk"] as const),
]);
const problemsOfNet: ReadonlySet<string> = new Set([
  "setup",
  "train",
  "step",
  "loss",
  "walk",
  "views",
  "keep",
]);

/** Whether a message is about a net, so that it comes too late once another one was asked for. */
export const isOfNet = (message: FromWorker): boolean =>
  message.kind === "problem" ? problemsOfNet.has(message.about) : ofNet.has(message.kind);

export const specOfState = ({ setup, own }: Pick<State, "setup" | "own">): DataSpec => {
  const spec = dataSpecs[setup.data];
  if (!isOwn(setup.data) || own === undefined) return spec;
  const { name, task, classes, classNames, shape, texts, csv, columns, target } = own;
  const table = csv && columns && { file: name, columns, learnt: target, csv };
  return { ...spec, task, classes, classNames, shape: texts === undefined ? shape : spec.shape, table };
};

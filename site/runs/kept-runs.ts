// Runs that the browser keeps for the page (OPFS): the net as safetensors, and set-up and curves as JSON beside it.

import type { OwnData } from "../setup/own-data.ts";
import { dataSpecs, defaultSetup, type Setup } from "../setup/setup.ts";
import { lossesOf, metricsOf, type Task } from "../setup/training.ts";

const folderName = "gradgpu-playground";

/** Numbers of an epoch, by the names that `fit` reports them under. */
export interface EpochPoint {
  readonly epoch: number;
  readonly loss: number;
  readonly valLoss: number;
  /** Of the set-up's metric. */
  readonly metric: number | undefined;
  readonly valMetric: number | undefined;
}

export interface RunNotes {
  readonly setup: Setup;
  /** That of the data, which a set-up on a file of the user's own does not say. */
  readonly task: Task;
  readonly epoch: number;
  readonly step: number;
  readonly history: readonly EpochPoint[];
  /** What each callback remembers, in their order. */
  readonly callbacks?: readonly unknown[];
}

export interface KeptRun extends RunNotes {
  readonly model: Uint8Array<ArrayBuffer>;
}

export interface ListedRun extends RunNotes {
  readonly name: string;
  /** When it was kept last, in milliseconds. */
  readonly at: number;
}

async function folder(): Promise<FileSystemDirectoryHandle> {
  if (navigator.storage?.getDirectory === undefined)
    throw new Error("this browser keeps no files for this page; it does for https and localhost");
  return (await navigator.storage.getDirectory()).getDirectoryHandle(folderName, { create: true });
}

async function write(name: string, content: Uint8Array<ArrayBuffer> | string): Promise<void> {
  const file = await (await folder()).getFileHandle(name, { create: true });
  // What is written goes to a file beside, which takes the place at `close`.
  const stream = await file.createWritable();
  await stream.write(content);
  await stream.close();
}

/** One file holds both, so that they are of one moment: the notes' length, the notes, the net. */
export async function keepRun(name: string, { model, ...notes }: KeptRun): Promise<void> {
  const text = new TextEncoder().encode(JSON.stringify(notes));
  const bytes = new Uint8Array(4 + text.length + model.length);
  new DataView(bytes.buffer).setUint32(0, text.length);
  bytes.set(text, 4);
  bytes.set(model, 4 + text.length);
  await write(`${name}.run`, bytes);
}

/** The user's own data of a run, beside it: its address does not hold them. */
export async function keepOwn(name: string, { x, y, ...notes }: OwnData): Promise<void> {
  const isBytes = x instanceof Uint8Array;
  const text = new TextEncoder().encode(JSON.stringify({ ...notes, count: y.length, isBytes }));
  const values = new Uint8Array(x.buffer, x.byteOffset, x.byteLength);
  const parts = [
    Uint32Array.of(text.length),
    text,
    new Uint8Array(y.buffer, y.byteOffset, y.byteLength),
    values,
  ];
  await write(`${name}.data`, new Uint8Array(await new Blob(parts).arrayBuffer()));
}

/** Undefined where none were kept. */
export async function ownOf(name: string): Promise<OwnData | undefined> {
  try {
    const file = await (await (await folder()).getFileHandle(`${name}.data`)).getFile();
    const bytes = new Uint8Array(await file.arrayBuffer());
    const [length] = new Uint32Array(bytes.slice(0, 4).buffer);
    const notes = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    const { count, isBytes, ...own } = notes;
    const y = new Float32Array(bytes.slice(4 + length, 4 + length + 4 * count).buffer);
    const rest = bytes.slice(4 + length + 4 * count);
    return { ...own, y, x: isBytes ? rest : new Float32Array(rest.buffer) };
  } catch {
    return undefined;
  }
}

/** The run called so; undefined where there is none, or where its file is damaged. */
export async function runBytes(name: string): Promise<KeptRun | undefined> {
  try {
    const file = await (await (await folder()).getFileHandle(`${name}.run`)).getFile();
    const { notes, size } = await notesOf(file);
    return { ...notes, model: new Uint8Array(await file.slice(size).arrayBuffer()) };
  } catch {
    return undefined;
  }
}

/** What stands before the net, and how many bytes that takes: a list of runs reads no nets. */
async function notesOf(file: Blob): Promise<{ notes: RunNotes; size: number }> {
  const length = new DataView(await file.slice(0, 4).arrayBuffer()).getUint32(0);
  return { notes: upToDate(JSON.parse(await file.slice(4, 4 + length).text())), size: 4 + length };
}

interface OlderNotes extends Omit<RunNotes, "task" | "history"> {
  readonly task?: Task;
  readonly history: readonly (EpochPoint & { readonly accuracy?: number; readonly valAccuracy?: number })[];
}

/** An older build of the page knew fewer settings, kept no task, and accuracy alone as a metric. */
export function upToDate(notes: OlderNotes): RunNotes {
  const { data, loss } = notes.setup;
  const history = notes.history.map(({ accuracy, valAccuracy, ...point }) => ({
    ...point,
    metric: point.metric ?? accuracy,
    valMetric: point.valMetric ?? valAccuracy,
  }));
  const hasAccuracy = history.some(({ metric }) => metric !== undefined) && notes.setup.metric === undefined;
  const taskOfLoss = (["regression", "binary", "classes"] as const).find(
    (task) => lossesOf(task).includes(loss) && !(hasAccuracy && task === "regression"),
  );
  const task = notes.task ?? (data === "csv" ? taskOfLoss : undefined) ?? dataSpecs[data].task;
  const metric = metricsOf(task).includes(notes.setup.metric) ? notes.setup.metric : metricsOf(task)[0];
  // Its errors are in deviations of what was learnt; those of today are in the file's unit, and would lie over them.
  const hasOtherUnit = notes.task === undefined && data === "csv" && task === "regression";
  const shown = hasOtherUnit
    ? history.map((point) => ({ ...point, metric: undefined, valMetric: undefined }))
    : history;
  return { ...notes, history: shown, task, setup: { ...defaultSetup, ...notes.setup, metric } };
}

/** All runs, the latest first. */
export async function listRuns(): Promise<ListedRun[]> {
  const found: ListedRun[] = [];
  for await (const [file, handle] of (await folder()).entries()) {
    if (!file.endsWith(".run") || handle.kind !== "file") continue;
    const name = file.slice(0, -".run".length);
    const given = await (handle as FileSystemFileHandle).getFile();
    const notes = await notesOf(given).catch(() => undefined);
    if (notes !== undefined) found.push({ ...notes.notes, name, at: given.lastModified });
  }
  return found.sort((a, b) => b.at - a.at);
}

export async function removeRun(name: string): Promise<void> {
  for (const file of [`${name}.run`, `${name}.data`])
    await (await folder()).removeEntry(file).catch(() => {});
}

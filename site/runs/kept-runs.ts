// Runs that the browser keeps for the page (OPFS): the net as safetensors, with set-up and curves as JSON before it. The user's
// own data lie beside them, once for all runs that learn them.

import type { OwnData } from "../setup/own-data.ts";
import { dataSpecs, defaultSetup, type Setup } from "../setup/setup.ts";
import { lossesOf, metricsOf, type Task } from "../setup/training.ts";

const folderName = "gradgpu-playground";

/** A run's file is empty while it is written for the first time; one that stays so is damaged. */
const beingWrittenMs = 60_000;

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
  /** Of the user's own data. An older build of the page kept none. */
  readonly own?: OwnNote;
  /** The file that the net came out of: its layers may be others than the set-up's. */
  readonly file?: string;
}

/** What a run says of the user's own data that it learns. */
export interface OwnNote {
  /** The file that holds them, named by what they are: equal data are kept once. */
  readonly file: string;
  readonly name: string;
  readonly classes: number;
  /** Of one sample. */
  readonly shape: readonly number[];
  /** Of a regression: what is learnt, whose unit its errors have. */
  readonly target?: string;
}

export interface KeptRun extends RunNotes {
  readonly model: Uint8Array<ArrayBuffer>;
}

interface RunFile {
  readonly name: string;
  /** When it was kept last, in milliseconds. */
  readonly at: number;
  /** On disk, without the user's own data. */
  readonly bytes: number;
}

export interface ListedRun extends RunNotes, RunFile {}

/** One whose notes can't be read: it can't go on, and can be removed. */
export interface DamagedRun extends RunFile {
  readonly setup?: undefined;
}

async function folder(): Promise<FileSystemDirectoryHandle> {
  if (navigator.storage?.getDirectory === undefined)
    throw new Error("this browser keeps no files for this page; it does for https and localhost");
  try {
    return await (await navigator.storage.getDirectory()).getDirectoryHandle(folderName, { create: true });
  } catch (error) {
    if ((error as Error).name !== "SecurityError") throw error;
    throw new Error(
      "this browser refuses to keep data of this page; its settings for site data can allow it",
    );
  }
}

async function write(name: string, content: Uint8Array<ArrayBuffer> | Blob): Promise<void> {
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

/** As their file has them: the notes' length, the notes, the targets, the values. */
function partsOf({ x, y, ...notes }: OwnData): Uint8Array<ArrayBuffer>[] {
  const isBytes = x instanceof Uint8Array;
  const text = new TextEncoder().encode(JSON.stringify({ ...notes, count: y.length, isBytes }));
  const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBuffer>) =>
    new Uint8Array(buffer, byteOffset, byteLength);
  return [bytesOf(Uint32Array.of(text.length)), text, bytesOf(y), bytesOf(x)];
}

export async function noteOf(own: OwnData): Promise<OwnNote> {
  // Of each part, so that not all of them stand in memory once more.
  const digests = await Promise.all(partsOf(own).map((part) => crypto.subtle.digest("SHA-256", part)));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(digests).arrayBuffer()));
  const file = Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const { name, classes, shape, target } = own;
  return { file, name, classes, shape, ...(target === undefined ? {} : { target: target.name }) };
}

/** Nobody sweeps while data are looked for and written: another tab may do either. */
const alone = <T>(act: () => Promise<T>): Promise<T> =>
  navigator.locks === undefined ? act() : navigator.locks.request("gradgpu-playground:data", act);

/** Keeps the data of a run, which is kept before them: data of no run are swept. */
export const keepOwn = (own: OwnData, { file }: OwnNote): Promise<void> =>
  alone(async () => {
    const content = new Blob(partsOf(own));
    if ((await sizeOf(`${file}.data`)) !== content.size) await write(`${file}.data`, content);
  });

/** Undefined where there is no such file. */
async function sizeOf(name: string): Promise<number | undefined> {
  try {
    return (await (await (await folder()).getFileHandle(name)).getFile()).size;
  } catch {
    return undefined;
  }
}

const dataFile = (name: string, own: OwnNote | undefined): string => `${own?.file ?? name}.data`;

/** The user's own data of a run; undefined where they were not kept. */
export async function ownOf({
  name,
  own: note,
}: Pick<ListedRun, "name" | "own">): Promise<OwnData | undefined> {
  try {
    const file = await (await (await folder()).getFileHandle(dataFile(name, note))).getFile();
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

/** Whether a run can go on with data that the user chose: they are of one kind and form with those that it learnt. */
export function fitsRun({ task, classes, shape, texts }: OwnData, run: RunNotes): boolean {
  const { data } = run.setup;
  const kind = texts !== undefined ? "text" : shape.length === 3 ? "images" : "csv";
  if (data !== kind || task !== run.task) return false;
  // An older page kept no more of them; the net says whether it takes them.
  return run.own === undefined || (classes === run.own.classes && shape.join() === run.own.shape.join());
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
  // It left out rows that lack a value.
  const older = { missing: "drop" as const };
  // Its errors are in deviations of what was learnt; those of today are in the file's unit, and would lie over them.
  const hasOtherUnit = notes.task === undefined && data === "csv" && task === "regression";
  const shown = hasOtherUnit
    ? history.map((point) => ({ ...point, metric: undefined, valMetric: undefined }))
    : history;
  return { ...notes, history: shown, task, setup: { ...defaultSetup, ...older, ...notes.setup, metric } };
}

/** All runs, damaged ones too, the latest first. */
export async function listFiles(): Promise<(ListedRun | DamagedRun)[]> {
  const found: (ListedRun | DamagedRun)[] = [];
  for await (const [file, handle] of (await folder()).entries()) {
    if (!file.endsWith(".run") || handle.kind !== "file") continue;
    const name = file.slice(0, -".run".length);
    const given = await (handle as FileSystemFileHandle).getFile();
    const about = { name, at: given.lastModified, bytes: given.size };
    const read = await notesOf(given).catch(() => undefined);
    if (read !== undefined) found.push({ ...read.notes, ...about });
    else if (given.size > 0 || Date.now() - given.lastModified > beingWrittenMs) found.push(about);
  }
  return found.sort((a, b) => b.at - a.at);
}

/** All runs that can go on, the latest first. */
export const listRuns = async (): Promise<ListedRun[]> =>
  (await listFiles()).filter((run) => run.setup !== undefined);

/** Its data go where no other run learns them. */
export async function removeRun(name: string): Promise<void> {
  await remove(`${name}.run`);
  await sweepOwn();
}

/** Removes data that no run has: those of runs that are gone, or that an older page kept before a first step. */
export const sweepOwn = (): Promise<void> =>
  alone(async () => {
    const [used, found] = [new Set<string>(), [] as string[]];
    for await (const [file, handle] of (await folder()).entries()) {
      if (file.endsWith(".data")) found.push(file);
      if (!file.endsWith(".run") || handle.kind !== "file") continue;
      const given = await (handle as FileSystemFileHandle).getFile();
      const notes = await notesOf(given).catch(() => undefined);
      used.add(dataFile(file.slice(0, -".run".length), notes?.notes.own));
    }
    for (const file of found) if (!used.has(file)) await remove(file);
  });

async function remove(file: string): Promise<void> {
  try {
    await (await folder()).removeEntry(file);
  } catch (error) {
    if ((error as Error).name !== "NotFoundError") throw error;
  }
}

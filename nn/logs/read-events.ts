// What an event file says, read again: scalars, histograms, images, text and hyper-parameters, by their tags. TensorFlow's
// older forms (simple_value, histo, image), which PyTorch writes, are read as well.

import { ArgumentError, DataError } from "../../engine/index.ts";
import { kindOf } from "../../engine/internal.ts";
import type { HyperParameter } from "./events.ts";
import { readRecords } from "./records.ts";
import { type Field, fieldsOf, floatsIn, textIn } from "./wire.ts";

interface At {
  readonly step: number;
  /** Since 1970. */
  readonly seconds: number;
}

export interface LoggedScalar extends At {
  readonly value: number;
}

export interface LoggedHistogram extends At {
  /** Left edge, right edge and count of each bucket. */
  readonly buckets: readonly (readonly [left: number, right: number, count: number])[];
}

export interface LoggedImages extends At {
  readonly width: number;
  readonly height: number;
  /** Encoded, as PNG mostly. */
  readonly images: readonly Uint8Array[];
}

export interface LoggedText extends At {
  /** One text; or the cells of a table, row by row. */
  readonly rows: readonly (readonly string[])[];
}

/** What an event file, or several of one run, say. By tag, in the order of the file. */
export interface EventLog {
  readonly scalars: Map<string, LoggedScalar[]>;
  readonly histograms: Map<string, LoggedHistogram[]>;
  readonly images: Map<string, LoggedImages[]>;
  readonly texts: Map<string, LoggedText[]>;
  /** Those of the run; undefined where none were written. */
  hparams: Record<string, HyperParameter> | undefined;
  /** How many events there were. */
  events: number;
  /** "cut" where the file ends within an event, as after a kill; "damaged" where a checksum is wrong. What stands before is here. */
  ending: "whole" | "cut" | "damaged";
}

/**
 * Reads an event file, up to its last whole event.
 *
 * @param bytes the file
 * @param log of other files of the same run, to add to
 * @throws DataError for what is no event file
 */
export function readEvents(bytes: Uint8Array, log: EventLog = emptyLog()): EventLog {
  if (!(bytes instanceof Uint8Array))
    throw new ArgumentError(`readEvents: the file must be a Uint8Array, got ${kindOf(bytes)}`);
  const { records, ending } = readRecords(bytes);
  if (records.length === 0 && ending === "damaged")
    throw new DataError(
      `readEvents: these ${bytes.length} bytes are no event file: the first record's checksum is wrong; give a file named events.out.tfevents.*`,
    );
  const file: ReadFile = { log, plugins: new Map(), renewed: undefined };
  for (const data of records) readEvent(data, file);
  log.events += records.length;
  if (ending !== "whole") log.ending = ending;
  return log;
}

export const emptyLog = (): EventLog => ({
  scalars: new Map(),
  histograms: new Map(),
  images: new Map(),
  texts: new Map(),
  hparams: undefined,
  events: 0,
  ending: "whole",
});

const one = (fields: readonly Field[], number: number): Field | undefined =>
  fields.findLast((field) => field.number === number);
const all = (fields: readonly Field[], number: number): Field[] =>
  fields.filter((field) => field.number === number);

/** A file that is being read. */
interface ReadFile {
  readonly log: EventLog;
  /** Which plugin a tag is of: its first event says so. */
  readonly plugins: Map<string, string>;
  /** Since a run went on here: the lists that have a new event already. */
  renewed: Set<unknown> | undefined;
}

function readEvent(data: Uint8Array, file: ReadFile): void {
  const fields = fieldsOf(data);
  const [seconds = 0] = floatsIn(one(fields, 1)?.bytes ?? new Uint8Array(), 8);
  const at = { seconds, step: one(fields, 2)?.int ?? 0 };
  const session = one(fields, 7);
  if (session !== undefined && one(fieldsOf(session.bytes), 1)?.int === started) {
    purge(file.log, at.step);
    file.renewed = new Set();
  }
  const summary = one(fields, 5);
  if (summary === undefined) return;
  for (const { bytes } of all(fieldsOf(summary.bytes), 1)) readValue(fieldsOf(bytes), at, file);
}

/** SessionLog's status where a run goes on. */
const started = 1;

/** Forgets what was logged of a step and later ones: the run that goes on logs them anew. */
function purge({ scalars, histograms, images, texts }: EventLog, step: number): void {
  for (const lists of [scalars, histograms, images, texts] as Map<string, At[]>[])
    for (const list of lists.values()) forget(list, step);
}

function forget(list: At[], step: number): void {
  const kept = list.filter((entry) => entry.step < step);
  list.splice(0, list.length, ...kept);
}

function readValue(fields: readonly Field[], at: At, file: ReadFile): void {
  const { log, plugins } = file;
  const push = <T extends At>(map: Map<string, T[]>, tag: string, value: T): void => {
    const list = map.get(tag) ?? [];
    // A folder may have tags by step and others by epoch, and the restart has one number for both: so each tag's first event
    // after it says for its own from where it is anew.
    if (file.renewed !== undefined && !file.renewed.has(list)) {
      forget(list, at.step);
      file.renewed.add(list);
    }
    list.push(value);
    map.set(tag, list);
  };
  const tag = textIn(one(fields, 1)?.bytes ?? new Uint8Array());
  const metadata = one(fields, 9);
  const plugin = metadata && one(fieldsOf(metadata.bytes), 1);
  const pluginFields = plugin === undefined ? [] : fieldsOf(plugin.bytes);
  const name = one(pluginFields, 1);
  if (name !== undefined) plugins.set(tag, textIn(name.bytes));
  const [simple, histogram, image, tensor] = [2, 5, 4, 8].map((number) => one(fields, number)?.bytes);
  if (simple !== undefined) push(log.scalars, tag, { ...at, value: floatsIn(simple, 4)[0] });
  if (histogram !== undefined) push(log.histograms, tag, { ...at, buckets: oldBuckets(histogram) });
  if (image !== undefined) {
    const parts = fieldsOf(image);
    const [height = 0, width = 0] = [1, 2].map((number) => one(parts, number)?.int);
    push(log.images, tag, { ...at, width, height, images: [one(parts, 4)?.bytes ?? new Uint8Array()] });
  }
  const kind = plugins.get(tag);
  if (kind === "hparams") {
    readHparams(one(pluginFields, 2)?.bytes, log);
    return;
  }
  if (tensor === undefined) return;
  const { numbers, strings, shape } = readTensor(fieldsOf(tensor));
  if (kind === "scalars" && numbers.length > 0) push(log.scalars, tag, { ...at, value: numbers[0] });
  if (kind === "histograms") push(log.histograms, tag, { ...at, buckets: threes(numbers) });
  if (kind === "images" && strings.length >= 2) {
    const [width, height] = strings.slice(0, 2).map((text) => Number(textIn(text)));
    push(log.images, tag, { ...at, width, height, images: strings.slice(2) });
  }
  if (kind === "text") {
    const cells = strings.map(textIn);
    const columns = shape.length > 1 ? Math.max(1, shape[1]) : 1;
    const rows = Array.from({ length: Math.ceil(cells.length / columns) }, (_, i) =>
      cells.slice(i * columns, (i + 1) * columns),
    );
    push(log.texts, tag, { ...at, rows });
  }
}

/** Numbers of a tensor of floats, whole numbers or strings, as any of TensorFlow's fields has them. */
function readTensor(fields: readonly Field[]): {
  numbers: number[];
  strings: Uint8Array[];
  shape: number[];
} {
  const dtype = one(fields, 1)?.int ?? 0;
  const shape = fieldsOf(one(fields, 2)?.bytes ?? new Uint8Array());
  const dims = all(shape, 2).map(({ bytes }) => one(fieldsOf(bytes), 1)?.int ?? 0);
  const size = dtype === 1 ? 4 : 8;
  const content = one(fields, 4)?.bytes;
  const isFloat = dtype === 1 || dtype === 2;
  const numbers =
    content !== undefined && isFloat
      ? floatsIn(content, size)
      : all(fields, size === 4 ? 5 : 6).flatMap(({ bytes }) => floatsIn(bytes, size));
  const ints = [7, 10].flatMap((number) => all(fields, number).map(({ int }) => int));
  const strings = all(fields, 8).map(({ bytes }) => bytes);
  return { numbers: isFloat ? numbers : ints, strings, shape: dims };
}

const threes = (numbers: readonly number[]): [number, number, number][] =>
  Array.from({ length: Math.floor(numbers.length / 3) }, (_, i) => [
    numbers[3 * i],
    numbers[3 * i + 1],
    numbers[3 * i + 2],
  ]);

/** A HistogramProto: upper edges and counts; the outermost edges are those of the values. */
function oldBuckets(bytes: Uint8Array): [number, number, number][] {
  const fields = fieldsOf(bytes);
  const doubles = (number: number) => all(fields, number).flatMap((field) => floatsIn(field.bytes, 8));
  const [[low = 0], [high = 0], limits, counts] = [1, 2, 6, 7].map(doubles);
  const made: [number, number, number][] = [];
  limits.forEach((limit, i) => {
    const left = Math.max(low, i === 0 ? low : limits[i - 1]);
    const right = Math.min(high, limit);
    if (counts[i] > 0 || (right > left && made.length > 0))
      made.push([Math.min(left, right), right, counts[i]]);
  });
  return made;
}

function readHparams(content: Uint8Array | undefined, log: EventLog): void {
  const start = content && one(fieldsOf(content), 3);
  if (start === undefined) return;
  const found: Record<string, HyperParameter> = {};
  for (const { bytes } of all(fieldsOf(start.bytes), 1)) {
    const [key, value] = [1, 2].map((number) => one(fieldsOf(bytes), number)?.bytes ?? new Uint8Array());
    const name = textIn(key);
    for (const { number, int, bytes: held } of fieldsOf(value)) {
      const parameter = number === 2 ? floatsIn(held, 8)[0] : number === 3 ? textIn(held) : int !== 0;
      // Not by assignment: one may be called "__proto__".
      Object.defineProperty(found, name, { value: parameter, enumerable: true, configurable: true });
    }
  }
  log.hparams = found;
}

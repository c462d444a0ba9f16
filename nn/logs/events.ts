// Events as TensorBoard's plugins read them: what each kind of summary is made of. The field numbers are those of
// TensorFlow's event.proto, summary.proto, tensor.proto and of TensorBoard's hparams plugin.

import { doubles, Message } from "./wire.ts";

/** What kinds of tensors there are, by TensorFlow's numbers. */
const dtypes = { float: 1, double: 2, string: 7 } as const;
/** How TensorBoard stores a summary's data. */
const dataClasses = { scalar: 1, tensor: 2, blobs: 3 } as const;

/** @param seconds since 1970 */
const event = (seconds: number, step: number): Message => new Message().double(1, seconds).int(2, step);

/** The one that a file begins with. */
export const fileVersion = (seconds: number): Message => event(seconds, 0).string(3, "brain.Event:2");

/** SessionLog's START: readers forget what earlier files of the run say of this step and later ones. */
export const restart = (seconds: number, step: number): Message =>
  event(seconds, step).message(7, new Message().int(1, 1));

/** A model's graph: a GraphDef. */
export const graphEvent = (seconds: number, graph: Message): Message => event(seconds, 0).message(4, graph);

/** What a summary is for: its plugin, that one's data, and how the tensor is stored. */
interface Kind {
  readonly plugin: string;
  readonly content?: Message;
  readonly dataClass?: number;
}

const scalars: Kind = { plugin: "scalars", dataClass: dataClasses.scalar };
const histograms: Kind = { plugin: "histograms", dataClass: dataClasses.tensor };
const images: Kind = { plugin: "images", dataClass: dataClasses.blobs };
const texts: Kind = { plugin: "text", dataClass: dataClasses.tensor };

/** Where a summary belongs. */
export interface Place {
  readonly tag: string;
  readonly step: number;
  /** Since 1970. */
  readonly seconds: number;
  /** Markdown. */
  readonly description?: string;
}

function summary(kind: Kind, { tag, step, seconds, description }: Place, tensor: Message): Message {
  const { plugin, content = new Message(), dataClass } = kind;
  const metadata = new Message().message(1, new Message().string(1, plugin).message(2, content));
  if (description !== undefined) metadata.string(3, description);
  if (dataClass !== undefined) metadata.int(4, dataClass);
  const value = new Message().string(1, tag).message(9, metadata).message(8, tensor);
  return event(seconds, step).message(5, new Message().message(1, value));
}

const shapeOf = (shape: readonly number[]): Message =>
  shape.reduce((made, size) => made.message(2, new Message().int(1, size)), new Message());

export { shapeOf as tensorShape };

const tensorOf = (dtype: number, shape: readonly number[]): Message =>
  new Message().int(1, dtype).message(2, shapeOf(shape));

function strings(values: readonly (string | Uint8Array)[], shape: readonly number[]): Message {
  const made = tensorOf(dtypes.string, shape);
  for (const value of values) {
    if (typeof value === "string") made.string(8, value);
    else made.bytes(8, value);
  }
  return made;
}

export const scalarEvent = (place: Place, value: number): Message =>
  summary(scalars, place, tensorOf(dtypes.float, []).float(5, value));

/** @param buckets triples of a left edge, a right edge and a count */
export const histogramEvent = (place: Place, buckets: Float64Array): Message =>
  summary(histograms, place, tensorOf(dtypes.double, [buckets.length / 3, 3]).bytes(4, doubles(buckets)));

/** @param pngs encoded, all of one size */
export const imageEvent = (
  place: Place,
  width: number,
  height: number,
  pngs: readonly Uint8Array[],
): Message => summary(images, place, strings([String(width), String(height), ...pngs], [pngs.length + 2]));

/** @param shape [] for one text; lists and tables are shown as tables */
export const textEvent = (place: Place, values: readonly string[], shape: readonly number[]): Message =>
  summary(texts, place, strings(values, shape));

export type HyperParameter = number | string | boolean;

const parameterOf = (value: HyperParameter): Message => {
  if (typeof value === "number") return new Message().double(2, value);
  return typeof value === "string" ? new Message().string(3, value) : new Message().int(4, value);
};

/** Data of the hparams plugin, whose summaries hold nothing else. */
const hparamsEvent = (seconds: number, tag: string, content: Message): Message =>
  summary(
    { plugin: "hparams", content },
    { tag: `_hparams_/${tag}`, step: 0, seconds },
    tensorOf(dtypes.float, [0]),
  );

/** A run begins, with these hyper-parameters. */
export function sessionStart(
  seconds: number,
  group: string,
  values: Readonly<Record<string, HyperParameter>>,
): Message {
  const info = new Message();
  for (const name of Object.keys(values).sort()) info.entry(1, name, parameterOf(values[name]));
  return hparamsEvent(
    seconds,
    "session_start_info",
    new Message().message(3, info.string(4, group).double(5, seconds)),
  );
}

/** It ended well. */
export const sessionEnd = (seconds: number): Message =>
  hparamsEvent(
    seconds,
    "session_end_info",
    new Message().message(4, new Message().int(1, 1).double(2, seconds)),
  );

const types = { string: 1, boolean: 2, number: 3 } as const;

/**
 * The hyper-parameters there are, and the tags of scalars that the runs are compared by.
 *
 * @param metrics a tag, and in which folder below the run's
 */
export function experiment(
  seconds: number,
  values: Readonly<Record<string, HyperParameter>>,
  metrics: readonly { readonly tag: string; readonly group: string }[],
): Message {
  const made = new Message().double(3, seconds);
  for (const name of Object.keys(values).sort()) {
    const type = types[typeof values[name] as keyof typeof types];
    made.message(4, new Message().string(1, name).int(4, type));
  }
  for (const { tag, group } of metrics) {
    made.message(5, new Message().message(1, new Message().string(1, group).string(2, tag)));
  }
  return hparamsEvent(seconds, "experiment", new Message().message(2, made));
}

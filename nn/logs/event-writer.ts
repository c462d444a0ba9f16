// EventWriter: an event file in the making, with a method for each kind of summary.

import { ArgumentError, DisposedError, ShapeError, showShape, Tensor } from "../../engine/index.ts";
import {
  atLeastOne,
  checkOptions,
  isList,
  isPlainObject,
  kindOf,
  nodeProcess,
  type OptionNames,
  showGiven,
  wholeNumber,
} from "../../engine/internal.ts";
import * as events from "./events.ts";
import { type Buckets, bucketsOfNumbers, bucketsOfTensors } from "./histogram.ts";
import { type LogFile, type LogTarget, openLogFile, writingError } from "./log-files.ts";
import { type GraphModel, modelGraph } from "./model-graph.ts";
import { type Pixels, pixelsOf } from "./pixels.ts";
import { png } from "./png.ts";
import { record } from "./records.ts";
import { joined, type Message } from "./wire.ts";

export interface SummaryOptions {
  /** Markdown, shown beside the tag. */
  description?: string;
}

export interface HistogramOptions extends SummaryOptions {
  /** How many; default 30. */
  buckets?: number;
}

export interface ImageOptions extends SummaryOptions {
  /** At most so many images of a batch; default 3. */
  maxOutputs?: number;
}

export interface HparamsOptions {
  /** Tags of the scalars by which TensorBoard compares runs, and in which folder below the run's; default none. */
  metrics?: readonly (string | { readonly tag: string; readonly group: string })[];
  /** Runs of one name count as repetitions of one trial; default: the values decide. */
  trialId?: string;
}

export interface EventWriterOptions {
  /** A folder below the target: "train", "validation". */
  folder?: string;
}

const summaryOptions: OptionNames<SummaryOptions> = { description: true };

/** What went wrong first. What is written after it would stand behind half a record, where nobody reads it. */
interface Broken {
  readonly error: unknown;
}

let filesMade = 0;

/**
 * Writes an event file that TensorBoard reads. Each method resolves when its event is in the file, so that a viewer has it,
 * and a process that is killed leaves a file that reads up to its last whole event. It need not be awaited: `flush` and
 * `close` throw what went wrong before.
 *
 *     const writer = createFileWriter("logs/run-1");
 *     writer.scalar("loss", 0.25, 10);
 *     await writer.close();
 *
 * Numbers of a tensor are taken as they are at the call's time; the tensor may be disposed when the promise resolves.
 *
 * @throws ArgumentError for a target that can't be written to here; from the methods a DataError where writing fails
 */
export class EventWriter {
  readonly #file: LogFile;
  #pending: Uint8Array[] = [];
  /** The write that takes what is pending. */
  #next: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();
  #reading = new Set<Promise<unknown>>();
  #broken: Broken | undefined;
  #isClosed = false;

  /** @param target where the file is made, under a name that TensorBoard knows event files by */
  constructor(target: LogTarget, options: EventWriterOptions = {}) {
    checkOptions("EventWriter", options, { folder: true });
    const seconds = Math.floor(Date.now() / 1000);
    const name = `events.out.tfevents.${seconds}.${hostName()}.${nodeProcess()?.pid ?? 0}.${filesMade++}.v2`;
    const { folder } = options;
    const path = folder === undefined || folder === "" ? name : `${folder}/${name}`;
    this.#file = openLogFile("EventWriter", target, path);
    void this.#write(events.fileVersion(now()));
  }

  /** Where the events go. */
  get path(): string {
    return this.#file.path;
  }

  /** A number; of a tensor of one element, that. TensorBoard keeps them as float32. */
  scalar(tag: string, value: number | Tensor, step: number, options?: SummaryOptions): Promise<void> {
    checkOptions("scalar", options, summaryOptions);
    const place = placeOf("scalar", tag, step, options);
    if (typeof value === "number") return this.#write(events.scalarEvent(place, value));
    if (!isTensor(value)) throw wrong("scalar", tag, "value", "a number or a Tensor of one element", value);
    if (value.size !== 1)
      throw new ShapeError(
        `scalar: "${tag}" is a Tensor ${showShape(value.shape)}; it must have one element, as mean(x) has`,
      );
    return this.#afterReading(value.data(), (data) => events.scalarEvent(place, data[0]));
  }

  /**
   * How values are spread: how many lie in each of 30 buckets between the least and the largest. A tensor's are counted on
   * the device; NaN and infinities are left out.
   */
  histogram(
    tag: string,
    values: Tensor | ArrayLike<number>,
    step: number,
    options: HistogramOptions = {},
  ): Promise<void> {
    checkOptions("histogram", options, { ...summaryOptions, buckets: true });
    const place = placeOf("histogram", tag, step, options);
    const count = atLeastOne("histogram", "buckets", options.buckets ?? 30);
    if (isTensor(values)) {
      return this.#afterReading(bucketsOfTensors([values], count), ([buckets]) =>
        events.histogramEvent(place, buckets),
      );
    }
    if (!isList(values) || (values.length > 0 && typeof values[0] !== "number"))
      throw wrong("histogram", tag, "values", "a Tensor or a list of numbers", values);
    return this.#write(events.histogramEvent(place, bucketsOfNumbers(values as ArrayLike<number>, count)));
  }

  /** @internal Values that were counted already. */
  buckets(tag: string, buckets: Buckets, step: number): Promise<void> {
    return this.#write(events.histogramEvent(placeOf("histogram", tag, step), buckets));
  }

  /** @internal Several at once, which are read back together. */
  histograms(tensors: ReadonlyMap<string, Tensor>, step: number): Promise<void> {
    const places = [...tensors.keys()].map((tag) => placeOf("histogram", tag, step));
    return this.#afterReading(bucketsOfTensors([...tensors.values()], 30), (found) =>
      found.map((buckets, i) => events.histogramEvent(places[i], buckets)),
    );
  }

  /**
   * Pictures: [height, width], [height, width, channels], or [batch, height, width, channels], of 1 to 4 channels; f32 from
   * 0 to 1, which is what lies beyond is cut to, or u8 from 0 to 255.
   */
  image(tag: string, images: Tensor | Pixels, step: number, options: ImageOptions = {}): Promise<void> {
    checkOptions("image", options, { ...summaryOptions, maxOutputs: true });
    const place = placeOf("image", tag, step, options);
    const most = atLeastOne("image", "maxOutputs", options.maxOutputs ?? 3);
    const pixels = pixelsOf(`image: "${tag}"`, images, most);
    return this.#afterReading(pixels, async ({ frames, width, height, channels }) => {
      const files = await Promise.all(frames.map((frame) => png(frame, width, height, channels)));
      return events.imageEvent(place, width, height, files);
    });
  }

  /** Text in Markdown; a list of texts, or a table of them, row by row, is shown as a table. */
  text(
    tag: string,
    text: string | readonly string[] | readonly (readonly string[])[],
    step: number,
    options?: SummaryOptions,
  ): Promise<void> {
    checkOptions("text", options, summaryOptions);
    const place = placeOf("text", tag, step, options);
    if (typeof text === "string") return this.#write(events.textEvent(place, [text], []));
    const rows: unknown = text;
    if (!Array.isArray(rows)) throw wrong("text", tag, "text", "a string, or a list of strings", text);
    const isTable = Array.isArray(rows[0]);
    const cells: unknown[] = isTable ? rows.flat() : rows;
    const shape = isTable ? [rows.length, rows[0].length] : [rows.length];
    const isEven = cells.length === shape.reduce((product, size) => product * size, 1);
    if (!isEven || cells.some((cell) => typeof cell !== "string")) {
      throw new ArgumentError(
        `text: "${tag}" must be a string, a list of strings, or rows of as many strings each; turn what is none into one, as with String(x)`,
      );
    }
    return this.#write(events.textEvent(place, cells as string[], shape));
  }

  /** The hyper-parameters of the run, and `metrics` by which TensorBoard's hparams tab compares it with others. */
  hparams(
    values: Readonly<Record<string, events.HyperParameter>>,
    options: HparamsOptions = {},
  ): Promise<void> {
    checkOptions("hparams", options, { metrics: true, trialId: true });
    if (!isPlainObject(values))
      throw new ArgumentError(
        `hparams: must be an object of numbers, strings and booleans, as { learningRate: 1e-3 }, got ${kindOf(values)}`,
      );
    for (const [name, value] of Object.entries(values)) {
      if (["number", "string", "boolean"].includes(typeof value)) continue;
      throw new ArgumentError(
        `hparams: "${name}" must be a number, a string or a boolean, got ${kindOf(value)}; give its name or its number`,
      );
    }
    const metrics = (options.metrics ?? []).map((one) =>
      typeof one === "string" ? { tag: one, group: "" } : one,
    );
    const group =
      options.trialId ?? JSON.stringify(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
    const seconds = now();
    return this.#write(
      events.experiment(seconds, values, metrics),
      events.sessionStart(seconds, group, values),
    );
  }

  /**
   * Has readers forget what was logged before of this step and later ones: to be called where a run that was cut goes on,
   * before it logs those anew.
   */
  purge(step: number): Promise<void> {
    return this.#write(events.restart(now(), wholeNumber("purge", "the step", step)));
  }

  /** Says that the run ended well: TensorBoard shows it as finished. */
  hparamsEnd(): Promise<void> {
    return this.#write(events.sessionEnd(now()));
  }

  /** A model's layers and what flows between them. */
  graph(model: GraphModel): Promise<void> {
    if (!Array.isArray(model?.calls))
      throw new ArgumentError(`graph: must be a Model or a Sequential, got ${kindOf(model)}`);
    if (model.calls.length === 0)
      throw new ArgumentError("graph: the model has no layers yet; add them, and say its input's shape");
    return this.#write(events.graphEvent(now(), modelGraph(model)));
  }

  /** Resolves when all events are in the file. @throws what went wrong in any of them */
  async flush(): Promise<void> {
    while (this.#reading.size > 0) await Promise.allSettled(this.#reading);
    await this.#last;
    await this.#next;
    if (this.#broken === undefined) {
      await this.#file.flush().catch((error) => {
        this.#broken = { error: writingError("EventWriter", this.path, error) };
      });
    }
    if (this.#broken !== undefined) throw this.#broken.error;
  }

  /** Flushes, and closes the file: nothing can be written any more. */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      this.#isClosed = true;
      await this.#file.close().catch(() => {});
    }
  }

  #afterReading<T>(
    reading: Promise<T>,
    eventOf: (value: T) => Message | Message[] | Promise<Message>,
  ): Promise<void> {
    this.#checkOpen();
    const done = reading.then(async (value) => {
      const made = await eventOf(value);
      await this.#write(...(Array.isArray(made) ? made : [made]));
    });
    this.#reading.add(done);
    const end = () => void this.#reading.delete(done);
    done.then(end, (error) => {
      this.#broken ??= { error };
      end();
    });
    return done;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new DisposedError("EventWriter: was closed; make a new one");
  }

  /** Puts the events behind those that wait already: one write takes all of them. */
  #write(...messages: Message[]): Promise<void> {
    this.#checkOpen();
    for (const message of messages) this.#pending.push(record(message.finish()));
    if (this.#next === undefined) {
      const next = this.#last.then(() => this.#drain());
      this.#next = next;
      // Who awaits it gets the error; later calls and flush do, too.
      this.#last = next.catch(() => {});
    }
    return this.#next;
  }

  async #drain(): Promise<void> {
    const bytes = joined(this.#pending);
    this.#pending = [];
    this.#next = undefined;
    if (this.#broken !== undefined) throw this.#broken.error;
    try {
      await this.#file.append(bytes);
    } catch (cause) {
      const error = writingError("EventWriter", this.path, cause);
      this.#broken = { error };
      throw error;
    }
  }
}

/**
 * An {@link EventWriter} on a folder: a path in Node, or what a page can write to.
 *
 *     const writer = createFileWriter("logs/run-1");
 */
export const createFileWriter = (target: LogTarget, options?: EventWriterOptions): EventWriter =>
  new EventWriter(target, options);

const now = (): number => Date.now() / 1000;

const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;

function placeOf(what: string, tag: string, step: number, options: SummaryOptions = {}): events.Place {
  if (typeof tag !== "string" || tag === "")
    throw new ArgumentError(`${what}: the tag must be a string that is not empty, got ${showGiven(tag)}`);
  wholeNumber(`${what}: "${tag}"`, "the step", step);
  return { tag, step, seconds: now(), description: options.description };
}

const wrong = (method: string, tag: string, what: string, wanted: string, value: unknown) =>
  new ArgumentError(`${method}: "${tag}": the ${what} must be ${wanted}, got ${kindOf(value)}`);

/** This machine's name, or the page's host, as far as file names may have it. */
function hostName(): string {
  const process = nodeProcess();
  const name =
    process?.env.HOSTNAME ??
    process?.env.COMPUTERNAME ??
    (globalThis as { location?: { hostname?: string } }).location?.hostname;
  return (name || "local").replace(/[^A-Za-z0-9-]/g, "-");
}

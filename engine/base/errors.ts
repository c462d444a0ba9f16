// Every error gradgpu throws on purpose. A message states: the op (or layer), the actual values, the requirement, and,
// where there is one, the remedy.

import { printable } from "./printable.ts";

export { printable };

/** Node and Chromium keep 10 frames of a stack: fewer than lie between a layer's op and the program that called fit. */
const stackFrames = 64;

/** Base class of all errors thrown by gradgpu; catch this to catch them all. */
export class GradgpuError extends Error {
  override name = this.constructor.name;

  constructor(message?: string, options?: ErrorOptions) {
    const errors = Error as { stackTraceLimit?: number };
    const limit = errors.stackTraceLimit;
    // 0 is somebody's wish for no stacks; other engines than V8 have no limit.
    const isRaised = limit !== undefined && limit > 0 && limit < stackFrames;
    if (isRaised) errors.stackTraceLimit = stackFrames;
    // Names, files and drivers' texts are quoted in it, and it ends on a terminal.
    super(message === undefined ? message : printable(message, true), options);
    if (isRaised) errors.stackTraceLimit = limit;
  }
}

/** Shapes, axes or sizes that do not fit the op. */
export class ShapeError extends GradgpuError {}
/** A dtype the op does not take, or dtypes that disagree. */
export class DTypeError extends GradgpuError {}
/** An argument outside its range, or a name that is not known. */
export class ArgumentError extends GradgpuError {}
/** A tensor used after `dispose()`, or after its device was closed. */
export class DisposedError extends GradgpuError {}
/** Misuse of the gradient tape, or an op without a gradient on the way to the loss. */
export class GradientError extends GradgpuError {}
/** No device, or tensors of different devices in one call. */
export class DeviceError extends GradgpuError {}
/** The GPU went away (driver reset, destroyed from outside), and the values on it. `await device.recover()` opens it again. */
export class DeviceLostError extends DeviceError {}
/** @internal What an error says of a device that was lost and is not open again. */
export const lostText = (reason: string): string =>
  `the device was lost (${reason}), and all values on it; await device.recover() opens it again, and variables take their values by restore(), set() or assign()`;
/** What is said of values on a device that was closed. */
export const closedText = "belongs to a device that was closed; open one with init() and make it anew";
/** A buffer or dispatch beyond the adapter's limits. */
export class LimitError extends GradgpuError {}
/** WGSL that does not compile or a pipeline the driver refuses; the message shows the lines around each mistake. */
export class ShaderError extends GradgpuError {
  /** The whole shader, as it was given to the driver. */
  readonly source: string | undefined;

  constructor(message: string, options?: ErrorOptions & { source?: string }) {
    super(message, options);
    this.source = options?.source;
  }
}
/** Something that a traced function can't do, such as reading values, or a stale output of a program. */
export class TraceError extends GradgpuError {}
/** A check that failed: a gradient, a result or a count of live tensors is not what it should be. */
export class CheckError extends GradgpuError {
  /** What was compared, where the check makes a report. */
  declare readonly report?: object;
}
/** An op that made a NaN or an infinity out of finite numbers, while `debug({ numerics: true })` is on. */
export class NumericsError extends GradgpuError {}
/** A malformed or missing data file. */
export class DataError extends GradgpuError {}

/**
 * Builds the error for an unknown name: says what is known and which known name is nearest.
 *
 * @param kind what the name stands for, as in "activation" or "loss"
 */
export function unknownName(kind: string, name: string, known: readonly string[]): ArgumentError {
  const best = nearest(name, known);
  const hint = best === undefined ? "" : ` Did you mean "${best}"?`;
  return new ArgumentError(`unknown ${kind} "${name}".${hint} Known: ${known.join(", ") || "none"}.`);
}

/** Every option of `O` by name: a list that the compiler keeps whole. */
export type OptionNames<O> = Readonly<Record<keyof Required<O>, true>>;

/**
 * @internal Refuses an option that there is none of, which would be ignored silently: "batch_size", say. Functions
 * call it before they look at anything else, ops too: it makes nothing where all is well.
 *
 * @param call whose options they are, as in "fit"
 */
export function checkOptions<O extends object>(
  call: string,
  options: O | undefined,
  known: OptionNames<O>,
): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null || Array.isArray(options) || "then" in options) {
    const [first] = Object.keys(known);
    const example = first === undefined ? "{}" : `{ ${first}: ... }`;
    throw new ArgumentError(`${call}: options must be an object, as in ${example}, got ${kindOf(options)}`);
  }
  // An option in a prototype counts as given: it would be read.
  for (const name in options) {
    if (!Object.hasOwn(known, name)) throw unknownName(`${call} option`, name, Object.keys(known));
  }
}

/**
 * @internal Throws unless `value` is a function.
 *
 * @param task what the function does and how it is written, as in "computes the loss, as in () => mean(...)"
 * @param reason why a value does not do
 */
export function checkFunction(
  call: string,
  value: unknown,
  task: string,
  reason: string,
  place: "first" | "second" = "first",
): void {
  if (typeof value === "function") return;
  throw new ArgumentError(
    `${call}: the ${place} argument must be a function that ${task}, got ${kindOf(value)}; ${reason}`,
  );
}

/** @internal Throws unless the first argument of `call` is a function, whose ops tapes will record. */
export function checkDifferentiable(call: string, value: unknown): void {
  checkFunction(call, value, "computes the loss, as in () => mean(...)", "gradients need to see it computed");
}

/**
 * @internal What was given where something else belongs, for messages: "an array", "the number 3", "a Dense", "the class
 * Adam; make one with new". Always a kind, whatever was given.
 */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return `the string ${JSON.stringify(value)}`;
  if (typeof value === "function") return kindOfFunction(value);
  if (typeof value !== "object") return `the ${typeof value} ${String(value)}`;
  if (Array.isArray(value)) return "an array";
  // An async function's, where its value is wanted: it fails later for lack of its tensors, which the error explains.
  if (value instanceof Promise) value.catch(() => {});
  if (isPromise(value)) return "a Promise; await it first";
  const { kindForErrors } = value as { readonly kindForErrors?: unknown };
  if (typeof kindForErrors === "string") return kindForErrors;
  const name = classNameOf(value);
  return name === "Object" ? "an object" : `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;
}

/** The name of an object's class; of what has none (generators, iterators), what the language calls it. */
function classNameOf(value: object): string {
  const made: unknown = value.constructor;
  const name = typeof made === "function" ? made.name : "";
  return (name !== "Object" && name) || Object.prototype.toString.call(value).slice("[object ".length, -1);
}

function kindOfFunction(value: { name: string }): string {
  if (/^class\b/.test(Function.prototype.toString.call(value))) {
    return value.name
      ? `the class ${value.name}; make one with new ${value.name}(...)`
      : "a class; make one of it";
  }
  return value.name ? `the function ${value.name}` : "a function";
}

/** @internal Whether a value is one to await, of whatever library. */
export const isPromise = (value: unknown): boolean =>
  typeof (value as { then?: unknown } | null | undefined)?.then === "function";

/** @internal A name without case and underscores, by which spellings of one name are equal. */
export const simplify = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "");

/**
 * What other libraries have under names that read like some of ours: for these no name is near, they are other things.
 * One that we get is found by its name before anyone looks here.
 */
const otherThings: ReadonlySet<string> = new Set(
  "mape msle rmse adamax glu reglu geglu relu6 rrelu recall f1score".split(" "),
);

/**
 * The candidate that `name` is a slip of: with a letter or few wrong, left out, added or changed places, or one that it
 * abbreviates. Undefined when none is close, and for names that elsewhere stand for something else.
 */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const wanted = simplify(name);
  if (otherThings.has(wanted) && !candidates.some((candidate) => simplify(candidate) === wanted))
    return undefined;
  let best: string | undefined;
  let bestDistance = slipsIn(wanted.length) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, simplify(candidate));
    if (distance < bestDistance) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best ?? candidates.find((candidate) => abbreviates(wanted, simplify(candidate)));
}

/** How many slips a name of so many letters may have. */
const slipsIn = (letters: number): number => (letters < 6 ? 1 : letters < 12 ? 2 : 3);

/** Whether `short` is `long` with letters left out, but for the first: "transb" of "transposeb". */
function abbreviates(short: string, long: string): boolean {
  if (short.length < 4 || short[0] !== long[0]) return false;
  let at = 0;
  for (const letter of short) {
    at = long.indexOf(letter, at) + 1;
    if (at === 0) return false;
  }
  return true;
}

/**
 * Letters left out, added, wrong, or changed with their neighbour. In names of three letters a wrong one counts double:
 * they are mostly other names.
 */
function editDistance(a: string, b: string): number {
  const wrong = Math.min(a.length, b.length) <= 3 ? 2 : 1;
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : wrong);
      let least = Math.min(substitute, rows[i - 1][j] + 1, current[j - 1] + 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) least = Math.min(least, rows[i - 2][j - 2] + 1);
      current.push(least);
    }
    rows.push(current);
  }
  return rows[a.length][b.length];
}

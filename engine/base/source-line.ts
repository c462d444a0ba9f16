// Which line of the user's program asked for an op: captures a stack cheaply, and reads it only when someone looks.
// Knows how V8, SpiderMonkey and JavaScriptCore write stacks, and which files are this package's; nothing of ops.

/** One call on a stack. */
export interface StackFrame {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Name of the function that the line stands in; "" at the top level or where it has none. */
  readonly functionName: string;
}

interface V8ErrorConstructor {
  captureStackTrace?(target: object, above?: unknown): void;
  stackTraceLimit?: number;
}

/** Enough for a model's layers, scopes and activations between an op and the line that called the model. */
const depth = 100;

/** From captureSource up to the op's public function: two frames of the tape's, three of apply's. */
const engineFrames = 6;

/** A place in the user's program. Parsing waits until a property is read: a stack's text costs far more than taking it. */
export class SourceLine {
  #trace: { readonly stack?: string } | undefined;
  #frame: StackFrame | undefined;

  /** @internal Use {@link captureSource}. */
  constructor(trace: { readonly stack?: string }) {
    this.#trace = trace;
  }

  /** Path or URL of the file; "" where the stack does not tell. */
  get file(): string {
    return this.#found()?.file ?? "";
  }

  /** From 1; 0 where the stack does not tell. */
  get line(): number {
    return this.#found()?.line ?? 0;
  }

  get column(): number {
    return this.#found()?.column ?? 0;
  }

  get functionName(): string {
    return this.#found()?.functionName ?? "";
  }

  /** `file:line`, the file relative to the working directory or the page's origin where it lies below. */
  toString(): string {
    const frame = this.#found();
    return frame === undefined ? "" : `${shortPath(frame.file)}:${frame.line}`;
  }

  toJSON(): string {
    return this.toString();
  }

  #found(): StackFrame | undefined {
    if (this.#trace !== undefined) {
      this.#frame = userFrame(parseStack(this.#trace.stack ?? ""), ownFile());
      this.#trace = undefined;
    }
    return this.#frame;
  }
}

/**
 * The line that called the op which is being recorded. Where a bundle leaves no file names to go by, it counts frames,
 * as many as lie between the tape's recording and the op's public function.
 */
export function captureSource(): SourceLine {
  const errors = Error as unknown as V8ErrorConstructor;
  if (errors.captureStackTrace === undefined) return new SourceLine(new Error());
  const limit = errors.stackTraceLimit;
  errors.stackTraceLimit = depth;
  const holder: { stack?: string } = {};
  errors.captureStackTrace(holder);
  errors.stackTraceLimit = limit;
  return new SourceLine(holder);
}

/**
 * The first frame outside of the package, given the file that this module runs from. Where a bundler has put
 * engine and program into one file, no name tells them apart: then it is the frame that called the op's public
 * function, by count.
 */
export function userFrame(frames: readonly StackFrame[], own: string): StackFrame | undefined {
  const isOwn = packageFiles(own);
  const outside = frames.find(({ file }) => !isOwn(file) && !isInternal(file));
  if (outside !== undefined) return outside;
  return frames.slice(engineFrames).find(({ file }) => !isInternal(file));
}

/** Tells the package's files by the one that this module is in: as sources, built, or put together by a bundler. */
function packageFiles(own: string): (file: string) => boolean {
  const source = /^(.*\/)engine\/base\/source-line\.[cm]?[jt]s$/.exec(own);
  if (source !== null) {
    const parts = ["engine/", "nn/", "optim/", "data/"].map((part) => source[1] + part);
    return (file) => parts.some((part) => file.startsWith(part));
  }
  const shared = /^(.*\/node_modules\/.*\/)[^/]+$/.exec(own);
  return shared === null ? (file) => file === own : (file) => file.startsWith(shared[1]);
}

/** Parts of the JavaScript runtime itself. */
const isInternal = (file: string) => /^(?:node:|internal\/|native$|chrome-extension:)/.test(file);

let ownFileFound: string | undefined;

/** Where this module runs from. Not asked for at load: reading a stack may load source maps. */
function ownFile(): string {
  ownFileFound ??= parseStack(new Error().stack ?? "")[0]?.file ?? "";
  return ownFileFound;
}

/** The frames of an error's `stack` that name a file and line, innermost first, in any of the three formats. */
export function parseStack(stack: string): StackFrame[] {
  return stack
    .split("\n")
    .map((line) => (/^\s*at /.test(line) ? parseV8(line) : parseAt(line)))
    .filter((frame) => frame !== undefined);
}

/** `    at async name [as alias] (file:line:column)`, or without a name and its parentheses. */
function parseV8(text: string): StackFrame | undefined {
  const call = text.replace(/^\s*at (?:async )?/, "");
  const named = /^(.*?) \((.*)\)$/.exec(call);
  return named === null ? frameAt(call, "") : frameAt(named[2], named[1]);
}

/** `name@file:line:column`, as SpiderMonkey and JavaScriptCore write it; the name, or name and @, may be missing. */
function parseAt(text: string): StackFrame | undefined {
  const at = text.indexOf("@");
  const name = text.slice(0, Math.max(at, 0));
  // A URL without a name may hold an @ of its own.
  const isNamed = at >= 0 && !name.includes("://") && !name.startsWith("/");
  return isNamed ? frameAt(text.slice(at + 1), name.replace(/^async\*/, "")) : frameAt(text, "");
}

function frameAt(location: string, functionName: string): StackFrame | undefined {
  // Code made by eval has no place of its own; SpiderMonkey names the line that made it.
  const [, made, madeLine] = / > (?:eval|Function)/.test(location)
    ? (/^(.*?) line (\d+) > /.exec(location) ?? [])
    : [];
  if (made !== undefined) return { file: cleanFile(made), line: Number(madeLine), column: 0, functionName };
  const [, file, line, column] = /^(.+):(\d+):(\d+)$/.exec(location.trim()) ?? [];
  if (file === undefined || /^(?:eval at |<anonymous>$)/.test(file)) return undefined;
  return { file: cleanFile(file), line: Number(line), column: Number(column), functionName };
}

/** A file: URL as a path; queries and fragments, which development servers add, go. */
function cleanFile(file: string): string {
  const plain = /^[a-z][\w+.-]*:\/\//i.test(file) ? file.replace(/[?#].*$/, "") : file.replace(/\?.*$/, "");
  const path = /^file:\/\/[^/]*(\/.*)$/.exec(plain)?.[1];
  if (path === undefined) return plain.replaceAll("\\", "/");
  const isDrive = /^\/[a-z]:\//i.test(path);
  try {
    return decodeURIComponent(isDrive ? path.slice(1) : path);
  } catch {
    return path;
  }
}

function shortPath(file: string): string {
  const host = globalThis as { process?: { cwd?: () => string }; location?: { origin?: string } };
  const base = host.process?.cwd?.().replaceAll("\\", "/") ?? host.location?.origin;
  return base !== undefined && file.startsWith(`${base}/`) ? file.slice(base.length + 1) : file;
}

// jit: runs a function once to record what it does, and from then on replays the recording: fused, planned, with
// nothing allocated, uploaded or rebuilt.

import { withLocalGradients } from "../autograd/slots.ts";
import type { Backend } from "../backend/backend.ts";
import type { PreparedProgram, WarmUpProgress } from "../backend/program.ts";
import {
  ArgumentError,
  checkFunction,
  checkOptions,
  DeviceError,
  isPromise,
  kindOf,
  TraceError,
} from "../base/errors.ts";
import { finalizers } from "../base/finalizers.ts";
import { atLeastOne } from "../base/number-checks.ts";
import { mapTree, type Tree } from "../base/tree.ts";
import type { Spec } from "../kernel/kernel.ts";
import type { Memory } from "../kernel/memory.ts";
import type { TrialCall } from "../kernel/variants.ts";
import type { Device } from "../tensor/device.ts";
import { device as defaultDevice } from "../tensor/device.ts";
import { noGrad } from "../tensor/recording.ts";
import { claim, disposeAll, tensorsIn, tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import { isRelocatedSince, relocations } from "../tensor/variable.ts";
import { opWatch } from "../tensor/watches.ts";
import { fuse } from "./fuse.ts";
import type { Graph } from "./graph.ts";
import {
  type JitArgument,
  type JitOptions,
  type JitResult,
  type Jitted,
  jitOptions,
  type Program,
  type WarmUp,
} from "./jitted.ts";
import { OwnSteps } from "./own-steps.ts";
import { pickFirst } from "./pick-first.ts";
import { plan } from "./plan.ts";
import { readRowSlices } from "./row-slices.ts";
import { signature } from "./signature.ts";
import { simplify } from "./simplify.ts";
import { TraceBackend } from "./trace.ts";

const runOptions = { steps: true } as const;

/** All of a program but what binds it to its device. */
type Traced = Omit<Entry, "prepared">;

interface Entry extends Program {
  /** The graph before ops rewrote it for the device: what is planned anew starts from it. */
  readonly plain: Graph;
  readonly device: Device;
  /** What it is bound to: a device that was lost has another one by now. */
  readonly backend: Backend;
  readonly rebuild: (device: Device, memories: readonly Memory[]) => unknown;
  readonly retained: readonly Memory[];
  /** Variables that a run assigns: tapes that are open across it must notice. */
  readonly assigned: Iterable<{ markAssigned(): void }>;
  /** How often variables had left their memory by then. */
  readonly tracedAt: number;
  /** What the last run gave. */
  result?: unknown;
}

/** Whether a program is the device's, and its variables are where they were when it was made. */
const isCurrent = (entry: Entry, device: Device): boolean =>
  entry.backend === device.realBackend &&
  !entry.retained.some((memory) => isRelocatedSince(memory, entry.tracedAt));

/** What programs hold on devices, in itself and of others. */
type HeldByPrograms = Map<PreparedProgram, readonly Memory[]>;

/** Signatures kept for one function; past that the oldest program is freed. */
const maxPrograms = 64;

/**
 * A function that is traced at its first call for each signature (shapes and dtypes of tensor arguments, the
 * values of all others) and replayed afterwards. Inside, every op is recorded, not executed: reading values throws,
 * and JavaScript that is not about tensors (prints, counters, random host numbers) runs at tracing only. Variables
 * are read and assigned at every replay; other captured tensors are constants. Results are overwritten by the next
 * call: read or copy them before. On the CPU reference the function simply runs.
 *
 * To the compiler a parameter without a type is a Tensor; others are written down: `jit((x, rate: number) => ...)`.
 */
export function jit<F extends (...args: Tensor[]) => JitResult>(
  fn: F,
  options?: JitOptions,
): Jitted<Parameters<F>, ReturnType<F>>;
export function jit<P extends JitArgument[], R extends JitResult>(
  fn: (...args: P) => R,
  options?: JitOptions,
): Jitted<P, R>;
export function jit<P extends JitArgument[], R extends JitResult>(
  fn: (...args: P) => R,
  options: JitOptions = {},
): Jitted<P, R> {
  checkOptions("jit", options, jitOptions);
  checkFunction(
    "jit",
    fn,
    "computes what is replayed, as in (x) => relu(matmul(x, w))",
    "it is run once to be recorded",
  );
  const programs = new Map<string, Entry>();
  const held: HeldByPrograms = new Map();
  freeWhenDropped(programs, held);
  /** Counts calls of `dispose`, so that a warm-up that outlives one leaves nothing behind. */
  let disposals = 0;
  const keyOf = (args: P) => signature(args, options.name ?? fn.name);
  const free = (entry: Entry): void => {
    held.delete(entry.prepared);
    release(entry);
  };
  const keep = (key: string, entry: Entry): void => {
    const replaced = programs.get(key);
    if (replaced !== undefined) free(replaced);
    programs.set(key, entry);
    held.set(entry.prepared, entry.retained);
    if (programs.size > maxPrograms) {
      const [oldest, dropped] = programs.entries().next().value!;
      programs.delete(oldest);
      free(dropped);
    }
  };
  const argumentsOf = (args: readonly unknown[]): { device: Device; tensors: Tensor[] } => {
    const tensors: Tensor[] = [];
    for (const arg of args) addTensors(arg, tensors);
    const device = tensors[0]?.device ?? options.device ?? defaultDevice();
    if (tensors.some((tensor) => tensor.device !== device))
      throw new DeviceError(
        `jit: the arguments are on two devices (${[...new Set(tensors.map((tensor) => tensor.device.name))].join(" and ")}); copy one over`,
      );
    return { device, tensors };
  };
  const warmUp = async (args: P, onProgress: WarmUpProgress | undefined): Promise<WarmUp> => {
    const started = performance.now();
    const { device, tensors } = argumentsOf(args);
    const { backend } = device;
    const key = keyOf(args);
    const isReady = () => {
      const entry = programs.get(key);
      return entry !== undefined && isCurrent(entry, device);
    };
    if (runsAsIs(device) || backend.prepareAhead === undefined || isReady()) {
      return { pipelines: 0, ms: performance.now() - started };
    }
    const memories = tensors.map((tensor) => tensor.memory);
    const disposalsBefore = disposals;
    // The caller may dispose the arguments meanwhile.
    for (const memory of memories) memory.retain();
    try {
      let traced = trace(device, fn, args, options);
      let pipelines: number;
      try {
        // What rides on a kernel depends on its variant.
        if (await backend.tune?.(trialCalls(traced.plain)))
          traced = { ...traced, ...planned(traced.plain, backend, options) };
        const ahead = await backend.prepareAhead(traced.plan, memories, onProgress);
        pipelines = ahead.pipelines;
        const entry = { ...traced, prepared: ahead.program };
        // Called or disposed meanwhile: what is compiled stays with the device, the program is not needed.
        if (isReady() || disposals !== disposalsBefore || !device.isUsable || device.realBackend !== backend)
          ahead.program.dispose();
        else {
          keep(key, entry);
          return { pipelines, ms: performance.now() - started };
        }
      } catch (error) {
        releaseTrace(traced);
        throw error;
      }
      releaseTrace(traced);
      return { pipelines, ms: performance.now() - started };
    } finally {
      for (const memory of memories) memory.release();
    }
  };
  const call = (times: number, args: P): R => {
    const { device, tensors } = argumentsOf(args);
    if (runsAsIs(device) || device.backend.prepare === undefined) {
      // Refuses what a trace would refuse.
      keyOf(args);
      let result = runAsIs(fn, args);
      for (let i = 1; i < times; i++) {
        disposeAll(result);
        result = runAsIs(fn, args);
      }
      return result;
    }
    const memories = tensors.map((tensor) => tensor.memory);
    const key = keyOf(args);
    let entry = programs.get(key);
    if (entry === undefined || !isCurrent(entry, device)) {
      entry = prepare(trace(device, fn, args, options));
      keep(key, entry);
    }
    if (times > 1) device.backend.flush();
    entry.prepared.run(memories, times);
    for (const variable of entry.assigned) variable.markAssigned();
    if (times > 1) device.backend.flush();
    entry.result = entry.rebuild(device, entry.prepared.outputs(memories));
    return entry.result as R;
  };
  const jitted = (...args: P): R => call(1, args);
  return Object.assign(jitted, {
    run: (options: { steps: number }, ...args: P): R => {
      checkOptions("jitted.run", options, runOptions);
      const steps = options?.steps;
      return call(atLeastOne("jit", "steps", steps), args);
    },
    warmUp: (...args: readonly unknown[]): Promise<WarmUp> => {
      // Functions are no arguments of programs, so the last one can only be told the progress.
      const onProgress = typeof args.at(-1) === "function" ? (args.at(-1) as WarmUpProgress) : undefined;
      return warmUp((onProgress === undefined ? args : args.slice(0, -1)) as P, onProgress);
    },
    programs,
    dispose: () => {
      disposals++;
      for (const entry of programs.values()) free(entry);
      programs.clear();
    },
  });
}

/** The tensors of an argument, in the order of its leaves. */
function addTensors(arg: unknown, into: Tensor[]): void {
  if (arg instanceof Tensor) into.push(arg);
  else if (typeof arg === "object" && arg !== null) {
    mapTree(arg as Tree<unknown>, (leaf) => {
      if (leaf instanceof Tensor) into.push(leaf);
    });
  }
}

/** Inside another trace; or while every op is watched, which a fused kernel would hide. */
const runsAsIs = (device: Device): boolean => device.isTracing || opWatch.value !== undefined;

/** Runs the function op by op, and keeps of it what a program would: its results, as handles of the caller's own. */
function runAsIs<P extends unknown[], R extends JitResult>(fn: (...args: P) => R, args: P): R {
  return tidy(() => {
    const result = withLocalGradients(() => fn(...args));
    refusePromise(result, undefined);
    collect(result, []);
    return claimed(result) as R;
  });
}

/** The same result with a second handle on what the function did not make: an argument, a Variable. */
function claimed(result: JitResult): JitResult {
  if (result instanceof Tensor) return claim(result);
  if (Array.isArray(result)) return result.map(claimed);
  if (typeof result !== "object" || result === null) return result;
  return Object.fromEntries(Object.entries(result).map(([key, part]) => [key, claimed(part as JitResult)]));
}

function refusePromise(result: unknown, reason: TraceError | undefined): void {
  if (!isPromise(result)) return;
  // It fails for the same reason, later.
  (result as Promise<unknown>).then(undefined, () => {});
  throw (
    reason ??
    new TraceError("jit: the traced function returned a promise; it must be synchronous. Await outside")
  );
}

/**
 * Frees the programs of a function that was dropped without `dispose()`. All that its caller can call holds the Map of them;
 * what frees them holds neither that nor anything of the caller's. Results live on: they hold what they show.
 */
function freeWhenDropped(programs: object, held: HeldByPrograms): void {
  finalizers.register(programs, () => {
    for (const [prepared, retained] of held) {
      prepared.dispose();
      releaseTrace({ retained });
    }
  });
}

function release(entry: Entry): void {
  // Results keep what they show of the program's memory from now on.
  for (const tensor of tensorsIn(entry.result)) tensor.adopt();
  entry.prepared.dispose();
  releaseTrace(entry);
}

function releaseTrace({ retained }: Pick<Traced, "retained">): void {
  for (const memory of retained) memory.release();
}

/** Binds a traced program to its device; one that can't be is freed. */
function prepare(traced: Traced): Entry {
  try {
    return { ...traced, prepared: traced.device.backend.prepare!(traced.plan) };
  } catch (error) {
    releaseTrace(traced);
    throw error;
  }
}

function trace<P extends unknown[]>(
  device: Device,
  fn: (...args: P) => JitResult,
  args: P,
  options: JitOptions,
): Traced {
  const backend = device.backend;
  const tracer = new TraceBackend(backend);
  try {
    let rebuild: Entry["rebuild"] = () => undefined;
    const traced = device.withTrace(tracer, () =>
      noGrad(() => {
        let finished: ReturnType<TraceBackend["finish"]> | undefined;
        tidy(() => {
          const symbolOf = (leaf: unknown) =>
            leaf instanceof Tensor ? new Tensor(device, leaf, tracer.input(leaf)) : leaf;
          const symbols = args.map((arg) => mapTree(arg as Tree<unknown>, symbolOf)) as P;
          const result: unknown = withLocalGradients(() => fn(...symbols));
          refusePromise(result, tracer.readFailure);
          const outputs: Tensor[] = [];
          rebuild = collect(result as JitResult, outputs);
          for (const output of outputs) {
            if (output.device !== device)
              throw new DeviceError(
                `jit: a result of the traced function is on another device (${output.device.name}) than the program (${device.name}); pass a tensor of that device, or make it the default one with setDevice()`,
              );
          }
          finished = tracer.finish(
            outputs.map((tensor) => ({
              spec: { shape: tensor.shape, dtype: tensor.dtype },
              memory: tensor.memory,
            })),
          );
        });
        return finished!;
      }),
    );
    const simple = simplify(traced, (spec, value) => tracer.constant(spec, value), options);
    const picked = options.pickFirst === false ? simple : pickFirst(simple);
    const plain = options.rowSlices === false ? picked : readRowSlices(picked);
    return {
      device,
      backend,
      plain,
      ...planned(plain, backend, options),
      rebuild,
      retained: tracer.retained,
      assigned: tracer.assigned,
      tracedAt: relocations(),
      tracedNodes: traced.nodes.length,
    };
  } catch (error) {
    tracer.abandon();
    throw error;
  }
}

function planned(
  plain: Graph,
  backend: Backend,
  options: JitOptions,
): Pick<Traced, "graph" | "fused" | "plan"> {
  let graph = plain;
  if (options.epilogues !== false)
    for (const rewrite of new Set(graph.nodes.map(({ op }) => op.traits?.rewrites)))
      graph = rewrite?.(graph, backend.profile!) ?? graph;
  const fused = fuse(graph, backend.profile!, options);
  const fuseBody = (body: Graph) => fuse(body, backend.profile!, options).units;
  return { graph, fused, plan: plan(graph, fused.units, backend, backend.profile!, fuseBody) };
}

/** The calls in a graph whose kernels come in variants. */
function trialCalls({ nodes }: Graph): TrialCall[] {
  return nodes.flatMap(({ op, inputs, attrs }) => {
    if (attrs instanceof OwnSteps) return trialCalls(attrs.body);
    const plain = op.specialises?.op ?? op;
    if (plain.variants === undefined) return [];
    return [{ op: plain, inputs: op.specialises?.inputs(inputs, attrs) ?? inputs, attrs }];
  });
}

/** Lists the tensors of a result and gives a function that puts new ones in their places. */
function collect(value: JitResult, into: Tensor[]): Entry["rebuild"] {
  if (value === undefined || value === null) return () => value;
  if (value instanceof Tensor) {
    const index = into.length;
    const spec: Spec = { shape: value.shape, dtype: value.dtype };
    into.push(value);
    // The program owns the memory, and its next run makes the handle worthless: it is no leak in a loop.
    return (device, memories) => new Tensor(device, spec, memories[index], { counted: false });
  }
  if (Array.isArray(value)) {
    const parts = value.map((part) => collect(part, into));
    return (device, memories) => parts.map((part) => part(device, memories));
  }
  if (typeof value === "object" && [Object.prototype, null].includes(Object.getPrototypeOf(value))) {
    const parts = Object.entries(value).map(
      ([key, part]) => [key, collect(part as JitResult, into)] as const,
    );
    return (device, memories) =>
      Object.fromEntries(parts.map(([key, part]) => [key, part(device, memories)]));
  }
  throw new ArgumentError(
    `jit: a traced function must return tensors, or arrays and plain objects of them, got ${kindOf(value)}`,
  );
}

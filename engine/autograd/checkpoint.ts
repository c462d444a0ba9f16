// checkpoint: a block of ops that keeps nothing for backward and runs again there. Variables that it reads show their
// old values then, so that dropout draws the same mask; what it assigns is assigned once.

import { settingsAgain, withAmbient } from "../base/ambient.ts";
import { checkFunction, DisposedError, GradientError } from "../base/errors.ts";
import { sameShape } from "../base/shape.ts";
import type { Memory } from "../kernel/memory.ts";
import { device as defaultDevice } from "../tensor/device.ts";
import { handleOn } from "../tensor/handle.ts";
import type { Op, VjpContext } from "../tensor/op.ts";
import { recorders } from "../tensor/recording.ts";
import { tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Variable, type VariableWatcher, variableWatcher } from "../tensor/variable.ts";
import { type BlockResult, recordBlock, runBlock } from "./block.ts";
import { GradientTape } from "./gradient-tape.ts";

/**
 * A function that computes what `fn` does, and in backward computes it again instead of having kept what its ops saved:
 * less memory for one more run of the block. Only the block's arguments and results are held meanwhile. Variables and
 * tensors that `fn` captures get their gradients. Blocks nest, and work in `jit` and for gradients of gradients.
 *
 * The second run reads random states and other Variables as they were, and assigns nothing; JavaScript in `fn` (prints,
 * counters) runs twice. Captured tensors must live until backward.
 *
 *     const block = checkpoint((x) => relu(matmul(relu(matmul(x, w1)), w2)));
 *
 * @throws GradientError in backward, where a Variable that the block read was assigned since by someone else
 */
export function checkpoint<F extends (...args: Tensor[]) => BlockResult>(
  fn: F,
): (...args: Parameters<F>) => ReturnType<F>;
export function checkpoint<P extends unknown[], R extends BlockResult>(
  fn: (...args: P) => R,
): (...args: P) => R;
export function checkpoint<P extends unknown[], R extends BlockResult>(
  fn: (...args: P) => R,
): (...args: P) => R {
  checkFunction(
    "checkpoint",
    fn,
    "computes the block, as in (x) => relu(matmul(x, w))",
    "backward runs it again",
  );
  return (...args) => {
    if (recorders.value.length === 0) return fn(...args);
    const tensors = args.filter((arg): arg is Tensor & P[number] => arg instanceof Tensor);
    const random = (tensors[0]?.device ?? defaultDevice()).random;
    const streams = random.position;
    const settings = settingsAgain();
    const watcher = new FirstRun(variableWatcher.value);
    return tidy(() => {
      try {
        const { result, outputs, captured } = runBlock(
          () => variableWatcher.with(watcher, () => fn(...args)),
          tensors,
          "checkpoint",
        );
        const inputs = [...tensors, ...captured];
        const changed = [...watcher.before.keys()];
        const again = (context: VjpContext): BlockResult => {
          let next = 0;
          const given = args.map((arg) => {
            if (!(arg instanceof Tensor)) return arg;
            const saved = context.input(next++);
            return arg instanceof Variable ? arg : saved;
          }) as P;
          const old = new Map(changed.map((variable, k) => [variable, context.input(inputs.length + k)]));
          const now = random.position;
          random.position = streams;
          try {
            return withAmbient(settings, () => runAgain(() => fn(...given), old, watcher.reads));
          } finally {
            random.position = now;
          }
        };
        const all = [...inputs, ...watcher.before.values()];
        recordBlock(blockOp(all.length, inputs, outputs, again), all, outputs);
        return result;
      } finally {
        // The tapes hold what they need.
        for (const tensor of watcher.before.values()) tensor.dispose();
      }
    });
  };
}

/** The op that tapes see. */
function blockOp(
  count: number,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  again: (context: VjpContext) => BlockResult,
): Op<object> {
  const shapes = outputs.map(({ shape }) => shape);
  const { device } = outputs[0] ?? inputs[0];
  const vjp = (context: VjpContext): (Tensor | null)[] => {
    // By the handles that the tape kept: hooks on a variable's own are the outer walk's to run.
    const targets = inputs.map((_, k) => {
      const saved = context.input(k);
      return context.needs(k) ? saved : undefined;
    });
    const wanted = targets.filter((target) => target !== undefined);
    const tape = new GradientTape({ watchVariables: false, isPrivate: true }).watch(...wanted);
    try {
      const run = () => tape.record(() => again(context));
      const { backend } = device;
      const result = backend.recomputing === undefined ? run() : backend.recomputing(run);
      const found = result instanceof Tensor ? [result] : result;
      if (found.length !== shapes.length || !found.every((out, i) => sameShape(out.shape, shapes[i]))) {
        throw new GradientError(
          "checkpoint: the block gave other results when it ran again; it must compute the same from the same arguments",
        );
      }
      const roots = found.flatMap((root, i) => (context.hasGrad(i) ? [{ root, seed: context.grad(i) }] : []));
      const gradients = tape.pull(
        roots.map(({ root }) => root),
        roots.map(({ seed }) => seed),
        wanted,
        { what: "checkpoint", frees: true, allowsConstants: true },
      );
      let next = 0;
      const all = Array.from({ length: count }, (): Tensor | null => null);
      targets.forEach((target, k) => {
        if (target !== undefined) all[k] = gradients[next++];
      });
      return all;
    } finally {
      tape.dispose();
    }
  };
  return {
    name: "checkpoint",
    infer: () => [],
    vjp,
    saves: { inputs: Array.from({ length: count }, (_, k) => k) },
    samples: [],
  };
}

/** Notes which Variables a block reads, at which version, and saves the old value of those that it assigns. */
class FirstRun implements VariableWatcher {
  readonly reads = new Map<Variable, number>();
  readonly before = new Map<Variable, Tensor>();
  readonly #outer: VariableWatcher | undefined;

  constructor(outer: VariableWatcher | undefined) {
    this.#outer = outer;
  }

  read(variable: Variable): Memory | undefined {
    const shown = this.#outer?.read(variable);
    if (!this.before.has(variable) && !this.reads.has(variable)) {
      // A block around this one runs again: what it shows is gone by the time this one does.
      if (shown !== undefined) this.before.set(variable, untracked(variable, shown));
      else this.reads.set(variable, variable.version);
    }
    return shown;
  }

  assign(variable: Variable, value: Tensor): boolean {
    if (!this.before.has(variable)) {
      const shown = this.#outer?.read(variable);
      const old =
        shown === undefined
          ? new Tensor(variable.device, variable, copyOf(variable, variable.memory), { tracked: false })
          : untracked(variable, shown);
      this.before.set(variable, old);
    }
    return this.#outer?.assign(variable, value) ?? false;
  }
}

const untracked = (variable: Variable, memory: Memory) =>
  handleOn(variable.device, variable, memory, { tracked: false });

function copyOf(of: Tensor, memory: Memory): Memory {
  const { backend } = of.device;
  const { shape, dtype } = of;
  if (backend.snapshot !== undefined) return backend.snapshot(memory, { shape, dtype });
  const copy = backend.allocate({ shape, dtype }, `the old value of ${of.describe()}`);
  backend.copy(memory, copy, { shape, dtype });
  return copy;
}

/** Runs a block with Variables as they were, and keeps what it assigns to itself. */
function runAgain(
  fn: () => BlockResult,
  old: ReadonlyMap<Variable, Tensor>,
  reads: ReadonlyMap<Variable, number>,
): BlockResult {
  const outer = variableWatcher.value;
  for (const [variable, version] of reads) {
    if (old.has(variable) || outer?.read(variable) !== undefined || variable.version === version) continue;
    throw new GradientError(
      `checkpoint: ${variable.describe()} was assigned after the block read it, and running the block again needs its old value; assign it in the block itself, or after backward`,
    );
  }
  const shown = new Map<Variable, Memory>();
  const show = (variable: Variable, memory: Memory) => {
    const before = shown.get(variable);
    shown.set(variable, memory);
    before?.release();
  };
  for (const [variable, { memory }] of old) {
    memory.retain();
    show(variable, memory);
  }
  const watcher: VariableWatcher = {
    read: (variable) => shown.get(variable) ?? outer?.read(variable),
    assign: (variable, value) => {
      const { memory } = value;
      if (value instanceof Variable) show(variable, copyOf(value, memory));
      else {
        memory.retain();
        show(variable, memory);
      }
      return true;
    },
  };
  try {
    return variableWatcher.with(watcher, fn);
  } catch (error) {
    if (!(error instanceof DisposedError)) throw error;
    throw new DisposedError(
      `checkpoint: the block can't run again: ${error.message}. What it captures must live until backward; pass it as an argument instead`,
    );
  } finally {
    for (const memory of shown.values()) memory.release();
  }
}

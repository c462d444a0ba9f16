// The gradient tape: what was computed, in order, and who may ask for its gradients. Rules are data on the ops; the
// walk back through them is engine/autograd/walk.ts.

import { isFloat } from "../base/dtype.ts";
import { checkDifferentiable, checkOptions, GradientError, type OptionNames } from "../base/errors.ts";
import { currentScope } from "../base/name-scope.ts";
import { sameShape, showShape } from "../base/shape.ts";
import type { SourceLine } from "../base/source-line.ts";
import { add } from "../ops/elementwise/arithmetic.ts";
import { checkTensor } from "../tensor/arguments.ts";
import { full } from "../tensor/create.ts";
import type { Op } from "../tensor/op.ts";
import { type Recorder, recorders, withoutRecorder } from "../tensor/recording.ts";
import { scalar } from "../tensor/scalars.ts";
import { keep, tensorsIn } from "../tensor/scope.ts";
import { track } from "../tensor/scope-stack.ts";
import type { RecordedVariable, TapeNode } from "../tensor/tape-node.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Variable } from "../tensor/variable.ts";
import { Node } from "./node.ts";
import { closeTape, type OpenTape, openTape, tieToTape } from "./open-tapes.ts";
import { Walk, type WalkOptions } from "./walk.ts";

export interface TapeOptions {
  /** Keep every input and output for reading in {@link Tape.steps}, not only what backward needs. */
  retain?: boolean;
  /** Note the line of the program that called each op, a few microseconds an op; default: as `retain`. */
  sourceLines?: boolean;
  /** Watch trainable variables as soon as an op reads one; default true. */
  watchVariables?: boolean;
  /** @internal Made by a gradient function for itself: `backward` must not find it. */
  isPrivate?: boolean;
}

export const tapeOptions: OptionNames<TapeOptions> = {
  retain: true,
  sourceLines: true,
  watchVariables: true,
  isPrivate: true,
};

/** @internal What {@link Tape.pull} may be told. */
export interface PullOptions extends WalkOptions {
  /** Zeros, instead of an error, where a root does not depend on anything watched. */
  readonly allowsConstants?: boolean;
}

/** One gradient for each of several tensors, in their order: a tuple where they are one. */
export type Gradients<T extends readonly Tensor[]> = { -readonly [K in keyof T]: Tensor };

/** What gradient functions record on: a {@link Tape} but for what people call on theirs, which stays out of their bundles. */
export class GradientTape implements OpenTape {
  readonly #recorder: Recorder = {
    tape: this,
    // A block: source lines count frames, and JavaScriptCore drops the frame of a tail call.
    record: (...call) => {
      this.#recordCall(...call);
    },
    tracks: (tensor) => this.#isActive(tensor),
  };
  /** The recorded calls, oldest first. */
  readonly nodes: readonly TapeNode[];
  /** Names given by {@link Tape.name}, by the value's id. */
  readonly names: ReadonlyMap<number, string> = new Map();
  readonly #nodes: Node[] = [];
  readonly #active = new Set<number>();
  /** Values cut off by an op that has no gradient, with its node. */
  readonly #cuts = new Map<number, Node>();
  /** @internal Watched tensors and variables, by id: what has a gradient of its own. */
  readonly leaves = new Map<number, Tensor>();
  /** @internal Handles of values on the way that have hooks or retain their gradients. */
  readonly marked = new Map<number, Tensor>();
  /** By id: variables and views of them, which change when the variable is assigned. */
  readonly #views = new Map<number, RecordedVariable>();
  readonly #retain: boolean;
  readonly #captureSource: (() => SourceLine) | undefined;
  readonly #watchVariables: boolean;
  readonly #isPrivate: boolean;
  #isDisposed = false;

  /** @param captureSource tells the line that called the op being recorded, where the options ask for it */
  constructor(options: TapeOptions = {}, captureSource?: () => SourceLine) {
    checkOptions("Tape", options, tapeOptions);
    this.nodes = this.#nodes;
    this.#retain = options.retain ?? false;
    this.#captureSource = (options.sourceLines ?? this.#retain) ? captureSource : undefined;
    this.#watchVariables = options.watchVariables ?? true;
    this.#isPrivate = options.isPrivate ?? false;
    unowned.register(this, this.#nodes, this);
    if (!options.isPrivate) openTape(this);
  }

  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  /** Marks tensors as ones whose gradients will be asked for. Trainable variables need no marking. */
  watch(...tensors: Tensor[]): this {
    for (const tensor of tensors) {
      checkTensor("watch", tensor);
      if (!isFloat(tensor.dtype)) {
        throw new GradientError(`watch: ${tensor.describe()} has no gradient; only f32 tensors do`);
      }
      this.#active.add(tensor.id);
      this.leaves.set(tensor.id, tensor);
    }
    return this;
  }

  /** Runs `fn` and records every op in it that depends on something watched. */
  record<T>(fn: () => T): T {
    this.checkUsable("record");
    checkDifferentiable("Tape.record", fn);
    const result = recorders.with([...recorders.value, this.#recorder], fn);
    if (!this.#isPrivate) tieToTape(tensorsIn(result), this);
    return result;
  }

  /**
   * @internal Vector-Jacobian products: gradients of the sum of all <root, seed> with respect to `targets`. A root
   * without a seed must be a single value.
   */
  pull<T extends readonly Tensor[]>(
    roots: readonly Tensor[],
    seeds: readonly (Tensor | undefined)[],
    targets: T,
    options: PullOptions,
  ): Gradients<T> {
    const { what } = options;
    this.checkUsable(what);
    for (const target of targets) {
      if (!this.#active.has(target.id) && !(target instanceof Variable)) {
        throw new GradientError(
          `${what}: ${target.describe()} was not watched by this tape; call tape.watch(x) before recording`,
        );
      }
    }
    const wanted = new Set(targets.map((target) => target.id));
    const walk = this.walk(this.start(roots, seeds, options), { ...options, wanted }, this.#behind(wanted));
    try {
      walk.run();
      const gradients = targets.map((target) => {
        const found = walk.gradients.get(target.id);
        return found === undefined ? full(target.shape, 0, { device: target.device }) : track(found.alias());
      });
      return gradients as Gradients<T>;
    } finally {
      walk.dispose();
    }
  }

  /** Frees what the tape saved. Gradients can't be asked for afterwards. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    for (const node of this.#nodes) node.free();
    this.#nodes.length = 0;
    this.leaves.clear();
    this.marked.clear();
    unowned.unregister(this);
    if (!this.#isPrivate) closeTape(this);
  }

  /** @internal Whether a value on the tape can have a gradient with respect to `tensor`. */
  knows(tensor: Tensor): boolean {
    return this.#active.has(tensor.id);
  }

  /** @internal Looks at the handle's hooks in walks, and offers its gradient to {@link Tape.pullAll}. */
  mark(tensor: Tensor): void {
    if (!this.leaves.has(tensor.id)) this.marked.set(tensor.id, tensor);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #recordCall(op: Op, attrs: unknown, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
    let depends = false;
    for (const tensor of inputs) {
      if (this.#isActive(tensor)) {
        depends = true;
        if (tensor instanceof Variable && !this.leaves.has(tensor.id)) {
          this.#active.add(tensor.id);
          this.leaves.set(tensor.id, tensor);
        }
      }
      if (this.#cuts.size === 0) continue;
      const cut = this.#cuts.get(tensor.id);
      if (cut !== undefined) for (const out of outputs) this.#cuts.set(out.id, cut);
    }
    const behind = inputs.map((tensor) => this.#variableBehind(tensor));
    if (op.kernels === undefined) this.#noteViews(inputs, behind, outputs);
    if (!depends) return;
    const recorded = {
      index: this.#nodes.length,
      op,
      attrs,
      inputVariables: behind,
      source: this.#captureSource?.(),
      scope: currentScope(),
    };
    const node = new Node(recorded, inputs, outputs, this.#retain);
    this.#nodes.push(node);
    if ("notDifferentiable" in op.vjp) {
      for (const out of outputs) this.#cuts.set(out.id, node);
    } else {
      for (const out of outputs) if (isFloat(out.dtype)) this.#active.add(out.id);
    }
  }

  /** Whether the gradient of what reads `tensor` is wanted. */
  #isActive(tensor: Tensor): boolean {
    if (this.#active.has(tensor.id)) return true;
    return this.#watchVariables && tensor instanceof Variable && tensor.trainable && isFloat(tensor.dtype);
  }

  /** Outputs in the memory of a variable change with it. */
  #noteViews(
    inputs: readonly Tensor[],
    behind: readonly (RecordedVariable | undefined)[],
    outputs: readonly Tensor[],
  ): void {
    behind.forEach((variable, k) => {
      if (variable === undefined) return;
      for (const out of outputs) if (out.memory === inputs[k].memory) this.#views.set(out.id, variable);
    });
  }

  /** The variable whose memory a tensor shows, if any, and its version: itself, a view, or a tape's own handle. */
  #variableBehind(tensor: Tensor): RecordedVariable | undefined {
    const known = tensor instanceof Variable ? undefined : this.#views.get(tensor.id);
    if (known !== undefined) return known;
    // A view made before the tape began is known by what it shows.
    const variable = tensor instanceof Variable ? tensor : tensor.viewed;
    if (!(variable instanceof Variable)) return undefined;
    const saved = { variable, version: variable.version };
    this.#views.set(tensor.id, saved);
    return saved;
  }

  /** @internal A walk from gradients to start from, which it owns; the caller's to dispose. */
  walk(seeds: Map<number, Tensor>, options: WalkOptions, behind: ReadonlySet<number> = this.#active): Walk {
    return new Walk(
      {
        nodes: this.#nodes,
        cuts: this.#cuts,
        marked: this.marked,
        leaves: this.leaves,
        needs: (id) => behind.has(id),
        pull: gradientsOf,
        unseen: (fn) => withoutRecorder(this.#recorder, fn),
      },
      seeds,
      options,
    );
  }

  /** The values that depend on one of `targets`: no other's gradient leads to them. */
  #behind(targets: ReadonlySet<number>): ReadonlySet<number> {
    if ([...this.leaves.keys()].every((id) => targets.has(id))) return this.#active;
    const found = new Set(targets);
    for (const { inputIds, outputIds } of this.#nodes) {
      if (!inputIds.some((id) => found.has(id))) continue;
      for (const id of outputIds) if (this.#active.has(id)) found.add(id);
    }
    return found;
  }

  /** @internal The gradients that a walk starts from, by id; owned by the caller. */
  start(
    roots: readonly Tensor[],
    seeds: readonly (Tensor | undefined)[],
    { what, allowsConstants }: PullOptions,
  ): Map<number, Tensor> {
    const started = new Map<number, Tensor>();
    try {
      roots.forEach((root, i) => {
        const seed = seeds[i];
        this.#checkRoot(what, root, seed);
        if (!this.#active.has(root.id)) {
          if (allowsConstants) return;
          throw this.#notRecorded(what, root);
        }
        if (seed !== undefined && !isFloat(seed.dtype)) {
          throw new GradientError(
            `${what}: the seed is ${seed.describe()}; it must be f32, as gradients are`,
          );
        }
        const start = seed?.alias() ?? one(root);
        const before = started.get(root.id);
        if (before === undefined) {
          started.set(root.id, start);
          return;
        }
        started.set(root.id, keep(add(before, start)));
        before.dispose();
        start.dispose();
      });
    } catch (error) {
      for (const start of started.values()) start.dispose();
      throw error;
    }
    return started;
  }

  #checkRoot(what: string, loss: Tensor, seed: Tensor | undefined): void {
    loss.device.checkOpen(`${what}: the loss`);
    if (seed === undefined) {
      if (loss.size === 1) return;
      throw new GradientError(
        `${what}: the loss is ${loss.describe()}; gradients start from a single value. Reduce it with sum() or mean(), or pass a seed of its shape`,
      );
    }
    if (!sameShape(seed.shape, loss.shape)) {
      throw new GradientError(
        `${what}: the seed's shape ${showShape(seed.shape)} must equal the loss's ${showShape(loss.shape)}`,
      );
    }
  }

  #notRecorded(what: string, loss: Tensor): GradientError {
    const op = this.#cuts.get(loss.id)?.op;
    if (op !== undefined && "notDifferentiable" in op.vjp) {
      return new GradientError(
        `${what}: ${op.name}, on the way to the loss, is not differentiable: ${op.vjp.notDifferentiable}`,
      );
    }
    return new GradientError(
      `${what}: the loss does not depend on anything this tape watches; compute it inside tape.record() from watched tensors or trainable variables`,
    );
  }

  /** @internal */
  checkUsable(what: string): void {
    if (this.#isDisposed) throw new GradientError(`${what}: the tape was disposed; record on a new one`);
  }
}

/** Gradients of what `fn` computes, recorded on a tape of its own; zeros for inputs that it does not depend on. */
function gradientsOf(fn: () => Tensor, inputs: readonly Tensor[]): Tensor[] {
  const tape = new GradientTape({ watchVariables: false }).watch(...inputs);
  try {
    const value = tape.record(fn);
    return tape.pull([value], [undefined], inputs, { what: "gradient", allowsConstants: true });
  } finally {
    tape.dispose();
  }
}

/** Frees what tapes hold that were dropped without `dispose()`. */
const unowned = new FinalizationRegistry<Node[]>((nodes) => {
  for (const node of nodes) node.free();
});

/** The gradient of a single value with respect to itself. A kept constant where there is one: no step then uploads. */
function one(loss: Tensor): Tensor {
  return loss.rank === 0
    ? scalar(loss.device, 1, "f32").alias()
    : keep(full(loss.shape, 1, { device: loss.device }));
}

// The gradient tape: what was computed, in order, and the walk back through it. Rules are data on the ops; the
// tape only sums broadcasts, adds up contributions and frees what it held.

import { full } from "./create.ts";
import { isFloat } from "./dtype.ts";
import { GradientError } from "./errors.ts";
import { currentScope } from "./inspect/name-scope.ts";
import { nameValues, nodesBehind, rememberTape } from "./inspect/recorded.ts";
import { captureSource, type SourceLine } from "./inspect/source-line.ts";
import { TapeStep } from "./inspect/step.ts";
import type { Spec } from "./kernel.ts";
import type { Op, Vjp, VjpContext } from "./op.ts";
import { add } from "./ops/arithmetic.ts";
import { sum } from "./ops/reduce.ts";
import { reshape } from "./ops/reshape.ts";
import { type Recorder, withoutRecorder, withRecorder } from "./recording.ts";
import { keep, tidy, track } from "./scope.ts";
import { broadcastAxes, sameShape, showShape } from "./shape.ts";
import { Tensor } from "./tensor.ts";
import { Variable } from "./variable.ts";

export interface TapeOptions {
  /** Keep every input and output for reading in {@link Tape.steps}, not only what backward needs. */
  retain?: boolean;
  /** Note the line of the program that called each op, a few microseconds an op; default: as `retain`. */
  sourceLines?: boolean;
  /** Watch trainable variables as soon as an op reads one; default true. */
  watchVariables?: boolean;
}

/** One recorded call. */
export interface TapeNode {
  /** Position on the tape, from 0. */
  readonly index: number;
  readonly op: Op;
  readonly attrs: unknown;
  readonly inputIds: readonly number[];
  readonly outputIds: readonly number[];
  readonly inputSpecs: readonly Spec[];
  readonly outputSpecs: readonly Spec[];
  /** Handles held by the tape: all of them with `retain`, else what the op's backward rule saves. */
  readonly inputs: readonly (Tensor | undefined)[];
  readonly outputs: readonly (Tensor | undefined)[];
  /** By input: the variable whose memory it shows, if any, as it was at the call. */
  readonly inputVariables: readonly (RecordedVariable | undefined)[];
  /** The line that called the op, where the tape notes lines. */
  readonly source: SourceLine | undefined;
  /** Names of the layers around the call, `outer/inner`; "" outside of all. */
  readonly scope: string;
}

export interface StepOptions {
  /** `"backward"` (the default) walks from the loss, `"forward"` to it, in the order of recording. */
  direction?: "forward" | "backward";
  /** Backward: the gradient of the loss to start from; default 1. */
  seed?: Tensor;
}

/** One node of the backward walk. The tensors stay valid until the walk goes on. */
interface BackwardStep {
  readonly node: Node;
  /** Gradient of the loss with respect to each output, null where the loss does not depend on it. */
  readonly outputGradients: readonly (Tensor | null)[];
  /** What this node contributes to the gradient of each input, null where none flows. */
  readonly inputGradients: readonly (Tensor | null)[];
}

/** A variable at the time of a call. */
export interface RecordedVariable {
  readonly variable: Variable;
  readonly version: number;
}

type Node = TapeNode;

/**
 * Records ops and gives gradients of what they computed.
 *
 *     const tape = new Tape();
 *     const loss = tape.record(() => mean(square(sub(matmul(x, w), y))));
 *     const [dw] = tape.gradient(loss, [w]);
 *     tape.dispose();
 */
export class Tape {
  readonly #recorder: Recorder = {
    // A block: source lines count frames, and JavaScriptCore drops the frame of a tail call.
    record: (...call) => {
      this.#recordCall(...call);
    },
  };
  readonly #nodes: Node[] = [];
  readonly #active = new Set<number>();
  /** Values cut off by an op that has no gradient, with that op. */
  readonly #blocked = new Map<number, Op>();
  /** By id: variables and views of them, which change when the variable is assigned. */
  readonly #views = new Map<number, RecordedVariable>();
  readonly #names = new Map<number, string>();
  readonly #retain: boolean;
  readonly #sourceLines: boolean;
  readonly #watchVariables: boolean;
  #isDisposed = false;

  constructor(options: TapeOptions = {}) {
    this.#retain = options.retain ?? false;
    this.#sourceLines = options.sourceLines ?? this.#retain;
    this.#watchVariables = options.watchVariables ?? true;
  }

  /** The recorded calls, oldest first. */
  get nodes(): readonly TapeNode[] {
    return this.#nodes;
  }

  /** Names given with {@link name}, by the value's id. */
  get names(): ReadonlyMap<number, string> {
    return this.#names;
  }

  /** Names values for steps, explain and diagrams: `tape.name({ x, target })`. Any value, at any time. */
  name(values: Readonly<Record<string, Tensor>>): this {
    for (const [name, tensor] of Object.entries(values)) this.#names.set(tensor.id, name);
    return this;
  }

  /**
   * Marks tensors as ones whose gradients will be asked for; `watch({ x })` names them too. Trainable variables need
   * no marking.
   */
  watch(...tensors: Tensor[] | [Readonly<Record<string, Tensor>>]): this {
    const [first] = tensors;
    if (first !== undefined && !(first instanceof Tensor)) {
      return this.name(first).watch(...Object.values(first));
    }
    for (const tensor of tensors as Tensor[]) {
      if (!isFloat(tensor.dtype)) {
        throw new GradientError(`watch: ${tensor.describe()} has no gradient; only f32 tensors do`);
      }
      this.#active.add(tensor.id);
    }
    return this;
  }

  /** Runs `fn` and records every op in it that depends on something watched. */
  record<T>(fn: () => T): T {
    this.#checkUsable("record");
    const result = withRecorder(this.#recorder, fn);
    rememberTape(result, this);
    return result;
  }

  /** Gradients of the scalar `loss` with respect to `targets`: zeros for those it does not depend on. */
  gradient(loss: Tensor, targets: readonly Tensor[], options: { seed?: Tensor } = {}): Tensor[] {
    for (const target of targets) {
      if (!this.#active.has(target.id) && !(target instanceof Variable)) {
        throw new GradientError(
          `gradient: ${target.describe()} was not watched by this tape; call tape.watch(x) before recording`,
        );
      }
    }
    const gradients = this.#start(loss, options.seed);
    const wanted = new Set(targets.map((target) => target.id));
    try {
      for (const _ of this.#walk(gradients, wanted)) {
        // The walk itself fills `gradients`.
      }
      return targets.map((target) => {
        const found = gradients.get(target.id);
        const result = found === undefined ? full(target.shape, 0, { device: loss.device }) : found.alias();
        if (found !== undefined) track(result);
        return result;
      });
    } finally {
      for (const gradient of gradients.values()) gradient.dispose();
    }
  }

  /**
   * Walks back from `loss`, node by node: each step shows an op's inputs, outputs, incoming and outgoing
   * gradients before the walk goes on. Breaking out of the loop frees what it held. With `direction: "forward"`, walks
   * the nodes that the loss depends on in the order of recording, without gradients.
   */
  *steps(loss: Tensor, options: StepOptions = {}): Generator<TapeStep, void, void> {
    const gradients = this.#start(loss, options.seed);
    try {
      const values = nameValues(this, loss.device);
      if (options.direction === "forward") {
        for (const node of nodesBehind(this.#nodes, loss.id)) yield new TapeStep("forward", node, values);
        return;
      }
      for (const { node, outputGradients, inputGradients } of this.#walk(gradients, new Set())) {
        yield new TapeStep("backward", node, values, outputGradients, inputGradients);
      }
    } finally {
      for (const gradient of gradients.values()) gradient.dispose();
    }
  }

  /** Frees what the tape saved. Gradients can't be asked for afterwards. */
  dispose(): void {
    this.#isDisposed = true;
    for (const node of this.#nodes) {
      for (const tensor of node.inputs) tensor?.dispose();
      for (const tensor of node.outputs) tensor?.dispose();
    }
    this.#nodes.length = 0;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #recordCall(op: Op, attrs: unknown, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
    let depends = false;
    const behind = inputs.map((tensor) => this.#variableBehind(tensor));
    for (const tensor of inputs) {
      if (this.#watchVariables && tensor instanceof Variable && tensor.trainable && isFloat(tensor.dtype)) {
        this.#active.add(tensor.id);
      }
      if (this.#active.has(tensor.id)) depends = true;
      const blocker = this.#blocked.get(tensor.id);
      if (blocker !== undefined) for (const out of outputs) this.#blocked.set(out.id, blocker);
    }
    const isView = op.kernels === undefined && op.compose === undefined;
    const viewed = isView ? behind[0] : undefined;
    if (viewed !== undefined) for (const out of outputs) this.#views.set(out.id, viewed);
    if (!depends) return;
    if ("notDifferentiable" in op.vjp) {
      for (const out of outputs) this.#blocked.set(out.id, op);
      return;
    }
    const savesInput = (i: number) => this.#retain || (op.saves.inputs?.includes(i) ?? false);
    const savesOutput = (i: number) => this.#retain || (op.saves.outputs?.includes(i) ?? false);
    for (const out of outputs) if (isFloat(out.dtype)) this.#active.add(out.id);
    this.#nodes.push({
      index: this.#nodes.length,
      op,
      attrs,
      inputIds: inputs.map((tensor) => tensor.id),
      outputIds: outputs.map((tensor) => tensor.id),
      inputSpecs: inputs.map(({ shape, dtype }) => ({ shape, dtype })),
      outputSpecs: outputs.map(({ shape, dtype }) => ({ shape, dtype })),
      inputs: inputs.map((tensor, i) => (savesInput(i) ? tensor.alias() : undefined)),
      outputs: outputs.map((tensor, i) => (savesOutput(i) ? tensor.alias() : undefined)),
      inputVariables: behind,
      source: this.#sourceLines ? captureSource() : undefined,
      scope: currentScope(),
    });
  }

  /** The variable whose memory a tensor shows, if any, and its version: itself, a view, or a tape's own handle. */
  #variableBehind(tensor: Tensor): RecordedVariable | undefined {
    if (!(tensor instanceof Variable)) return this.#views.get(tensor.id);
    const saved = { variable: tensor, version: tensor.version };
    this.#views.set(tensor.id, saved);
    return saved;
  }

  #start(loss: Tensor, seed: Tensor | undefined): Map<number, Tensor> {
    this.#checkUsable("gradient");
    if (seed === undefined && loss.size !== 1) {
      throw new GradientError(
        `gradient: the loss is ${loss.describe()}; gradients start from a single value. Reduce it with sum() or mean(), or pass a seed of its shape`,
      );
    }
    if (seed !== undefined && !sameShape(seed.shape, loss.shape)) {
      throw new GradientError(
        `gradient: the seed's shape ${showShape(seed.shape)} must equal the loss's ${showShape(loss.shape)}`,
      );
    }
    if (!this.#active.has(loss.id)) {
      const op = this.#blocked.get(loss.id);
      if (op !== undefined) {
        throw new GradientError(
          `gradient: ${op.name}, on the way to the loss, is not differentiable: ${blockReason(op)}`,
        );
      }
      throw new GradientError(
        "gradient: the loss does not depend on anything this tape watches; compute it inside tape.record() from watched tensors or trainable variables",
      );
    }
    if (seed !== undefined && !isFloat(seed.dtype)) {
      throw new GradientError(`gradient: the seed is ${seed.describe()}; it must be f32, as gradients are`);
    }
    // A kept constant where there is one: a step then uploads nothing.
    const one = () =>
      loss.rank === 0
        ? loss.device.constant(1, "f32").alias()
        : keep(full(loss.shape, 1, { device: loss.device }));
    const start = seed?.alias() ?? one();
    return new Map([[loss.id, start]]);
  }

  *#walk(gradients: Map<number, Tensor>, wanted: ReadonlySet<number>): Generator<BackwardStep, void, void> {
    for (let i = this.#nodes.length - 1; i >= 0; i--) {
      const node = this.#nodes[i];
      if (!node.outputIds.some((id) => gradients.has(id))) continue;
      const outputGradients = node.outputIds.map((id) => gradients.get(id) ?? null);
      const inputGradients = withoutRecorder(this.#recorder, () => this.#pullBack(node, outputGradients));
      let goesOn = false;
      try {
        yield { node, outputGradients, inputGradients };
        goesOn = true;
      } finally {
        // A loop that breaks or throws ends the generator here, without an error of its own.
        if (!goesOn) for (const gradient of inputGradients) gradient?.dispose();
      }
      for (const id of node.outputIds) {
        if (wanted.has(id)) continue;
        gradients.get(id)?.dispose();
        gradients.delete(id);
      }
      withoutRecorder(this.#recorder, () => {
        inputGradients.forEach((gradient, k) => {
          if (gradient !== null) accumulate(gradients, node.inputIds[k], gradient);
        });
      });
    }
  }

  /** The node's contribution to each input's gradient, summed to the input's shape and owned by the caller. */
  #pullBack(node: Node, outputGradients: readonly (Tensor | null)[]): (Tensor | null)[] {
    const produced = tidy(() => {
      const context = this.#context(node, outputGradients);
      const raw = (node.op.vjp as Vjp)(context);
      return node.inputIds.map((_, k) => {
        const gradient = raw[k] ?? null;
        if (gradient === null || !context.needs(k)) return null;
        const summed = sumTo(gradient, node.inputSpecs[k].shape);
        // A rule may hand on an incoming gradient as it is: give the contribution a handle of its own.
        const own = summed.alias();
        track(own);
        return own;
      });
    });
    for (const gradient of produced) if (gradient !== null) keep(gradient);
    return produced;
  }

  #context(node: Node, outputGradients: readonly (Tensor | null)[]): VjpContext {
    const op = node.op;
    return {
      attrs: node.attrs,
      inputSpecs: node.inputSpecs,
      outputSpecs: node.outputSpecs,
      hasGrad: (index) => outputGradients[index] !== null,
      needs: (index) => this.#active.has(node.inputIds[index]),
      grad: (index = 0) =>
        outputGradients[index] ??
        full(node.outputSpecs[index].shape, 0, { device: outputGradients.find((g) => g !== null)!.device }),
      input: (index) => {
        const saved = node.inputVariables[index];
        if (saved !== undefined && saved.variable.version !== saved.version) {
          throw new GradientError(
            `gradient: ${saved.variable.describe()} was assigned after ${op.name} read it, and its old value is needed; take gradients before assigning`,
          );
        }
        return node.inputs[index] ?? notSaved(op, "input", index);
      },
      output: (index = 0) => node.outputs[index] ?? notSaved(op, "output", index),
    };
  }

  #checkUsable(what: string): void {
    if (this.#isDisposed) throw new GradientError(`${what}: the tape was disposed; record on a new one`);
  }
}

function notSaved(op: Op, what: string, index: number): never {
  throw new GradientError(
    `${op.name}: its backward rule reads ${what} ${index}, which its "saves" does not list`,
  );
}

function blockReason(op: Op): string {
  return "notDifferentiable" in op.vjp ? op.vjp.notDifferentiable : "";
}

function accumulate(gradients: Map<number, Tensor>, id: number, contribution: Tensor): void {
  const existing = gradients.get(id);
  if (existing === undefined) {
    gradients.set(id, contribution);
    return;
  }
  gradients.set(id, keep(add(existing, contribution)));
  existing.dispose();
  contribution.dispose();
}

/** Sums `gradient` over the axes along which a tensor of `shape` was broadcast. */
function sumTo(gradient: Tensor, shape: Spec["shape"]): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient;
  const axes = broadcastAxes(shape, gradient.shape);
  const summed = axes.length === 0 ? gradient : sum(gradient, axes);
  return reshape(summed, shape);
}

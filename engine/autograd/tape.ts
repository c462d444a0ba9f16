// Tape: the gradient tape as people use it, which shows its steps too.

import { checkOptions, isPromise, type OptionNames } from "../base/errors.ts";
import { captureSource } from "../base/source-line.ts";
import { checkTensor, checkTensors, notTensor } from "../tensor/arguments.ts";
import { full } from "../tensor/create.ts";
import { keep } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type Gradients, GradientTape, type TapeOptions } from "./gradient-tape.ts";
import { nameValues, nodesBehind } from "./recorded.ts";
import { TapeStep } from "./step.ts";
import { stepsOf, type WalkOptions } from "./walk.ts";

export interface StepOptions {
  /** `"backward"` (the default) walks from the loss, `"forward"` to it, in the order of recording. */
  direction?: "forward" | "backward";
  /** Backward: the gradient of the loss to start from; default 1. */
  seed?: Tensor;
}

const stepOptions: OptionNames<StepOptions> = { direction: true, seed: true };

interface GradientOptions {
  /** The gradient of the loss to start from; default 1. */
  seed?: Tensor;
}

const gradientOptions: OptionNames<GradientOptions> = { seed: true };

/**
 * Records ops and gives gradients of what they computed.
 *
 *     const tape = new Tape();
 *     const loss = tape.record(() => mean(square(sub(matmul(x, w), y))));
 *     const [dw] = tape.gradient(loss, [w]);
 *     tape.dispose();
 *
 * What its results are computed from is kept until `dispose()`, or until `backward(loss)` has walked over it.
 */
export class Tape extends GradientTape {
  override readonly names = new Map<number, string>();

  constructor(options: TapeOptions = {}) {
    super(options, captureSource);
  }

  /** Names values for steps, explain and diagrams: `tape.name({ x, target })`. Any value, at any time. */
  name(values: Readonly<Record<string, Tensor>>): this {
    for (const [name, tensor] of Object.entries(values)) {
      if (!(tensor instanceof Tensor))
        throw notTensor("Tape.name", tensor, `the value of "${name}"`, "a Tensor");
      this.names.set(tensor.id, name);
    }
    return this;
  }

  /**
   * Marks tensors as ones whose gradients will be asked for; `watch({ x })` names them too. Trainable variables need
   * no marking.
   */
  override watch(...tensors: Tensor[] | [Readonly<Record<string, Tensor>>]): this {
    const [first] = tensors;
    if (first === undefined || first instanceof Tensor) return super.watch(...(tensors as Tensor[]));
    const isRecord =
      typeof first === "object" && first !== null && !Array.isArray(first) && !isPromise(first);
    if (!isRecord) checkTensor("watch", first);
    return this.name(first).watch(...Object.values(first));
  }

  /** Gradients of the scalar `loss` with respect to `targets`: zeros for those it does not depend on. */
  gradient<const T extends readonly Tensor[]>(
    loss: Tensor,
    targets: T,
    options: GradientOptions = {},
  ): Gradients<T> {
    checkOptions("Tape.gradient", options, gradientOptions);
    checkTensor("Tape.gradient", loss);
    checkTensors("Tape.gradient", targets, 2);
    return this.pull([loss], [options.seed], targets, { what: "gradient" });
  }

  /**
   * @internal Gradients of `loss` with respect to every leaf and marked value that it depends on, handed to `take`
   * when all are known; `take` owns them. Where the loss depends on one through flat functions only (floor, sign), they
   * are zeros.
   */
  pullAll(
    loss: Tensor,
    seed: Tensor | undefined,
    wanted: (value: Tensor, isLeaf: boolean) => boolean,
    take: (value: Tensor, gradient: Tensor) => void,
    options: WalkOptions,
  ): void {
    this.checkUsable(options.what);
    const taken = [...this.leaves, ...this.marked].filter(([id, value]) =>
      wanted(value, this.leaves.has(id)),
    );
    const ids = new Set(taken.map(([id]) => id));
    const walk = this.walk(this.start([loss], [seed], options), { ...options, wanted: ids });
    try {
      walk.run();
      const isMissing = taken.some(([id]) => !walk.gradients.has(id));
      const behindLoss = isMissing ? this.#behindRoot(loss.id) : undefined;
      for (const [id, value] of taken) {
        const gradient = walk.gradients.get(id);
        if (gradient !== undefined) take(value, gradient.alias());
        else if (behindLoss?.has(id)) take(value, keep(full(value.shape, 0, { device: value.device })));
      }
    } finally {
      walk.dispose();
    }
  }

  /**
   * Walks back from `loss`, node by node: each step shows an op's inputs, outputs, incoming and outgoing
   * gradients before the walk goes on. Breaking out of the loop frees what it held. With `direction: "forward"`, walks
   * the nodes that the loss depends on in the order of recording, without gradients.
   */
  *steps(loss: Tensor, options: StepOptions = {}): Generator<TapeStep, void, void> {
    checkOptions("Tape.steps", options, stepOptions);
    checkTensor("Tape.steps", loss);
    const what = "steps";
    this.checkUsable(what);
    const walk = this.walk(this.start([loss], [options.seed], { what }), { what });
    try {
      const values = nameValues(this, loss.device);
      if (options.direction === "forward") {
        for (const node of nodesBehind(this.nodes, loss.id)) yield new TapeStep("forward", node, values);
        return;
      }
      for (const { node, outputGradients, inputGradients } of stepsOf(walk)) {
        yield new TapeStep("backward", node, values, outputGradients, inputGradients);
      }
    } finally {
      walk.dispose();
    }
  }

  /** The values that `root` depends on by ops that have a gradient, be it 0. */
  #behindRoot(root: number): ReadonlySet<number> {
    const found = new Set([root]);
    for (let i = this.nodes.length - 1; i >= 0; i--) {
      const { op, inputIds, outputIds } = this.nodes[i];
      if ("notDifferentiable" in op.vjp || !outputIds.some((id) => found.has(id))) continue;
      for (const id of inputIds) found.add(id);
    }
    return found;
  }
}

// Bidirectional: a recurrent layer and one like it that goes the other way.

import { ArgumentError, add, concat, mul, type Tensor } from "../../../engine/index.ts";
import { choiceOf, kindOf } from "../../../engine/internal.ts";
import type { CallContext } from "../call-context.ts";
import { Layer, type LayerOptions } from "../layer.ts";
import type { SampleSpec } from "../spec.ts";
import type { Weights } from "../weights.ts";
import { firstOf, listOf, type RecurrentInput, RecurrentLayer } from "./recurrent-layer.ts";
import { SimpleRNN } from "./simple-rnn.ts";

export interface BidirectionalOptions extends LayerOptions {
  /** How what both give is put together; null gives both: `[forward, backward]`. Default "concat", along the last axis. */
  mergeMode?: "concat" | "sum" | "mul" | "ave" | null;
  /** What goes backwards; default: a layer like the first, with weights of its own. */
  backwardLayer?: RecurrentLayer;
}

const modes = ["concat", "sum", "mul", "ave"] as const;

/**
 * Runs a recurrent layer over the sequence in both directions. Sequences come out in the order of time; with the layer's
 * `returnState` the states of the first follow, then those of the second. Initial states are given in that order.
 */
export class Bidirectional extends Layer<
  // biome-ignore lint/suspicious/noExplicitAny: one tensor or several, by the options
  any,
  // biome-ignore lint/suspicious/noExplicitAny: one tensor or several, by the options
  any
> {
  static override readonly positional = ["layer"];
  static override readonly samples = () => [
    { make: () => new Bidirectional(new SimpleRNN(4, { returnSequences: true })), shape: [3, 4, 5] },
  ];
  readonly layer: RecurrentLayer;
  readonly backwardLayer: RecurrentLayer;
  readonly mergeMode: (typeof modes)[number] | null;

  constructor(layer: RecurrentLayer, options: BidirectionalOptions = {}) {
    if (!(layer instanceof RecurrentLayer)) {
      throw new ArgumentError(
        `Bidirectional: takes a recurrent layer, as new LSTM(64), got ${kindOf(layer)}`,
      );
    }
    const { mergeMode = "concat", backwardLayer } = options;
    if (mergeMode !== null) choiceOf("mergeMode", mergeMode, modes);
    if (backwardLayer !== undefined) checkPair(layer, backwardLayer);
    super("Bidirectional", options, { mergeMode: true, backwardLayer: true });
    this.layer = layer;
    this.backwardLayer = backwardLayer ?? layer.backwards();
    this.mergeMode = mergeMode;
    layer.inOrder();
    this.backwardLayer.inOrder();
  }

  override outputSpec(inputs: SampleSpec | readonly SampleSpec[]): SampleSpec | readonly SampleSpec[] {
    const [there, back] = this.#split(inputs);
    const [forward, ...states] = listOf(this.layer.outputSpec(there));
    const [backward, ...others] = listOf(this.backwardLayer.outputSpec(back));
    const width = (forward.shape.at(-1) as number) + (backward.shape.at(-1) as number);
    const merged: SampleSpec[] =
      this.mergeMode === null
        ? [forward, backward]
        : [
            this.mergeMode === "concat"
              ? { ...forward, shape: [...forward.shape.slice(0, -1), width] }
              : forward,
          ];
    const all = [...merged, ...states, ...others];
    return all.length === 1 ? all[0] : all;
  }

  protected override createWeights(inputs: SampleSpec | readonly SampleSpec[], weights: Weights): void {
    const [there, back] = this.#split(inputs);
    weights.inner("forward", this.layer, there as SampleSpec);
    weights.inner("backward", this.backwardLayer, back as SampleSpec);
  }

  protected override outputMask(
    _inputs: RecurrentInput,
    mask: CallContext["mask"],
    outputs: Tensor | readonly Tensor[],
  ): CallContext["mask"] {
    const own = firstOf(mask);
    const given = this.layer.returnSequences ? own : undefined;
    const merged = this.mergeMode === null ? 2 : 1;
    return Array.isArray(outputs) ? outputs.map((_, i) => (i < merged ? given : undefined)) : given;
  }

  protected forward(inputs: RecurrentInput, { mask }: CallContext): Tensor | readonly Tensor[] {
    const [there, back] = this.#split(inputs);
    const own = firstOf(mask);
    const maskFor = (given: RecurrentInput) =>
      own === undefined
        ? undefined
        : Array.isArray(given)
          ? given.map((_, i) => (i === 0 ? own : undefined))
          : own;
    const [forward, ...states] = listOf<Tensor>(this.layer.call(there, { mask: maskFor(there) }));
    const [backward, ...others] = listOf<Tensor>(this.backwardLayer.call(back, { mask: maskFor(back) }));
    const all = [...this.#merge(forward, backward), ...states, ...others];
    return all.length === 1 ? all[0] : all;
  }

  #merge(forward: Tensor, backward: Tensor): Tensor[] {
    switch (this.mergeMode) {
      case "concat":
        return [concat([forward, backward], -1)];
      case "sum":
        return [add(forward, backward)];
      case "mul":
        return [mul(forward, backward)];
      case "ave":
        return [mul(add(forward, backward), 0.5)];
      default:
        return [forward, backward];
    }
  }

  /** The sequence for each of the two, with the states that it begins with. */
  #split<T>(inputs: T | readonly T[]): [T | readonly T[], T | readonly T[]] {
    const [x, ...states] = listOf(inputs);
    if (states.length === 0) return [x, x];
    const count = this.layer.cell.stateSizes.length;
    return [
      [x, ...states.slice(0, count)],
      [x, ...states.slice(count)],
    ];
  }
}

function checkPair(layer: RecurrentLayer, other: RecurrentLayer): void {
  if (!(other instanceof RecurrentLayer))
    throw new ArgumentError(`Bidirectional: backwardLayer must be a recurrent layer, got ${kindOf(other)}`);
  if (other.goBackwards === layer.goBackwards) {
    throw new ArgumentError(
      `Bidirectional: both layers have goBackwards: ${layer.goBackwards}; one must go forwards and one backwards`,
    );
  }
  for (const name of ["returnSequences", "returnState"] as const) {
    if (other[name] !== layer[name])
      throw new ArgumentError(
        `Bidirectional: ${name} is ${layer[name]} of the layer and ${other[name]} of its backwardLayer; it must be the same`,
      );
  }
}

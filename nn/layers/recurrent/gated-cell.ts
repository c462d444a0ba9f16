// GatedCell: what SimpleRNN's, LSTM's and GRU's cells have in common: weights, their options, and dropout.

import {
  add,
  noGrad,
  randomBernoulli,
  reshape,
  type Shape,
  type Tensor,
  tidy,
  type Variable,
  where,
} from "../../../engine/index.ts";
import { advance, atLeastOne, belowOne } from "../../../engine/internal.ts";
import * as activations from "../activations.ts";
import type { CallContext } from "../call-context.ts";
import type { ConstraintLike } from "../constraints.ts";
import { type Initializer, orthogonal } from "../initializers.ts";
import type { LayerOptions, OwnLayerOptions } from "../layer.ts";
import type { RegularizerLike } from "../regularizers.ts";
import { featuresOf, type SampleSpec } from "../spec.ts";
import {
  type BiasOptions,
  biasOptions,
  type KernelOptions,
  kernelOptions,
  rulesOf,
  type WeightRules,
} from "../weight-options.ts";
import type { Weights } from "../weights.ts";
import { dropped, RecurrentCell, type Sequence, type SequenceResults } from "./cell.ts";

/** A sequence, and what multiplies the state [batch, units]; undefined where nothing of it is dropped. */
export interface DroppedSequence extends Sequence {
  readonly stateMask: Tensor | undefined;
}

export interface CellOptions extends LayerOptions, KernelOptions, BiasOptions {
  /** By name or as a function; default "tanh". */
  activation?: string | activations.ActivationFunction | null;
  /** Default "orthogonal". */
  recurrentInitializer?: string | Initializer;
  /** A penalty on the recurrent kernel that is added to the loss: "l2", an object or a function. */
  recurrentRegularizer?: RegularizerLike | null;
  /** What the recurrent kernel becomes after each update: "maxNorm", an object or a function. */
  recurrentConstraint?: ConstraintLike | null;
  /** Share of the inputs' features to leave out in training, the same ones at all steps of a sequence. Default 0. */
  dropout?: number;
  /** Share of the state to leave out in training, the same numbers at all steps of a sequence. Default 0. */
  recurrentDropout?: number;
  /** Fixes what is dropped, whatever the device's seed. */
  seed?: number;
}

export interface GateOptions {
  /** Of the gates, by name or as a function; default "sigmoid". */
  recurrentActivation?: string | activations.ActivationFunction | null;
}

export const cellOptions: OwnLayerOptions<CellOptions> = {
  ...kernelOptions,
  ...biasOptions,
  activation: true,
  recurrentInitializer: true,
  recurrentRegularizer: true,
  recurrentConstraint: true,
  dropout: true,
  recurrentDropout: true,
  seed: true,
};

export abstract class GatedCell extends RecurrentCell {
  static override readonly positional = ["units"];
  readonly units: number;
  readonly activation: activations.NamedActivation;
  readonly useBias: boolean;
  readonly dropout: number;
  readonly recurrentDropout: number;
  readonly seed: number | undefined;
  readonly #gates: number;
  readonly #rules: Readonly<Record<"kernel" | "recurrent" | "bias", WeightRules>>;
  #kernel: Variable | undefined;
  #recurrentKernel: Variable | undefined;
  #bias: Variable | undefined;
  #dropState: Variable | undefined;

  protected constructor(
    type: string,
    units: number,
    gates: number,
    options: CellOptions,
    own: Readonly<Record<string, true>> = {},
  ) {
    atLeastOne(type, "units", units);
    const activation = activations.get(options.activation ?? "tanh");
    const rules = {
      kernel: rulesOf("kernel", options, "glorotUniform"),
      recurrent: rulesOf("recurrent", options, orthogonal()),
      bias: rulesOf("bias", options),
    };
    const dropout = belowOne(type, "dropout", options.dropout ?? 0);
    const recurrentDropout = belowOne(type, "recurrentDropout", options.recurrentDropout ?? 0);
    super(type, options, { ...cellOptions, ...own });
    this.units = units;
    this.#gates = gates;
    this.activation = activation;
    this.useBias = options.useBias ?? true;
    this.dropout = dropout;
    this.recurrentDropout = recurrentDropout;
    this.seed = options.seed;
    this.#rules = rules;
  }

  get stateSizes(): readonly number[] {
    return [this.units];
  }

  /** [features, gates · units], the gates one after the other; undefined until built. */
  get kernel(): Variable | undefined {
    return this.#kernel;
  }

  /** [units, gates · units]; undefined until built. */
  get recurrentKernel(): Variable | undefined {
    return this.#recurrentKernel;
  }

  /** Undefined until built, and without a bias. */
  get bias(): Variable | undefined {
    return this.#bias;
  }

  override outputSpec(inputs: readonly SampleSpec[]): readonly SampleSpec[] {
    featuresOf(this.describe(), inputs[0]);
    const sizes = [this.units, ...this.stateSizes];
    return sizes.map((size) => ({ shape: [size], dtype: "f32" }));
  }

  /** Of the bias. */
  protected get biasShape(): Shape {
    return [this.#gates * this.units];
  }

  /** How the bias starts. */
  protected biasInitializer(given: Initializer): Initializer {
    return given;
  }

  protected override createWeights([input]: readonly SampleSpec[], weights: Weights): void {
    const { kernel, recurrent, bias } = this.#rules;
    const width = this.#gates * this.units;
    const features = featuresOf(this.describe(), input);
    this.#kernel = weights.add("kernel", [features, width], kernel.initializer, kernel);
    this.#recurrentKernel = weights.add(
      "recurrentKernel",
      [this.units, width],
      recurrent.initializer,
      recurrent,
    );
    if (this.useBias)
      this.#bias = weights.add("bias", this.biasShape, this.biasInitializer(bias.initializer), bias);
    if (this.dropout > 0 || this.recurrentDropout > 0)
      this.#dropState = weights.random("dropState", this.seed);
  }

  protected forward([x, ...states]: readonly Tensor[], { training }: CallContext): readonly Tensor[] {
    const rows = x.shape[0];
    const { outputs, states: next } = this.sequence({
      x: reshapeToStep(x),
      states,
      mask: undefined,
      training,
      reverse: false,
    });
    return [reshapeFromStep(outputs, rows), ...next];
  }

  override sequence(sequence: Sequence): SequenceResults {
    const { x, states, training } = sequence;
    const inputMask = this.#mask([x.shape[0], 1, x.shape[2]], this.dropout, training);
    const stateMask = this.#mask(states[0].shape, this.recurrentDropout, training);
    return this.run({ ...sequence, x: dropped(x, inputMask), stateMask });
  }

  /** Over all steps, what is dropped of the inputs dropped already. */
  protected abstract run(sequence: DroppedSequence): SequenceResults;

  /** 0 for what is dropped, 1 / (1 - rate) for the rest. */
  #mask(shape: Shape, rate: number, training: boolean): Tensor | undefined {
    const state = this.#dropState;
    if (!training || rate === 0 || state === undefined) return undefined;
    return noGrad(() =>
      tidy(() => {
        const next = advance(state);
        const kept = randomBernoulli(next, shape, { probability: 1 - rate });
        state.assign(next);
        return where(kept, rate === 1 ? 0 : 1 / (1 - rate), 0);
      }),
    );
  }
}

const reshapeToStep = (x: Tensor): Tensor => reshape(x, [x.shape[0], 1, x.shape[1]]);
const reshapeFromStep = (outputs: Tensor, rows: number): Tensor => reshape(outputs, [rows, outputs.shape[2]]);

/** A sum, where there is a second part. */
export const plus = (x: Tensor, y: Tensor | undefined): Tensor => (y === undefined ? x : add(x, y));

// Attention and AdditiveAttention: queries attend to values by scores of their own, without projections.

import {
  add,
  div,
  dropout,
  equal,
  exp,
  logicalAnd,
  matmul,
  max,
  mul,
  noGrad,
  notEqual,
  ones,
  reshape,
  sub,
  sum,
  type Tensor,
  tanh,
  tril,
  type Variable,
  where,
} from "../../../engine/index.ts";
import {
  type AttentionAttrs,
  advanced,
  attention,
  attentionByOps,
  belowOne,
  choiceOf,
} from "../../../engine/internal.ts";
import type { CallContext } from "../call-context.ts";
import * as initializers from "../initializers.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import { featuresOf, type SampleSpec } from "../spec.ts";
import type { Weights } from "../weights.ts";
import {
  type AttentionInput,
  besideSequence,
  both,
  checkSequences,
  masksIn,
  type Parts,
  partsOf,
  seenBy,
} from "./inputs.ts";

interface ScoredOptions extends LayerOptions {
  /** The share of attention weights that training leaves out; default 0. */
  dropout?: number;
  /** Fixes what dropout draws. */
  seed?: number;
  /** Whether a step sees no later ones, as Keras's argument of `call`; default false. */
  useCausalMask?: boolean;
  /** Whether the weights, [batch, queries, keys], come out, too: `[output, weights]`, by a cast; default false. */
  returnAttentionScores?: boolean;
}

const scoredOptions: OwnLayerOptions<ScoredOptions> = {
  dropout: true,
  seed: true,
  useCausalMask: true,
  returnAttentionScores: true,
};

/** What both have in common: masks, dropout and weights of values. */
abstract class ScoredAttention extends Layer<AttentionInput, Tensor> {
  readonly dropout: number;
  readonly seed: number | undefined;
  readonly useCausalMask: boolean;
  readonly returnAttentionScores: boolean;
  #state: Variable | undefined;

  protected constructor(type: string, options: ScoredOptions, own: Readonly<Record<string, true>>) {
    const dropout = belowOne(type, "dropout", options.dropout ?? 0);
    super(type, options, { ...scoredOptions, ...own });
    this.dropout = dropout;
    this.seed = options.seed;
    this.useCausalMask = options.useCausalMask ?? false;
    this.returnAttentionScores = options.returnAttentionScores ?? false;
  }

  /** Output and, where it is asked for, the weights [batch, queries, keys]. */
  protected abstract attend(
    parts: Parts<Tensor>,
    seen: Tensor | undefined,
    state: Tensor | undefined,
  ): readonly [output: Tensor, weights?: Tensor];

  override outputSpec(inputs: unknown): SampleSpec {
    const parts = partsOf<SampleSpec>(this.describe(), inputs);
    checkSequences(this.describe(), parts);
    const { query, value, key } = parts;
    const output: SampleSpec = {
      shape: [query.shape[0], featuresOf(this.describe(), value)],
      dtype: "f32",
    };
    if (!this.returnAttentionScores) return output;
    return both(output, { shape: [query.shape[0], key.shape[0]], dtype: "f32" });
  }

  protected override createWeights(_inputs: unknown, weights: Weights): void {
    if (this.dropout > 0) this.#state = weights.random("dropState", this.seed);
  }

  protected override outputMask(
    inputs: AttentionInput,
    mask: CallContext["mask"],
    _outputs: Tensor,
  ): CallContext["mask"] {
    const { query } = masksIn(this.describe(), mask, inputs);
    return this.returnAttentionScores ? [query, undefined] : query;
  }

  protected forward(inputs: AttentionInput, { training, mask }: CallContext): Tensor {
    const parts = partsOf<Tensor>(this.describe(), inputs);
    const masks = masksIn(this.describe(), mask, inputs);
    const all = seenBy(masks, parts.attentionMask);
    const seen = all.length === 0 ? undefined : all.reduce((a, b) => logicalAnd(a, b));
    const state = training && this.dropout > 0 ? advanced(this.#state as Variable) : undefined;
    const [output, weights] = this.attend(parts, seen, state);
    // As Keras has it: a query that does not count gives nothing.
    const counted = masks.query === undefined ? output : mul(output, besideSequence(masks.query));
    return this.returnAttentionScores ? both(counted, weights as Tensor) : counted;
  }
}

/** Output and weights of scores [batch, queries, keys], by single ops. */
function weigh(
  { useCausalMask, dropout: rate }: ScoredAttention,
  scores: Tensor,
  value: Tensor,
  seen: Tensor | undefined,
  state: Tensor | undefined,
): readonly [Tensor, Tensor] {
  const [, queries, keys] = scores.shape;
  const early = useCausalMask
    ? noGrad(() => notEqual(tril(ones([1, queries, keys], { device: scores.device })), 0))
    : undefined;
  const flat = seen && reshape(seen, [seen.shape[0], ...seen.shape.slice(2)]);
  const both = early === undefined || flat === undefined ? (early ?? flat) : logicalAnd(early, flat);
  const weights = softmaxOfSeen(scores, both);
  return [matmul(state === undefined ? weights : dropout(weights, rate, state), value), weights];
}

/** Softmax along keys of those that are seen; zeros where none is. */
function softmaxOfSeen(scores: Tensor, seen: Tensor | undefined): Tensor {
  const known = seen === undefined ? scores : where(seen, scores, -1e30);
  const top = noGrad(() => max(known, -1, { keepDims: true }));
  const powers = exp(seen === undefined ? sub(scores, top) : where(seen, sub(scores, top), 0));
  const weights = seen === undefined ? powers : where(seen, powers, 0);
  const total = sum(weights, -1, { keepDims: true });
  return div(weights, seen === undefined ? total : where(equal(total, 0), 1, total));
}

/** tanh(query + key) of each pair, [batch, queries, keys, features]. */
const pairs = (query: Tensor, key: Tensor, scale: Tensor | undefined): Tensor => {
  const [batch, queries, features] = query.shape;
  const sums = add(
    reshape(query, [batch, queries, 1, features]),
    reshape(key, [batch, 1, key.shape[1], features]),
  );
  return tanh(scale === undefined ? sums : mul(scale, sums));
};

export interface AttentionLayerOptions extends ScoredOptions {
  /** Whether scores are multiplied by a number that is trained, which starts at 1; default false. */
  useScale?: boolean;
  /** "dot" (the default): query · key; "concat": tanh(query + key), summed, times a number that is trained. */
  scoreMode?: "dot" | "concat";
}

/**
 * Luong's attention: queries [batch, queries, features] and values [batch, keys, size] give [batch, queries, size], values
 * weighted by softmax(query · key). `call([query, value])`, `call([query, value, key])`; one tensor attends to itself.
 * Source: Luong, Pham and Manning 2015; defaults of Keras.
 */
export class Attention extends ScoredAttention {
  static override readonly samples = () => [
    { make: () => new Attention({ useScale: true }), shape: [3, 4, 5], others: [[3, 6, 5]] },
    { make: () => new Attention({ scoreMode: "concat" }), shape: [2, 3, 4], others: [[2, 5, 4]] },
  ];
  readonly useScale: boolean;
  readonly scoreMode: "dot" | "concat";
  #scale: Variable | undefined;
  #concatScoreWeight: Variable | undefined;

  constructor(options: AttentionLayerOptions = {}) {
    const scoreMode = choiceOf("scoreMode", options.scoreMode ?? "dot", ["dot", "concat"] as const);
    super("Attention", options, { useScale: true, scoreMode: true });
    this.useScale = options.useScale ?? false;
    this.scoreMode = scoreMode;
  }

  protected override createWeights(inputs: unknown, weights: Weights): void {
    if (this.useScale) this.#scale = weights.add("scale", [], initializers.ones());
    if (this.scoreMode === "concat")
      this.#concatScoreWeight = weights.add("concatScoreWeight", [], initializers.ones());
    super.createWeights(inputs, weights);
  }

  protected attend(
    { query, key, value }: Parts<Tensor>,
    seen: Tensor | undefined,
    state: Tensor | undefined,
  ): readonly [Tensor, Tensor?] {
    const scale = this.#scale;
    if (this.scoreMode === "concat") {
      const scores = mul(sum(pairs(query, key, scale), -1), this.#concatScoreWeight as Variable);
      return weigh(this, scores, value, seen, state);
    }
    const q = scale === undefined ? query : mul(query, scale);
    const attrs: AttentionAttrs = {
      packing: "apart",
      heads: 1,
      keyHeads: 1,
      dim: query.shape[2],
      valueDim: value.shape[2],
      scale: 1,
      causal: this.useCausalMask,
      hasMask: seen !== undefined,
      rate: state === undefined ? 0 : this.dropout,
      offsets: "none",
    };
    const inputs = [
      q,
      key,
      value,
      ...(seen === undefined ? [] : [seen]),
      ...(state === undefined ? [] : [state]),
    ];
    if (!this.returnAttentionScores) return [attention(inputs, attrs)[0]];
    const [output, weights] = attentionByOps(inputs, attrs);
    return [output, reshape(weights, [query.shape[0], query.shape[1], key.shape[1]])];
  }
}

export interface AdditiveAttentionOptions extends ScoredOptions {
  /** Whether features are weighted in the scores by numbers that are trained; default true. */
  useScale?: boolean;
}

/**
 * Bahdanau's attention: values weighted by softmax of the sum of tanh(query + key) over features, which a weight `scale`
 * [features] weighs. It is called as {@link Attention}, and holds [batch, queries, keys, features]. Source: Bahdanau, Cho
 * and Bengio 2015; defaults of Keras.
 */
export class AdditiveAttention extends ScoredAttention {
  static override readonly samples = () => [
    { make: () => new AdditiveAttention(), shape: [3, 4, 5], others: [[3, 6, 5]] },
  ];
  readonly useScale: boolean;
  #scale: Variable | undefined;

  constructor(options: AdditiveAttentionOptions = {}) {
    super("AdditiveAttention", options, { useScale: true });
    this.useScale = options.useScale ?? true;
  }

  protected override createWeights(inputs: unknown, weights: Weights): void {
    const { query } = partsOf<SampleSpec>(this.describe(), inputs);
    const features = featuresOf(this.describe(), query);
    if (this.useScale) this.#scale = weights.add("scale", [features], initializers.glorotUniform());
    super.createWeights(inputs, weights);
  }

  protected attend(
    { query, key, value }: Parts<Tensor>,
    seen: Tensor | undefined,
    state: Tensor | undefined,
  ): readonly [Tensor, Tensor] {
    const squashed = pairs(query, key, undefined);
    const scores = sum(this.#scale === undefined ? squashed : mul(squashed, this.#scale), -1);
    return weigh(this, scores, value, seen, state);
  }
}

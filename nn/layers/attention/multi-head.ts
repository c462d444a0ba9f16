// MultiHeadAttention and GroupedQueryAttention: projections, attention of several heads, a projection of all.

import {
  ArgumentError,
  add,
  cast,
  concat,
  logicalAnd,
  matmul,
  reshape,
  type Shape,
  slice,
  type Tensor,
  type Variable,
} from "../../../engine/index.ts";
import {
  type AttentionAttrs,
  advanced,
  atLeastOne,
  attention,
  attentionByOps,
  belowOne,
  joinColumns,
  kindOf,
} from "../../../engine/internal.ts";
import type { CallContext } from "../call-context.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import { featuresOf, type SampleSpec } from "../spec.ts";
import { type BiasOptions, biasOptions, type KernelOptions, kernelOptions } from "../weight-options.ts";
import type { Weights } from "../weights.ts";
import { caching, type KeyValueCache } from "./cache.ts";
import { type AttentionInput, both, checkSequences, masksIn, type Parts, partsOf, seenBy } from "./inputs.ts";
import { type RotaryEmbedding, rotated } from "./positions.ts";
import { Projection } from "./projection.ts";

interface ProjectedOptions extends LayerOptions, KernelOptions, BiasOptions {
  /** The share of attention weights that training leaves out; default 0. */
  dropout?: number;
  /** Fixes what dropout draws. */
  seed?: number;
  /** Whether a step sees no later ones, as Keras's argument of `call`; default false. */
  useCausalMask?: boolean;
  /**
   * Whether the weights of attention, [batch, heads, queries, keys], come out beside the result, which is
   * `[output, weights]` then (TypeScript is told so by a cast); default false. It computes by single ops, which store them.
   */
  returnAttentionScores?: boolean;
  /**
   * Turns every head of queries and keys by its position before they meet (Su et al. 2021), as in Llama:
   * `new RotaryEmbedding()`. It takes an even number of features a head. Within a KeyValueCache it goes on from there.
   */
  rotary?: RotaryEmbedding;
}

const projectedOptions: OwnLayerOptions<ProjectedOptions> = {
  ...kernelOptions,
  ...biasOptions,
  dropout: true,
  seed: true,
  useCausalMask: true,
  returnAttentionScores: true,
  rotary: true,
};

interface Sizes {
  readonly heads: number;
  readonly keyHeads: number;
  readonly dim: number;
  readonly valueDim: number;
  /** Features that come out; default: as many as queries have. */
  readonly outputSize?: number;
}

/** Queries, keys and values are projected; each head attends by itself; all heads are projected. */
abstract class ProjectedAttention extends Layer<AttentionInput, Tensor> {
  readonly dropout: number;
  readonly seed: number | undefined;
  readonly useBias: boolean;
  readonly useCausalMask: boolean;
  readonly returnAttentionScores: boolean;
  readonly rotary: RotaryEmbedding | undefined;
  readonly #sizes: Sizes;
  readonly #projections: Readonly<Record<"query" | "key" | "value", Projection>>;
  readonly #options: object;
  #output: Projection | undefined;
  #state: Variable | undefined;

  protected constructor(
    type: string,
    sizes: Sizes,
    options: ProjectedOptions,
    own: Readonly<Record<string, true>>,
  ) {
    const dropout = belowOne(type, "dropout", options.dropout ?? 0);
    super(type, options, { ...projectedOptions, ...own });
    this.dropout = dropout;
    this.seed = options.seed;
    this.useBias = options.useBias ?? true;
    this.useCausalMask = options.useCausalMask ?? false;
    this.returnAttentionScores = options.returnAttentionScores ?? false;
    this.rotary = options.rotary;
    if (this.rotary !== undefined && this.rotary?.maxWavelength === undefined)
      throw new ArgumentError(
        `${type}: rotary must be a RotaryEmbedding, as new RotaryEmbedding(), got ${kindOf(this.rotary)}`,
      );
    this.#sizes = sizes;
    this.#options = options;
    const { heads, keyHeads, dim, valueDim } = sizes;
    const project = (count: number, size: number) =>
      new Projection(
        options,
        (features) => [features, count, size],
        this.useBias ? [count, size] : undefined,
      );
    this.#projections = {
      query: project(heads, dim),
      key: project(keyHeads, dim),
      value: project(keyHeads, valueDim),
    };
  }

  /** Kernel [features, heads, dim] and bias [heads, dim] of the queries; undefined until built. */
  get query(): Projection {
    return this.#projections.query;
  }

  /** The keys': kernel [features, keyHeads, dim], bias [keyHeads, dim]. */
  get key(): Projection {
    return this.#projections.key;
  }

  /** The values': kernel [features, keyHeads, valueDim], bias [keyHeads, valueDim]. */
  get value(): Projection {
    return this.#projections.value;
  }

  /** Of what all heads give: kernel [heads, valueDim, output], bias [output]; undefined until built. */
  get attentionOutput(): Projection | undefined {
    return this.#output;
  }

  override outputSpec(inputs: unknown): SampleSpec {
    const parts = partsOf<SampleSpec>(this.describe(), inputs);
    checkSequences(this.describe(), parts);
    const [queries] = parts.query.shape;
    this.rotary?.outputSpec({ shape: [queries, this.#sizes.heads, this.#sizes.dim], dtype: "f32" });
    const size = this.#sizes.outputSize ?? featuresOf(this.describe(), parts.query);
    const output: SampleSpec = { shape: [queries, size], dtype: "f32" };
    if (!this.returnAttentionScores) return output;
    return both(output, { shape: [this.#sizes.heads, queries, parts.key.shape[0]], dtype: "f32" });
  }

  protected override createWeights(inputs: unknown, weights: Weights): void {
    const parts = partsOf<SampleSpec>(this.describe(), inputs);
    for (const name of ["query", "key", "value"] as const) {
      featuresOf(this.describe(), parts[name]);
      weights.inner(name, this.#projections[name], parts[name]);
    }
    const { heads, valueDim, outputSize } = this.#sizes;
    const size = outputSize ?? featuresOf(this.describe(), parts.query);
    this.#output ??= new Projection(
      this.#options,
      () => [heads, valueDim, size],
      this.useBias ? [size] : undefined,
    );
    weights.inner("attentionOutput", this.#output, {
      shape: [parts.query.shape[0], heads * valueDim],
      dtype: "f32",
    });
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

  /** @internal Numbers of a step's keys and values that a cache keeps. */
  get cacheWidth(): number | undefined {
    const { keyHeads, dim, valueDim } = this.#sizes;
    return this.useCausalMask ? keyHeads * (dim + valueDim) : undefined;
  }

  protected forward(inputs: AttentionInput, { training, mask }: CallContext): Tensor {
    const parts = partsOf<Tensor>(this.describe(), inputs);
    const cache = caching.value;
    if (cache !== undefined && this.useCausalMask) return this.#goOn(parts, cache, training);
    const seen = seenBy(masksIn(this.describe(), mask, inputs), parts.attentionMask);
    const { heads, keyHeads, dim, valueDim } = this.#sizes;
    const { packing, tensors } = this.#projected(parts);
    const isDropping = training && this.dropout > 0;
    const extra: Tensor[] = [];
    if (seen.length > 0) extra.push(seen.reduce((a, b) => logicalAnd(a, b)));
    if (isDropping) extra.push(advanced(this.#state as Variable));
    const attrs: AttentionAttrs = {
      packing,
      heads,
      keyHeads,
      dim,
      valueDim,
      scale: 1 / Math.sqrt(dim),
      causal: this.useCausalMask,
      hasMask: seen.length > 0,
      rate: isDropping ? this.dropout : 0,
      offsets: "none",
    };
    if (this.returnAttentionScores) {
      const [joined, scores] = attentionByOps([...tensors, ...extra], attrs);
      return both(this.#projectedOut(joined), scores);
    }
    return this.#projectedOut(attention([...tensors, ...extra], attrs)[0]);
  }

  /** The next steps, attending to those that the cache holds and to each other. */
  #goOn({ query, key, value }: Parts<Tensor>, cache: KeyValueCache, training: boolean): Tensor {
    if (training || this.returnAttentionScores || query !== key || key !== value)
      throw new ArgumentError(
        `${this.describe()}: goes on from a KeyValueCache in inference only, in self-attention without returnAttentionScores`,
      );
    const { heads, keyHeads, dim, valueDim } = this.#sizes;
    const { query: q, key: k, value: v } = this.#projections;
    const all = cache.keep(this, this.#turned(project(key, [k, v]), keyHeads));
    const attrs: AttentionAttrs = {
      packing: "keyValue",
      heads,
      keyHeads,
      dim,
      valueDim,
      scale: 1 / Math.sqrt(dim),
      causal: true,
      hasMask: false,
      rate: 0,
      offsets: "shared",
    };
    const own = this.#turned(project(query, [q]), heads);
    return this.#projectedOut(attention([own, all, cast(cache.position, "u32")], attrs)[0]);
  }

  /** Queries, keys and values [batch, tokens, heads · dim], in as few products as inputs that are one allow. */
  #projected({ query, key, value }: Parts<Tensor>): {
    readonly packing: AttentionAttrs["packing"];
    readonly tensors: readonly Tensor[];
  } {
    const { query: q, key: k, value: v } = this.#projections;
    const { heads, keyHeads } = this.#sizes;
    if (query === key && key === value)
      return { packing: "all", tensors: [this.#turned(project(query, [q, k, v]), heads + keyHeads)] };
    const queries = this.#turned(project(query, [q]), heads);
    // Keys of another sequence are all there at every step of a KeyValueCache.
    const isWhole = key !== query;
    if (key === value)
      return {
        packing: "keyValue",
        tensors: [queries, this.#turned(project(key, [k, v]), keyHeads, isWhole)],
      };
    const keys = this.#turned(project(key, [k]), keyHeads, isWhole);
    return { packing: "apart", tensors: [queries, keys, project(value, [v])] };
  }

  /** [batch, tokens, features] with the first heads in it turned by their positions, where that is wanted. */
  #turned(x: Tensor, heads: number, isWhole = false): Tensor {
    if (this.rotary === undefined) return x;
    const [batch, tokens, features] = x.shape;
    const { dim } = this.#sizes;
    const width = heads * dim;
    const first = width === features ? x : slice(x, [0, 0, 0], [batch, tokens, width]);
    const turned = rotated(reshape(first, [batch, tokens, heads, dim]), this.rotary, isWhole);
    const rows = reshape(turned, [batch, tokens, width]);
    return width === features ? rows : concat([rows, slice(x, [0, 0, width])], 2);
  }

  /** [batch, tokens, heads · valueDim] to [batch, tokens, output]. */
  #projectedOut(x: Tensor): Tensor {
    const { kernel, bias } = this.#output as Projection;
    const { shape } = kernel as Variable;
    const rows = reshape(x, [x.shape[0] * x.shape[1], x.shape[2]]);
    const product = matmul(rows, reshape(kernel as Variable, [shape[0] * shape[1], shape[2]]));
    const out = bias === undefined ? product : add(product, bias);
    return reshape(out, [x.shape[0], x.shape[1], shape[2]]);
  }
}

/** One product for several projections of one input, side by side. */
function project(x: Tensor, projections: readonly Projection[]): Tensor {
  const [batch, tokens, features] = x.shape;
  const widthOf = ([, heads, size]: Shape) => heads * size;
  const kernels = projections.map(({ kernel }) => {
    const { shape } = kernel as Variable;
    return reshape(kernel as Variable, [features, widthOf(shape)]);
  });
  const biases = projections.flatMap(({ bias }) => (bias === undefined ? [] : [reshape(bias, [bias.size])]));
  const [kernel, bias] =
    kernels.length === 1
      ? [kernels[0], biases.at(0)]
      : biases.length === 0
        ? [concat(kernels, 1), undefined]
        : joinColumns(kernels, biases);
  const product = matmul(reshape(x, [batch * tokens, features]), kernel);
  const out = bias === undefined ? product : add(product, bias);
  return reshape(out, [batch, tokens, out.shape[1]]);
}

export interface MultiHeadAttentionOptions extends ProjectedOptions {
  /** Numbers in a head's value; default keyDim. */
  valueDim?: number;
  /** Features that come out; default: as many as queries have. */
  outputShape?: number;
}

/**
 * Several heads attend to a sequence, each to projections of its own (Vaswani et al. 2017): queries
 * [batch, queries, features] and values [batch, keys, features] give [batch, queries, features]. `call(x)` is
 * self-attention; `call([query, value])`, `call([query, value, key])` or `call({ query, value, attentionMask })` attend to
 * another sequence. Steps that masks leave out are seen by no query. Weights as Keras's: query, key and value have kernels
 * [features, numHeads, keyDim] and biases [numHeads, keyDim], attentionOutput [numHeads, valueDim, output] and [output].
 */
export class MultiHeadAttention extends ProjectedAttention {
  static override readonly positional = ["numHeads", "keyDim"];
  static override readonly samples = () => [
    { make: () => new MultiHeadAttention(2, 4), shape: [3, 5, 8] },
    {
      make: () => new MultiHeadAttention(2, 3, { valueDim: 5, outputShape: 7, useCausalMask: true }),
      shape: [2, 4, 6],
      others: [[2, 5, 3]],
    },
  ];
  readonly numHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;

  /**
   * @param numHeads how many heads there are
   * @param keyDim numbers in a head's query and key
   */
  constructor(numHeads: number, keyDim: number, options: MultiHeadAttentionOptions = {}) {
    atLeastOne("MultiHeadAttention", "numHeads", numHeads);
    atLeastOne("MultiHeadAttention", "keyDim", keyDim);
    const { valueDim = keyDim, outputShape } = options;
    atLeastOne("MultiHeadAttention", "valueDim", valueDim);
    if (outputShape !== undefined) atLeastOne("MultiHeadAttention", "outputShape", outputShape);
    if ((options as { attentionAxes?: unknown }).attentionAxes !== undefined)
      throw new ArgumentError(
        "MultiHeadAttention: attends along the one axis of time and takes no attentionAxes; reshape other axes into the batch, as with TimeDistributed or Reshape",
      );
    super(
      "MultiHeadAttention",
      { heads: numHeads, keyHeads: numHeads, dim: keyDim, valueDim, outputSize: outputShape },
      options,
      { valueDim: true, outputShape: true },
    );
    this.numHeads = numHeads;
    this.keyDim = keyDim;
    this.valueDim = valueDim;
  }
}

export interface GroupedQueryAttentionOptions extends ProjectedOptions {}

/**
 * MultiHeadAttention in which several heads of queries share a head of keys and values (Ainslie et al. 2023): fewer weights,
 * and less to keep while text is generated. Keras's GroupQueryAttention. It is called as {@link MultiHeadAttention}.
 */
export class GroupedQueryAttention extends ProjectedAttention {
  static override readonly positional = ["headDim", "numQueryHeads", "numKeyValueHeads"];
  static override readonly samples = () => [
    { make: () => new GroupedQueryAttention(4, 4, 2), shape: [3, 5, 8] },
  ];
  readonly headDim: number;
  readonly numQueryHeads: number;
  readonly numKeyValueHeads: number;

  /**
   * @param headDim numbers in a head's query, key and value
   * @param numQueryHeads heads of queries, a multiple of numKeyValueHeads
   * @param numKeyValueHeads heads of keys and values
   */
  constructor(
    headDim: number,
    numQueryHeads: number,
    numKeyValueHeads: number,
    options: GroupedQueryAttentionOptions = {},
  ) {
    for (const [name, value] of Object.entries({ headDim, numQueryHeads, numKeyValueHeads }))
      atLeastOne("GroupedQueryAttention", name, value);
    if (numQueryHeads % numKeyValueHeads !== 0)
      throw new ArgumentError(
        `GroupedQueryAttention: numQueryHeads must be a multiple of numKeyValueHeads, got ${numQueryHeads} and ${numKeyValueHeads}`,
      );
    super(
      "GroupedQueryAttention",
      { heads: numQueryHeads, keyHeads: numKeyValueHeads, dim: headDim, valueDim: headDim },
      options,
      {},
    );
    this.headDim = headDim;
    this.numQueryHeads = numQueryHeads;
    this.numKeyValueHeads = numKeyValueHeads;
  }
}

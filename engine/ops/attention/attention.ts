// scaledDotProductAttention: softmax of products of queries and keys, which weighs values.

import { ArgumentError, checkOptions, type OptionNames, ShapeError } from "../../base/errors.ts";
import { aNumber, showGiven } from "../../base/number-checks.ts";
import { showShape } from "../../base/shape.ts";
import type { Sample } from "../../kernel/kernel-op.ts";
import { chosen, type Family } from "../../kernel/variants.ts";
import { apply } from "../../tensor/apply.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import { defineMultiOp } from "../../tensor/define.ts";
import type { Op, OpFunction, VjpContext } from "../../tensor/op.ts";
import { noGrad } from "../../tensor/recording.ts";
import { tidy } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { add, mul } from "../elementwise/arithmetic.ts";
import { cast } from "../elementwise/cast.ts";
import { where } from "../elementwise/logical.ts";
import { concat } from "../layout/concat.ts";
import { reshape } from "../layout/reshape.ts";
import { sampleState } from "../random/random-fill.ts";
import { sum } from "../reduce/reduce.ts";
import { forwardByOps, gradientByOps, type Operands } from "./composition.ts";
import { attentionSources, forwardKernels, gradientKernels } from "./kernels.ts";
import { type AttentionAttrs, checkHeads, hasWords, type Problem, problemOf } from "./problem.ts";
import { forwardReference, type Given, gradientReference } from "./reference.ts";
import { attentionVariants, type Variant } from "./variants.ts";

const opName = "scaledDotProductAttention";
const gradientName = "attentionGradient";

/** Between the packed inputs and the mask of the gradient: output, log-sums, the output's gradient. */
const between = 3;

/** Inputs and what a call is about, for loops and for ops alike. */
function operandsOf<T>(problem: Problem, inputs: readonly T[]) {
  const { packed, maskAt, wordsAt } = problem;
  return {
    problem,
    packed: inputs.slice(0, packed),
    mask: problem.hasMask ? inputs[maskAt] : undefined,
    words: hasWords(problem) ? inputs[wordsAt] : undefined,
  };
}

const base: AttentionAttrs = {
  packing: "apart",
  heads: 2,
  keyHeads: 2,
  dim: 4,
  valueDim: 4,
  scale: 0.5,
  causal: false,
  hasMask: false,
  rate: 0,
  offsets: "none",
};

/** [packed inputs, ...], [mask, words] and attributes of calls that the tests make. */
const cases: readonly [
  packed: readonly (readonly number[])[],
  extra: Sample["inputs"],
  attrs: Partial<AttentionAttrs>,
][] = [
  [
    [
      [2, 5, 8],
      [2, 5, 8],
      [2, 5, 8],
    ],
    [],
    {},
  ],
  [[[1, 9, 24]], [], { packing: "all", causal: true }],
  [
    [
      [2, 1, 6],
      [2, 3, 3],
      [2, 3, 5],
    ],
    [],
    { keyHeads: 1, dim: 3, valueDim: 5 },
  ],
  [
    [
      [2, 3, 16],
      [2, 7, 20],
    ],
    [{ shape: [2, 1, 1, 7], dtype: "bool", values: [1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0] }],
    { packing: "keyValue", heads: 4, keyHeads: 2, dim: 4, valueDim: 6, hasMask: true },
  ],
  [
    [
      [1, 6, 8],
      [1, 10, 8],
      [1, 10, 8],
    ],
    [{ shape: [1, 2, 6, 10] }],
    { hasMask: true, causal: true },
  ],
  [
    [[2, 5, 12]],
    [sampleState(1, 2, 3, 4)],
    { packing: "all", heads: 2, keyHeads: 1, dim: 3, valueDim: 3, rate: 0.4 },
  ],
  [
    [
      [2, 2, 8],
      [2, 8, 8],
      [2, 8, 8],
    ],
    [{ shape: [2], dtype: "u32", values: [3, 5] }],
    { causal: true, offsets: "each" },
  ],
].map(([packed, extra, attrs]) => [
  packed as readonly (readonly number[])[],
  extra as Sample["inputs"],
  attrs as Partial<AttentionAttrs>,
]);

const attentionFamily: Family = {
  name: "attention",
  sources: attentionSources,
  isAlwaysChecked: true,
  checks: () => [
    { op: attentionOp, ...sampleOf([[[1, 9, 24]], [], { packing: "all", causal: true }], false) },
    { op: attentionGradient.op, ...sampleOf([[[1, 9, 24]], [], { packing: "all", causal: true }], true) },
  ],
};

function sampleOf(
  [packed, extra, attrs]: (typeof cases)[number],
  isGradient: boolean,
): Sample<AttentionAttrs> {
  const all = { ...base, ...attrs };
  const inputs: { shape: readonly number[] }[] = packed.map((shape) => ({ shape }));
  const [batch, queries] = packed[0];
  const out = { shape: [batch, queries, all.heads * all.valueDim] };
  if (isGradient) inputs.push(out, { shape: [batch, all.heads, queries] }, out);
  return {
    inputs: [...inputs, ...extra],
    attrs: all,
  };
}

const variantOf = (
  problem: Problem,
  profile: Parameters<typeof chosen>[1] & Parameters<typeof attentionVariants>[1],
) => chosen(attentionVariants(problem, profile), profile) as Variant;

/** Of the packed inputs, by the output, the rows' log-sums and the output's gradient. */
export const attentionGradient = defineMultiOp({
  family: attentionFamily,
  name: gradientName,
  saves: { inputs: [0, 1, 2, 3, 4, 5, 6, 7] },
  call: (inputs: readonly Tensor[], attrs: AttentionAttrs) => ({ inputs, attrs }),
  infer: (inputs, attrs) => {
    const { packed } = problemOf(gradientName, inputs, attrs, between);
    return inputs.slice(0, packed).map(({ shape }) => ({ shape, dtype: "f32" }));
  },
  kernels: ({ inputs, attrs, profile }) => {
    const problem = problemOf(gradientName, inputs, attrs, between);
    return gradientKernels(problem, variantOf(problem, profile), profile);
  },
  variants: ({ inputs, attrs, profile }) =>
    attentionVariants(problemOf(gradientName, inputs, attrs, between), profile),
  reference: (inputs, attrs, outputs) => {
    const problem = problemOf(gradientName, inputs, attrs, between);
    const given: Given = operandsOf(problem, inputs);
    gradientReference(given, inputs.slice(problem.packed, problem.packed + between), outputs);
  },
  vjp: (context) => {
    const { attrs, inputSpecs, input, needs, grad, hasGrad, pull } = context;
    const problem = problemOf(gradientName, inputSpecs, attrs, between);
    const inputs = inputSpecs.map((_, k) => input(k));
    const operands: Operands = operandsOf(problem, inputs);
    const [out, logSums, dOut] = inputs.slice(problem.packed, problem.packed + between);
    return pulled({ inputs, needs, pull }, () =>
      weighted(gradientByOps(operands, out, logSums, dOut), hasGrad, grad),
    );
  },
  samples: cases.map((one) => sampleOf(one, true)),
});

/** Gradients of all floats that are asked for, of a value that ops make. */
function pulled(
  { inputs, needs, pull }: Pick<VjpContext, "needs" | "pull"> & { inputs: readonly Tensor[] },
  value: () => Tensor,
): (Tensor | null)[] {
  const isWanted = inputs.map(({ dtype }, k) => dtype === "f32" && needs(k));
  const found = pull(
    value,
    inputs.filter((_, k) => isWanted[k]),
  );
  let next = 0;
  return isWanted.map((wanted) => (wanted ? found[next++] : null));
}

const weighted = (
  results: readonly Tensor[],
  hasGrad: (k: number) => boolean,
  grad: (k: number) => Tensor,
): Tensor =>
  results
    .flatMap((result, k) => (hasGrad(k) ? [sum(mul(result, grad(k)))] : []))
    .reduce((total, part) => add(total, part));

/** The output [batch, queries, heads · valueDim], and the logarithm of each row's sum, [batch, heads, queries]. */
export const attention: OpFunction<[inputs: readonly Tensor[], attrs: AttentionAttrs], Tensor[]> =
  defineMultiOp({
    family: attentionFamily,
    name: opName,
    traits: { statistics: [1] },
    saves: { inputs: [0, 1, 2, 3, 4], outputs: [0, 1] },
    call: (inputs: readonly Tensor[], attrs: AttentionAttrs) => ({ inputs, attrs }),
    infer: (inputs, attrs) => {
      const { batch, queries, heads, valueDim } = problemOf(opName, inputs, attrs);
      return [
        { shape: [batch, queries, heads * valueDim], dtype: "f32" },
        { shape: [batch, heads, queries], dtype: "f32" },
      ];
    },
    kernels: ({ inputs, attrs, profile }) => {
      const problem = problemOf(opName, inputs, attrs);
      return forwardKernels(problem, variantOf(problem, profile), profile);
    },
    variants: ({ inputs, attrs, profile }) => attentionVariants(problemOf(opName, inputs, attrs), profile),
    reference: (inputs, attrs, [out, logSums]) => {
      forwardReference(operandsOf(problemOf(opName, inputs, attrs), inputs), out, logSums);
    },
    vjp: (context) => {
      const { attrs, inputSpecs, input, output, needs, grad, hasGrad, pull } = context;
      const problem = problemOf(opName, inputSpecs, attrs);
      const { packed } = problem;
      const inputs = inputSpecs.map((_, k) => input(k));
      const operands: Operands = operandsOf(problem, inputs);
      // What the log-sums are asked for, and what is added to scores, no kernel makes.
      const byOps = hasGrad(1) || (attrs.hasMask && needs(packed));
      if (byOps)
        return pulled({ inputs, needs, pull }, () =>
          weighted(forwardByOps(operands).slice(0, 2), hasGrad, grad),
        );
      const rest = inputs.slice(packed);
      const gradients = attentionGradient(
        [...inputs.slice(0, packed), output(0), output(1), grad(0), ...rest],
        attrs,
      );
      return [...gradients, ...rest.map(() => null)];
    },
    samples: cases.map((one) => sampleOf(one, false)),
  });

const attentionOp: Op = attention.op;

/** The output, and the weights of attention before dropout, [batch, heads, queries, keys], by single ops. */
export function attentionByOps(
  inputs: readonly Tensor[],
  attrs: AttentionAttrs,
): readonly [output: Tensor, weights: Tensor] {
  return tidy(() => {
    const [out, , weights] = forwardByOps(operandsOf(problemOf(opName, inputs, attrs), inputs));
    return [out, weights];
  });
}

export interface AttentionDropout {
  /** The share of probabilities to leave out, from 0 to 1. */
  readonly rate: number;
  /** A random state, u32 [4], as {@link dropout} takes it. */
  readonly state: Tensor;
}

export interface AttentionOptions {
  /** Which keys are seen, bool: [queries, keys], or [batch, heads, queries, keys] with 1 along any of these axes. */
  mask?: Tensor;
  /** Added to the scores, f32 of such a shape; -Infinity hides a key. */
  bias?: Tensor;
  /** Whether query i sees keys 0 to i only; default false. */
  causal?: boolean;
  /**
   * At which key the first query stands, for `causal`: i32 or u32, [1], or [batch] for each sequence. On the device, so
   * that generating goes on without a new trace. Default 0.
   */
  offset?: Tensor;
  /** Of the products; default 1 / √dim. */
  scale?: number;
  /** Leaves out probabilities; default none. */
  dropout?: AttentionDropout;
}

const attentionOptions: OptionNames<AttentionOptions> = {
  mask: true,
  bias: true,
  causal: true,
  offset: true,
  scale: true,
  dropout: true,
};

/** What masks, positions and dropout become as inputs and attributes. */
export function extrasOf(
  op: string,
  { mask, bias, offset, dropout, causal = false }: AttentionOptions,
): {
  readonly inputs: readonly Tensor[];
  readonly attrs: Pick<AttentionAttrs, "hasMask" | "rate" | "offsets">;
} {
  for (const [name, value] of Object.entries({ mask, bias, offset, "dropout's state": dropout?.state }))
    if (value !== undefined && !(value instanceof Tensor)) checkTensor(`${op}: ${name}`, value);
  const rate = dropout?.rate ?? 0;
  if (!(typeof rate === "number" && rate >= 0 && rate <= 1))
    throw new ArgumentError(
      `${op}: dropout's rate must be from 0 to 1, the share of probabilities to drop, got ${showGiven(rate)}`,
    );
  if (offset !== undefined && !causal)
    throw new ArgumentError(
      `${op}: offset says where queries stand for causal: true; leave it out otherwise`,
    );
  if (offset !== undefined && offset.rank !== 1)
    throw new ShapeError(`${op}: offset must be [1], or [batch], got ${showShape(offset.shape)}`);
  const [seen, added] = [fourAxes(op, mask), fourAxes(op, bias)];
  const inputs: Tensor[] = [];
  if (seen !== undefined && added !== undefined) inputs.push(where(seen, added, Number.NEGATIVE_INFINITY));
  else if (seen !== undefined || added !== undefined) inputs.push((seen ?? added) as Tensor);
  if (mask !== undefined && mask.dtype !== "bool")
    throw new ArgumentError(
      `${op}: the mask must be bool, true where a key is seen, got ${mask.dtype}; use notEqual(mask, 0), or give it as the bias if it is to be added`,
    );
  const words = [
    ...(rate > 0 && dropout !== undefined ? [dropout.state] : []),
    ...(offset === undefined ? [] : [offset.dtype === "u32" ? offset : noGrad(() => cast(offset, "u32"))]),
  ];
  if (words.length > 0) inputs.push(words.length === 1 ? words[0] : noGrad(() => concat(words, 0)));
  const offsets = offset === undefined ? "none" : offset.shape[0] === 1 ? "shared" : "each";
  return {
    inputs,
    attrs: { hasMask: seen !== undefined || added !== undefined, rate, offsets },
  };
}

/** [queries, keys] or four axes, as four. */
function fourAxes(op: string, mask: Tensor | undefined): Tensor | undefined {
  if (mask === undefined || mask.rank === 4) return mask;
  if (mask.rank === 2) return reshape(mask, [1, 1, ...mask.shape]);
  throw new ShapeError(
    `${op}: a mask or bias of shape ${showShape(mask.shape)} does not say what its axes are; give [queries, keys], or [batch, heads, queries, keys] with 1 where all are alike, by reshape`,
  );
}

/**
 * Attention (Vaswani et al. 2017): softmax(scale · q kᵀ + bias) v for each head, one kernel that keeps nothing of size
 * queries · keys; nor do its gradients, two or three kernels, which make the probabilities again. Heads stand as
 * projections give them, with no transposes around: q [batch, queries, heads, dim], k [batch, keys, keyHeads, dim] and
 * v [batch, keys, keyHeads, valueDim] give [batch, queries, heads, valueDim], all f32. keyHeads divides heads; where there
 * are fewer, neighbouring heads of queries share one (grouped queries, Ainslie et al. 2023).
 *
 *     scaledDotProductAttention(q, k, v, { causal: true })
 *
 * A query that sees no key gives zeros, and passes no gradient. Dropout draws word
 * ((b · heads + h) · queries + i) · 4⌈keys / 4⌉ + j of {@link randomBits} for query i and key j; backward draws the same
 * again. The gradient for `bias`, and second derivatives, go by single ops, which do hold all scores.
 *
 * @throws ShapeError for shapes that do not fit, and for a batch, queries or keys that are none
 * @throws ArgumentError, DTypeError
 */
export const scaledDotProductAttention: OpFunction<
  [q: Tensor, k: Tensor, v: Tensor, options?: AttentionOptions],
  Tensor
> = Object.assign(
  (q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor => {
    checkOptions(opName, options, attentionOptions);
    [q, k, v].forEach((x, i) => {
      checkTensor(opName, x, i + 1);
    });
    if ([q, k, v].some(({ rank }) => rank !== 4) || q.shape[3] !== k.shape[3] || k.shape[2] !== v.shape[2])
      throw new ShapeError(
        `${opName}: takes q [batch, queries, heads, dim], k [batch, keys, keyHeads, dim] and v [batch, keys, keyHeads, valueDim], got ${[q, k, v].map(({ shape }) => showShape(shape)).join(", ")}`,
      );
    const [, , heads, dim] = q.shape;
    const [, , keyHeads, valueDim] = v.shape;
    checkHeads(opName, heads, keyHeads);
    const scale = aNumber(opName, "scale", options.scale ?? 1 / Math.sqrt(dim));
    return tidy(() => {
      const { inputs, attrs } = extrasOf(opName, options);
      const flat = [q, k, v].map((x) => reshape(x, [x.shape[0], x.shape[1], x.shape[2] * x.shape[3]]));
      const causal = options.causal ?? false;
      const all: AttentionAttrs = {
        ...attrs,
        packing: "apart",
        heads,
        keyHeads,
        dim,
        valueDim,
        scale,
        causal,
      };
      const [out] = apply(attentionOp, [...flat, ...inputs], all);
      return reshape(out, [q.shape[0], q.shape[1], heads, valueDim]);
    });
  },
  { op: attentionOp },
);

// Distributions, drawn on the device from a random state (see random.ts): uniform, normal, truncated normal, Bernoulli,
// whole numbers, Gumbel, categorical. Element i of each is made of word i of the state alone.

import normalSource from "../../../shaders/normal.wgsl";
import { ArgumentError, checkOptions, DTypeError, type OptionNames, ShapeError } from "../../base/errors.ts";
import { wholeNumber } from "../../base/number-checks.ts";
import { inverseNormal } from "../../base/random/normal.ts";
import { highProduct } from "../../base/random/permutation.ts";
import { showShape } from "../../base/shape.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add } from "../elementwise/arithmetic.ts";
import { unsqueeze } from "../layout/movement.ts";
import { argMax } from "../reduce/arg-reduce.ts";
import { fillOp } from "./random-fill.ts";

/**
 * Random u32 words of a shape: element i is word i % 4 of the Philox4x32-10 block at counter
 * (i / 4, state counter, state stream, 0), i counting row-major. The same bits on every device.
 */
export const randomBits = fillOp<object>(
  {
    name: "randomBits",
    dtype: "u32",
    parameters: () => [],
    code: (words) => words,
    reference: (word) => word,
    samples: [{}],
  },
  () => ({}),
);

export interface UniformAttrs {
  /** The smallest number drawn; default 0. */
  readonly low: number;
  /** The bound that numbers stay below; default 1. */
  readonly high: number;
}

/** The largest f32 below `high`, so that rounding never reaches it. */
function below(high: number): number {
  const bits = new Int32Array(Float32Array.of(high).buffer);
  if (bits[0] === 0 || bits[0] === -(2 ** 31)) return -(2 ** -126);
  bits[0] += bits[0] > 0 ? -1 : 1;
  return new Float32Array(bits.buffer)[0];
}

/**
 * f32 numbers drawn evenly from [low, high): low + (high - low) * u, u = k * 2^-24 and k the upper 24 bits of
 * {@link randomBits}. From [0, 1), the default, the same bits on every device; from elsewhere the last bit may differ,
 * as devices differ in a * b + c.
 *
 * @throws ArgumentError unless low < high, both finite
 */
export const randomUniform = fillOp<UniformAttrs>(
  {
    name: "randomUniform",
    dtype: "f32",
    check: ({ low, high }) => {
      if (!(Math.fround(low) < Math.fround(high) && Number.isFinite(Math.fround(high - low)))) {
        throw new ArgumentError(
          `randomUniform: low ${low} and high ${high} must be finite f32 numbers, and low less than high`,
        );
      }
    },
    parameters: ({ low, high }) => [{ f32: low }, { f32: high - low }, { f32: below(high) }],
    code: (words, [low, width, top]) =>
      `min(${low} + ${width} * (vec4f(${words} >> vec4u(8u)) * 0x1p-24f), vec4f(${top}))`,
    reference: (word, { low, high }) =>
      Math.min(Math.fround(low) + Math.fround(high - low) * (word >>> 8) * 2 ** -24, below(high)),
    samples: [
      { low: 0, high: 1 },
      { low: -3, high: 5 },
    ],
  },
  ({ low = 0, high = 1 }) => ({ low, high }),
);

export interface NormalAttrs {
  /** Default 0. */
  readonly mean: number;
  /** Standard deviation; default 1. */
  readonly stddev: number;
}

const normalAttrs = ({ mean = 0, stddev = 1 }: Partial<NormalAttrs>): NormalAttrs => ({ mean, stddev });

const checkNormal =
  (name: string) =>
  ({ mean, stddev }: NormalAttrs): void => {
    if (!Number.isFinite(mean) || !(stddev >= 0 && Number.isFinite(stddev))) {
      throw new ArgumentError(
        `${name}: mean ${mean} and stddev ${stddev} must be finite, and stddev at least 0`,
      );
    }
  };

/**
 * f32 numbers from the normal distribution: mean + stddev * z, z the inverse of its distribution function at
 * (word + 1/2) * 2^-32, words as in {@link randomBits} (AS 241). Devices agree within a few parts in a million, not to
 * the bit; initial weights are drawn on the host instead.
 *
 * @throws ArgumentError unless mean and stddev are finite and stddev at least 0
 */
export const randomNormal = fillOp<NormalAttrs>(
  {
    name: "randomNormal",
    dtype: "f32",
    check: checkNormal("randomNormal"),
    parameters: ({ mean, stddev }) => [{ f32: mean }, { f32: stddev }],
    code: (words, [mean, stddev]) => `${mean} + ${stddev} * inverse_normal(${words})`,
    helpers: { normal: normalSource },
    reference: (word, { mean, stddev }) =>
      Math.fround(mean) + Math.fround(stddev) * inverseNormal((word + 0.5) * 2 ** -32),
    samples: [
      { mean: 0, stddev: 1 },
      { mean: 2, stddev: 0.5 },
    ],
  },
  normalAttrs,
);

/** P(-2 < N(0, 1) < 2). */
const withinTwo = 0.9544997361036416;

/**
 * f32 numbers from the normal distribution cut off at two `stddev` from the mean, as Keras draws its TruncatedNormal;
 * their own standard deviation is 0.8796 of `stddev`. By the inverse of the distribution function, so each takes one
 * word; devices agree as in {@link randomNormal}.
 *
 * @throws ArgumentError unless mean and stddev are finite and stddev at least 0
 */
export const randomTruncatedNormal = fillOp<NormalAttrs>(
  {
    name: "randomTruncatedNormal",
    dtype: "f32",
    check: checkNormal("randomTruncatedNormal"),
    parameters: ({ mean, stddev }) => [{ f32: mean }, { f32: stddev }],
    code: (words, [mean, stddev]) => `${mean} + ${stddev} * truncated_normal(${words})`,
    helpers: { normal: normalSource },
    reference: (word, { mean, stddev }) => {
      const x = inverseNormal(0.5 + ((word + 0.5) * 2 ** -32 - 0.5) * withinTwo);
      return Math.fround(mean) + Math.fround(stddev) * Math.min(2, Math.max(-2, x));
    },
    samples: [
      { mean: 0, stddev: 1 },
      { mean: -1, stddev: 0.1 },
    ],
  },
  normalAttrs,
);

export interface BernoulliAttrs {
  /** Of true; default 1/2. */
  readonly probability: number;
}

/**
 * true with a probability, as bool: where word i of {@link randomBits} is below floor(probability * 2^32). The same bits
 * on every device. For probabilities that are themselves on the device: `less(randomUniform(state, p.shape), p)`.
 *
 * @throws ArgumentError unless 0 <= probability <= 1
 */
export const randomBernoulli = fillOp<BernoulliAttrs>(
  {
    name: "randomBernoulli",
    dtype: "bool",
    check: ({ probability }) => {
      if (!(probability >= 0 && probability <= 1))
        throw new ArgumentError(`randomBernoulli: the probability must be from 0 to 1, got ${probability}`);
    },
    // 2^32 is no u32: a second word says that all are true.
    parameters: ({ probability }) => (probability === 1 ? [0, 1] : [Math.floor(probability * 2 ** 32), 0]),
    code: (words, [threshold, all]) => `(${words} < vec4u(${threshold})) | vec4<bool>(${all} == 1u)`,
    reference: (word, { probability }) =>
      probability === 1 || word < Math.floor(probability * 2 ** 32) ? 1 : 0,
    samples: [{ probability: 0.3 }, { probability: 0 }, { probability: 1 }],
  },
  ({ probability = 0.5 }) => ({ probability }),
);

export interface IntegerAttrs {
  /** The smallest number drawn; default 0. */
  readonly low: number;
  /** The number that those drawn stay below. */
  readonly high: number;
}

const randomBelow = `fn random_below(words: vec4u, n: u32) -> vec4u {
  return vec4u(multiply_high(words.xy, vec2u(n)), multiply_high(words.zw, vec2u(n)));
}`;

/**
 * Whole numbers, i32, from [low, high): low + floor(word * (high - low) / 2^32), words as in {@link randomBits}. The same
 * bits on every device. No number's probability is off by more than 2^-32, which no test of fewer than 2^60 draws
 * could tell.
 *
 * @throws ArgumentError unless low and high are whole numbers of i32's range, high at most 2^31, and low < high
 */
export const randomInteger = fillOp<IntegerAttrs>(
  {
    name: "randomInteger",
    dtype: "i32",
    check: ({ low, high }) => {
      const isBound = (value: number) => Number.isInteger(value) && value >= -(2 ** 31) && value <= 2 ** 31;
      if (!isBound(low) || !isBound(high) || low >= high || high - low >= 2 ** 32) {
        throw new ArgumentError(
          `randomInteger: low ${low} and high ${high} must be whole numbers from -2^31 to 2^31, low less than high, and less than 2^32 apart`,
        );
      }
    },
    parameters: ({ low, high }) => [low >>> 0, high - low],
    code: (words, [low, count]) => `bitcast<vec4i>(random_below(${words}, ${count}) + vec4u(${low}))`,
    helpers: { random_below: randomBelow },
    reference: (word, { low, high }) => low + highProduct(word, high - low),
    samples: [
      { low: 0, high: 10 },
      { low: -7, high: 3_000_000_000 - 2 ** 31 },
      { low: -(2 ** 31), high: 2 ** 31 - 1 },
    ],
  },
  ({ low = 0, high = Number.NaN }) => ({ low, high }),
);

// E = -ln(1 - t) is exponential for t = (word + 1/2) * 2^-32, and -ln E Gumbel. Small t by the series of
// 2 atanh(t / (2 - t)), large t by the logarithm of 1 - t, which the other bits give without cancelling.
const gumbelCode = `fn gumbel(words: vec4u) -> vec4f {
  let t = (vec4f(words) + 0.5) * 0x1p-32f;
  let rest = (vec4f(~words) + 0.5) * 0x1p-32f;
  let s = t / (2.0 - t);
  let z = s * s;
  let series = 2.0 * s * (1.0 + z * (0.33333333 + z * (0.2 + z * (0.14285714 + z * (0.11111111 + z * (0.090909091
    + z * 0.076923077))))));
  return -log(select(-log(rest), series, t < vec4f(0.5)));
}`;

/**
 * f32 numbers from the standard Gumbel distribution, -ln(-ln u): added to logits, the place of the largest is a draw from
 * their softmax. From -3.1 to 22.9, as fine at the upper end as 32 bits allow. Devices agree within a few parts in a
 * million.
 */
export const randomGumbel = fillOp<object>(
  {
    name: "randomGumbel",
    dtype: "f32",
    parameters: () => [],
    code: (words) => `gumbel(${words})`,
    helpers: { gumbel: gumbelCode },
    reference: (word) => -Math.log(-Math.log1p(-(word + 0.5) * 2 ** -32)),
    samples: [{}],
  },
  () => ({}),
);

export interface CategoricalOptions {
  /** How many to draw for each row of logits; the result then has a last axis of that length. */
  count?: number;
}

const categoricalOptions: OptionNames<CategoricalOptions> = { count: true };

/**
 * Classes drawn with the probabilities softmax(logits), i32: one for each row of the last axis of `logits` (f32), or
 * `count` of them. Logits need not be normalized; those of -∞ are never drawn. By the Gumbel-max method, exact but for
 * rounding: where two classes' sums with their noise agree to about a millionth, devices may draw different ones.
 *
 * @throws ShapeError for a scalar or no classes; ArgumentError for a count that is no whole number of at least 0
 */
export function randomCategorical(state: Tensor, logits: Tensor, options?: CategoricalOptions): Tensor {
  checkOptions("randomCategorical", options, categoricalOptions);
  checkTensor("randomCategorical", state);
  checkTensor("randomCategorical", logits, 2);
  const count = options?.count;
  if (logits.dtype !== "f32")
    throw new DTypeError(
      `randomCategorical: the logits must be f32, got ${logits.dtype}; use cast(x, "f32")`,
    );
  if (logits.shape.length === 0 || logits.shape.at(-1) === 0) {
    throw new ShapeError(
      `randomCategorical: logits of shape ${showShape(logits.shape)}; their last axis must have at least one class`,
    );
  }
  if (count === undefined) return argMax(add(logits, randomGumbel(state, logits.shape)), -1);
  wholeNumber("randomCategorical", "the count", count);
  const shape = [...logits.shape.slice(0, -1), count, ...logits.shape.slice(-1)];
  return argMax(add(unsqueeze(logits, -2), randomGumbel(state, shape)), -1);
}

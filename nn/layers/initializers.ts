// Initial weights, in Keras's names and formulas. Drawn on the host by exactly specified arithmetic, so that a seed
// gives the same bits on every device.

import {
  ArgumentError,
  type RandomKey,
  RandomSource,
  type Shape,
  ShapeError,
  showShape,
  sizeOf,
} from "../../engine/index.ts";
import {
  aboveZero,
  aNumber,
  checkOptions,
  choiceOf,
  hostNormal,
  hostTruncatedNormal,
  hostUniform,
  NameTable,
  type OptionNames,
  showGiven,
} from "../../engine/internal.ts";
import { madeBy } from "./made.ts";
import { orthogonalValues } from "./orthogonal.ts";

export interface Initializer {
  readonly name: string;
  /** Values of a weight of `shape`, row-major; random ones take their stream from `source`. */
  draw(shape: Shape, source: RandomSource): Float32Array;
}

export interface SeedOption {
  /**
   * Draws the same values each time, whatever the device's seed. Without it, each weight has a stream of its own
   * under the device's seed.
   */
  seed?: number;
}

export interface NormalOptions extends SeedOption {
  /** Default 0. */
  mean?: number;
  /** Default 0.05. */
  stddev?: number;
}

export interface UniformOptions extends SeedOption {
  /** Default -0.05. */
  min?: number;
  /** Default 0.05. */
  max?: number;
}

export interface VarianceScalingOptions extends SeedOption {
  /** What the variance is multiplied by, above 0; default 1. */
  scale?: number;
  /** What it is divided by: "fanIn" (the default), "fanOut", or "fanAvg", the mean of both. */
  mode?: "fanIn" | "fanOut" | "fanAvg";
  /** "truncatedNormal" (the default), "untruncatedNormal" or "uniform". */
  distribution?: "truncatedNormal" | "untruncatedNormal" | "uniform";
}

export interface OrthogonalOptions extends SeedOption {
  /** What the matrix is multiplied by; default 1. */
  gain?: number;
}

export interface IdentityOptions {
  /** What stands on the diagonal; default 1. */
  gain?: number;
}

const seedOption: OptionNames<SeedOption> = { seed: true };
const normalOptions: OptionNames<NormalOptions> = { ...seedOption, mean: true, stddev: true };
const uniformOptions: OptionNames<UniformOptions> = { ...seedOption, min: true, max: true };

/** All 0: the default of biases. */
export const zeros = (): Initializer => filled("zeros", 0);

/** All 1. */
export const ones = (): Initializer => filled("ones", 1);

/** All `value`. */
export function constant(value: number): Initializer {
  if (!Number.isFinite(value)) {
    throw new ArgumentError(`constant: the value must be a finite number, got ${showGiven(value)}`);
  }
  return filled("constant", value, [value]);
}

/** Normal distribution; Keras's defaults, mean 0 and standard deviation 0.05. */
export function randomNormal(options: NormalOptions = {}): Initializer {
  checkOptions("randomNormal", options, normalOptions);
  const { mean = 0, stddev = 0.05 } = options;
  return drawn("randomNormal", options, (shape, key, stream) =>
    hostNormal(key, stream, sizeOf(shape), mean, stddev),
  );
}

/** Even distribution over [min, max); Keras's defaults, -0.05 and 0.05. */
export function randomUniform(options: UniformOptions = {}): Initializer {
  checkOptions("randomUniform", options, uniformOptions);
  const { min = -0.05, max = 0.05 } = options;
  return drawn("randomUniform", options, (shape, key, stream) =>
    hostUniform(key, stream, sizeOf(shape), min, max),
  );
}

/** As {@link randomNormal}, but no further than two `stddev` from the mean. */
export function truncatedNormal(options: NormalOptions = {}): Initializer {
  checkOptions("truncatedNormal", options, normalOptions);
  const { mean = 0, stddev = 0.05 } = options;
  return drawn("truncatedNormal", options, (shape, key, stream) =>
    hostTruncatedNormal(key, stream, sizeOf(shape), mean, stddev),
  );
}

/** Of the variance scale / n, n being the inputs or outputs that a weight connects: what the next six are cases of. */
export function varianceScaling(options: VarianceScalingOptions = {}): Initializer {
  const name = "varianceScaling";
  checkOptions(name, options, { ...seedOption, scale: true, mode: true, distribution: true });
  const scale = aboveZero(name, "scale", options.scale ?? 1);
  const mode = choiceOf(`${name} mode`, options.mode ?? "fanIn", ["fanIn", "fanOut", "fanAvg"]);
  const distribution = choiceOf(`${name} distribution`, options.distribution ?? "truncatedNormal", [
    "truncatedNormal",
    "untruncatedNormal",
    "uniform",
    "normal",
  ]);
  const variance: Variance = ({ fanIn, fanOut }) =>
    scale / (mode === "fanIn" ? fanIn : mode === "fanOut" ? fanOut : (fanIn + fanOut) / 2);
  if (distribution === "uniform") return even(name, options, variance);
  if (distribution !== "untruncatedNormal") return truncated(name, options, variance);
  return drawn(name, options, (shape, key, stream) =>
    hostNormal(key, stream, sizeOf(shape), 0, Math.sqrt(variance(fans(shape)))),
  );
}

/** Glorot (Xavier) normal: truncated normal of standard deviation √(2 / (fanIn + fanOut)). Glorot and Bengio 2010. */
export function glorotNormal(options: SeedOption = {}): Initializer {
  checkOptions("glorotNormal", options, seedOption);
  return truncated("glorotNormal", options, ({ fanIn, fanOut }) => 2 / (fanIn + fanOut));
}

/** Glorot (Xavier) uniform, the default of Dense kernels: within ±√(6 / (fanIn + fanOut)). */
export function glorotUniform(options: SeedOption = {}): Initializer {
  checkOptions("glorotUniform", options, seedOption);
  return even("glorotUniform", options, ({ fanIn, fanOut }) => 2 / (fanIn + fanOut));
}

/** He normal: truncated normal of standard deviation √(2 / fanIn), made for relu. He et al. 2015. */
export function heNormal(options: SeedOption = {}): Initializer {
  checkOptions("heNormal", options, seedOption);
  return truncated("heNormal", options, ({ fanIn }) => 2 / fanIn);
}

/** He uniform: within ±√(6 / fanIn). */
export function heUniform(options: SeedOption = {}): Initializer {
  checkOptions("heUniform", options, seedOption);
  return even("heUniform", options, ({ fanIn }) => 2 / fanIn);
}

/** LeCun normal: truncated normal of standard deviation √(1 / fanIn), made for selu. LeCun et al. 1998. */
export function lecunNormal(options: SeedOption = {}): Initializer {
  checkOptions("lecunNormal", options, seedOption);
  return truncated("lecunNormal", options, ({ fanIn }) => 1 / fanIn);
}

/** LeCun uniform: within ±√(3 / fanIn). */
export function lecunUniform(options: SeedOption = {}): Initializer {
  checkOptions("lecunUniform", options, seedOption);
  return even("lecunUniform", options, ({ fanIn }) => 1 / fanIn);
}

/**
 * A matrix whose rows, or columns where these are fewer, have length `gain` and are at right angles, evenly drawn; weights
 * of more axes count as one of the last axis' columns. Source: Saxe, McClelland and Ganguli 2014.
 */
export function orthogonal(options: OrthogonalOptions = {}): Initializer {
  checkOptions("orthogonal", options, { ...seedOption, gain: true });
  const gain = aNumber("orthogonal", "gain", options.gain ?? 1);
  return drawn("orthogonal", options, (shape, key, stream) => {
    if (shape.length < 2) {
      throw new ShapeError(
        `orthogonal: takes weights of at least two axes, got ${showShape(shape)}; choose another initializer for those of one`,
      );
    }
    return orthogonalValues(shape, gain, hostNormal(key, stream, sizeOf(shape), 0, 1));
  });
}

/** A matrix with `gain` on its diagonal and 0 elsewhere: the layer starts as the identity, as far as its sizes allow. */
export function identity(options: IdentityOptions = {}): Initializer {
  checkOptions("identity", options, { gain: true });
  const gain = aNumber("identity", "gain", options.gain ?? 1);
  return madeBy("initializers.identity", [options], {
    name: "identity",
    draw: (shape) => {
      if (shape.length !== 2) {
        throw new ShapeError(
          `identity: takes matrices, got ${showShape(shape)}; choose another initializer for weights of ${shape.length} axes`,
        );
      }
      const [rows, columns] = shape;
      const values = new Float32Array(rows * columns);
      for (let i = 0; i < Math.min(rows, columns); i++) values[i * columns + i] = gain;
      return values;
    },
  });
}

/** @internal The rest comes with `gradgpu/names`. */
export const table = new NameTable<() => Initializer>(
  "initializer",
  "initializers.*()",
  {
    zeros,
    ones,
    randomUniform,
    glorotUniform,
    heUniform,
    lecunUniform,
  },
  {
    xavierNormal: "glorotNormal",
    xavierUniform: "glorotUniform",
    uniform: "randomUniform",
    normal: "randomNormal",
  },
  // Normal ones bring the table that their numbers are drawn by.
  "randomNormal glorotNormal heNormal lecunNormal truncatedNormal varianceScaling orthogonal identity",
);

/**
 * An initializer by name ("glorotUniform", "glorot_uniform", ...); an Initializer is given back as it is.
 *
 * @throws ArgumentError for an unknown name, with the nearest known one, and for one that only `gradgpu/names` knows
 */
export function get(initializer: string | Initializer): Initializer {
  if (typeof initializer === "string") return table.get(initializer)();
  if (typeof initializer?.draw === "function") return initializer;
  if (typeof initializer === "function") table.checkNotMaker(initializer);
  throw table.misfit(" or an Initializer, as constant(0.5) makes one", initializer);
}

/**
 * How many inputs and outputs a weight connects, as Keras counts: a matrix [in, out]; of more axes, the leading
 * ones multiply both (a convolution's window).
 */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) return { fanIn: Math.max(1, sizeOf(shape)), fanOut: Math.max(1, sizeOf(shape)) };
  const window = sizeOf(shape.slice(0, -2));
  const [fanIn, fanOut] = shape.slice(-2);
  return { fanIn: Math.max(1, window * fanIn), fanOut: Math.max(1, window * fanOut) };
}

/** Standard deviation of the normal distribution of deviation 1 cut off at ±2, as Keras divides by it. */
const truncatedDeviation = 0.87962566103423978;

type Variance = (counts: { fanIn: number; fanOut: number }) => number;

const truncated = (name: string, options: SeedOption, variance: Variance) =>
  drawn(name, options, (shape, key, stream) => {
    const stddev = Math.sqrt(variance(fans(shape))) / truncatedDeviation;
    return hostTruncatedNormal(key, stream, sizeOf(shape), 0, stddev);
  });

const even = (name: string, options: SeedOption, variance: Variance) =>
  drawn(name, options, (shape, key, stream) => {
    const limit = Math.sqrt(3 * variance(fans(shape)));
    return hostUniform(key, stream, sizeOf(shape), -limit, limit);
  });

function filled(name: string, value: number, args: readonly unknown[] = []): Initializer {
  return madeBy(`initializers.${name}`, args, {
    name,
    draw: (shape) => new Float32Array(sizeOf(shape)).fill(value),
  });
}

function drawn(
  name: string,
  options: SeedOption,
  values: (shape: Shape, key: RandomKey, stream: number) => Float32Array,
): Initializer {
  const own = options.seed === undefined ? undefined : new RandomSource(options.seed);
  return madeBy(`initializers.${name}`, [options], {
    name,
    draw: (shape, source) =>
      own === undefined ? values(shape, source.key, source.nextStream()) : values(shape, own.key, 0),
  });
}

// Initial weights, in Keras's names and formulas. Drawn on the host by exactly specified arithmetic, so that a seed
// gives the same bits on every device.

import { ArgumentError, type RandomKey, RandomSource, type Shape, sizeOf } from "../../engine/index.ts";
import {
  checkNotMaker,
  checkOptions,
  hostRandom,
  kindOf,
  lookup,
  type OptionNames,
  showGiven,
} from "../../engine/internal.ts";

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
  return filled("constant", value);
}

/** Normal distribution; Keras's defaults, mean 0 and standard deviation 0.05. */
export function randomNormal(options: NormalOptions = {}): Initializer {
  checkOptions("randomNormal", options, normalOptions);
  const { mean = 0, stddev = 0.05, seed } = options;
  return drawn("randomNormal", seed, (shape, key, stream) =>
    hostRandom.normal(key, stream, sizeOf(shape), mean, stddev),
  );
}

/** Even distribution over [min, max); Keras's defaults, -0.05 and 0.05. */
export function randomUniform(options: UniformOptions = {}): Initializer {
  checkOptions("randomUniform", options, uniformOptions);
  const { min = -0.05, max = 0.05, seed } = options;
  return drawn("randomUniform", seed, (shape, key, stream) =>
    hostRandom.uniform(key, stream, sizeOf(shape), min, max),
  );
}

/** Glorot (Xavier) normal: truncated normal of standard deviation √(2 / (fanIn + fanOut)). Glorot and Bengio 2010. */
export function glorotNormal(options: SeedOption = {}): Initializer {
  checkOptions("glorotNormal", options, seedOption);
  return truncated("glorotNormal", options.seed, ({ fanIn, fanOut }) => 2 / (fanIn + fanOut));
}

/** Glorot (Xavier) uniform, the default of Dense kernels: within ±√(6 / (fanIn + fanOut)). */
export function glorotUniform(options: SeedOption = {}): Initializer {
  checkOptions("glorotUniform", options, seedOption);
  return even("glorotUniform", options.seed, ({ fanIn, fanOut }) => 2 / (fanIn + fanOut));
}

/** He normal: truncated normal of standard deviation √(2 / fanIn), made for relu. He et al. 2015. */
export function heNormal(options: SeedOption = {}): Initializer {
  checkOptions("heNormal", options, seedOption);
  return truncated("heNormal", options.seed, ({ fanIn }) => 2 / fanIn);
}

/** He uniform: within ±√(6 / fanIn). */
export function heUniform(options: SeedOption = {}): Initializer {
  checkOptions("heUniform", options, seedOption);
  return even("heUniform", options.seed, ({ fanIn }) => 2 / fanIn);
}

const table: Readonly<Record<string, () => Initializer>> = {
  zeros,
  ones,
  randomNormal,
  randomUniform,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
};
const aliases = { xavierNormal: "glorotNormal", xavierUniform: "glorotUniform" };

/** An initializer by name ("glorotUniform", "glorot_uniform", ...); an Initializer is given back as it is. */
export function get(initializer: string | Initializer): Initializer {
  if (typeof initializer === "string") return lookup("initializer", initializer, table, aliases)();
  if (typeof initializer?.draw === "function") return initializer;
  checkNotMaker("initializers", initializer, { ...table, constant });
  throw new ArgumentError(
    `initializers.get: takes a name (${Object.keys(table).join(", ")}) or an Initializer, got ${kindOf(initializer)}`,
  );
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

const truncated = (name: string, seed: number | undefined, variance: Variance) =>
  drawn(name, seed, (shape, key, stream) => {
    const stddev = Math.sqrt(variance(fans(shape))) / truncatedDeviation;
    return hostRandom.truncatedNormal(key, stream, sizeOf(shape), 0, stddev);
  });

const even = (name: string, seed: number | undefined, variance: Variance) =>
  drawn(name, seed, (shape, key, stream) => {
    const limit = Math.sqrt(3 * variance(fans(shape)));
    return hostRandom.uniform(key, stream, sizeOf(shape), -limit, limit);
  });

function filled(name: string, value: number): Initializer {
  return { name, draw: (shape) => new Float32Array(sizeOf(shape)).fill(value) };
}

function drawn(
  name: string,
  seed: number | undefined,
  values: (shape: Shape, key: RandomKey, stream: number) => Float32Array,
): Initializer {
  const own = seed === undefined ? undefined : new RandomSource(seed);
  return {
    name,
    draw: (shape, source) =>
      own === undefined ? values(shape, source.key, source.nextStream()) : values(shape, own.key, 0),
  };
}

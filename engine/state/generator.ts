// RandomGenerator: a random state that lives on the device and advances with every draw, so that programs draw by
// calling methods. What is drawn, engine/ops knows.

import { ArgumentError, checkOptions, kindOf, type OptionNames } from "../base/errors.ts";
import { RandomSource } from "../base/random/source.ts";
import { normalizeAxis, type Shape } from "../base/shape.ts";
import { gather } from "../ops/indexing/gather.ts";
import {
  type BernoulliAttrs,
  type CategoricalOptions,
  type NormalAttrs,
  randomBernoulli,
  randomCategorical,
  randomInteger,
  randomNormal,
  randomTruncatedNormal,
  randomUniform,
  type UniformAttrs,
} from "../ops/random/distributions.ts";
import { dropout, permutation } from "../ops/random/random.ts";
import { checkState } from "../ops/random/random-fill.ts";
import { checkTensor } from "../tensor/arguments.ts";
import { type Device, device as defaultDevice } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Variable, variable } from "../tensor/variable.ts";
import { drawFrom } from "./draw-from.ts";

export interface RandomGeneratorOptions {
  /** Whole, 0 to 2^53-1. Default: the device's seed, with a stream that nobody else draws from. */
  seed?: number;
  device?: Device;
  /**
   * A state to draw from, instead of one of the generator's own: `weights.random(name)` of a layer, which saves it and
   * frees it.
   */
  state?: Variable;
}

const generatorOptions: OptionNames<RandomGeneratorOptions> = { seed: true, device: true, state: true };

/**
 * Draws random tensors. Its state is a Variable, so it works the same inside `jit`, where every run draws anew.
 *
 *     const random = new RandomGenerator({ seed: 7 });
 *     const noise = random.normal([32, 10], { stddev: 0.1 });
 *     const coin = random.bernoulli([100], { probability: 0.3 });
 *
 * A layer of one's own gives it a state of its own, so that what it draws is saved and resumed with the model:
 *
 *     this.random = new RandomGenerator({ state: weights.random("state") });
 */
export class RandomGenerator {
  /** `[key low, key high, counter, stream]`, u32. Assign an older value to draw the same again. */
  readonly state: Variable;
  readonly #ownsState: boolean;

  constructor(options: RandomGeneratorOptions = {}) {
    checkOptions("RandomGenerator", options, generatorOptions);
    this.#ownsState = options.state === undefined;
    if (options.state !== undefined) {
      if (options.seed !== undefined || options.device !== undefined) {
        throw new ArgumentError(
          "RandomGenerator: a state has its seed and device; give it alone, or seed and device without it",
        );
      }
      if (!(options.state instanceof Variable)) {
        throw new ArgumentError(
          `RandomGenerator: the state must be a Variable, which can advance, got ${kindOf(options.state)}; in a layer weights.random("state") makes one`,
        );
      }
      checkState("RandomGenerator", options.state);
      this.state = options.state;
      return;
    }
    const device = options.device ?? defaultDevice();
    const words = options.seed === undefined ? device.random.state() : new RandomSource(options.seed).state();
    this.state = variable(words, { dtype: "u32", device, trainable: false, name: "random state" });
  }

  /** f32 numbers drawn evenly from [low, high), by default from [0, 1). */
  uniform(shape: Shape, options?: Partial<UniformAttrs>): Tensor {
    return drawFrom(this.state, (state) => randomUniform(state, shape, options));
  }

  /** f32 numbers from the normal distribution, by default of mean 0 and stddev 1. */
  normal(shape: Shape, options?: Partial<NormalAttrs>): Tensor {
    return drawFrom(this.state, (state) => randomNormal(state, shape, options));
  }

  /** As {@link normal}, but no further than two stddev from the mean. */
  truncatedNormal(shape: Shape, options?: Partial<NormalAttrs>): Tensor {
    return drawFrom(this.state, (state) => randomTruncatedNormal(state, shape, options));
  }

  /** bool, true with a probability, by default of 1/2. */
  bernoulli(shape: Shape, options?: Partial<BernoulliAttrs>): Tensor {
    return drawFrom(this.state, (state) => randomBernoulli(state, shape, options));
  }

  /** Whole numbers, i32, from `low` up to `high`, exclusive. */
  integers(shape: Shape, low: number, high: number): Tensor {
    return drawFrom(this.state, (state) => randomInteger(state, shape, { low, high }));
  }

  /** The numbers from 0 to n - 1 in a random order, u32. */
  permutation(n: number): Tensor {
    return drawFrom(this.state, (state) => permutation(state, n));
  }

  /** The rows of `x` in a random order, or what stands along another axis. */
  shuffle(x: Tensor, axis = 0): Tensor {
    checkTensor("shuffle", x);
    const along = normalizeAxis("shuffle", axis, x.shape.length);
    return drawFrom(this.state, (state) => gather(x, permutation(state, x.shape[along]), along));
  }

  /** Classes with the probabilities softmax(logits), i32: one a row of logits, or `count` of them. */
  categorical(logits: Tensor, options?: CategoricalOptions): Tensor {
    return drawFrom(this.state, (state) => randomCategorical(state, logits, options));
  }

  /** `x` with a share `rate` of its elements set to 0 and the others scaled by 1 / (1 - rate). */
  dropout(x: Tensor, rate: number): Tensor {
    return drawFrom(this.state, (state) => dropout(x, rate, state));
  }

  /** Frees the state, unless it was given: then whoever made it frees it. */
  dispose(): void {
    if (this.#ownsState) this.state.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

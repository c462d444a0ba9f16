// rotaryEmbedding: positions as rotations of pairs of features.

import { checkOptions, type OptionNames, ShapeError } from "../../base/errors.ts";
import { aboveZero, atLeastOne } from "../../base/number-checks.ts";
import { showShape } from "../../base/shape.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import { tensor } from "../../tensor/create.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add, mul, neg } from "../elementwise/arithmetic.ts";
import { dynamicSlice } from "../indexing/dynamic-slice.ts";
import { concat } from "../layout/concat.ts";
import { reshape } from "../layout/reshape.ts";
import { slice } from "../layout/slice.ts";

export interface RotaryOptions {
  /** The longest wave's length, in positions times 2π; default 10,000. */
  maxWavelength?: number;
  /** Positions are divided by it; default 1. */
  scalingFactor?: number;
  /** The position of the first step, i32 [] or [1] on the device; needs {@link maxLength}. Default 0. */
  offset?: Tensor;
  /** How many positions there are, where an offset says which are used. */
  maxLength?: number;
}

const rotaryOptions: OptionNames<RotaryOptions> = {
  maxWavelength: true,
  scalingFactor: true,
  offset: true,
  maxLength: true,
};

/**
 * Rotary positions (Su et al. 2021): at position p, features i and i + n/2 of n are turned as a pair by the angle
 * p / maxWavelength^(2i/n), so that products of queries and keys depend on how far apart they are. x [batch, time, ...,
 * features], f32, an even number of features; it is applied to queries and keys, [batch, time, heads, dim]. Halves are
 * paired, as in KerasHub's RotaryEmbedding, Llama and GPT-NeoX. Sines and cosines are worked out on the host in float64.
 *
 * @throws ShapeError for an odd number of features or fewer than 3 axes
 */
export function rotaryEmbedding(x: Tensor, options: RotaryOptions = {}): Tensor {
  checkOptions("rotaryEmbedding", options, rotaryOptions);
  checkTensor("rotaryEmbedding", x);
  const { shape, rank } = x;
  const features = shape[rank - 1];
  if (rank < 3 || features % 2 !== 0)
    throw new ShapeError(
      `rotaryEmbedding: takes x [batch, time, ..., features] with an even number of features, got ${showShape(shape)}`,
    );
  const { maxWavelength = 10_000, scalingFactor = 1, offset, maxLength } = options;
  aboveZero("rotaryEmbedding", "maxWavelength", maxWavelength);
  aboveZero("rotaryEmbedding", "scalingFactor", scalingFactor);
  const steps = shape[1];
  if (offset !== undefined) {
    checkTensor("rotaryEmbedding: offset", offset);
    atLeastOne("rotaryEmbedding", "maxLength, which an offset needs", maxLength as number);
  }
  const count = offset === undefined ? steps : Math.max(steps, maxLength as number);
  const half = features / 2;
  return tidy(() => {
    // A row holds the cosines, then the sines.
    const table = new Float32Array(count * features);
    for (let p = 0; p < count; p++) {
      for (let i = 0; i < half; i++) {
        const angle = p / scalingFactor / maxWavelength ** ((2 * i) / features);
        table[p * features + i] = Math.cos(angle);
        table[p * features + half + i] = Math.sin(angle);
      }
    }
    const all = tensor(table, { shape: [count, features], device: x.device });
    const rows = offset === undefined ? all : dynamicSlice(all, reshape(offset, []), steps);
    const beside = [1, steps, ...new Array<number>(rank - 3).fill(1), half];
    const part = (from: Tensor, start: number) => {
      const starts = from.shape.map((_, axis) => (axis === from.rank - 1 ? start : undefined));
      const ends = from.shape.map((_, axis) => (axis === from.rank - 1 ? start + half : undefined));
      return slice(from, starts, ends);
    };
    const cos = reshape(part(rows, 0), beside);
    const sin = reshape(part(rows, half), beside);
    const [a, b] = [part(x, 0), part(x, half)];
    return concat([add(mul(a, cos), neg(mul(b, sin))), add(mul(b, cos), mul(a, sin))], rank - 1);
  });
}

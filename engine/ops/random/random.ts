// Ops that draw on the device: words, orders, dropout, and the step from one random state to the next.

import advanceSource from "../../../shaders/advance.wgsl";
import dropoutSource from "../../../shaders/dropout.wgsl";
import permutationSource from "../../../shaders/permutation.wgsl";
import philoxSource from "../../../shaders/philox.wgsl";
import { ArgumentError, DTypeError } from "../../base/errors.ts";
import { showGiven } from "../../base/number-checks.ts";
import { fillPermutation, halves } from "../../base/random/permutation.ts";
import { sizeOf } from "../../base/shape.ts";
import { input, output, type Spec, shader, wgslFloat } from "../../kernel/kernel.ts";
import { defineOp } from "../../tensor/define.ts";
import { notDifferentiable } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkState, deviceWords, highState, notOfValues, sampleState, segments } from "./random-fill.ts";

// All are functions of a random state, a u32 tensor of shape [4] that holds `[key low, key high, counter, stream]`
// (see RandomSource.state): the same state gives the same numbers on every device. RandomGenerator keeps a state and
// advances it.

const permutationShader = shader("permutation", `${philoxSource}\n${permutationSource}`);
const dropoutShader = shader("dropout", `${philoxSource}\n${dropoutSource}`);
const advanceShader = shader("advance", advanceSource);

interface PermutationAttrs {
  readonly n: number;
}

/**
 * A random order of [0, n), u32 [n]: element i is where i goes, each place exactly once. Computed element by
 * element (a Feistel network with cycle walking), so the same on every device, and on the host by `permutation`
 * of engine/base/random/permutation.ts.
 */
export const permutation = defineOp({
  name: "permutation",
  saves: {},
  vjp: notDifferentiable("an order of integers has no derivative"),
  call: (state: Tensor, n: number) => ({ inputs: [state], attrs: { n } }),
  infer: ([state], { n }: PermutationAttrs): readonly Spec[] => {
    checkState("permutation", state);
    if (!Number.isInteger(n) || n < 0 || n >= 2 ** 31) {
      throw new ArgumentError(
        `permutation: n must be a whole number from 0 to 2^31 - 1, got ${showGiven(n)}`,
      );
    }
    return [{ shape: [n], dtype: "u32" }];
  },
  kernels: ({ attrs: { n }, profile }) => {
    if (n === 0) return { calls: [] };
    const { count, segment, workgroups } = segments(n, profile);
    const { lowBits, lowMask, highMask } = halves(n);
    return {
      calls: [
        {
          shader: permutationShader,
          sizes: [count, segment, n, lowBits, lowMask, highMask],
          operands: [input(0), output(0)],
          workgroups,
        },
      ],
    };
  },
  reference: ([state], _attrs, [out]) => fillPermutation(out.data as Uint32Array, state.data),
  samples: [
    { inputs: [sampleState(1, 2, 3, 4)], attrs: { n: 65 } },
    { inputs: [highState], attrs: { n: 1000 } },
    { inputs: [sampleState(1, 2, 3, 4)], attrs: { n: 1 } },
    { inputs: [sampleState(1, 2, 3, 4)], attrs: { n: 0 } },
  ],
});

/** The next random state: the counter one higher (modulo 2^32), the rest the same. */
export const advance = defineOp({
  name: "advance",
  saves: {},
  vjp: notOfValues,
  call: (state: Tensor) => ({ inputs: [state], attrs: {} }),
  infer: ([state]: readonly Spec[]): readonly Spec[] => {
    checkState("advance", state);
    return [{ shape: [4], dtype: "u32" }];
  },
  pointwise: { expression: () => "vec4u(a.x, a.y, a.z + 1u, a.w)" },
  kernels: () => ({
    calls: [{ shader: advanceShader, sizes: [1], operands: [input(0), output(0)], workgroups: [1, 1, 1] }],
  }),
  reference: ([state], _attrs, [out]) => {
    out.data.set(state.data);
    out.data[2] = (state.data[2] + 1) % 2 ** 32;
  },
  samples: [
    { inputs: [sampleState(1, 2, 3, 4)], attrs: {} },
    { inputs: [highState], attrs: {} },
  ],
});

interface DropoutAttrs {
  readonly rate: number;
}

/** Words below the threshold are dropped; the rest are scaled. A scale of 0 means that all are dropped. */
export function dropoutNumbers(rate: number): { threshold: number; scale: number } {
  if (rate === 1) return { threshold: 0, scale: 0 };
  return { threshold: Math.floor(rate * 2 ** 32), scale: Math.fround(1 / (1 - rate)) };
}

/**
 * Sets a share `rate` of the elements of `x` (f32) to 0 and multiplies the others by 1 / (1 - rate), so that the
 * expected value stays (Srivastava et al. 2014, in the inverted form that Keras uses). Element i is dropped where
 * word i of {@link randomBits} is below floor(rate * 2^32): the same mask on every device. Backward draws the
 * mask again from the same state. Rate 0 gives the values of `x`, rate 1 all zeros.
 *
 * @throws ArgumentError unless 0 <= rate <= 1
 */
export const dropout = defineOp({
  name: "dropout",
  saves: { inputs: [1] },
  call: (x: Tensor, rate: number, state: Tensor) => ({ inputs: [x, state], attrs: { rate } }),
  infer: ([x, state], { rate }: DropoutAttrs): readonly Spec[] => {
    if (x.dtype !== "f32") throw new DTypeError(`dropout: x must be f32, got ${x.dtype}; use cast(x, "f32")`);
    checkState("dropout", state);
    if (!(typeof rate === "number" && rate >= 0 && rate <= 1)) {
      throw new ArgumentError(
        `dropout: the rate must be from 0 to 1, the share of elements to drop, got ${showGiven(rate)}`,
      );
    }
    return [{ shape: x.shape, dtype: "f32" }];
  },
  // For fused chains, with the rate as literals; eager calls share one pipeline for all rates.
  pointwise: {
    wholeInputs: [1],
    expression: ({ rate }) => {
      const { threshold, scale } = dropoutNumbers(rate);
      if (scale === 0) return "vec4f()";
      return `select(vec4f(), a * ${wgslFloat(scale)}, random_words(i, b) >= vec4u(${threshold}u))`;
    },
    helpers: { philox: philoxSource },
  },
  kernels: ({ outputs: [out], attrs: { rate }, profile }) => {
    const length = sizeOf(out.shape);
    if (length === 0) return { calls: [] };
    const { count, segment, workgroups } = segments(length, profile);
    const { threshold, scale } = dropoutNumbers(rate);
    return {
      calls: [
        {
          shader: dropoutShader,
          sizes: [count, segment, threshold, { f32: scale }],
          operands: [input(0), input(1), output(0)],
          workgroups,
        },
      ],
    };
  },
  reference: ([x, state], { rate }, [out]) => {
    const { threshold, scale } = dropoutNumbers(rate);
    const words = deviceWords(state, out.data.length);
    for (let i = 0; i < words.length; i++) {
      out.data[i] = scale > 0 && words[i] >= threshold ? x.data[i] * scale : 0;
    }
  },
  vjp: ({ attrs: { rate }, grad, input: saved }): (Tensor | null)[] => [
    dropout(grad(), rate, saved(1)),
    null,
  ],
  samples: [
    { inputs: [{ shape: [7, 13] }, sampleState(1, 2, 3, 4)], attrs: { rate: 0.3 } },
    { inputs: [{ shape: [2, 1, 65] }, highState], attrs: { rate: 0.5 } },
    { inputs: [{ shape: [5] }, sampleState(1, 2, 3, 4)], attrs: { rate: 0 } },
    { inputs: [{ shape: [9] }, sampleState(1, 2, 3, 4)], attrs: { rate: 1 } },
    { inputs: [{ shape: [] }, sampleState(3, 0, 0, 0)], attrs: { rate: 0.25 } },
    { inputs: [{ shape: [0, 3] }, sampleState(1, 2, 3, 4)], attrs: { rate: 0.5 } },
  ],
});

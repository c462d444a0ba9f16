// The largest value under each place of a window, and which tap it came from; back, and the adjoint of that.

import maxPoolSource from "../../../shaders/max-pool.wgsl";
import gradientSource from "../../../shaders/max-pool-gradient.wgsl";
import { DTypeError, ShapeError } from "../../base/errors.ts";
import { type Shape, sameShape, showShape, sizeOf } from "../../base/shape.ts";
import { input, type KernelCall, type KernelPlan, output, type Spec } from "../../kernel/kernel.ts";
import type { Sample } from "../../kernel/kernel-op.ts";
import { defineOp } from "../../tensor/define.ts";
import type { Op, OpFunction } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { elementsShader } from "../layout/copying.ts";
import { columnwiseSite } from "../pointwise/epilogues.ts";
import {
  checkFloat,
  type ImageAttrs,
  nameOf,
  overlapping,
  type PoolAttrs,
  places,
  sample,
  windowFor,
} from "./pool.ts";
import { poolRewrites } from "./pool-rewrites.ts";
import { elementwiseGrid, windowSum } from "./window-sum.ts";
import {
  checkImage,
  eachTap,
  imageOf,
  isBounded,
  tapsOf,
  type Window,
  windowPreamble,
  windowWords,
} from "./windows.ts";

const gradientShader = elementsShader("max-pool-gradient", `${windowPreamble}\n${gradientSource}`);

/** Taps up to which loops over them are unrolled. */
const fewTaps = 9;

/** What both kernels are specialised to. */
const poolConsts = (window: Window): Record<string, string> => ({
  is_bounded: `${isBounded(window)}`,
  ...(tapsOf(window) > fewTaps ? {} : { rows: `${window.size[0]}u`, columns: `${window.size[1]}u` }),
});

/** Whether no pixel is under two places of the window. */
const isDisjoint = ({ size, stride, dilation }: Window): boolean =>
  [0, 1].every((axis) => size[axis] <= stride[axis] && (dilation[axis] === 1 || size[axis] === 1));

/** Whether there are pixels that no place sees, of a window that is disjoint. */
const leavesOut = ({ size, stride, before, input, output }: Window): boolean =>
  [0, 1].some(
    (axis) => size[axis] !== stride[axis] || output[axis] * stride[axis] - before[axis] < input[axis],
  );

const maxPoolShader = elementsShader("max-pool", `${windowPreamble}\n${maxPoolSource}`);

/** y, and for each of its elements the number of the tap it came from, row by row in the window. */
export const maxPool: Op<PoolAttrs> = {
  name: "maxPool",
  accuracy: { ulp: 0 },
  traits: { rewrites: (graph, profile) => poolRewrites(graph, profile, maxPool, maxPoolGradient.op) },
  saves: { outputs: [1] },
  infer: ([x], { window }) => {
    const op = nameOf("maxPool", x.shape);
    checkFloat(op, x);
    checkImage(op, "x", x, window.input);
    const shape = places(x.shape, window);
    return [
      { shape, dtype: "f32" },
      { shape, dtype: "i32" },
    ];
  },
  kernels: ({ inputs: [x], attrs: { window }, profile }): KernelPlan => {
    const { batch, channels } = imageOf(x);
    const isWide = channels % 4 === 0;
    const pixels = batch * window.output[0] * window.output[1];
    if (pixels * channels === 0) return { calls: [] };
    const { inner, count, segment, workgroups } = elementwiseGrid(pixels, channels, isWide, profile);
    const call: KernelCall = {
      shader: maxPoolShader,
      hooks: {
        consts: poolConsts(window),
        aliases: isWide ? { Unit: "vec4f", Bits: "vec4u", Flags: "vec4<bool>" } : {},
      },
      sizes: [count, segment, count, inner, ...windowWords(window, [])],
      operands: [input(0), output(0), output(1)],
      workgroups,
    };
    return { calls: [call] };
  },
  reference: ([x], { window }, [y, winners]) => {
    const { batch, channels } = imageOf(x);
    winners.data.fill(-1);
    eachTap(window, batch, (place, tap, pixel) => {
      for (let c = 0; c < channels; c++) {
        const [to, value] = [place * channels + c, x.data[pixel * channels + c]];
        const wins = value > y.data[to] || (Number.isNaN(value) && !Number.isNaN(y.data[to]));
        if (winners.data[to] >= 0 && !wins) continue;
        y.data[to] = value;
        winners.data[to] = tap;
      }
    });
  },
  vjp: ({ grad, hasGrad, output, attrs: { window }, inputSpecs: [x] }) => [
    hasGrad(0) ? maxPoolGradient(grad(), output(1), window, x.shape) : null,
  ],
  samples: [
    sample([2, 4, 6, 3], [2, 2], { stride: 2 }),
    sample([2, 5, 5, 4], [3, 3], { stride: 2, padding: "same" }),
    sample([1, 5, 4, 2], [2, 3], { stride: 1, padding: [1, [0, 2]] }),
    sample([2, 7, 3], [3], { stride: 2 }),
    {
      // Ties: the first one wins. Differences can't tell the gradient there.
      inputs: [{ shape: [1, 2, 4, 1], values: [3, 3, 1, 1, 3, 2, 1, 1] }],
      attrs: { window: windowFor([1, 2, 4, 1], [2, 2], {}) },
      differentiable: [],
    },
    sample([0, 4, 4, 2], [2, 2], {}),
  ],
};

/** A tap takes part where it won; `at` says which pixel knows. Its number is bound as u32: it is never negative. */
function winnersOnly(at: "source" | "pixel", isWide: boolean) {
  const type = isWide ? "vec4u" : "u32";
  const index = (pixel: string) => `${pixel} * sizes.inner + channel`;
  return {
    inputs: ["in0", "winners"],
    types: { winners: type },
    term: `  return select(Unit(), in0[${index("source")}], winners[${index(at)}] == ${type}(tap));`,
  };
}

function checkWinners(op: string, x: Spec, winners: Spec, shape: Shape): void {
  checkFloat(op, x);
  if (winners.dtype !== "i32") {
    throw new DTypeError(`${op}: the winning taps must be i32, got ${winners.dtype}`);
  }
  if (!sameShape(winners.shape, shape)) {
    throw new ShapeError(
      `${op}: the winning taps ${showShape(winners.shape)} must be of shape ${showShape(shape)}`,
    );
  }
}

/**
 * Gradients `g` of maxima put back where the maxima were in images of `shape`, added up where several windows share one;
 * `winners` (i32) are the taps they came from.
 */
export const maxPoolGradient: OpFunction<[g: Tensor, winners: Tensor, window: Window, shape: Shape], Tensor> =
  defineOp({
    name: "maxPoolGradient",
    saves: { inputs: [1] },
    call: (g: Tensor, winners: Tensor, window: Window, shape: Shape) => ({
      inputs: [g, winners],
      attrs: { window, shape },
    }),
    infer: ([g, winners], { window, shape }: ImageAttrs) => {
      checkWinners("maxPoolGradient", g, winners, g.shape);
      checkImage("maxPoolGradient", "g", g, window.output);
      checkImage("maxPoolGradient", "the shape", { shape, dtype: "f32" }, window.input);
      return [{ shape, dtype: "f32" }];
    },
    epilogue: ({ outputs: [out], attrs: { window } }) =>
      isDisjoint(window) && imageOf(out).channels % 4 === 0
        ? columnwiseSite(2, ["in0"], "(sizes.inner * 4u)")
        : undefined,
    kernels: ({ inputs: [g], outputs: [out], attrs: { window }, profile }) => {
      const { batch, channels } = imageOf(out);
      const isWide = channels % 4 === 0;
      const places = sizeOf(g.shape) / Math.max(1, channels);
      if (isDisjoint(window) && places * channels > 0) {
        const { inner, count, segment, workgroups } = elementwiseGrid(places, channels, isWide, profile);
        const call: KernelCall = {
          shader: gradientShader,
          hooks: {
            consts: {
              ...poolConsts(window),
              leaves_out: `${leavesOut(window)}`,
              ...(isWide ? { per: "4u" } : {}),
            },
            aliases: isWide ? { Unit: "vec4f", Bits: "vec4u" } : {},
          },
          sizes: [count, segment, count, inner, ...windowWords(window, [])],
          operands: [input(0), input(1), output(0)],
          workgroups,
        };
        return { calls: [call] };
      }
      return windowSum({
        ...{ window, direction: "back", batch, channels, isWide, profile },
        ...winnersOnly("source", isWide),
      });
    },
    reference: ([g, winners], { window }, [out]) => {
      const { batch, channels } = imageOf(out);
      out.data.fill(0);
      eachTap(window, batch, (place, tap, pixel) => {
        for (let c = 0; c < channels; c++) {
          const at = place * channels + c;
          if (winners.data[at] === tap) out.data[pixel * channels + c] += g.data[at];
        }
      });
    },
    vjp: ({ grad, input, attrs: { window } }): (Tensor | null)[] => [
      maxPoolTake(grad(), input(1), window),
      null,
    ],
    samples: winnersSamples(false),
  });

/** What `x` holds where the maxima were: the adjoint of {@link maxPoolGradient}. */
export const maxPoolTake: OpFunction<[x: Tensor, winners: Tensor, window: Window], Tensor> = defineOp({
  name: "maxPoolTake",
  accuracy: { ulp: 0 },
  saves: { inputs: [1] },
  call: (x: Tensor, winners: Tensor, window: Window) => ({ inputs: [x, winners], attrs: { window } }),
  infer: ([x, winners], { window }: PoolAttrs) => {
    checkImage("maxPoolTake", "x", x, window.input);
    const shape = places(x.shape, window);
    checkWinners("maxPoolTake", x, winners, shape);
    return [{ shape, dtype: "f32" }];
  },
  kernels: ({ inputs: [x], attrs: { window }, profile }) => {
    const { batch, channels } = imageOf(x);
    const isWide = channels % 4 === 0;
    return windowSum({
      ...{ window, direction: "forth", batch, channels, isWide, profile },
      ...winnersOnly("pixel", isWide),
    });
  },
  reference: ([x, winners], { window }, [out]) => {
    const { batch, channels } = imageOf(x);
    out.data.fill(0);
    eachTap(window, batch, (place, tap, pixel) => {
      for (let c = 0; c < channels; c++) {
        const at = place * channels + c;
        if (winners.data[at] === tap) out.data[at] = x.data[pixel * channels + c];
      }
    });
  },
  vjp: ({ grad, input, attrs: { window }, inputSpecs: [x] }): (Tensor | null)[] => [
    maxPoolGradient(grad(), input(1), window, x.shape),
    null,
  ],
  samples: winnersSamples(true),
});

/** Winning taps at random, some of them in the padding: those take no part. */
function winnersSamples(isTake: boolean): Sample<ImageAttrs>[] {
  return overlapping.map(({ shape, window }) => ({
    inputs: [
      { shape: isTake ? shape : places(shape, window) },
      { shape: places(shape, window), dtype: "i32", low: 0, high: tapsOf(window) },
    ],
    attrs: { window, shape },
  }));
}

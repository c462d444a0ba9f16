// Images and sequences of another size: resize, its adjoint, and upsampling by whole factors. Half-pixel centres and no
// anti-aliasing, as TensorFlow and Keras resize.

import resizeSource from "../../../shaders/resize.wgsl";
import { checkOptions, DTypeError, LimitError, type OptionNames, ShapeError } from "../../base/errors.ts";
import { choiceOf } from "../../base/names.ts";
import { type PerAxis, perAxis } from "../../base/number-checks.ts";
import { type Shape, showShape, sizeOf } from "../../base/shape.ts";
import { input, type KernelPlan, output, type Spec } from "../../kernel/kernel.ts";
import type { Sample } from "../../kernel/kernel-op.ts";
import { apply } from "../../tensor/apply.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import { defineOp } from "../../tensor/define.ts";
import type { Op, OpFunction } from "../../tensor/op.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { elementsGrid, elementsShader } from "../layout/copying.ts";
import { reshape } from "../layout/reshape.ts";

const resizeShader = elementsShader("resize", resizeSource);

export type Interpolation = "nearest" | "bilinear";

export interface ResizeOptions {
  /** What a pixel between others is: the nearest one, or the mean of those around it by distance (default). */
  interpolation?: Interpolation;
}

const resizeOptions: OptionNames<ResizeOptions> = { interpolation: true };
export const interpolations: readonly Interpolation[] = ["nearest", "bilinear"];

type Pair = readonly [height: number, width: number];

interface ResizeAttrs {
  /** Height and width of the images, and of what is made of them. */
  readonly from: Pair;
  readonly to: Pair;
  readonly interpolation: Interpolation;
}

interface Taps {
  readonly lower: number;
  readonly upper: number;
  readonly weight: number;
}

/** By pixel of an axis of length `to`, the pixels of one of length `from` that it is made of. */
function tapsAlong(from: number, to: number, interpolation: Interpolation): Taps[] {
  return Array.from({ length: to }, (_, at) => {
    // In halves of 1 / to of a pixel, so that numbers are whole.
    const centre = (2 * at + 1) * from;
    const nearest = Math.floor(centre / (2 * to));
    if (interpolation === "nearest") return { lower: nearest, upper: nearest, weight: 0 };
    const past = Math.max(centre - to, 0);
    const lower = Math.floor(past / (2 * to));
    return { lower, upper: Math.min(lower + 1, from - 1), weight: (past % (2 * to)) / (2 * to) };
  });
}

/** Visits what each pixel of the result is made of: numbers of both pixels among all, and the share. */
function eachShare(
  batch: number,
  { from, to, interpolation }: ResizeAttrs,
  visit: (made: number, source: number, share: number) => void,
): void {
  const [rows, columns] = [0, 1].map((axis) => tapsAlong(from[axis], to[axis], interpolation));
  const sources = ({ lower, upper, weight }: Taps) => [
    [lower, 1 - weight],
    [upper, weight],
  ];
  for (let image = 0; image < batch; image++) {
    rows.forEach((row, y) => {
      columns.forEach((column, x) => {
        for (const [sourceRow, ofRow] of sources(row)) {
          for (const [sourceColumn, ofColumn] of sources(column)) {
            // What has no part adds nothing, infinite or not.
            if (ofRow * ofColumn === 0) continue;
            const source = (image * from[0] + sourceRow) * from[1] + sourceColumn;
            visit((image * to[0] + y) * to[1] + x, source, ofRow * ofColumn);
          }
        }
      });
    });
  }
}

function checkImages(op: string, x: Spec, [height, width]: Pair): void {
  if (x.dtype !== "f32") throw new DTypeError(`${op}: takes f32, got ${x.dtype}; use cast(x, "f32")`);
  if (x.shape.length !== 4 || x.shape[1] !== height || x.shape[2] !== width) {
    throw new ShapeError(
      `${op}: x ${showShape(x.shape)} must be [batch, ${height}, ${width}, channels], of the size that it was made for`,
    );
  }
}

function kernels(
  out: Spec,
  { from, to, interpolation }: ResizeAttrs,
  goesBack: boolean,
  profile: Parameters<typeof elementsGrid>[1],
): KernelPlan {
  if (sizeOf(out.shape) === 0) return { calls: [] };
  const channels = out.shape[3];
  const isWide = channels % 4 === 0;
  const inner = isWide ? channels / 4 : channels;
  const { count, segment, workgroups } = elementsGrid((sizeOf(out.shape) / channels) * inner, profile);
  const factors = from.map((length, axis) => commonFactor(length, to[axis]));
  const ratio = [from, to].flatMap((lengths) => lengths.map((length, axis) => length / factors[axis]));
  return {
    calls: [
      {
        shader: resizeShader,
        hooks: {
          aliases: { Unit: isWide ? "vec4f" : "f32" },
          consts: { is_nearest: `${interpolation === "nearest"}`, goes_back: `${goesBack}` },
        },
        sizes: [count, segment, inner, 0, ...from, ...to, ...ratio],
        operands: [input(0), output(0)],
        workgroups,
      },
    ],
  };
}

const commonFactor = (a: number, b: number): number => (b === 0 ? a : commonFactor(b, a % b));

const attrs = (from: Pair, to: Pair, interpolation: Interpolation = "bilinear"): ResizeAttrs => ({
  from,
  to,
  interpolation,
});

const cases: readonly (readonly [batch: number, channels: number, attrs: ResizeAttrs])[] = [
  [2, 3, attrs([4, 5], [7, 9])],
  [1, 4, attrs([7, 6], [3, 13])],
  [2, 1, attrs([1, 9], [1, 4])],
  [1, 8, attrs([3, 4], [9, 8])],
  [2, 3, attrs([5, 7], [4, 15], "nearest")],
  [1, 4, attrs([3, 3], [6, 2], "nearest")],
  [0, 2, attrs([3, 3], [6, 2])],
];

const samples = (side: "from" | "to"): Sample<ResizeAttrs>[] =>
  cases.map(([batch, channels, attrs]) => ({
    inputs: [{ shape: [batch, ...attrs[side], channels] }],
    attrs,
  }));

const resizeImages: Op<ResizeAttrs> = {
  name: "resize",
  saves: {},
  infer: ([x], { from, to }) => {
    checkImages("resize", x, from);
    return [{ shape: [x.shape[0], ...to, x.shape[3]], dtype: "f32" }];
  },
  kernels: ({ outputs: [out], attrs, profile }) => kernels(out, attrs, false, profile),
  reference: ([x], attrs, [out]) => {
    const channels = x.shape[3];
    out.data.fill(0);
    eachShare(x.shape[0], attrs, (made, source, share) => {
      for (let c = 0; c < channels; c++)
        out.data[made * channels + c] += x.data[source * channels + c] * share;
    });
  },
  vjp: ({ grad, attrs }) => [resizeGradient(grad(), attrs)],
  samples: samples("from"),
};

/** What each pixel of the images was a part of, by its share: the adjoint of resize. */
export const resizeGradient: OpFunction<[g: Tensor, attrs: ResizeAttrs], Tensor> = defineOp({
  name: "resizeGradient",
  saves: {},
  call: (g: Tensor, attrs: ResizeAttrs) => ({ inputs: [g], attrs }),
  infer: ([g], { from, to }: ResizeAttrs) => {
    checkImages("resizeGradient", g, to);
    return [{ shape: [g.shape[0], ...from, g.shape[3]], dtype: "f32" }];
  },
  kernels: ({ outputs: [out], attrs, profile }) => kernels(out, attrs, true, profile),
  reference: ([g], attrs, [out]) => {
    const channels = g.shape[3];
    out.data.fill(0);
    eachShare(g.shape[0], attrs, (made, source, share) => {
      for (let c = 0; c < channels; c++)
        out.data[source * channels + c] += g.data[made * channels + c] * share;
    });
  },
  vjp: ({ grad, attrs }): Tensor[] => [apply(resizeImages, [grad()], attrs)[0]],
  samples: samples("to"),
});

/** As images one pixel high: axes in front of the length. */
const asImages = (x: Tensor): Tensor =>
  x.shape.length === 4 ? x : reshape(x, [x.shape[0], 1, x.shape[1], x.shape[2]]);

/** `x` [batch, ...spatial, channels] with spatial lengths `to`. */
function resized(op: string, x: Tensor, to: readonly number[], options: ResizeOptions): Tensor {
  const interpolation = choiceOf(`${op} interpolation`, options.interpolation ?? "bilinear", interpolations);
  const spatial = x.shape.slice(1, -1);
  spatial.forEach((length, axis) => {
    if (length === 0) {
      throw new ShapeError(
        `${op}: x ${showShape(x.shape)} has no pixels along spatial axis ${axis}, of which ${to[axis]} could be made; it needs at least one`,
      );
    }
    const largest = ((2 * length + 1) * to[axis]) / commonFactor(length, to[axis]);
    if (largest >= 2 ** 32) {
      throw new LimitError(
        `${op}: spatial axis ${axis} of length ${length} can't be made ${to[axis]} long: half-pixels are counted in 32 bits. Choose lengths with a larger common factor`,
      );
    }
  });
  const pair = (list: readonly number[]): Pair => (list.length === 1 ? [1, list[0]] : [list[0], list[1]]);
  const shape: Shape = [x.shape[0], ...to, x.shape[x.shape.length - 1]];
  return tidy(() => {
    const attrs = { from: pair(spatial), to: pair(to), interpolation };
    return reshape(apply(resizeImages, [asImages(x)], attrs)[0], shape);
  });
}

function checkRank(op: string, x: Tensor, ranks: readonly number[], layout: string): void {
  checkTensor(op, x);
  if (ranks.includes(x.shape.length)) return;
  throw new ShapeError(`${op}: x must be ${layout}, got ${showShape(x.shape)}`);
}

const sequences = "[batch, length, channels]";
const images = "[batch, height, width, channels]";

/**
 * Images `x` [batch, height, width, channels] with height and width `size`, or sequences [batch, length, channels] of
 * another length; one number is for all spatial axes. Pixels are taken for squares, whose centres are what is compared
 * (half-pixel centres), and nothing is blurred before an image is made smaller.
 *
 *     resize(images, [224, 224]);
 *
 * @throws ShapeError, DTypeError, ArgumentError
 */
export const resize: OpFunction<[x: Tensor, size: PerAxis, options?: ResizeOptions], Tensor> = Object.assign(
  (x: Tensor, size: PerAxis, options: ResizeOptions = {}): Tensor => {
    checkOptions("resize", options, resizeOptions);
    checkRank("resize", x, [3, 4], `${images} or ${sequences}`);
    return resized("resize", x, perAxis("resize", "the size", size, x.shape.length - 2), options);
  },
  { op: resizeImages as Op },
);

function upsampled(rank: 1 | 2) {
  const name = `upsample${rank}d`;
  return (x: Tensor, factor: PerAxis, options: ResizeOptions = {}): Tensor => {
    checkOptions(name, options, resizeOptions);
    checkRank(name, x, [rank + 2], rank === 1 ? sequences : images);
    const factors = perAxis(name, "the factor", factor, rank);
    const to = factors.map((times, axis) => x.shape[axis + 1] * times);
    return resized(name, x, to, { interpolation: "nearest", ...options });
  };
}

/**
 * Sequences `x` [batch, length, channels] a whole number of times as long: each element repeated, or with
 * `interpolation: "bilinear"` what lies between two of them. See {@link resize}.
 *
 * @throws ShapeError, DTypeError, ArgumentError
 */
export const upsample1d = upsampled(1);

/** Images `x` [batch, height, width, channels] as {@link upsample1d} makes sequences, by one factor or one an axis. */
export const upsample2d = upsampled(2);

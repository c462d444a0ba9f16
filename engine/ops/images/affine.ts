// affineTransform: images rotated, moved, zoomed or seen in perspective by a matrix each, in one kernel. Conventions are
// TensorFlow's and Keras's: a matrix takes a pixel of the result to where it comes from.

import affineSource from "../../../shaders/affine.wgsl";
import { checkOptions, DTypeError, type OptionNames, ShapeError } from "../../base/errors.ts";
import { choiceOf } from "../../base/names.ts";
import { aNumber } from "../../base/number-checks.ts";
import { showShape, sizeOf } from "../../base/shape.ts";
import { input, output, type Spec } from "../../kernel/kernel.ts";
import type { ReferenceTensor, Sample } from "../../kernel/kernel-op.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction } from "../../tensor/op.ts";
import { arange } from "../../tensor/ranges.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add, clip, div, maximum, minimum, mul, remainder, sub } from "../elementwise/arithmetic.ts";
import { cast } from "../elementwise/cast.ts";
import { equal, greaterEqual, less } from "../elementwise/comparison.ts";
import { logicalAnd, where } from "../elementwise/logical.ts";
import { floor } from "../elementwise/rounding.ts";
import { gather } from "../indexing/gather.ts";
import { elementsGrid, elementsShader } from "../layout/copying.ts";
import { reshape } from "../layout/reshape.ts";
import { slice } from "../layout/slice.ts";
import { vjpByComposition } from "../reduce/composition.ts";
import { type Interpolation, interpolations } from "./resize.ts";

const affineShader = elementsShader("affine", affineSource);

export type FillMode = "constant" | "nearest" | "reflect" | "wrap";

export interface AffineOptions {
  /**
   * What stands outside of an image: `fillValue` (default), its outermost pixels, its mirror image with them
   * (dcba|abcd|dcba), or the image again.
   */
  fillMode?: FillMode;
  /** What a place between pixels is: the mean of those around it by distance (default), or the nearest one. */
  interpolation?: Interpolation;
  /** Of fill mode "constant"; default 0. */
  fillValue?: number;
}

const affineOptions: OptionNames<AffineOptions> = { fillMode: true, interpolation: true, fillValue: true };
const fillModes: readonly FillMode[] = ["constant", "nearest", "reflect", "wrap"];

interface AffineAttrs {
  readonly fillMode: FillMode;
  readonly interpolation: Interpolation;
  readonly fillValue: number;
}

/** WGSL of `folded` and `source` by fill mode; "constant" is what the shader has. */
const modeCode: Record<Exclude<FillMode, "constant">, readonly [folded: string, source: string]> = {
  nearest: ["clamp(place, 0.0, extent - 1.0)", "min(u32(max(at, 0)), extent - 1u)"],
  // What is repeated is the image with its mirror image.
  reflect: [
    "place - 2.0 * extent * floor(place / (2.0 * extent))",
    "min(u32(max(at, 0)) % (2u * extent), 2u * extent - 1u - u32(max(at, 0)) % (2u * extent))",
  ],
  wrap: ["place - extent * floor(place / extent)", "u32(max(at, 0)) % extent"],
};

function codeOf(fillMode: FillMode): Record<string, string> | undefined {
  if (fillMode === "constant") return undefined;
  const [folded, source] = modeCode[fillMode];
  return {
    folded: `fn folded(place: f32, extent: f32) -> f32 {\n  return ${folded};\n}`,
    source: `fn source(at: i32, extent: u32) -> u32 {\n  return ${source};\n}`,
  };
}

/** The same on the host: a place moved to where whole numbers are exact, and the pixel at a whole number, -1 for none. */
const folds: Record<FillMode, (place: number, n: number) => number> = {
  constant: (place, n) => Math.min(Math.max(place, -2), n + 1),
  nearest: (place, n) => Math.min(Math.max(place, 0), n - 1),
  reflect: (place, n) => place - 2 * n * Math.floor(place / (2 * n)),
  wrap: (place, n) => place - n * Math.floor(place / n),
};

function sourceOf(at: number, n: number, fillMode: FillMode): number {
  if (fillMode === "constant") return at >= 0 && at < n ? at : -1;
  if (fillMode === "nearest") return Math.min(Math.max(at, 0), n - 1);
  if (fillMode === "wrap") return at % n;
  return Math.min(at % (2 * n), 2 * n - 1 - (at % (2 * n)));
}

/** Numbers in the matrix of one image: 6 where it is affine, 8 where it has a perspective. */
const columnsOf = (matrices: Spec): number => sizeOf(matrices.shape.slice(1));

/** The four pixels around a place and their shares, or the nearest one with all. */
function neighbours(place: number, n: number, { fillMode, interpolation }: AffineAttrs) {
  const at = folds[fillMode](place, n);
  if (Number.isNaN(at)) return [[0, at]];
  if (interpolation === "nearest") return [[sourceOf(Math.floor(at + 0.5), n, fillMode), 1]];
  const first = Math.floor(at);
  return [
    [sourceOf(first, n, fillMode), 1 - (at - first)],
    [sourceOf(first + 1, n, fillMode), at - first],
  ];
}

function reference(
  [images, matrices]: readonly ReferenceTensor[],
  attrs: AffineAttrs,
  [out]: readonly ReferenceTensor[],
): void {
  const [batch, height, width, channels] = images.shape;
  const columns = columnsOf(matrices);
  out.data.fill(0);
  let to = 0;
  for (let image = 0; image < batch; image++) {
    const start = matrices.shape[0] === 1 ? 0 : image * columns;
    const m = Array.from({ length: 8 }, (_, k) => (k < columns ? matrices.data[start + k] : 0));
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, to += channels) {
        const scale = m[6] * x + m[7] * y + 1;
        if (scale === 0) {
          out.data.fill(attrs.fillValue, to, to + channels);
          continue;
        }
        const along = neighbours((m[0] * x + m[1] * y + m[2]) / scale, width, attrs);
        for (const [row, ofRow] of neighbours((m[3] * x + m[4] * y + m[5]) / scale, height, attrs)) {
          for (const [column, ofColumn] of along) {
            const from = ((image * height + row) * width + column) * channels;
            if (ofRow * ofColumn === 0) continue;
            const isInside = row >= 0 && column >= 0;
            for (let c = 0; c < channels; c++) {
              const value = isInside ? images.data[from + c] : attrs.fillValue;
              out.data[to + c] += value * ofRow * ofColumn;
            }
          }
        }
      }
    }
  }
}

/** The same in ops that have gradients: what the backward rule differentiates. */
function composed([images, matrices]: readonly Tensor[], attrs: AffineAttrs): Tensor[] {
  const { fillMode, interpolation, fillValue } = attrs;
  const [batch, height, width, channels] = images.shape;
  const columns = columnsOf(matrices);
  const { device } = images;
  const rows = reshape(matrices, [matrices.shape[0], columns]);
  const entry = (k: number) => reshape(slice(rows, [0, k], [undefined, k + 1]), [matrices.shape[0], 1, 1]);
  const x = reshape(arange(width, { dtype: "f32", device }), [1, 1, width]);
  const y = reshape(arange(height, { dtype: "f32", device }), [1, height, 1]);
  const line = (k: number, last: Tensor | number) => add(add(mul(entry(k), x), mul(entry(k + 1), y)), last);
  const places = [line(0, entry(2)), line(3, entry(5))];
  const scale = columns === 8 ? line(6, 1) : undefined;
  const isFar = scale && equal(scale, 0);
  const [alongX, alongY] = places.map((place, axis) => {
    const n = axis === 0 ? width : height;
    const seen = scale && isFar ? div(place, where(isFar, 1, scale)) : place;
    return taps(seen, n, fillMode, interpolation);
  });
  const pixels = reshape(images, [batch * height * width, channels]);
  const first = reshape(mul(arange(batch, { device }), height * width), [batch, 1, 1]);
  let total: Tensor | undefined;
  for (const row of alongY) {
    for (const column of alongX) {
      const isInside = logicalAnd(row.isInside, column.isInside);
      const at = where(isInside, add(first, add(mul(row.pixel, width), column.pixel)), -1);
      const inside = reshape(isInside, [...isInside.shape, 1]);
      const value = where(inside, gather(pixels, at), fillValue);
      const share = mul(row.share, column.share);
      const part = mul(value, reshape(share, [...share.shape, 1]));
      total = total === undefined ? part : add(total, part);
    }
  }
  const moved = total as Tensor;
  return [isFar ? where(reshape(isFar, [...isFar.shape, 1]), fillValue, moved) : moved];
}

/** {@link neighbours} as tensors. */
function taps(place: Tensor, n: number, fillMode: FillMode, interpolation: Interpolation) {
  const period = fillMode === "reflect" ? 2 * n : n;
  const at =
    fillMode === "constant"
      ? clip(place, -2, n + 1)
      : fillMode === "nearest"
        ? clip(place, 0, n - 1)
        : sub(place, mul(floor(div(place, period)), period));
  const start = floor(interpolation === "nearest" ? add(at, 0.5) : at);
  const whole = cast(start, "i32");
  const tap = (number: Tensor, share: Tensor) => {
    let pixel = number;
    if (fillMode === "nearest") pixel = minimum(maximum(number, 0), n - 1);
    else if (fillMode !== "constant") {
      const inPeriod = remainder(number, period);
      pixel = fillMode === "wrap" ? inPeriod : where(less(inPeriod, n), inPeriod, sub(period - 1, inPeriod));
    }
    return { pixel, share, isInside: logicalAnd(greaterEqual(pixel, 0), less(pixel, n)) };
  };
  const past = sub(at, start);
  if (interpolation === "nearest") return [tap(whole, add(mul(past, 0), 1))];
  return [tap(whole, sub(1, past)), tap(add(whole, 1), past)];
}

const samples = (): Sample<AffineAttrs>[] => {
  // In binary fractions, so that f32 finds the places that float64 does; none is a whole number, where gradients jump.
  const affine = [0.75, -0.375, 1.1875, 0.25, 1.125, -1.8125, 1.5, 0.625, -3.3125, -0.5, 0.875, 1.6875];
  const projective = [0.75, -0.25, 0.6875, 0.375, 0.875, -0.4375, 0.0625, -0.03125];
  const sample = (
    shape: readonly number[],
    matrices: readonly number[],
    values: readonly number[],
    fillMode: FillMode,
    interpolation: Interpolation = "bilinear",
    fillValue = 0,
  ): Sample<AffineAttrs> => ({
    inputs: [{ shape }, { shape: matrices, values }],
    attrs: { fillMode, interpolation, fillValue },
    differentiable: [0],
  });
  return [
    sample([2, 5, 7, 3], [2, 6], affine, "constant", "bilinear", 0.5),
    sample([2, 4, 5, 4], [2, 2, 3], affine, "reflect"),
    sample([2, 6, 5, 1], [2, 6], affine, "wrap"),
    sample([2, 3, 4, 8], [2, 6], affine, "nearest"),
    sample([3, 6, 5, 2], [1, 8], projective, "constant"),
    ...fillModes.map((mode) => sample([2, 5, 6, 3], [2, 6], affine, mode, "nearest", 2)),
    sample([0, 5, 6, 3], [1, 6], affine.slice(0, 6), "constant"),
  ];
};

const move: OpFunction<[images: Tensor, matrices: Tensor, attrs: AffineAttrs], Tensor> = defineOp({
  name: "affineTransform",
  saves: { inputs: [0, 1] },
  call: (images: Tensor, matrices: Tensor, attrs: AffineAttrs) => ({ inputs: [images, matrices], attrs }),
  infer: ([images, matrices]) => {
    for (const [name, { dtype }] of Object.entries({ images, matrices })) {
      if (dtype !== "f32")
        throw new DTypeError(
          `affineTransform: the ${name} are ${dtype}; they must be f32. Use cast(x, "f32")`,
        );
    }
    if (images.shape.length !== 4) {
      throw new ShapeError(
        `affineTransform: the images must be [batch, height, width, channels], got ${showShape(images.shape)}`,
      );
    }
    const [batch, ...rest] = matrices.shape;
    const isMatrix = ["6", "8", "2,3"].includes(`${rest}`);
    if (!isMatrix || (batch !== 1 && batch !== images.shape[0])) {
      throw new ShapeError(
        `affineTransform: the matrices ${showShape(matrices.shape)} for images ${showShape(images.shape)} must be [batch, 2, 3], [batch, 6], or [batch, 8] with a perspective, one for each of the ${images.shape[0]} images or one for all`,
      );
    }
    return [{ shape: images.shape, dtype: "f32" }];
  },
  kernels: ({ inputs: [images, matrices], attrs, profile }) => {
    if (sizeOf(images.shape) === 0) return { calls: [] };
    const [, height, width, channels] = images.shape;
    const isWide = channels % 4 === 0;
    const inner = isWide ? channels / 4 : channels;
    const columns = columnsOf(matrices);
    const { count, segment, workgroups } = elementsGrid((sizeOf(images.shape) / channels) * inner, profile);
    return {
      calls: [
        {
          shader: affineShader,
          hooks: {
            aliases: { Unit: isWide ? "vec4f" : "f32" },
            consts: { is_nearest: `${attrs.interpolation === "nearest"}` },
            functions: codeOf(attrs.fillMode),
          },
          sizes: [
            ...[count, segment, inner, columns, matrices.shape[0] === 1 ? 0 : columns, height, width],
            ...[{ f32: attrs.fillValue }, 0x7fc00000],
          ],
          operands: [input(0), input(1), output(0)],
          workgroups,
        },
      ],
    };
  },
  reference,
  vjp: vjpByComposition(composed),
  samples: samples(),
});

/**
 * Images [batch, height, width, channels] moved by matrices [[a, b, c], [d, e, f]] of shape [batch, 2, 3], or one for all:
 * the result's pixel in column x and row y is what lies in column a x + b y + c and row d x + e y + f. With eight numbers
 * an image, [a, b, c, d, e, f, g, h], both are divided by g x + h y + 1. To turn an image, a matrix turns the other way, as
 * in Keras. What random rotations, translations and zooms are made of; gradients flow to images and matrices.
 *
 *     affineTransform(images, tensor([[[1, 0, -3], [0, 1, 0]]]));   // three pixels to the right
 *
 * Fill mode "wrap" goes on with the image's other end; TensorFlow's leaves out what lies between the last pixel and the
 * first.
 *
 * @throws ShapeError, DTypeError, ArgumentError
 */
export const affineTransform: OpFunction<
  [images: Tensor, matrices: Tensor, options?: AffineOptions],
  Tensor
> = Object.assign(
  (images: Tensor, matrices: Tensor, options: AffineOptions = {}): Tensor => {
    checkOptions("affineTransform", options, affineOptions);
    checkTensor("affineTransform", images);
    checkTensor("affineTransform", matrices, 2);
    const { fillMode = "constant", interpolation = "bilinear", fillValue = 0 } = options;
    return move(images, matrices, {
      fillMode: choiceOf("affineTransform fillMode", fillMode, fillModes),
      interpolation: choiceOf("affineTransform interpolation", interpolation, interpolations),
      fillValue: aNumber("affineTransform", "fillValue", fillValue),
    });
  },
  { op: move.op },
);

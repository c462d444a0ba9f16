// Products of what a window sees and matrices of weights, and the sums over places that are their weights' gradients. No
// patches are made: kernels gather as they load. Convolutions, transposed ones and their gradients are made of them.

import { DTypeError, ShapeError } from "../../base/errors.ts";
import { sameShape, showShape } from "../../base/shape.ts";
import type { KernelContext, Spec } from "../../kernel/kernel.ts";
import type { ReferenceTensor, Sample } from "../../kernel/kernel-op.ts";
import type { Family } from "../../kernel/variants.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction } from "../../tensor/op.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { transpose } from "../layout/movement.ts";
import { reshape } from "../layout/reshape.ts";
import { windowSite } from "../pointwise/epilogues.ts";
import { windowColumnSums } from "./window-companion.ts";
import {
  isSubgroupKernel,
  planWindowProduct,
  storesWindowFours,
  type WindowCall,
  windowSources,
  windowVariants,
} from "./window-kernels.ts";
import { checkImage, eachTap, imageOf, imageShape, resolveWindow, tapsOf, type Window } from "./windows.ts";

export interface WindowAttrs {
  readonly window: Window;
  /** Groups of channels: each group of results sees only its group of inputs. */
  readonly groups: number;
}

interface ProductAttrs extends WindowAttrs {
  /** "forth": a result for each place of the window; "back": one for each pixel, of the places that read it. */
  readonly direction: "forth" | "back";
}

function checkFloats(op: string, specs: readonly Spec[]): void {
  const other = specs.find(({ dtype }) => dtype !== "f32");
  if (other !== undefined) throw new DTypeError(`${op}: takes f32, got ${other.dtype}; use cast(x, "f32")`);
}

/** What a direction reads, and what it makes. */
const sidesOf = ({ window, direction }: ProductAttrs) =>
  direction === "forth" ? ([window.input, window.output] as const) : ([window.output, window.input] as const);

function productCall({ inputs: [x, weights], attrs }: Pick<KernelContext<ProductAttrs>, "inputs" | "attrs">) {
  const { batch, channels } = imageOf(x);
  const { window, groups, direction } = attrs;
  return {
    ...{ window, groups, images: batch, channels, kind: direction },
    columns: weights.shape[2],
  } satisfies WindowCall;
}

function weightsCall({ inputs: [x, g], attrs }: Pick<KernelContext<WindowAttrs>, "inputs" | "attrs">) {
  const { batch, channels } = imageOf(x);
  return {
    ...{ ...attrs, images: batch, channels, kind: "weights" },
    columns: imageOf(g).channels,
  } satisfies WindowCall;
}

const windowFamily: Family = {
  name: "windowProduct",
  sources: windowSources,
  isAlwaysChecked: true,
  checks: () => [
    // Several tiles of odd sizes, then whole vec4s, in groups and with padding.
    ...checkCalls([2, 9, 7, 3], [3, 2], 37, 1),
    ...checkCalls([9, 6, 5, 8], [3, 3], 72, 2),
  ],
};

function checkCalls(image: readonly number[], size: number[], out: number, groups: number) {
  const [forth, back] = [sampleOf(image, size, out, { groups }), sampleOf(image, size, out, { groups })];
  return [
    { op: windowProduct.op, ...productSample(forth, "forth") },
    { op: windowProduct.op, ...productSample(back, "back") },
    { op: windowWeights.op, ...weightsSample(forth) },
  ];
}

/**
 * Weights [taps, a, groups * b] with the two sides of every group swapped, [taps, b, groups * a]: those of the way back.
 */
export function swapSides(weights: Tensor, groups: number): Tensor {
  const [taps, a, columns] = weights.shape;
  const b = columns / groups;
  return tidy(() =>
    reshape(transpose(reshape(weights, [taps, a, groups, b]), [0, 3, 2, 1]), [taps, b, groups * a]),
  );
}

/**
 * Each place's, or pixel's, product of what it sees with `weights` [taps, channels / groups, columns]: of `x`
 * [batch, height, width, channels] under a window going forth, [batch, places down, places across, columns]; going back
 * `x` are places and the result pixels, and a tap is that by which the place reads the pixel.
 */
export const windowProduct: OpFunction<
  [x: Tensor, weights: Tensor, window: Window, groups: number, direction: "forth" | "back"],
  Tensor
> = defineOp({
  family: windowFamily,
  name: "windowProduct",
  traits: { writesExactly: true, sums: true },
  saves: { inputs: [0, 1] },
  call: (x: Tensor, weights: Tensor, window: Window, groups: number, direction: "forth" | "back") => ({
    inputs: [x, weights],
    attrs: { window, groups, direction },
  }),
  infer: ([x, weights], attrs: ProductAttrs) => {
    checkFloats("windowProduct", [x, weights]);
    const [source, target] = sidesOf(attrs);
    checkImage("windowProduct", "x", x, source);
    const wanted = [tapsOf(attrs.window), imageOf(x).channels / attrs.groups];
    if (!sameShape(weights.shape.slice(0, 2), wanted) || weights.shape[2] % attrs.groups !== 0) {
      throw new ShapeError(
        `windowProduct: weights ${showShape(weights.shape)} must be [taps, channels in a group, columns], ${showShape(wanted)} and columns that ${attrs.groups} groups divide here`,
      );
    }
    return [{ shape: imageShape(x.shape, target, weights.shape[2]), dtype: "f32" }];
  },
  kernels: (context) => planWindowProduct(productCall(context), context.profile),
  variants: (context) => windowVariants(productCall(context), context.profile),
  epilogue: (context) => {
    const call = productCall(context);
    const isAligned = storesWindowFours(call);
    const isOneColumn = isSubgroupKernel(call, context.profile);
    return isAligned || call.groups === 1 ? windowSite(isAligned, isOneColumn) : undefined;
  },
  reference: ([x, weights], attrs, [out]) => {
    out.data.fill(0);
    const isForth = attrs.direction === "forth";
    const [, inner, columns] = weights.shape;
    const [from, each] = [inner * attrs.groups, columns / attrs.groups];
    eachTap(attrs.window, x.shape[0], (place, tap, pixel) => {
      const [source, target] = isForth ? [pixel, place] : [place, pixel];
      for (let group = 0; group < attrs.groups; group++) {
        for (let c = 0; c < inner; c++) {
          const value = x.data[source * from + group * inner + c];
          const row = (tap * inner + c) * columns;
          for (let o = group * each; o < (group + 1) * each; o++) {
            out.data[target * columns + o] += value * weights.data[row + o];
          }
        }
      }
    });
  },
  vjp: ({ grad, input, needs, attrs: { window, groups, direction } }): (Tensor | null)[] => {
    const isForth = direction === "forth";
    const weightsOf = (): Tensor =>
      isForth
        ? windowWeights(input(0), grad(), window, groups)
        : tidy(() => swapSides(windowWeights(grad(), input(0), window, groups), groups));
    const back = isForth ? "back" : "forth";
    return [
      needs(0) ? tidy(() => windowProduct(grad(), swapSides(input(1), groups), window, groups, back)) : null,
      needs(1) ? weightsOf() : null,
    ];
  },
  samples: samples().flatMap((sample) => [productSample(sample, "forth"), productSample(sample, "back")]),
});

/**
 * The gradient [taps, channels / groups, columns] of the weights of a {@link windowProduct} going forth, for its images
 * `x` and the gradient `g` of its result.
 */
export const windowWeights: OpFunction<[x: Tensor, g: Tensor, window: Window, groups: number], Tensor> =
  defineOp({
    family: windowFamily,
    name: "windowWeights",
    traits: { writesExactly: true, sums: true },
    saves: { inputs: [0, 1] },
    call: (x: Tensor, g: Tensor, window: Window, groups: number) => ({
      inputs: [x, g],
      attrs: { window, groups },
    }),
    infer: ([x, g], { window, groups }: WindowAttrs) => {
      checkFloats("windowWeights", [x, g]);
      checkImage("windowWeights", "x", x, window.input);
      checkImage("windowWeights", "g", g, window.output);
      return [{ shape: [tapsOf(window), imageOf(x).channels / groups, imageOf(g).channels], dtype: "f32" }];
    },
    kernels: (context) => planWindowProduct(weightsCall(context), context.profile),
    variants: (context) => windowVariants(weightsCall(context), context.profile),
    companion: windowColumnSums,
    reference: ([x, g], { window, groups }, [out]) => sumProducts(x, g, window, groups, out),
    vjp: ({ grad, input, needs, attrs: { window, groups } }): (Tensor | null)[] => [
      needs(0)
        ? tidy(() => windowProduct(input(1), swapSides(grad(), groups), window, groups, "back"))
        : null,
      needs(1) ? windowProduct(input(0), grad(), window, groups, "forth") : null,
    ],
    samples: samples().map(weightsSample),
  });

function sumProducts(
  x: ReferenceTensor,
  g: ReferenceTensor,
  window: Window,
  groups: number,
  out: ReferenceTensor,
): void {
  const [, inner, columns] = out.shape;
  const each = columns / groups;
  out.data.fill(0);
  eachTap(window, x.shape[0], (place, tap, pixel) => {
    for (let group = 0; group < groups; group++) {
      for (let c = 0; c < inner; c++) {
        const value = x.data[pixel * inner * groups + group * inner + c];
        const row = (tap * inner + c) * columns;
        for (let o = group * each; o < (group + 1) * each; o++) {
          out.data[row + o] += value * g.data[place * columns + o];
        }
      }
    }
  });
}

interface Sizes {
  readonly image: readonly number[];
  readonly out: number;
  readonly attrs: WindowAttrs;
}

function sampleOf(
  image: readonly number[],
  size: number[],
  out: number,
  options: {
    stride?: number[];
    dilation?: number[];
    padding?: Parameters<typeof resolveWindow>[5];
    groups?: number;
  } = {},
): Sizes {
  const { stride = [1, 1], dilation = [1, 1], padding = "same", groups = 1 } = options;
  const window = resolveWindow("window", image.slice(1, 3), size, stride, dilation, padding);
  return { image, out, attrs: { window, groups } };
}

function samples(): Sizes[] {
  return [
    sampleOf([2, 6, 5, 3], [3, 2], 4, { padding: "valid" }),
    sampleOf([1, 7, 7, 4], [3, 3], 5, { stride: [2, 2] }),
    sampleOf([9, 3, 4, 8], [2, 3], 8, { groups: 2, stride: [1, 2] }),
    sampleOf([2, 5, 6, 6], [2, 2], 3, { stride: [3, 1], dilation: [1, 2], padding: [[1, 0], 2] }),
    sampleOf([3, 4, 4, 6], [3, 2], 9, { groups: 3 }),
  ];
}

function productSample({ image, out, attrs }: Sizes, direction: "forth" | "back"): Sample<ProductAttrs> {
  const { window, groups } = attrs;
  const isForth = direction === "forth";
  const [from, to] = isForth ? [image[3], out] : [out, image[3]];
  return {
    inputs: [
      { shape: isForth ? image : imageShape(image, window.output, out) },
      { shape: [tapsOf(window), from / groups, to] },
    ],
    attrs: { ...attrs, direction },
  };
}

function weightsSample({ image, out, attrs }: Sizes): Sample<WindowAttrs> {
  return { inputs: [{ shape: image }, { shape: imageShape(image, attrs.window.output, out) }], attrs };
}

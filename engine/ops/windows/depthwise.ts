// Depthwise convolution: each channel under a window with weights of its own, summed directly instead of through
// patches. Three bilinear ops that are each other's gradients; convolution.ts is their public face.

import weightGradientSource from "../../../shaders/depthwise-weight-gradient.wgsl";
import { DTypeError, ShapeError } from "../../base/errors.ts";
import { showShape, sizeOf } from "../../base/shape.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import { grid, input, type KernelPlan, output, type Spec, scratch, shader } from "../../kernel/kernel.ts";
import type { ReferenceTensor, SampleInput } from "../../kernel/kernel-op.ts";
import { longSumSource, termAliases } from "../../kernel/long-sums.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { sumCalls } from "../reduce/reduce.ts";
import { windowSum } from "./window-sum.ts";
import {
  checkImage,
  eachTap,
  imageOf,
  imageShape,
  resolveWindow,
  tapsOf,
  type Window,
  windowPreamble,
  windowWords,
} from "./windows.ts";

const weightGradientShader = shader(
  "depthwise-weight-gradient",
  [longSumSource, windowPreamble, weightGradientSource].join("\n"),
);

interface DepthwiseAttrs {
  readonly window: Window;
}

type Depthwise = OpFunction<[first: Tensor, second: Tensor, window: Window], Tensor>;

function checkFloats(op: string, specs: readonly Spec[]): void {
  const other = specs.find(({ dtype }) => dtype !== "f32");
  if (other !== undefined) throw new DTypeError(`${op}: takes f32, got ${other.dtype}; use cast(x, "f32")`);
}

function checkWeights(op: string, weights: Spec, x: Spec, window: Window): void {
  const wanted = [tapsOf(window), imageOf(x).channels];
  if (`${weights.shape}` !== `${wanted}`) {
    throw new ShapeError(
      `${op}: weights ${showShape(weights.shape)} must be [taps, channels], ${showShape(wanted)} here`,
    );
  }
}

/** The three tensors of a depthwise convolution, in one place: image [n, h, w, c], weights [taps, c], places [n, oh, ow, c]. */
const windows: readonly (readonly [shape: readonly number[], window: Window])[] = [
  sampleOf([2, 5, 6, 3], [3, 2], [1, 1], [1, 1], "valid"),
  sampleOf([2, 7, 5, 4], [3, 3], [2, 1], [1, 2], "same"),
  sampleOf([1, 4, 5, 8], [2, 2], [3, 3], [1, 1], 1),
];

function sampleOf(
  shape: readonly number[],
  size: number[],
  stride: number[],
  dilation: number[],
  padding: Parameters<typeof resolveWindow>[5],
): readonly [readonly number[], Window] {
  return [shape, resolveWindow("depthwise", shape.slice(1, 3), size, stride, dilation, padding)];
}

function samples(...inputs: ("image" | "weights" | "places")[]) {
  return windows.map(([shape, window]) => {
    const shapes = {
      image: shape,
      weights: [tapsOf(window), shape[3]],
      places: imageShape(shape, window.output, shape[3]),
    };
    return { inputs: inputs.map((which): SampleInput => ({ shape: shapes[which] })), attrs: { window } };
  });
}

/** Visits each product of a place, a tap's weight and a pixel, by their indices. */
function eachProduct(
  image: ReferenceTensor,
  window: Window,
  visit: (place: number, weight: number, pixel: number) => void,
): void {
  const { batch, channels } = imageOf(image);
  eachTap(window, batch, (place, tap, pixel) => {
    for (let c = 0; c < channels; c++) visit(place * channels + c, tap * channels + c, pixel * channels + c);
  });
}

/** `x` [batch, height, width, channels] under a window of `weights` [taps, channels], channel by channel. */
export const depthwiseConvolution: Depthwise = defineOp({
  name: "depthwiseConvolution",
  saves: { inputs: [0, 1] },
  call: (x: Tensor, weights: Tensor, window: Window) => ({ inputs: [x, weights], attrs: { window } }),
  infer: ([x, weights], { window }: DepthwiseAttrs) => {
    checkFloats("depthwiseConvolution", [x, weights]);
    checkImage("depthwiseConvolution", "x", x, window.input);
    checkWeights("depthwiseConvolution", weights, x, window);
    return [{ shape: imageShape(x.shape, window.output, imageOf(x).channels), dtype: "f32" }];
  },
  kernels: ({ inputs: [x], attrs: { window }, profile }) => {
    const { batch, channels } = imageOf(x);
    const isWide = channels % 4 === 0;
    return windowSum({
      window,
      direction: "forth",
      batch,
      channels,
      isWide,
      inputs: ["in0", "in1"],
      profile,
    });
  },
  reference: ([x, weights], { window }, [out]) => {
    out.data.fill(0);
    eachProduct(x, window, (place, weight, pixel) => {
      out.data[place] += x.data[pixel] * weights.data[weight];
    });
  },
  vjp: ({ grad, input, needs, attrs: { window } }): (Tensor | null)[] => [
    needs(0) ? depthwiseTranspose(grad(), input(1), window) : null,
    needs(1) ? depthwiseWeightGradient(input(0), grad(), window) : null,
  ],
  samples: samples("image", "weights"),
});

/** Gradient of {@link depthwiseConvolution}'s image for the gradient `g` of its result: its transpose. */
export const depthwiseTranspose: Depthwise = defineOp({
  name: "depthwiseTranspose",
  saves: { inputs: [0, 1] },
  call: (g: Tensor, weights: Tensor, window: Window) => ({ inputs: [g, weights], attrs: { window } }),
  infer: ([g, weights], { window }: DepthwiseAttrs) => {
    checkFloats("depthwiseTranspose", [g, weights]);
    checkImage("depthwiseTranspose", "g", g, window.output);
    checkWeights("depthwiseTranspose", weights, g, window);
    return [{ shape: imageShape(g.shape, window.input, imageOf(g).channels), dtype: "f32" }];
  },
  kernels: ({ inputs: [g], attrs: { window }, profile }) => {
    const { batch, channels } = imageOf(g);
    const isWide = channels % 4 === 0;
    return windowSum({ window, direction: "back", batch, channels, isWide, inputs: ["in0", "in1"], profile });
  },
  reference: ([g, weights], { window }, [out]) => {
    out.data.fill(0);
    eachProduct(out, window, (place, weight, pixel) => {
      out.data[pixel] += g.data[place] * weights.data[weight];
    });
  },
  vjp: ({ grad, input, needs, attrs: { window } }): (Tensor | null)[] => [
    needs(0) ? depthwiseConvolution(grad(), input(1), window) : null,
    needs(1) ? depthwiseWeightGradient(grad(), input(0), window) : null,
  ],
  samples: samples("places", "weights"),
});

/** Gradient [taps, channels] of {@link depthwiseConvolution}'s weights for the image `x` and the gradient `g`. */
export const depthwiseWeightGradient: Depthwise = defineOp({
  name: "depthwiseWeightGradient",
  traits: { sums: true },
  saves: { inputs: [0, 1] },
  call: (x: Tensor, g: Tensor, window: Window) => ({ inputs: [x, g], attrs: { window } }),
  infer: ([x, g], { window }: DepthwiseAttrs) => {
    checkFloats("depthwiseWeightGradient", [x, g]);
    checkImage("depthwiseWeightGradient", "x", x, window.input);
    checkImage("depthwiseWeightGradient", "g", g, window.output);
    return [{ shape: [tapsOf(window), imageOf(x).channels], dtype: "f32" }];
  },
  kernels: ({ inputs: [x], outputs: [out], attrs: { window }, profile }): KernelPlan => {
    const { batch, channels } = imageOf(x);
    if (channels === 0) return { calls: [] };
    const isWide = channels % 4 === 0;
    const inner = isWide ? channels / 4 : channels;
    const places = batch * sizeOf(window.output);
    const wanted = numbersOf(profile).summers;
    const shortest = 64;
    const sums = tapsOf(window) * inner;
    const chunks = Math.max(1, Math.min(Math.ceil(wanted / sums), Math.ceil(places / shortest)));
    const workgroup = numbersOf(profile).workgroup;
    const partial: Spec = { shape: [chunks, ...out.shape], dtype: "f32" };
    const products = {
      shader: weightGradientShader,
      hooks: {
        aliases: { Unit: isWide ? "vec4f" : "f32", ...termAliases(isWide ? "vec4f" : "f32") },
        consts: { WORKGROUP: `${workgroup}u` },
      },
      sizes: [...[0, 0, sums * chunks, inner], ...windowWords(window, [places, Math.ceil(places / chunks)])],
      operands: [input(0), input(1), chunks === 1 ? output(0) : scratch(0, "read_write")],
      workgroups: grid(Math.ceil((sums * chunks) / workgroup), profile),
    };
    if (chunks === 1) return { calls: [products] };
    const scratchSpecs = [partial];
    const total = sumCalls(partial, [0], scratch(0, "read"), output(0), scratchSpecs, profile);
    return { calls: [products, ...total], scratch: scratchSpecs };
  },
  reference: ([x, g], { window }, [out]) => {
    out.data.fill(0);
    eachProduct(x, window, (place, weight, pixel) => {
      out.data[weight] += x.data[pixel] * g.data[place];
    });
  },
  vjp: ({ grad, input, needs, attrs: { window } }): (Tensor | null)[] => [
    needs(0) ? depthwiseTranspose(input(1), grad(), window) : null,
    needs(1) ? depthwiseConvolution(input(0), grad(), window) : null,
  ],
  samples: [
    ...samples("image", "places"),
    (() => {
      const [shape, window] = sampleOf([3, 12, 11, 4], [2, 2], [1, 1], [1, 1], "same");
      return { inputs: [{ shape }, { shape: imageShape(shape, window.output, 4) }], attrs: { window } };
    })(),
  ],
});

// im2col and its adjoint col2im: patches under a window as rows of a matrix, and their sum back into images. They
// turn convolutions into matrix products.

import im2colSource from "../../../shaders/im2col.wgsl";
import im2colPlacesSource from "../../../shaders/im2col-places.wgsl";
import { DTypeError, ShapeError } from "../../base/errors.ts";
import { sameShape, showShape, sizeOf } from "../../base/shape.ts";
import { numbersOf } from "../../kernel/adapter-numbers.ts";
import {
  type AdapterProfile,
  grid,
  input,
  type KernelCall,
  output,
  type Spec,
  shader,
  type Variants,
} from "../../kernel/kernel.ts";
import type { Sample } from "../../kernel/kernel-op.ts";
import { chosen, type Family, powerOfTwo } from "../../kernel/variants.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { copyCall, elementsPerUnit, elementsShader, unitOf } from "../layout/copying.ts";
import { windowSum } from "./window-sum.ts";
import {
  checkImage,
  eachTap,
  imageOf,
  resolveWindow,
  tapsOf,
  type Window,
  windowPreamble,
  windowWords,
} from "./windows.ts";

const im2colShader = elementsShader("im2col", `${windowPreamble}\n${im2colSource}`);

const im2colPlacesShader = shader("im2col-places", `${windowPreamble}\n${im2colPlacesSource}`);

export interface PatchesAttrs {
  readonly window: Window;
  /** Groups of channels; each has a matrix of its own. */
  readonly groups: number;
}

/** Sizes of the patches [groups, places, taps * inner] of images [batch, ...input, groups * inner]. */
function layoutOf(batch: number, channels: number, { window, groups }: PatchesAttrs) {
  return { places: batch * sizeOf(window.output), taps: tapsOf(window), inner: channels / groups };
}

function patchesShape(batch: number, channels: number, attrs: PatchesAttrs): number[] {
  const { places, taps, inner } = layoutOf(batch, channels, attrs);
  const matrix = [places, taps * inner];
  return attrs.groups === 1 ? matrix : [attrs.groups, ...matrix];
}

/** A thread for each place of the window, as software adapters want it, or for each element of the patches. */
function patchVariants(x: Spec, attrs: PatchesAttrs, profile: AdapterProfile): Variants {
  const { places, taps, inner } = layoutOf(x.shape[0], imageOf(x).channels, attrs);
  return {
    family: "im2col",
    problem: `${attrs.groups} of ${powerOfTwo(places)}x${powerOfTwo(taps * inner)}`,
    names: numbersOf(profile).walksPatchesByPlace ? ["places", "elements"] : ["elements", "places"],
  };
}

const checkFloat = (op: string, x: Spec): void => {
  if (x.dtype !== "f32") throw new DTypeError(`${op}: takes f32, got ${x.dtype}; use cast(x, "f32")`);
};

const samples: Sample<PatchesAttrs>[] = [
  patchesSample([2, 5, 7, 3], [3, 2], [1, 1], [1, 1], "valid", 1),
  patchesSample([2, 6, 5, 4], [3, 3], [2, 1], [1, 2], "same", 1),
  patchesSample([1, 5, 5, 6], [2, 3], [3, 2], [1, 1], [[2, 1], 1], 2),
  patchesSample([2, 4, 4, 8], [2, 2], [1, 1], [2, 1], 1, 2),
];

function patchesSample(
  shape: readonly number[],
  size: number[],
  stride: number[],
  dilation: number[],
  padding: Parameters<typeof resolveWindow>[5],
  groups: number,
): Sample<PatchesAttrs> {
  const window = resolveWindow("im2col", shape.slice(1, 3), size, stride, dilation, padding);
  return { inputs: [{ shape }], attrs: { window, groups } };
}

const im2colFamily: Family = {
  name: "im2col",
  sources: [im2colShader.source, im2colPlacesShader.source].join("\n"),
  // Whole vec4s, and single words of groups.
  checks: () => samples.slice(1, 3).map((sample) => ({ op: im2col.op, ...sample })),
};

/**
 * Patches of `x` [batch, height, width, channels] under a window: [batch * places, taps * channels], zeros where the
 * window reaches into the padding. With `groups`, channels are cut into as many groups and each has its matrix:
 * [groups, batch * places, taps * channels / groups].
 */
export const im2col: OpFunction<[x: Tensor, window: Window, groups?: number], Tensor> = defineOp({
  family: im2colFamily,
  name: "im2col",
  accuracy: { ulp: 0 },
  saves: {},
  call: (x: Tensor, window: Window, groups: number = 1) => ({ inputs: [x], attrs: { window, groups } }),
  infer: ([x], attrs: PatchesAttrs) => {
    checkFloat("im2col", x);
    checkImage("im2col", "x", x, attrs.window.input);
    const { batch, channels } = imageOf(x);
    if (channels % attrs.groups !== 0) {
      throw new ShapeError(
        `im2col: the ${channels} channels of x ${showShape(x.shape)} do not divide into ${attrs.groups} groups`,
      );
    }
    return [{ shape: patchesShape(batch, channels, attrs), dtype: "f32" }];
  },
  kernels: ({ inputs: [x], outputs: [out], attrs, profile }) => {
    const length = sizeOf(out.shape);
    if (length === 0) return { calls: [] };
    const { places, inner } = layoutOf(x.shape[0], imageOf(x).channels, attrs);
    const unit = unitOf("f32", [inner]);
    const per = elementsPerUnit("f32", unit);
    if (chosen(patchVariants(x, attrs, profile), profile) === "places") {
      const workgroup = 8;
      const workgroups = Math.min(Math.ceil(places / workgroup), profile.workgroupTarget);
      const segment = Math.ceil(places / workgroups / workgroup) * workgroup;
      const call: KernelCall = {
        shader: im2colPlacesShader,
        hooks: { aliases: { Unit: unit === 16 ? "vec4u" : "u32" }, consts: { WORKGROUP: `${workgroup}u` } },
        sizes: [
          places,
          segment,
          length / per,
          inner / per,
          ...windowWords(attrs.window, [attrs.groups, places]),
        ],
        operands: [input(0), output(0)],
        workgroups: grid(Math.ceil(places / segment), profile),
      };
      return { calls: [call] };
    }
    const call = copyCall({
      shader: im2colShader,
      profile,
      unit,
      length: length / per,
      words: [inner / per, ...windowWords(attrs.window, [attrs.groups, places])],
      operands: [input(0), output(0)],
      hasNone: true,
    });
    return { calls: [call] };
  },
  variants: ({ inputs: [x], attrs, profile }) => patchVariants(x, attrs, profile),
  reference: ([x], attrs, [out]) => {
    const { batch, channels } = imageOf(x);
    out.data.fill(0);
    eachPatchRun(batch, channels, attrs, (patch, pixel, inner) => {
      for (let c = 0; c < inner; c++) out.data[patch + c] = x.data[pixel + c];
    });
  },
  vjp: ({ grad, attrs: { window, groups }, inputSpecs: [x] }): Tensor[] => [
    col2im(grad(), window, x.shape, groups),
  ],
  samples,
});

/** Where col2im finds what a tap holds for a channel: with several groups each has a matrix of its own. */
const oneGroupTerm =
  "  return in0[(source * sizes.size_stride.x * sizes.size_stride.y + tap) * sizes.inner + channel];";
const groupsTerm =
  "  let inner = sizes.extra.x;\n" +
  "  let row = (channel / inner * sizes.extra.y + source) * sizes.size_stride.x * sizes.size_stride.y + tap;\n" +
  "  return in0[row * inner + channel % inner];";

interface ImagesAttrs extends PatchesAttrs {
  /** Of the images. */
  readonly shape: readonly number[];
}

/**
 * Images of `shape` in which every pixel is the sum of what patches hold for it: the adjoint of {@link im2col}. Taps in
 * the padding are dropped. Additions go in the order of the taps, so results repeat bit for bit.
 */
export const col2im: OpFunction<
  [patches: Tensor, window: Window, shape: readonly number[], groups?: number],
  Tensor
> = defineOp({
  name: "col2im",
  saves: {},
  call: (patches: Tensor, window: Window, shape: readonly number[], groups: number = 1) => ({
    inputs: [patches],
    attrs: { window, groups, shape: [...shape] },
  }),
  infer: ([patches], attrs: ImagesAttrs) => {
    checkFloat("col2im", patches);
    checkImage("col2im", "the shape", { shape: attrs.shape, dtype: "f32" }, attrs.window.input);
    const { batch, channels } = imageOf(attrs);
    const wanted = patchesShape(batch, channels, attrs);
    if (!sameShape(patches.shape, wanted)) {
      throw new ShapeError(
        `col2im: patches ${showShape(patches.shape)} do not fit images ${showShape(attrs.shape)}, whose patches are ${showShape(wanted)}`,
      );
    }
    return [{ shape: attrs.shape, dtype: "f32" }];
  },
  kernels: ({ outputs: [out], attrs, profile }) => {
    const { batch, channels } = imageOf(out);
    const { places, inner } = layoutOf(batch, channels, attrs);
    return windowSum({
      window: attrs.window,
      direction: "back",
      batch,
      channels,
      isWide: inner % 4 === 0,
      inputs: ["in0"],
      term: attrs.groups === 1 ? oneGroupTerm : groupsTerm,
      extra: [inner % 4 === 0 ? inner / 4 : inner, places],
      profile,
    });
  },
  reference: ([patches], attrs, [out]) => {
    const { batch, channels } = imageOf(out);
    out.data.fill(0);
    eachPatchRun(batch, channels, attrs, (patch, pixel, inner) => {
      for (let c = 0; c < inner; c++) out.data[pixel + c] += patches.data[patch + c];
    });
  },
  vjp: ({ grad, attrs: { window, groups } }): Tensor[] => [im2col(grad(), window, groups)],
  samples: samples.map(({ inputs: [{ shape }], attrs }) => ({
    inputs: [{ shape: patchesShape(shape[0], shape[3], attrs as PatchesAttrs) }],
    attrs: { ...(attrs as PatchesAttrs), shape },
  })),
});

/** Visits every run of a group's channels under a tap: where it starts in the patches and in the images. */
function eachPatchRun(
  batch: number,
  channels: number,
  attrs: PatchesAttrs,
  visit: (patch: number, pixel: number, inner: number) => void,
): void {
  const { places, taps, inner } = layoutOf(batch, channels, attrs);
  eachTap(attrs.window, batch, (place, tap, pixel) => {
    for (let group = 0; group < attrs.groups; group++) {
      visit(((group * places + place) * taps + tap) * inner, pixel * channels + group * inner, inner);
    }
  });
}

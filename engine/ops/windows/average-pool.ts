// The mean under each place of a window, of what is not padding, and back.

import type { Shape } from "../../base/shape.ts";
import { apply } from "../../tensor/apply.ts";
import { defineOp } from "../../tensor/define.ts";
import type { Op, OpFunction } from "../../tensor/op.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkFloat, type ImageAttrs, nameOf, overlapping, type PoolAttrs, places, sample } from "./pool.ts";
import { windowSum } from "./window-sum.ts";
import { checkImage, eachTap, imageOf, type Window } from "./windows.ts";

export const averagePool: Op<PoolAttrs> = {
  name: "averagePool",
  saves: {},
  infer: ([x], { window }) => {
    const op = nameOf("averagePool", x.shape);
    checkFloat(op, x);
    checkImage(op, "x", x, window.input);
    return [{ shape: places(x.shape, window), dtype: "f32" }];
  },
  kernels: ({ inputs: [x], attrs: { window }, profile }) => {
    const { batch, channels } = imageOf(x);
    return windowSum({
      ...{ window, direction: "forth", batch, channels, isWide: channels % 4 === 0, profile },
      inputs: ["in0"],
      term: "  return in0[source * sizes.inner + channel];",
      finish: "  return total / f32(taps);",
    });
  },
  reference: ([x], { window }, [y]) => {
    const { batch, channels } = imageOf(x);
    const counts = tapCounts(window, batch);
    y.data.fill(0);
    eachTap(window, batch, (place, _, pixel) => {
      for (let c = 0; c < channels; c++) {
        y.data[place * channels + c] += x.data[pixel * channels + c] / counts[place];
      }
    });
  },
  vjp: ({ grad, attrs: { window }, inputSpecs: [x] }) => [averagePoolGradient(grad(), window, x.shape)],
  samples: [
    sample([2, 4, 6, 3], [2, 2], { stride: 2 }),
    sample([2, 5, 5, 4], [3, 3], { stride: 2, padding: "same" }),
    sample([1, 5, 4, 2], [2, 3], { stride: 1, padding: [1, [0, 2]] }),
    sample([2, 7, 3], [3], { stride: 2, padding: "same" }),
    sample([0, 4, 4, 2], [2, 2], {}),
  ],
};

/** Each pixel's share of the gradients of the averages it is in: the adjoint of averagePool. */
export const averagePoolGradient: OpFunction<[g: Tensor, window: Window, shape: Shape], Tensor> = defineOp({
  name: "averagePoolGradient",
  saves: {},
  call: (g: Tensor, window: Window, shape: Shape) => ({ inputs: [g], attrs: { window, shape } }),
  infer: ([g], { window, shape }: ImageAttrs) => {
    checkFloat("averagePoolGradient", g);
    checkImage("averagePoolGradient", "g", g, window.output);
    checkImage("averagePoolGradient", "the shape", { shape, dtype: "f32" }, window.input);
    return [{ shape, dtype: "f32" }];
  },
  kernels: ({ outputs: [out], attrs: { window }, profile }) => {
    const { batch, channels } = imageOf(out);
    return windowSum({
      ...{ window, direction: "back", batch, channels, isWide: channels % 4 === 0, profile },
      inputs: ["in0"],
      term:
        "  let size = sizes.size_stride;\n" +
        "  let count = inside(yx.x, size.x, size.z, sizes.dilation_before.z, sizes.extent.x) *\n" +
        "    inside(yx.y, size.y, size.w, sizes.dilation_before.w, sizes.extent.y);\n" +
        "  return in0[source * sizes.inner + channel] / f32(count);",
      helpers: {
        inside:
          "// Taps along an axis that are not in the padding.\n" +
          "fn inside(place: u32, size: u32, stride: u32, before: u32, extent: u32) -> u32 {\n" +
          "  let start = place * stride;\n  return min(start + size, extent + before) - max(start, before);\n}",
      },
    });
  },
  reference: ([g], { window }, [out]) => {
    const { batch, channels } = imageOf(out);
    const counts = tapCounts(window, batch);
    out.data.fill(0);
    eachTap(window, batch, (place, _, pixel) => {
      for (let c = 0; c < channels; c++) {
        out.data[pixel * channels + c] += g.data[place * channels + c] / counts[place];
      }
    });
  },
  vjp: ({ grad, attrs: { window } }): Tensor[] => [apply(averagePool, [grad()], { window })[0]],
  samples: overlapping.map(({ shape, window }) => ({
    inputs: [{ shape: places(shape, window) }],
    attrs: { window, shape },
  })),
});

/** Taps that are not in the padding, by place. */
function tapCounts(window: Window, batch: number): number[] {
  const counts = new Array<number>(batch * window.output[0] * window.output[1]).fill(0);
  eachTap(window, batch, (place) => {
    counts[place]++;
  });
  return counts;
}

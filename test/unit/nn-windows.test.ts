// Layers over windows on the CPU reference: numbers as tfjs gives them, op by op and traced; time axes of any length; errors
// that name the layer and what to do.

import type * as Tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { ArgumentError, type Device, jit, ShapeError, setDevice, tensor, zeros } from "../../engine/index.ts";
import * as nn from "../../nn/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { referenceDevice } from "../support/devices.ts";
import { loadTfjsLayers, type TfjsLayers } from "../support/tfjs.ts";
import { windowCases } from "../support/window-layers.ts";
import "../../nn/names.ts";

let device: Device;
let tf: TfjsLayers;
beforeAll(async () => {
  device = await referenceDevice();
  setDevice(device);
  tf = await loadTfjsLayers();
});

const filled = (shape: readonly number[], phase = 0): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.7 + phase));

describe("numbers", () => {
  it.each(windowCases.map((one) => [one.name, one] as const))("%s", async (_, { make, shape, want }) => {
    using layer = make();
    using x = tensor(filled(shape), { shape, device });
    layer.build(shape.slice(1), device);
    layer.weights.forEach((weight, i) => {
      weight.set(filled(weight.shape, i + 1));
    });
    const weights = layer.weights.map((weight, i) =>
      tf.tensor(filled(weight.shape, i + 1), [...weight.shape]),
    );
    const theirs: Tf.Tensor = want(tf, tf.tensor(filled(shape), [...shape]), weights);
    const y = layer.call(x);
    expect(y.shape).toEqual(theirs.shape);
    expect(y.shape).toEqual([shape[0], ...layer.computeOutputShape(shape.slice(1))]);
    expectCloseArrays(await y.dataFloat64(), theirs.dataSync(), 2e-6, "y");
    const traced = jit(() => layer.call(x));
    expectCloseArrays(await traced().dataFloat64(), theirs.dataSync(), 2e-6, "traced");
    traced.dispose();
    y.dispose();
  });
});

describe("weights", () => {
  it.each([
    ["Conv1D", new nn.Conv1D(2, 3, { kernelRegularizer: "l2", biasConstraint: "nonNeg" }), [9, 2]],
    [
      "Conv2DTranspose",
      new nn.Conv2DTranspose(2, 3, { kernelRegularizer: "l2", biasConstraint: "nonNeg" }),
      [5, 5, 2],
    ],
    [
      "DepthwiseConv2D",
      new nn.DepthwiseConv2D(3, { depthwiseRegularizer: "l2", biasConstraint: "nonNeg" }),
      [5, 5, 2],
    ],
    [
      "SeparableConv1D",
      new nn.SeparableConv1D(2, 3, { pointwiseRegularizer: "l2", depthwiseConstraint: "nonNeg" }),
      [9, 2],
    ],
  ] as const)("of %s have penalties and bounds", (_, layer, shape) => {
    layer.build(shape, device);
    const rules = [...layer.weightRules()];
    expect(rules.filter(({ regularizer }) => regularizer?.name === "l2").length).toBe(1);
    expect(rules.filter(({ constraint }) => constraint?.name === "nonNeg").length).toBe(1);
    layer.dispose();
  });
});

describe("time of any length", () => {
  it.each([
    ["Conv1D, causal", () => new nn.Conv1D(4, 3, { padding: "causal" }), [null, 4]],
    ["Conv1DTranspose", () => new nn.Conv1DTranspose(4, 3, { strides: 2 }), [null, 4]],
    ["DepthwiseConv1D", () => new nn.DepthwiseConv1D(3, { padding: "causal" }), [null, 3]],
    ["SeparableConv1D", () => new nn.SeparableConv1D(4, 3, { padding: "same" }), [null, 4]],
    ["UpSampling1D", () => new nn.UpSampling1D(2), [null, 3]],
    ["ZeroPadding1D", () => new nn.ZeroPadding1D(2), [null, 3]],
    ["Cropping1D", () => new nn.Cropping1D(1), [null, 3]],
    ["MaxPooling1D", () => new nn.MaxPooling1D(2), [null, 3]],
    ["GlobalAveragePooling1D", () => new nn.GlobalAveragePooling1D(), [3]],
  ] as const)("passes through %s", (_, make, output) => {
    const x = nn.input([null, 3]);
    using model = new nn.Model(x, make().call(x) as nn.Placeholder);
    expect(model.outputs).toMatchObject({ shape: output });
    for (const length of [5, 8]) {
      using y = model.call(zeros([2, length, 3], { device }));
      expect(y.shape[0]).toBe(2);
    }
  });
});

describe("what can't be", () => {
  const firstChannels = { dataFormat: "channels_first" } as object;
  it.each([
    ["Conv1D", () => new nn.Conv1D(1, 1, firstChannels), "Permute([2, 1])"],
    ["Conv2D", () => new nn.Conv2D(1, 1, firstChannels), "Permute([2, 3, 1])"],
    ["SeparableConv2D", () => new nn.SeparableConv2D(1, 1, firstChannels), "Permute([2, 3, 1])"],
    ["Conv1DTranspose", () => new nn.Conv1DTranspose(1, 1, firstChannels), "Permute([2, 1])"],
    ["MaxPooling2D", () => new nn.MaxPooling2D(2, firstChannels), "Permute([2, 3, 1])"],
    ["GlobalMaxPooling1D", () => new nn.GlobalMaxPooling1D(firstChannels), "Permute([2, 1])"],
    ["UpSampling2D", () => new nn.UpSampling2D(2, firstChannels), "Permute([2, 3, 1])"],
    ["ZeroPadding1D", () => new nn.ZeroPadding1D(2, firstChannels), "Permute([2, 1])"],
  ] as const)("channels first: %s names the layer that brings them to the end", (name, make, remedy) => {
    expect(make).toThrow(ArgumentError);
    expect(make).toThrow(name);
    expect(make).toThrow(remedy);
    expect(() => new nn.Conv2D(1, 1, { dataFormat: "channelsLast" })).not.toThrow();
  });

  it("names layer, shapes and remedy", () => {
    const on = (layer: nn.Layer, shape: number[]) => () => layer.outputSpec({ shape, dtype: "f32" });
    const refuses = (layer: nn.Layer, shape: number[], message: RegExp) => {
      expect(on(layer, shape)).toThrow(ShapeError);
      expect(on(layer, shape)).toThrow(message);
    };
    refuses(
      new nn.Cropping2D(3),
      [6, 9, 1],
      /layer "cropping2d" .*leaves nothing of axis 1.*\[batch, 6, 9, 1\].*crop less/s,
    );
    refuses(new nn.UpSampling1D(), [6], /layer "up_sampling1d" .*\[batch, 6\]; a Reshape layer/);
    refuses(new nn.Conv2D(1, 1), [6, 6, 6, 1], /\[batch, 6, 6, 6, 1\]; there are no windows over three axes/);
    refuses(
      new nn.Conv1DTranspose(1, 4, { padding: "same", outputPadding: 0 }),
      [1, 2],
      /outputPadding 0 nothing is left of axis 1.*\[batch, 1, 2\]/,
    );
    expect(() => new nn.Conv1DTranspose(1, 4, { outputPadding: 1 })).toThrow(
      /outputPadding 1 must be less than the stride, 1/,
    );
    expect(() => new nn.Conv2D(1, 1, { padding: "causal" as "same" })).toThrow(
      /unknown Conv2D padding "causal"/i,
    );
    expect(() => new nn.ZeroPadding2D([1, -1])).toThrow(
      /padding is \[1, -1\]; it must be a whole number of at least 0/,
    );
    expect(() => new nn.Cropping1D([[1, 2]] as never)).not.toThrow();
  });
});

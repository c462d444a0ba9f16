// The float64 reference against two implementations that share nothing with it: tfjs's CPU backend (results,
// gradients) and ONNX Runtime's CPU kernels (results). What op, reference and rule get wrong alike, these show.

import type * as Tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { sizeOf } from "../../engine/base/shape.ts";
import { type Device, grad, mul, sum, type Tensor, tensor } from "../../engine/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { referenceDevice } from "../support/devices.ts";
import { runOnnx } from "../support/onnx.ts";
import { uniforms } from "../support/op-cases.ts";
import { type OracleCase, type OracleInput, oracleCases, tf } from "../support/oracle-cases.ts";

let device: Device;
beforeAll(async () => {
  device = await referenceDevice();
});

const toleranceOf = ({ tolerance }: OracleCase): number => tolerance ?? 3e-6;

function draw({ shape, low = -2, high = 2, dtype = "f32" }: OracleInput, seed: number): Float64Array {
  const next = uniforms(seed * 7919 + 17);
  return Float64Array.from({ length: sizeOf(shape) }, () => {
    const value = low + next() * (high - low);
    return dtype === "f32" ? Math.fround(value) : Math.floor(value);
  });
}

const drawAll = ({ inputs }: OracleCase): Float64Array[] => inputs.map((spec, i) => draw(spec, i + 1));

const ourInputs = ({ inputs }: OracleCase, values: readonly Float64Array[]): Tensor[] =>
  inputs.map(({ shape, dtype = "f32" }, i) => tensor(values[i], { shape, dtype, device }));

const theirTypes = { f32: "float32", i32: "int32", bool: "bool" } as const;
const theirInputs = ({ inputs }: OracleCase, values: readonly Float64Array[]): Tf.Tensor[] =>
  inputs.map(({ shape, dtype = "f32" }, i) => {
    const data =
      dtype === "bool"
        ? Uint8Array.from(values[i])
        : dtype === "i32"
          ? Int32Array.from(values[i])
          : Float32Array.from(values[i]);
    return tf.tensor(data, [...shape], theirTypes[dtype]);
  });

const cases = oracleCases.map((one) => [one.name, one] as const);

describe("tfjs", () => {
  it.each(cases.filter(([, one]) => one.tf !== undefined))("%s", async (_, one) => {
    const values = drawAll(one);
    const got = one.ours(...ourInputs(one, values));
    const want = one.tf!(...theirInputs(one, values));
    expect(got.shape).toEqual(want.shape);
    expectCloseArrays(
      await got.dataFloat64(),
      Float64Array.from(want.dataSync()),
      toleranceOf(one),
      one.name,
    );
  });

  const differentiable = cases.filter(([, one]) => one.tf !== undefined && one.gradient !== false);
  it.each(differentiable)("gradient of %s", async (_, one) => {
    const values = drawAll(one);
    const ours = ourInputs(one, values);
    const weights = draw({ shape: one.ours(...ours).shape, low: -1, high: 1 }, 31);
    const got = grad((...x) => {
      const out = one.ours(...x);
      return sum(mul(out, tensor(weights, { shape: out.shape, device })));
    })(...ours);
    const want = tf.grads((...x: Tf.Tensor[]) => {
      const out = one.tf!(...x);
      return tf.sum(tf.mul(out, tf.tensor(Float32Array.from(weights), out.shape))) as Tf.Scalar;
    })(theirInputs(one, values));
    for (let k = 0; k < got.length; k++) {
      const theirs = Float64Array.from(want[k].dataSync());
      expectCloseArrays(await got[k].dataFloat64(), theirs, toleranceOf(one) * 10, `${one.name}, input ${k}`);
    }
  });
});

describe("ONNX Runtime", () => {
  it.each(cases.filter(([, one]) => one.onnx !== undefined))("%s", async (_, one) => {
    const { nodes, extra = [], outputType, indexType = "int64" } = one.onnx!;
    const values = drawAll(one);
    const got = one.ours(...ourInputs(one, values));
    const types = { f32: "float32", i32: indexType, bool: "bool" } as const;
    const want = await runOnnx(
      nodes,
      [
        ...one.inputs.map(({ shape, dtype = "f32" }, i) => ({
          type: types[dtype],
          dims: shape,
          data: values[i],
        })),
        ...extra.map((data) => ({ type: "int64" as const, dims: [data.length], data })),
      ],
      outputType,
    );
    expect(got.shape).toEqual(want.dims);
    expectCloseArrays(await got.dataFloat64(), want.data, toleranceOf(one), one.name);
  });
});

// NaN, infinities, signed zeros, subnormal and huge numbers through every elementwise op on this adapter: against the
// float64 reference, and against values written down here for ops where a wrong one would go unnoticed.

import { beforeAll, describe, expect, it } from "vitest";
import {
  type Device,
  type DType,
  grad,
  moments,
  type Op,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "../../engine/index.ts";
import { hostArray } from "../../engine/internal.ts";
import type { ReferenceTensor } from "../../engine/kernel/kernel-op.ts";
import { apply } from "../../engine/tensor/apply.ts";
import { gpuDevice } from "../support/devices.ts";
import { allOps } from "../support/op-cases.ts";
import { errorShare } from "../support/ulp.ts";
import "../../nn/names.ts";

let gpu: Device;

beforeAll(async () => {
  gpu = await gpuDevice();
});

const ops = allOps().filter(
  (op) =>
    op.accuracy !== undefined &&
    op.pointwise !== undefined &&
    op.samples[0].inputs.every((spec) => (spec.dtype ?? "f32") === "f32"),
);
const named = (name: string): Op => ops.find((op) => op.name === name)!;

const inf = Number.POSITIVE_INFINITY;
const nan = Number.NaN;
const smallestNormal = 2 ** -126;
const largest = (2 - 2 ** -23) * 2 ** 127;
const signed = [0, 2 ** -149, 1e-40, smallestNormal, 0.5, 1, 1.5, 2.5, 3, 200, 1e10, 1e30, largest, inf];
const specials = [nan, ...signed, ...signed.map((x) => -x)].map(Math.fround);

/** Where an op states that it does not follow the reference. */
const limits: Readonly<Record<string, (inputs: readonly number[]) => boolean>> = {
  sin: ([x]) => Math.abs(x) > 12_800,
  cos: ([x]) => Math.abs(x) > 12_800,
  tan: ([x]) => Math.abs(x) > 12_800,
  div: ([, b]) => Math.abs(b) > 2 ** 126,
  reciprocal: ([x]) => Math.abs(x) > 2 ** 126,
  // Targets are probabilities.
  sigmoidCrossEntropy: ([, target]) => !(target >= 0 && target <= 1),
  remainder: ([a, b]) => Math.abs(a / (Math.abs(b) < smallestNormal ? 0 : b)) >= 2 ** 127,
};

async function run(op: Op, attrs: object, inputs: readonly (readonly number[])[]): Promise<Float64Array> {
  const tensors = inputs.map((values) => tensor(values, { device: gpu }));
  const outputs = apply(op, tensors, attrs);
  const values = await outputs[0].dataFloat64();
  for (const each of [...tensors, ...outputs]) each.dispose();
  return values;
}

function reference(op: Op, attrs: object, inputs: readonly number[]): number {
  const one = (value: number): ReferenceTensor => ({ shape: [], dtype: "f32", data: Float64Array.of(value) });
  const out = one(0);
  op.reference!(inputs.map(one), attrs, [out]);
  return out.data[0];
}

/** The inputs, and what an adapter that takes subnormal numbers for 0 may make of them. */
function flushed(inputs: readonly number[]): number[][] {
  return inputs.reduce<number[][]>(
    (all, x) =>
      all.flatMap((rest) =>
        x !== 0 && Math.abs(x) < smallestNormal
          ? [
              [...rest, x],
              [...rest, Math.sign(x) * 0],
            ]
          : [[...rest, x]],
      ),
    [[]],
  );
}

const isTiny = (x: number) => Math.abs(x) < smallestNormal;

function agrees(op: Op, got: number, want: number): boolean {
  return (isTiny(got) && isTiny(want)) || errorShare(got, want, op.accuracy!, 0) <= 1;
}

const show = (x: number) => (Object.is(x, -0) ? "-0" : String(x));

describe("special values", () => {
  const cases = ops.flatMap((op) =>
    op.samples
      .slice(0, 2)
      .map(({ attrs }) => [`${op.name} ${JSON.stringify(attrs ?? {})}`, op, attrs ?? {}] as const),
  );
  it.each(cases)("%s", async (_, op, attrs) => {
    const isUnary = op.samples[0].inputs.length === 1;
    const points = specials.flatMap((a) => (isUnary ? [[a]] : specials.map((b) => [a, b])));
    const got = await run(
      op,
      attrs,
      points[0].map((_, k) => points.map((point) => point[k])),
    );
    const wrong = points.flatMap((point, i) => {
      if (limits[op.name]?.(point)) return [];
      const wanted = flushed(point).map((inputs) => reference(op, attrs, inputs));
      if (wanted.some((want) => agrees(op, got[i], want))) return [];
      return [`${op.name}(${point.map(show)}) is ${show(got[i])}, not ${show(wanted[0])}`];
    });
    expect(wrong).toEqual([]);
  });
});

describe("in figures", () => {
  /** By op: inputs, then the result. */
  const expected: Readonly<Record<string, readonly (readonly number[])[]>> = {
    exp: [
      [inf, inf],
      [-inf, 0],
      [nan, nan],
      [0, 1],
      [-0, 1],
      [89, inf],
      [-104, 0],
    ],
    expm1: [
      [inf, inf],
      [-inf, -1],
      [nan, nan],
      [-0, -0],
      [1e-20, Math.fround(1e-20)],
      [-100, -1],
    ],
    log: [
      [0, -inf],
      [-0, -inf],
      [-1, nan],
      [-inf, nan],
      [inf, inf],
      [nan, nan],
      [1, 0],
    ],
    log1p: [
      [-1, -inf],
      [-2, nan],
      [inf, inf],
      [nan, nan],
      [-0, -0],
    ],
    sqrt: [
      [-1, nan],
      [inf, inf],
      [nan, nan],
      [0, 0],
    ],
    rsqrt: [
      [0, inf],
      [inf, 0],
      [-1, nan],
      [nan, nan],
    ],
    reciprocal: [
      [0, inf],
      [-0, -inf],
      [nan, nan],
    ],
    sin: [
      [inf, nan],
      [-inf, nan],
      [nan, nan],
      [-0, -0],
    ],
    cos: [
      [inf, nan],
      [nan, nan],
      [0, 1],
    ],
    tan: [
      [inf, nan],
      [nan, nan],
      [-0, -0],
    ],
    asin: [
      [1.5, nan],
      [-1.5, nan],
      [nan, nan],
      [-0, -0],
      [1, Math.fround(Math.PI / 2)],
    ],
    acos: [
      [1.5, nan],
      [nan, nan],
      [1, 0],
      [-1, Math.fround(Math.PI)],
    ],
    atan: [
      [inf, Math.fround(Math.PI / 2)],
      [-inf, -Math.fround(Math.PI / 2)],
      [nan, nan],
      [-0, -0],
    ],
    sinh: [
      [inf, inf],
      [-inf, -inf],
      [nan, nan],
      [-0, -0],
      [90, inf],
    ],
    cosh: [
      [inf, inf],
      [-inf, inf],
      [nan, nan],
      [0, 1],
    ],
    tanh: [
      [inf, 1],
      [-inf, -1],
      [nan, nan],
      [-0, -0],
      [largest, 1],
      [-50, -1],
    ],
    asinh: [
      [inf, inf],
      [-inf, -inf],
      [nan, nan],
      [-0, -0],
    ],
    acosh: [
      [inf, inf],
      [0.5, nan],
      [-inf, nan],
      [nan, nan],
      [1, 0],
    ],
    atanh: [
      [1, inf],
      [-1, -inf],
      [1.5, nan],
      [nan, nan],
      [-0, -0],
    ],
    erf: [
      [inf, 1],
      [-inf, -1],
      [nan, nan],
      [-0, -0],
    ],
    erfc: [
      [inf, 0],
      [-inf, 2],
      [nan, nan],
      [0, 1],
    ],
    round: [
      [0.5, 0],
      [1.5, 2],
      [2.5, 2],
      [-0.5, -0],
      [-1.5, -2],
      [3.5, 4],
      [nan, nan],
      [inf, inf],
      [1e30, Math.fround(1e30)],
    ],
    floor: [
      [-0.5, -1],
      [nan, nan],
      [-inf, -inf],
    ],
    ceil: [
      [-0.5, -0],
      [nan, nan],
      [inf, inf],
    ],
    trunc: [
      [-1.7, -1],
      [nan, nan],
      [inf, inf],
    ],
    sign: [
      [nan, nan],
      [-0, -0],
      [-inf, -1],
    ],
    abs: [
      [-inf, inf],
      [nan, nan],
      [-0, 0],
    ],
    relu: [
      [nan, nan],
      [-inf, 0],
      [inf, inf],
      [-1, 0],
    ],
    leakyRelu: [
      [nan, nan],
      [-inf, -inf],
    ],
    sigmoid: [
      [nan, nan],
      [inf, 1],
      [-inf, 0],
      [1000, 1],
      [-1000, 0],
    ],
    softplus: [
      [nan, nan],
      [inf, inf],
      [-inf, 0],
      [largest, largest],
    ],
    logSigmoid: [
      [nan, nan],
      [inf, 0],
      [-inf, -inf],
    ],
    softsign: [
      [nan, nan],
      [inf, 1],
      [-inf, -1],
    ],
    silu: [
      [nan, nan],
      [inf, inf],
      [-inf, 0],
      [-1000, 0],
    ],
    mish: [
      [nan, nan],
      [inf, inf],
      [-inf, 0],
      [-1000, 0],
    ],
    gelu: [
      [nan, nan],
      [inf, inf],
      [-inf, 0],
      [-1000, 0],
    ],
    hardSwish: [
      [nan, nan],
      [inf, inf],
      [-inf, 0],
    ],
    hardTanh: [
      [nan, nan],
      [inf, 1],
      [-inf, -1],
    ],
    elu: [
      [nan, nan],
      [inf, inf],
    ],
    selu: [
      [nan, nan],
      [inf, inf],
    ],
    isNaN: [
      [nan, 1],
      [inf, 0],
      [0, 0],
    ],
    isFinite: [
      [nan, 0],
      [inf, 0],
      [-inf, 0],
      [largest, 1],
    ],
    isInfinite: [
      [nan, 0],
      [inf, 1],
      [-inf, 1],
      [largest, 0],
    ],
    maximum: [
      [nan, 1, nan],
      [1, nan, nan],
      [-inf, inf, inf],
    ],
    minimum: [
      [nan, 1, nan],
      [1, nan, nan],
      [-inf, inf, -inf],
    ],
    add: [
      [inf, -inf, nan],
      [inf, 1, inf],
      [nan, 1, nan],
    ],
    mul: [
      [0, inf, nan],
      [nan, 0, nan],
      [largest, 2, inf],
    ],
    div: [
      [1, 0, inf],
      [-1, 0, -inf],
      [0, 0, nan],
      [inf, inf, nan],
      [1, inf, 0],
    ],
    remainder: [
      [5, 0, nan],
      [inf, 3, nan],
      [-1, inf, inf],
      [1, inf, 1],
      [-5, 3, 1],
      [5, -3, -1],
      [nan, 3, nan],
      [3, nan, nan],
    ],
    power: [
      [nan, 0, 1],
      [1, nan, 1],
      [0, -1, inf],
      [-0, -1, -inf],
      [-2, 3, -8],
      [-2, 0.5, nan],
      [-inf, 3, -inf],
      [2, -inf, 0],
      [-1, nan, nan],
    ],
    atan2: [
      [0, 0, 0],
      [0, -0, Math.fround(Math.PI)],
      [-0, -1, -Math.fround(Math.PI)],
      [inf, inf, Math.fround(Math.PI / 4)],
      [nan, 1, nan],
      [1, nan, nan],
    ],
    equal: [
      [nan, nan, 0],
      [inf, inf, 1],
      [0, -0, 1],
    ],
    notEqual: [
      [nan, nan, 1],
      [nan, 1, 1],
      [inf, inf, 0],
    ],
    less: [
      [nan, 1, 0],
      [1, nan, 0],
      [-inf, inf, 1],
    ],
    greaterEqual: [
      [nan, nan, 0],
      [inf, inf, 1],
    ],
  };
  it.each(Object.entries(expected))("%s", async (name, rows) => {
    const op = named(name);
    const arity = op.samples[0].inputs.length;
    const got = await run(
      op,
      op.samples[0].attrs ?? {},
      Array.from({ length: arity }, (_, k) => rows.map((row) => row[k])),
    );
    rows.forEach((row, i) => {
      const want = row[arity];
      const call = `${name}(${row.slice(0, arity).map(show)}) is ${show(got[i])}`;
      // Vanishing products may come from either side.
      const isVanishing = want === 0 && !["expm1", "log1p", "round"].includes(name) && row[0] !== 0;
      if (isVanishing) expect(got[i], call).toBeCloseTo(0, 40);
      else if (Number.isFinite(want) && want !== 0)
        expect(Math.abs(got[i] - want), call).toBeLessThanOrEqual(Math.abs(want) * 2 ** -22);
      else expect(got[i], call).toBe(want);
    });
  });
});

describe("moments", () => {
  it.each([5, 4099])(
    "of %i rows with infinities have an infinite mean, wherever those stand",
    async (rows) => {
      const columns = [
        () => 1,
        (row: number) => (row === 0 ? inf : 1),
        (row: number) => (row === rows - 1 ? -inf : 1),
        (row: number) => (row < 2 ? (row === 0 ? inf : -inf) : 1),
        (row: number) => (row === 2 ? nan : 1),
      ];
      const x = tensor(
        Array.from({ length: rows }, (_, row) => columns.map((value) => value(row))),
        { device: gpu },
      );
      const [mean, variance] = moments(x);
      expect([...(await mean.data())]).toEqual([1, inf, -inf, nan, nan]);
      expect([...(await variance.data())]).toEqual([0, nan, nan, nan, nan]);
      for (const each of [x, mean, variance]) each.dispose();
    },
  );
});

describe("cast", () => {
  const values = [nan, inf, -inf, 3e9, -3e9, 5e9, 2147483520, 300, -5.7, -0];
  it.each([
    ["i32", [0, 2147483647, -2147483648, 2147483647, -2147483648, 2147483647, 2147483520, 300, -5, 0]],
    ["u32", [0, 4294967295, 0, 3e9, 0, 4294967295, 2147483520, 300, 0, 0]],
    ["u8", [0, 255, 0, 255, 0, 255, 255, 255, 0, 0]],
    ["bool", [1, 1, 1, 1, 1, 1, 1, 1, 1, 0]],
  ] as const)("to %s", async (dtype, want) => {
    const op = named("cast");
    const got = await run(op, { dtype }, [values]);
    expect([...got]).toEqual(want);
    expect(values.map((value) => cpuCast(value, dtype))).toEqual(want);
  });

  const cpuCast = (value: number, dtype: DType): number => {
    const data = hostArray(dtype, 1);
    data[0] = reference(named("cast"), { dtype }, [value]);
    return Number(data[0]);
  };
});

describe("gradients far from 0", () => {
  it.each([
    ["sigmoid", 0, 0],
    ["tanh", 0, 0],
    ["softplus", 0, 1],
    ["logSigmoid", 1, 0],
    ["softsign", 0, 0],
    ["silu", 0, 1],
    ["mish", 0, 1],
    ["gelu", 0, 1],
    ["elu", 0, 1],
    ["selu", 0, 1.0507],
    ["celu", 0, 1],
    ["hardSwish", 0, 1],
    ["erf", 0, 0],
    ["atan", 0, 0],
    ["asinh", 0, 0],
  ])("%s: %f on the left, %f on the right", async (name, left, right) => {
    const op = named(name);
    const far = [50, 1e4, 1e10, 1e20, largest];
    for (const { attrs } of op.samples) {
      const x = tensor([...far.map((value) => -value), ...far], { device: gpu });
      const [result] = tidy(() => grad((input: Tensor) => sum(apply(op, [input], attrs ?? {})[0]))(x));
      const got = await result.data();
      far.forEach((value, i) => {
        expect(Math.abs(got[i] - left), `at ${-value}: ${got[i]}`).toBeLessThan(0.03);
        expect(Math.abs(got[far.length + i] - right), `at ${value}: ${got[far.length + i]}`).toBeLessThan(
          0.03,
        );
      });
      x.dispose();
      result.dispose();
    }
  });
});

describe("beyond the stated domain", () => {
  it("sin and cos stay within [-1, 1]", async () => {
    const huge = [1e5, 1e10, 1e20, 1e30, largest, -1e6, -largest];
    for (const name of ["sin", "cos"]) {
      for (const value of await run(named(name), {}, [huge])) expect(Math.abs(value)).toBeLessThanOrEqual(1);
    }
  });
});

// Losses, norms and activations, and their gradients, at infinities, NaN, zeros, equal and huge numbers, on the
// reference and on this adapter, op by op and under jit: against PyTorch's, kept in test/fixtures/special-values.json.

import fs from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import {
  batchNorm,
  type Device,
  disposeAll,
  full,
  grad,
  groupNorm,
  instanceNorm,
  jit,
  layerNorm,
  logSoftmax,
  logSumExp,
  mean,
  mul,
  norm,
  reshape,
  rmsNorm,
  softmax,
  standardDeviation,
  sum,
  type Tensor,
  tensor,
  tidy,
  variance,
} from "../../engine/index.ts";
import { activations, losses } from "../../nn/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";

type Written = readonly (number | string)[];
interface Entry {
  readonly name: string;
  readonly x: Written;
  readonly value: Written;
  readonly gradient: Written;
}
interface LossEntry extends Entry {
  readonly fromLogits?: boolean;
  readonly targets: Written;
}
const made: {
  weights: number[];
  activations: Entry[];
  rows: Entry[];
  losses: LossEntry[];
} = JSON.parse(fs.readFileSync(new URL("../fixtures/special-values.json", import.meta.url), "utf8"));

const words: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
};
const read = (values: Written) => values.map((x) => (typeof x === "string" ? words[x] : x));

const devices: Record<string, Device> = {};
beforeAll(async () => {
  devices.reference = await referenceDevice();
  devices.adapter = await gpuDevice();
});

const largest = (2 - 2 ** -23) * 2 ** 127;

/** Whether a result is theirs as f32 has it: within 4e-6 of it, or of what rounding leaves of `size`. */
function isTheirs(got: number, theirs: number, size: number): boolean {
  const want = Math.fround(theirs);
  if (!Number.isFinite(want)) return Object.is(got, want);
  // Where e^x is a subnormal number, adapters may have 0 for it, and a hundred times that is lost.
  return Math.abs(got - want) <= Math.max(4e-6 * Math.abs(want), 2.5e-7 * size, 1e-36);
}

/** Functions that work with numbers up to 1 on the way, so that what f32 rounds off there shows: 1 - 1e-9 is 1. */
const throughOne = new Set([
  ...[
    "sigmoid",
    "tanh",
    "softmax",
    "binaryCrossentropy",
    "categoricalCrossentropy",
    "sparseCategoricalCrossentropy",
  ],
  ...["layerNorm", "groupNorm", "instanceNorm", "batchNorm", "rmsNorm"],
]);

const inf = Number.POSITIVE_INFINITY;
const nan = Number.NaN;

type Field = "value" | "gradient";

/** What is right where PyTorch gives something else, and why. */
interface Other {
  readonly why: string;
  readonly value?: readonly number[];
  readonly gradient?: readonly number[];
  /** What a GPU may give NaN, 0 or infinity for: something on the way is beyond f32, as the function's documentation says. */
  readonly beyondF32?: readonly Field[];
}

/** By activation and point: what differs from PyTorch's, and must. */
const otherPoints: Readonly<Record<string, readonly (readonly [x: number, field: Field, right: number])[]>> =
  {
    // NaN is on no side of the kink. Where the value itself is cut from x the gradient is 0; else it is NaN, too.
    relu: [[nan, "gradient", 0]],
    hardTanh: [[nan, "gradient", 0]],
    elu: [[nan, "gradient", nan]],
    selu: [[nan, "gradient", nan]],
    celu: [[nan, "gradient", nan]],
    // PyTorch multiplies infinity by the 0 that the limit tends to, or divides it by itself.
    gelu: [[-inf, "value", 0]],
    silu: [[-inf, "value", 0]],
    mish: [[-inf, "value", 0]],
    softsign: [
      [inf, "value", 1],
      [-inf, "value", -1],
      [inf, "gradient", 0],
      [-inf, "gradient", 0],
    ],
    // At the kinks the straight sides' slopes, as it is documented.
    hardSwish: [
      [-inf, "value", 0],
      [nan, "gradient", nan],
      [3, "gradient", 1],
      [-3, "gradient", 0],
    ],
  };

const huge = "3.0000000054977558e+38";
const rowOf = (count: number, x: number) => new Array<number>(count).fill(x);

/** By case, as it is called below. */
const others: Readonly<Record<string, Other>> = {
  ...Object.fromEntries(
    [`[${huge}, ${huge}]`, `[-${huge}, -${huge}, -${huge}]`].flatMap((row, i) => {
      const value = rowOf(i + 2, 0);
      const why = "equal numbers have no spread: PyTorch's is what rounding left";
      return [
        ...["layerNorm", "groupNorm", "instanceNorm", "batchNorm"].map((name): [string, Other] => [
          `${name} of ${row}`,
          { why, value, beyondF32: ["value", "gradient"] },
        ]),
        [`norm of ${row}`, { why: "", beyondF32: ["gradient"] }],
        [`mean of ${row}`, { why: "", beyondF32: ["value"] }],
        // The softmax of the row: PyTorch 1.13 takes e^(x - result), and 3e38 + ln 2 is 3e38.
        [`logSumExp of ${row}`, { why: "", gradient: rowOf(i + 2, 1 / (i + 2)) }],
      ] as [string, Other][];
    }),
  ),
  ...Object.fromEntries(
    [`[${huge}, -${huge}]`, `[${huge}, 0, -${huge}, 1]`].flatMap((row): [string, Other][] => [
      [`batchNorm of ${row}`, { why: "the variance", beyondF32: ["value", "gradient"] }],
      [`norm of ${row}`, { why: "the norm", beyondF32: ["gradient"] }],
      ...["layerNorm", "groupNorm", "instanceNorm"].map((name): [string, Other] => [
        `${name} of ${row}`,
        { why: "the reciprocal of the deviation", beyondF32: ["value"] },
      ]),
    ]),
  ),
  ...Object.fromEntries(
    ["3e38, 3e38", "-3e38, -3e38, -3e38", "3e38, -3e38", "3e38, 0, -3e38, 1"].map((row): [string, Other] => [
      `rmsNorm of [${row.replaceAll("3e38", huge)}]`,
      { why: "the reciprocal of the root", beyondF32: ["value", "gradient"] },
    ]),
  ),
  "batchNorm of [100000000000000000000, -100000000000000000000, 300000000000000000000]": {
    why: "the variance",
    beyondF32: ["value", "gradient"],
  },
  [`meanAbsoluteError [-${huge}, 0] and [${huge}, 0]`]: { why: "the error", beyondF32: ["value"] },
  [`huber [-${huge}, 0] and [${huge}, 0]`]: { why: "the error", beyondF32: ["value"] },
  ...Object.fromEntries(
    ["[inf, 0, 1]", "[-inf, 0, 1]", "[-inf, -inf, 0]", "[inf, inf, 0]"].map((row): [string, Other] => [
      `variance of ${row}`,
      { why: "the value is NaN, and so is its slope", gradient: rowOf(3, nan) },
    ]),
  ),
  "logSumExp of [inf, 0, 1]": { why: "the limit of the row's softmax", gradient: [1, 0, 0] },
  "logSumExp of [inf, -inf, 0]": { why: "the limit of the row's softmax", gradient: [1, 0, 0] },
  "logSumExp of [inf, inf, 0]": { why: "tied elements share it", gradient: [0.5, 0.5, 0] },
  "logSumExp of [-inf, -inf]": { why: "it is the sum of nothing", gradient: [0, 0] },
  "meanAbsoluteError [inf] and [inf]": { why: "the error is NaN, and has no sign", gradient: [nan] },
  "meanAbsoluteError [nan, 1] and [1, 1]": { why: "the error is NaN, and has no sign", gradient: [nan, 0] },
  "meanAbsoluteError [1, 1] and [nan, 1]": { why: "the error is NaN, and has no sign", gradient: [nan, 0] },
  ...Object.fromEntries(
    (
      [
        ["[inf] and [1]", 0],
        ["[-inf] and [0]", 0],
        ["[-inf] and [1]", inf],
        ["[-inf] and [0.5]", inf],
        ["[-inf] and [0.25]", inf],
      ] as const
    ).map(([of, value]): [string, Other] => [
      `binaryCrossentropy of logits ${of}`,
      { why: "the limit: PyTorch subtracts infinities", value: [value] },
    ]),
  ),
  ...Object.fromEntries(
    ["[0, 1, 0]", "[0, 0.5, 0.5]"].map((targets): [string, Other] => [
      `categoricalCrossentropy of logits [-inf, 0, 0] and ${targets}`,
      {
        why: "a class that is ruled out adds nothing: PyTorch multiplies its infinity by 0",
        value: [Math.LN2],
      },
    ]),
  ),
};

interface Case {
  readonly what: string;
  readonly f: (x: Tensor, targets: Tensor) => Tensor;
  readonly entry: Entry & Partial<LossEntry>;
  readonly isSparse?: boolean;
  /** Whether each number stands alone, and not for a row. */
  readonly isPointwise?: boolean;
}

/** What a result must be. */
function rightOf({ what, entry, isPointwise }: Case, x: readonly number[], field: Field): number[] {
  const theirs = read(entry[field]);
  if (!isPointwise) return [...(others[what]?.[field] ?? theirs)];
  for (const [point, which, right] of otherPoints[what] ?? [])
    if (which === field) theirs[x.findIndex((each) => Object.is(each, point))] = right;
  return theirs;
}

/** What differs, a line each. */
async function differences(one: Case): Promise<string[]> {
  const { what, f, entry, isSparse, isPointwise } = one;
  const x = read(entry.x);
  const found: string[] = [];
  const weights = x.map((_, i) => (isPointwise ? 1 : made.weights[i % made.weights.length]));
  for (const [name, device] of Object.entries(devices)) {
    const at = tensor(x, { device });
    const targets = isSparse
      ? tensor(Int32Array.of(read(entry.targets!).indexOf(1)), { device })
      : tensor(entry.targets === undefined ? [0] : read(entry.targets), { device });
    const cotangent = tensor(weights.slice(0, entry.value.length), { device });
    const gradient = (v: Tensor, t: Tensor) =>
      tidy(() => grad((y: Tensor) => sum(mul(f(y, t), cotangent)))(v)[0]);
    const fields = { value: f, gradient } as const;
    for (const [field, run] of Object.entries(fields)) {
      const theirs = rightOf(one, x, field as Field);
      const isBeyond = name === "adapter" && others[what]?.beyondF32?.includes(field as Field);
      const sizes = [
        throughOne.has(entry.name) ? 1 : 0,
        ...(isPointwise ? [] : theirs),
        ...(entry.name === "mean" && field === "value" ? x : []),
      ];
      const size = Math.max(...sizes.map(Math.abs).filter((v) => v <= largest));
      const traced = jit(run);
      for (const [how, call] of [
        ["op by op", run],
        ["under jit", traced],
      ] as const) {
        const got = await call(at, targets).data();
        const wrong = theirs.flatMap((want, i) =>
          isTheirs(got[i], want, size) || (isBeyond && (got[i] === 0 || !Number.isFinite(got[i])))
            ? []
            : [isPointwise ? `${x[i]}: ${got[i]}, not ${want}` : i],
        );
        if (wrong.length > 0)
          found.push(
            `${field} on the ${name}, ${how}: ${isPointwise ? wrong.join("; ") : `[${[...got].join(", ")}], not [${theirs.join(", ")}]`}`,
          );
      }
      traced.dispose();
    }
    disposeAll([at, targets, cotangent]);
  }
  return found;
}

const rowFunctions: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  softmax: (x) => softmax(x),
  logSoftmax: (x) => logSoftmax(x),
  logSumExp: (x) => logSumExp(x, 0, { keepDims: true }),
  norm: (x) => norm(x, 0, { keepDims: true }),
  mean: (x) => mean(x, 0, { keepDims: true }),
  variance: (x) => variance(x, 0, { keepDims: true }),
  standardDeviation: (x) => standardDeviation(x, 0, { keepDims: true }),
  layerNorm: (x) => layerNorm(x),
  groupNorm: (x) => reshape(groupNorm(reshape(x, [1, -1, 1]), 1), [-1]),
  instanceNorm: (x) => reshape(instanceNorm(reshape(x, [1, -1, 1])), [-1]),
  batchNorm: (x) => {
    const [one, zero] = [1, 0].map((value) => full([1], value, { device: x.device }));
    return reshape(batchNorm(reshape(x, [-1, 1]), one, zero)[0], [-1]);
  },
  rmsNorm: (x) => rmsNorm(x),
};

const show = (values: Written) => `[${values.join(", ")}]`;
const cases: Case[] = [
  ...made.activations.map((entry) => ({
    what: entry.name,
    f: (x: Tensor) => activations.get(entry.name).call(x),
    entry,
    isPointwise: true,
  })),
  ...made.rows.map((entry) => ({
    what: `${entry.name} of ${show(entry.x)}`,
    f: rowFunctions[entry.name],
    entry,
  })),
  ...made.losses.map((entry) => {
    const { name, fromLogits = false, targets, x } = entry;
    const loss = losses.get(name);
    const used = fromLogits ? loss.withLogits!() : loss;
    const isSparse = used.targets === "classes";
    return {
      what: `${name}${fromLogits ? " of logits" : ""} ${show(x)} and ${show(targets)}`,
      f: (outputs: Tensor, t: Tensor) =>
        used.call(isSparse ? t : reshape(t, [1, -1]), reshape(outputs, [1, -1])),
      entry,
      isSparse,
    };
  }),
];

describe("as PyTorch", () => {
  it("or otherwise in cases that are there", () => {
    const names = cases.map(({ what }) => what);
    expect(Object.keys(others).filter((what) => !names.includes(what))).toEqual([]);
    expect(Object.keys(otherPoints).filter((what) => !names.includes(what))).toEqual([]);
  });

  it.each(cases.map((one) => [one.what, one] as const))("%s", async (_, one) => {
    expect(await differences(one)).toEqual([]);
  });
});

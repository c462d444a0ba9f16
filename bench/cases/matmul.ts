// Bench cases of matmul (plain, a or b transposed; f32 and f16) and of Dense's product with bias: squares, and the
// sizes that training the nets of nets.ts needs.

import { float16Products } from "../../engine/index.ts";
import type { BenchCase } from "../bench-case.ts";
import { type OpCase, opCases, skipOnSoftware } from "./op-case.ts";

const f32 = 4;

/** More multiply-adds than this take the reference seconds to minutes. */
const referenceLimit = 3e8;
const skip = { cpu: "it takes plain loops seconds to minutes; smaller sizes tell their rate" };

const costOf = (m: number, k: number, n: number) => ({
  flops: 2 * m * k * n,
  bytes: f32 * (m * k + k * n + m * n),
});

/** Rows, inputs and units of a layer: x [rows, inputs] · weight [inputs, units]. */
const layers = [
  [128, 784, 64],
  [100, 784, 512],
  [100, 512, 512],
  [128, 10000, 256],
] as const;
const squares = [256, 512, 1024].map((n) => [n, n, n] as const);

/** a [m, k] · b [k, n], with a or b stored transposed. */
function product(form: "nn" | "tn" | "nt", m: number, k: number, n: number): OpCase {
  const isSquare = m === k && k === n;
  const transposeA = form === "tn";
  const transposeB = form === "nt";
  return {
    name: `matmul/${form}/${isSquare ? m : `${m}x${k}x${n}`}`,
    op: "matmul",
    inputs: [{ shape: transposeA ? [k, m] : [m, k] }, { shape: transposeB ? [n, k] : [k, n] }],
    attributes: { transposeA, transposeB },
    forward: costOf(m, k, n),
    isQuick: m === 256 || (form === "nn" && m === 128 && k === 784 && n === 64),
    ...(m * k * n > referenceLimit ? { skip } : {}),
  };
}

const products = [
  ...squares.flatMap(([m, k, n]) => (["nn", "tn", "nt"] as const).map((form) => product(form, m, k, n))),
  // A layer's forward pass, and its gradients by weight (a transposed) and by input (b transposed).
  ...layers.map(([rows, inputs, units]) => product("nn", rows, inputs, units)),
  ...layers.map(([rows, inputs, units]) => product("tn", inputs, rows, units)),
  ...layers.map(([rows, inputs, units]) => product("nt", rows, units, inputs)),
  // Units that fill a kernel's tiles, and such that leave some of the last one empty.
  ...[60, 65, 100, 128].map((units) => product("nn", 128, 784, units)),
  // A single sample, a single output, and a long sum of few results, as a GPU must cut into parts.
  ...(
    [
      [1, 784, 512],
      [512, 784, 1],
      [64, 16384, 64],
    ] as const
  ).map(([m, k, n]) => product("nn", m, k, n)),
];

/** Products side by side: of attention's size, 32 heads of 128 places with 64 features. */
const batched = (["nn", "nt"] as const).map((form): OpCase => {
  const [heads, m, k, n] = form === "nt" ? [32, 128, 64, 128] : [32, 128, 128, 64];
  const { flops, bytes } = costOf(m, k, n);
  return {
    name: `matmul/${form}/${heads}-of-${m}x${k}x${n}`,
    op: "matmul",
    inputs: [{ shape: [heads, m, k] }, { shape: form === "nt" ? [heads, n, k] : [heads, k, n] }],
    attributes: { transposeA: false, transposeB: form === "nt" },
    forward: { flops: heads * flops, bytes: heads * bytes },
  };
});

/** Large enough to keep a GPU's arithmetic busy; the same in f16, by its matrix units. */
const large = (["nn", "tn", "nt"] as const).flatMap((form): OpCase[] => {
  const inF32 = { ...product(form, 4096, 4096, 4096), skipOn: skipOnSoftware };
  return [
    inF32,
    {
      ...inF32,
      name: inF32.name.replace("matmul/", "matmul-f16/"),
      openWith: { matmulPrecision: float16Products },
      skipOn: ({ backend, matrixUnit }) =>
        backend === "webgpu" && matrixUnit === undefined
          ? "the adapter offers no matrix units that take f16 and add up in f32"
          : undefined,
    },
  ];
});

const denseSizes = [...layers, [128, 64, 64], ...squares.slice(1)] as const;

const dense: OpCase[] = denseSizes.map(([rows, inputs, units]) => ({
  name: `dense/${rows}x${inputs}x${units}`,
  op: "dense",
  inputs: [{ shape: [rows, inputs] }, { shape: [inputs, units] }, { shape: [units] }],
  forward: costOf(rows, inputs, units),
  backward: { flops: 4 * rows * inputs * units, bytes: 2 * costOf(rows, inputs, units).bytes },
  isQuick: inputs <= 64,
  ...(rows * inputs * units > referenceLimit ? { skip } : {}),
}));

export const matmulBench: readonly BenchCase[] = [...products, ...batched, ...large, ...dense].flatMap(
  opCases,
);

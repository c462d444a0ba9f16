// Sums over 10^5 terms on this adapter: products, gradients of weights and embeddings, pooling and norms, op by op and
// under jit. Against float64, errors are at most 2e-6 of the sum of the terms' absolute values.

import { beforeAll, describe, expect, it } from "vitest";
import {
  averagePool2d,
  conv2d,
  type Device,
  depthwiseConv2d,
  disposeAll,
  gather,
  grad,
  jit,
  layerNorm,
  matmul,
  mean,
  mul,
  norm,
  rmsNorm,
  scatterAdd,
  softmaxCrossEntropy,
  standardDeviation,
  sub,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "../../engine/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { uniforms } from "../support/op-cases.ts";
import { sampled } from "../support/sampled.ts";

let gpu: Device;
let reference: Device;

beforeAll(async () => {
  gpu = await gpuDevice();
  reference = await referenceDevice();
});

const terms = 102_400;
const share = 2e-6;

/** By kind: elements of an operand of so many numbers a term. */
const data: Readonly<Record<string, (size: number, perTerm: number) => Float32Array>> = {
  uniform: (size) => {
    const next = uniforms(size);
    return Float32Array.from({ length: size }, () => next());
  },
  equal: (size) => new Float32Array(size).fill(0.1),
  alternating: (size, perTerm) =>
    Float32Array.from({ length: size }, (_, i) => (Math.floor(i / perTerm) % 2 === 0 ? 0.1 : -0.1)),
};

type Shape = readonly number[];
type Sum = (first: Tensor, second: Tensor) => Tensor | readonly Tensor[];

/** Indices of three rows in turn, half of them the first. */
const indices = (device: Device) =>
  tensor(
    Int32Array.from({ length: terms }, (_, i) => (i % 2 === 0 ? 0 : 1 + (i % 4 === 1 ? 0 : 1))),
    { device },
  );

/** What is linear in each of two operands, so that absolute values of both give the sum of the terms' absolute values. */
const linear: Readonly<Record<string, readonly [a: Shape, b: Shape, of: Sum]>> = {
  "a row times a column": [[1, terms], [terms, 1], (a, b) => matmul(a, b)],
  "a product": [[33, terms], [terms, 36], (a, b) => matmul(a, b)],
  "a product with a stored transposed": [
    [terms, 7],
    [terms, 5],
    (a, b) => matmul(a, b, { transposeA: true }),
  ],
  "a product with b stored transposed": [
    [3, terms],
    [40, terms],
    (a, b) => matmul(a, b, { transposeB: true }),
  ],
  "gradients of a dense layer's weights and bias": [
    [terms, 36],
    [terms, 8],
    (a, b) => [matmul(a, b, { transposeA: true }), sum(b, 0)],
  ],
  "the gradient of a convolution's weights": [
    [1, 320, 320, 1],
    [1, 320, 320, 4],
    (x, g) => {
      const w = tensor(new Float32Array(36), { shape: [3, 3, 1, 4], device: x.device });
      return grad((at: Tensor) => sum(mul(conv2d(x, at, { padding: "same" }), g)))(w)[0];
    },
  ],
  "the gradient of a depthwise convolution's weights": [
    [1, 320, 320, 4],
    [1, 320, 320, 4],
    (x, g) => {
      const w = tensor(new Float32Array(36), { shape: [3, 3, 4, 1], device: x.device });
      return grad((at: Tensor) => sum(mul(depthwiseConv2d(x, at, { padding: "same" }), g)))(w)[0];
    },
  ],
  "rows added up by index": [[terms, 4], [1], (x, s) => mul(scatterAdd(x, indices(x.device), 3), s)],
  "the gradient of an embedding": [
    [terms, 3],
    [1],
    (g, s) => {
      const table = tensor(new Float32Array(9), { shape: [3, 3], device: g.device });
      return grad((at: Tensor) => sum(mul(gather(at, indices(g.device)), mul(g, s))))(table)[0];
    },
  ],
  "average pooling": [[1, 320, 320, 3], [1], (x, s) => mul(averagePool2d(x, 320), s)],
  "average pooling of channels by four": [[1, 320, 320, 4], [1], (x, s) => mul(averagePool2d(x, 320), s)],
  "a mean": [[terms], [1], (x, s) => mul(mean(x), s)],
  "the cross-entropy of many classes": [
    [1, terms],
    [1, terms],
    // Of logits that are all 0: ln(classes) times the sum of the targets.
    (x, t) => softmaxCrossEntropy(mul(x, 0), t),
  ],
  "gradients of a normalization's scale and offset": [
    [terms, 4],
    [terms, 4],
    (x, g) => {
      const on = { device: x.device };
      const [gamma, beta] = [tensor([1, 1, 1, 1], on), tensor([0, 0, 0, 0], on)];
      const rows = tensor([1, 2, 3, 5], on);
      return grad((a: Tensor, b: Tensor) =>
        sum(mul(layerNorm(mul(sub(mul(x, 0), -1), rows), { gamma: a, beta: b }), g)),
      )(gamma, beta);
    },
  ],
};

const list = (found: Tensor | readonly Tensor[]): readonly Tensor[] =>
  ("shape" in found ? [found] : found) as readonly Tensor[];

async function valuesOf(found: Tensor | readonly Tensor[]): Promise<Float64Array[]> {
  const tensors = list(found);
  const values = await Promise.all(tensors.map((each) => each.dataFloat64()));
  disposeAll([...tensors]);
  return values;
}

describe.each(sampled(Object.entries(linear)))("%s", (_, [aShape, bShape, of]) => {
  it.each(Object.keys(data))("of %s terms", async (kind) => {
    const size = (shape: Shape) => shape.reduce((product, length) => product * length, 1);
    const perTerm = (shape: Shape) => Math.max(1, Math.round(size(shape) / terms));
    const isRow = (shape: Shape) => shape.at(-1) === terms;
    const draw = (shape: Shape, by: string) => data[by](size(shape), isRow(shape) ? 1 : perTerm(shape));
    // One alternates, the other does not.
    const [a, b] = [draw(aShape, kind), draw(bShape, kind === "alternating" ? "equal" : kind)];
    const run = async (device: Device, isJitted: boolean, prepare = (x: number) => x) => {
      const [x, y] = [
        tensor(a.map(prepare), { shape: aShape, device }),
        tensor(b.map(prepare), { shape: bShape, device }),
      ];
      const f = isJitted ? jit(of) : of;
      const values = await valuesOf(tidy(() => f(x, y)));
      disposeAll([x, y]);
      if (isJitted) (f as ReturnType<typeof jit>).dispose();
      return values;
    };
    const want = await run(reference, false);
    const magnitudes = await run(reference, false, Math.abs);
    for (const isJitted of [false, true]) {
      const got = await run(gpu, isJitted);
      got.forEach((values, k) => {
        const worst = values.reduce(
          (most, value, i) =>
            Math.max(most, Math.abs(value - want[k][i]) / (Math.abs(magnitudes[k][i]) || 1)),
          0,
        );
        expect(worst, `${isJitted ? "under jit" : "op by op"}, result ${k}`).toBeLessThanOrEqual(share);
      });
    }
  });
});

describe("norms over many elements", () => {
  const norms: Readonly<Record<string, (x: Tensor) => Tensor>> = {
    norm: (x) => norm(x),
    "norm of order 1": (x) => norm(x, undefined, { order: 1 }),
    standardDeviation: (x) => standardDeviation(x),
    rmsNorm: (x) => rmsNorm(x),
    layerNorm: (x) => layerNorm(x, { epsilon: 1e-6 }),
  };
  it.each(
    Object.entries(norms).flatMap(([name, f]) => Object.keys(data).map((kind) => [name, kind, f] as const)),
  )("%s of %s data", async (name, kind, f) => {
    const values = data[kind](terms, 1);
    const [x, y] = [gpu, reference].map((device) => tensor(values, { shape: [1, terms], device }));
    const [want] = await valuesOf(f(y));
    // What is normalized is of size 1, those near 0 too.
    const floor = name.endsWith("Norm") ? 1 : 0;
    for (const run of [f, jit(f)]) {
      const [got] = await valuesOf(run(x));
      got.forEach((value, i) => {
        expect(Math.abs(value - want[i])).toBeLessThanOrEqual(share * Math.max(Math.abs(want[i]), floor));
      });
    }
    disposeAll([x, y]);
  });
});

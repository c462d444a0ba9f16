// CTC: what is refused, what has no way to its labels, masks as lengths, and fit.

import { beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  ctcLoss,
  type Device,
  DTypeError,
  grad,
  init,
  ShapeError,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "../../engine/index.ts";
import { classWeights, Dense, Input, losses, Masking, Sequential } from "../../nn/index.ts";
import { Adam, type Optimizer } from "../../optim/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { uniforms } from "../support/op-cases.ts";
import "../../nn/names.ts";

let device: Device;

beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});

const i32 = (values: number[] | number[][]) => tensor(values, { dtype: "i32" });
const draw = (shape: number[], seed: number) => {
  const next = uniforms(seed);
  return tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next() * 4 - 2),
    { shape },
  );
};
/** The loss of each sample, and the gradient of their sum. */
async function both(logits: Tensor, labels: Tensor, options: Parameters<typeof ctcLoss>[2] = {}) {
  const loss = ctcLoss(logits, labels, options);
  const [gradient] = grad((x: Tensor) => sum(ctcLoss(x, labels, options)))(logits);
  return [[...(await loss.data())], [...(await gradient.data())]];
}

describe("ctcLoss", () => {
  it("of one step is the cross-entropy of its label, or of the blank", async () => {
    const logits = tensor([[[0, Math.log(2), Math.log(5)]], [[0, Math.log(2), Math.log(5)]]]);
    const [loss] = await both(logits, i32([[2], [0]]));
    expect(loss[0]).toBeCloseTo(Math.log(8 / 5), 6);
    expect(loss[1]).toBeCloseTo(Math.log(8), 6);
  });

  it("counts all ways: three of two steps to one label", async () => {
    // p(blank) = p(a) = 1/2 at both steps: aa, a-, -a.
    const [loss] = await both(
      tensor([
        [
          [0, 0],
          [0, 0],
        ],
      ]),
      i32([[1]]),
    );
    expect(loss[0]).toBeCloseTo(-Math.log(3 / 4), 6);
  });

  it("is infinite, or 0, with a gradient of 0, where steps do not suffice; other samples keep theirs", async () => {
    const logits = draw([2, 3, 4], 3);
    // Two equal labels take three steps, three take five.
    const labels = i32([
      [1, 1, 0],
      [2, 2, 2],
    ]);
    const [loss, gradient] = await both(logits, labels);
    expect(loss[1]).toBe(Number.POSITIVE_INFINITY);
    expect(loss[0]).toBeGreaterThan(0);
    expect(gradient.slice(12)).toEqual(new Array(12).fill(0));
    expect(gradient.slice(0, 12).some((x) => x !== 0)).toBe(true);
    const [zero, same] = await both(logits, labels, { zeroInfinity: true });
    expect(zero).toEqual([loss[0], 0]);
    expect(same).toEqual(gradient);
  });

  it("is infinite for a label that is no class, and NaN of NaN", async () => {
    const logits = draw([3, 2, 3], 4);
    const [loss] = await both(logits, i32([[1], [3], [-1]]));
    expect(loss.slice(1)).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
    const [nan, gradient] = await both(
      tensor([
        [
          [0, Number.NaN],
          [0, 1],
        ],
      ]),
      i32([[1]]),
    );
    expect([...nan, ...gradient].every(Number.isNaN)).toBe(true);
  });

  it("reads the first steps and labels that lengths say, and nothing behind them", async () => {
    const [whole, padded] = [draw([1, 3, 4], 5), draw([1, 5, 4], 6)];
    const values = await whole.data();
    const all = tensor([...values, ...(await padded.data()).slice(0, 8)], { shape: [1, 5, 4] });
    const [want, slope] = await both(whole, i32([[3, 1]]));
    const [got, longer] = await both(all, i32([[3, 1, 2]]), {
      inputLengths: i32([3]),
      labelLengths: i32([2]),
    });
    expect(got[0]).toBeCloseTo(want[0], 6);
    slope.forEach((value, i) => {
      expect(longer[i]).toBeCloseTo(value, 6);
    });
    expect(longer.slice(12)).toEqual(new Array(8).fill(0));
    // No steps: certain of no labels, impossible of any.
    const [none] = await both(draw([2, 3, 4], 7), i32([[0], [1]]), { inputLengths: i32([0, 0]) });
    expect(none.map(Math.abs)).toEqual([0, Number.POSITIVE_INFINITY]);
  });

  it("refuses what does not fit, saying what would", () => {
    const logits = draw([2, 3, 4], 8);
    const labels = i32([[1], [2]]);
    const refused = (call: () => unknown, kind: new (...args: never[]) => Error, says: RegExp) => {
      expect(call).toThrow(kind);
      expect(call).toThrow(says);
    };
    refused(() => ctcLoss(draw([3, 4], 9), labels), ShapeError, /\[batch, time, classes\].*\[3, 4\]/);
    refused(() => ctcLoss(logits, i32([1, 2])), ShapeError, /labels \[2\].*\[2, length\]/);
    refused(() => ctcLoss(logits, i32([[1], [2], [3]])), ShapeError, /labels \[3, 1\]/);
    refused(() => ctcLoss(logits, tensor([[1], [2]])), DTypeError, /labels must be i32, got f32/);
    refused(() => ctcLoss(logits, labels, { blank: 4 }), ShapeError, /classes 0 to 3/);
    refused(() => ctcLoss(logits, labels, { blank: -1 }), ArgumentError, /blank/);
    refused(
      () => ctcLoss(logits, labels, { inputLengths: i32([1]) }),
      ShapeError,
      /inputLengths \[1\] must be \[2\]/,
    );
    refused(
      () => ctcLoss(logits, labels, { labelLengths: tensor([1, 1]) }),
      DTypeError,
      /labelLengths must be i32/,
    );
    refused(
      () => ctcLoss(logits, labels, { labelLength: i32([1, 1]) } as never),
      ArgumentError,
      /labelLengths/,
    );
    refused(() => ctcLoss(logits, labels, { inputLengths: [1, 1] } as never), ArgumentError, /Tensor/);
  });
});

/** Rows of steps in which each label of y lights up the feature of its number, twice, with darkness between. */
const spoken = (y: readonly (readonly number[])[], steps: number, features: number) =>
  y.map((row) =>
    Array.from({ length: steps }, (_, t) =>
      Array.from({ length: features }, (_, f) => Number(t % 3 < 2 && row[Math.floor(t / 3)] === f && f > 0)),
    ),
  );
const y = [
  [1, 2, 3],
  [3, 3, 0],
  [2, 0, 0],
  [1, 1, 1],
  [3, 1, 2],
  [2, 1, 0],
];
const x = spoken(y, 9, 4);
const listener = (options: losses.CtcOptions = {}, optimizer: Optimizer | string = "adam") => {
  const model = new Sequential([new Input([9, 4]), new Dense(4)]);
  model.compile({ optimizer, loss: losses.ctc(options) });
  return model;
};

describe("losses.ctc", () => {
  it("learns labels without their times, from nested arrays, typed arrays and tensors alike", async () => {
    const runs = [y, new Int32Array(y.flat()), tensor(y, { dtype: "i32", device }), tensor(y, { device })];
    const found: number[][] = [];
    const start = await listener().getWeights();
    for (const targets of runs) {
      const model = listener({}, new Adam({ learningRate: 0.1 }));
      await model.setWeights(start);
      const { history } = await model.fit(x, targets, {
        epochs: 30,
        batchSize: 4,
        shuffle: false,
        verbose: 0,
      });
      found.push(history.loss);
      const [loss] = await model.evaluate(x, targets);
      expect(loss).toBeLessThan(history.loss[29]);
    }
    expect(found[0][29]).toBeLessThan(found[0][0] / 4);
    for (const curve of found) expectCloseArrays(curve, found[0], 1e-9, "a curve");
  });

  it("takes a mask's steps, and does not count samples without any", async () => {
    const loss = losses.ctc();
    const outputs = draw([3, 4, 4], 11);
    const labels = i32([
      [1, 2],
      [3, 0],
      [0, 0],
    ]);
    const mask = tensor([
      [true, true, true, false],
      [true, false, false, false],
      [false, false, false, false],
    ]);
    const values = loss.call(labels, outputs, mask);
    const alone = ctcLoss(outputs, labels, { inputLengths: i32([3, 1, 0]) });
    expect([...(await values.data())]).toEqual([...(await alone.data())]);
    expect([...(await tidy(() => (loss.maskOfLosses as (mask: Tensor) => Tensor)(mask)).data())]).toEqual([
      1, 1, 0,
    ]);

    const model = new Sequential([new Input([9, 4]), new Masking({ maskValue: -1 }), new Dense(4)]);
    model.compile({ optimizer: "sgd", loss: losses.ctc() });
    const dark = x.map((row, i) => row.map((step) => (i < 2 ? step.map(() => -1) : step)));
    const silent = y.map((row, i) => (i < 2 ? [0, 0, 0] : row));
    const [all] = await model.evaluate(dark, silent);
    const [heard] = await model.evaluate(dark.slice(2), silent.slice(2));
    expect(all).toBeCloseTo(heard, 5);
    expect(all).toBeGreaterThan(0);
  });

  it.each([
    [
      "a label that is no class",
      {},
      y.map((row) => row.map((v) => v + 1)),
      /label 4 at position 2 of sample 0/,
    ],
    ["a label that is no whole number", {}, y.map((row) => row.map((v) => v / 2)), /label 0.5/],
    [
      "the blank before a label",
      {},
      y.map((row) => [0, ...row]),
      /sample 0 has the blank, 0, before label 1/,
    ],
    ["rows of rows", {}, y.map((row) => [row]), /\[batch, length\]/],
    ["a blank that is no class", { blank: 4 }, y, /classes 0 to 3/],
    ["fewer rows than samples", {}, y.slice(1), /x has 6 rows and y has 5/],
  ] as const)("refuses %s before a step is taken", async (_, options, targets, says) => {
    const model = listener(options);
    const before = await model.getWeights();
    await expect(model.fit(x, targets as never, { verbose: 0 })).rejects.toThrow(says);
    expect(await model.getWeights()).toEqual(before);
  });

  it("refuses labels that take more steps than there are, unless zeroInfinity leaves them out", async () => {
    const long = y.map((row, i) => (i === 1 ? [1, 1, 1, 1, 1, 1] : [...row, 0, 0, 0]));
    await expect(listener().fit(x, long, { verbose: 0 })).rejects.toThrow(
      /sample 1 has 6 labels, 5 of them equal .* take 11 steps, and outputs \[batch, 9, 4\] have 9.*zeroInfinity/,
    );
    const { history } = await listener({ zeroInfinity: true }).fit(x, long, { verbose: 0 });
    expect(history.loss[0]).toBeGreaterThan(0);
    expect(Number.isFinite(history.loss[0])).toBe(true);
  });

  it("has no class weights and no accuracy", async () => {
    const model = new Sequential([new Input([9, 4]), new Dense(4)]);
    expect(() => model.compile({ optimizer: "sgd", loss: "CTC" })).not.toThrow();
    await expect(
      listener().fit(x, y, { classWeight: classWeights([1, 1, 1, 1]), verbose: 0 }),
    ).rejects.toThrow(/sequences/);
    const metrics = ["accuracy"];
    expect(() => model.compile({ optimizer: "sgd", loss: losses.ctc(), metrics })).toThrow(
      /no places in time/,
    );
  });
});

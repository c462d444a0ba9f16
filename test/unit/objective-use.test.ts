// Losses and metrics as models use them: weights, masks, labels that do not count, names, results of one's own, and what is
// refused.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError, ShapeError } from "../../engine/base/errors.ts";
import {
  abs,
  type Device,
  grad,
  init,
  max,
  mean,
  mul,
  reshape,
  sub,
  sum,
  type Tensor,
  tensor,
} from "../../engine/index.ts";
import {
  constraints,
  Dense,
  EarlyStopping,
  Input,
  type Logs,
  losses,
  type MetricValue,
  metrics,
  regularizers,
  Sequential,
  type SumsMetric,
} from "../../nn/index.ts";
import { type ClassWeight, ClassWeights } from "../../nn/objective/class-weights.ts";
import { Objective, type ObjectiveOptions } from "../../nn/objective/objective.ts";
import { checkSampleWeight } from "../../nn/objective/sample-weights.ts";
import { Monitor } from "../../nn/training/callbacks/monitor.ts";
import "../../nn/names.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

const objectiveOf = (options: Partial<ObjectiveOptions>) =>
  new Objective({
    what: "test",
    device,
    loss: losses.meanSquaredError(),
    metrics: [],
    outputShape: [1],
    ...options,
  });

const column = (values: number[]) => tensor(values, { shape: [values.length, 1] });

describe("weights and masks", () => {
  const [targets, outputs] = [() => column([0, 0, 0, 0]), () => column([1, 2, 3, 4])];

  it.each(["sumOverBatchSize", "meanWithSampleWeight", "sum"] as const)(
    "%s of nothing is 0, and so is its gradient",
    async (reduction) => {
      const loss = losses.meanSquaredError({ reduction });
      for (const given of [{ sampleWeight: tensor([0, 0, 0, 0]) }, { mask: tensor([0, 0, 0, 0]) }]) {
        const objective = objectiveOf({ loss, hasWeights: true, hasMask: true });
        const value = (o: Tensor) => objective.add(targets(), o, given);
        const reduced = (o: Tensor) => losses.reduce(loss.call(targets(), o), { reduction, ...given });
        for (const fn of [value, reduced]) {
          expect(await fn(outputs()).item()).toBe(0);
          expect([...(await grad(fn)(outputs())[0].data())]).toEqual([0, 0, 0, 0]);
        }
        expect(await objective.read(4)).toEqual([0]);
        objective.dispose();
      }
    },
  );

  it("what a mask leaves out counts nowhere, not even as NaN", async () => {
    const mask = tensor([1, 0, 1, 1]);
    for (const list of [[column([1, Number.NaN, 3, 4])], [column([1, 2, 3, 4])]]) {
      const objective = objectiveOf({
        hasMask: true,
        metrics: [metrics.rootMeanSquaredError(), metrics.binaryAccuracy()],
      });
      await objective.add(targets(), list[0], { mask }).data();
      const [loss, rmse, accuracy] = (await objective.read(4)) as number[];
      expect(loss).toBeCloseTo(26 / 3, 5);
      expect(rmse).toBeCloseTo(Math.sqrt(26 / 3), 5);
      expect(accuracy).toBe(0);
    }
  });

  it("by reduction: what is descended and what is told, whatever the batches", async () => {
    const weights = [0.5, 1, 2, 0];
    const told: Record<string, number> = {
      // Σ w e² / 4, Σ w e² / Σ w; of a sum, the batches' mean by samples, as Keras.
      sumOverBatchSize: 22.5 / 4,
      meanWithSampleWeight: 22.5 / 3.5,
      none: 22.5 / 4,
    };
    for (const [reduction, want] of Object.entries(told)) {
      const loss = losses.meanSquaredError({ reduction: reduction as "none" });
      const objective = objectiveOf({ loss, hasWeights: true });
      for (const [from, to] of [
        [0, 3],
        [3, 4],
      ]) {
        const cut = (x: Tensor) =>
          reshape(x, [4])
            .data()
            .then((all) => [...all].slice(from, to));
        const step = objective.add(column(await cut(targets())), column(await cut(outputs())), {
          sampleWeight: tensor(weights.slice(from, to)),
        });
        const total = [22.5, 0][from === 0 ? 0 : 1];
        const divisor = { sumOverBatchSize: to - from, meanWithSampleWeight: 3.5, none: 1 }[
          reduction
        ] as number;
        expect(await step.item(), reduction).toBeCloseTo(total / divisor, 5);
      }
      expect((await objective.read(4))[0], reduction).toBeCloseTo(want, 5);
    }
  });

  it("batches without a mask or weights count among those with", async () => {
    for (const loss of [
      losses.meanSquaredError(),
      losses.meanSquaredError({ reduction: "meanWithSampleWeight" }),
    ]) {
      const metric = [metrics.binaryAccuracy()];
      const objective = objectiveOf({ loss, hasMask: true, hasWeights: true, metrics: metric });
      objective.add(column([0, 0]), column([1, 3]), { mask: tensor([1, 0]) });
      objective.add(column([0, 0]), column([2, 0]));
      const [told, accuracy] = (await objective.read(4)) as number[];
      expect(told).toBeCloseTo((1 + 4 + 0) / 3, 5);
      expect(accuracy).toBeCloseTo(1 / 3, 5);
      objective.dispose();
    }
  });

  it("metrics are not weighed, weightedMetrics are", async () => {
    const objective = objectiveOf({
      hasWeights: true,
      metrics: [metrics.binaryAccuracy({ name: "plain" }), metrics.precision()],
      weightedMetrics: [metrics.binaryAccuracy({ name: "weighted" }), metrics.precision({ name: "p" })],
    });
    expect(objective.names).toEqual(["loss", "plain", "precision", "weighted", "p"]);
    objective.add(column([1, 0, 1, 0]), column([1, 1, 1, 0]), { sampleWeight: tensor([1, 3, 0, 1]) });
    const [, ...rest] = await objective.read(4);
    expect(rest).toEqual([0.75, 2 / 3, 0.4, 0.25]);
  });

  it("of classes are those of samples of a class", async () => {
    const rows = tensor([
      [0.2, 0.5, 0.3],
      [0.6, 0.3, 0.1],
      [0.1, 0.1, 0.8],
    ]);
    const oneHot = tensor([
      [0, 1, 0],
      [1, 0, 0],
      [0, 0, 1],
    ]);
    const weights: Record<number, number> = { 0: 0.5, 1: 2, 2: 1 };
    const want = -(2 * Math.log(0.5) + 0.5 * Math.log(0.6) + Math.log(0.8)) / 3;
    const cases = [
      [losses.sparseCategoricalCrossentropy(), tensor([1, 0, 2], { dtype: "i32" }), weights],
      [losses.categoricalCrossentropy(), oneHot, [0.5, 2, 1]],
      [
        losses.categoricalCrossentropy(),
        oneHot,
        new Map(Object.entries(weights).map(([k, w]) => [Number(k), w])),
      ],
    ] as const;
    for (const [loss, targets, given] of cases) {
      const classWeights = new ClassWeights("fit", given as ClassWeight, loss, [3], device);
      const objective = objectiveOf({ loss, outputShape: [3], classWeights });
      expect(await objective.add(targets, rows).item()).toBeCloseTo(want, 5);
      objective.dispose();
    }
    const loss = losses.binaryCrossentropy();
    const binary = objectiveOf({
      loss,
      classWeights: new ClassWeights("fit", { 0: 1, 1: 3 }, loss, [1], device),
    });
    expect(await binary.add(column([1, 0]), column([0.5, 0.25])).item()).toBeCloseTo(
      (3 * Math.log(2) - Math.log(0.75)) / 2,
      5,
    );
  });
});

describe("losses.reduce", () => {
  const reduced = async (...args: Parameters<typeof losses.reduce>) => [
    ...(await losses.reduce(...args).data()),
  ];

  it("takes weights as a column, weighs without reducing, and gives 0 of no losses", async () => {
    const weights = () => tensor([2, 4], { shape: [2, 1] });
    expect(await reduced(tensor([1, 2]), { sampleWeight: weights() })).toEqual([5]);
    expect(await reduced(tensor([1, 2]), { sampleWeight: weights(), reduction: "none" })).toEqual([2, 8]);
    expect(await reduced(tensor(new Float32Array(0), { shape: [0] }))).toEqual([0]);
  });

  it("refuses weights that fit in their first axis alone", () => {
    const all = tensor(new Float32Array(6), { shape: [2, 3] });
    const weights = tensor(new Float32Array(4), { shape: [2, 2] });
    expect(() => losses.reduce(all, { sampleWeight: weights })).toThrow(
      /sample weights of shape \[2, 2\] do not fit losses of shape \[2, 3\]/,
    );
  });
});

describe("a label that does not count", () => {
  it("is the same as leaving the samples out, for the loss and metrics, whatever the batches", async () => {
    const x = [
      [1, 0],
      [0, 1],
      [1, 1],
      [0.5, -1],
      [2, 0.25],
    ];
    const labels = [0, 255, 1, 255, 0];
    const make = (ignoreClass?: number) => {
      const model = new Sequential([new Input([2]), new Dense(3, { activation: "softmax" })]);
      model.setWeights([
        [1, -1, 0.5, 0.25, 0, 2],
        [0, 0, 0.5],
      ]);
      const loss = losses.sparseCategoricalCrossentropy({ ignoreClass });
      return model.compile({ optimizer: "sgd", loss, metrics: ["accuracy", "f1Score", "meanIoU"] });
    };
    const kept = [0, 2, 4];
    const want = await make().evaluate(
      kept.map((i) => x[i]),
      kept.map((i) => labels[i]),
    );
    for (const batchSize of [1, 2, 5]) {
      const got = await make(255).evaluate(x, labels, { batchSize });
      got.forEach((value, i) => {
        expect(value, `${batchSize} ${i}`).toBeCloseTo(want[i], 5);
      });
    }
    await expect(make(7).evaluate(x, labels)).rejects.toThrow(
      /label 255 at position 1 is out of range.*from 0 to 2, or 7, which does not count/,
    );
    expect(() => losses.sparseCategoricalCrossentropy({ ignoreClass: 0.5 })).toThrow(
      "ignoreClass must be a whole",
    );
  });
});

describe("in a model", () => {
  const x = Array.from({ length: 12 }, (_, i) => [Math.sin(i), Math.cos(2 * i)]);
  const y = x.map(([a, b]) => (a + 0.5 * b > 0.1 ? 1 : 0));
  const names = ["precision", "recall", "auc", "f1_score", "specificity", "binaryAccuracy", "TRUE_POSITIVES"];
  const model = (
    activation: string | undefined,
    loss: losses.LossLike,
    list: metrics.MetricLike[] = names,
  ) => {
    const made = new Sequential([new Input([2]), new Dense(1, { activation })]).setWeights([
      [0.5, -1],
      [0.2],
    ]);
    return made.compile({ optimizer: "sgd", loss, metrics: list });
  };

  it("metrics are the same from what a loss takes over, from logits and from probabilities", async () => {
    const fused = await model("sigmoid", "binaryCrossentropy").evaluate(x, y, { returnDict: true });
    const plain = await model("sigmoid", "mse").evaluate(x, y, { returnDict: true });
    const logits = losses.binaryCrossentropy({ fromLogits: true });
    const raw = await model(undefined, logits).evaluate(x, y, { returnDict: true });
    expect(Object.keys(fused)).toEqual([
      "loss",
      "precision",
      "recall",
      "auc",
      "f1Score",
      "specificity",
      "binaryAccuracy",
      "truePositives",
    ]);
    for (const name of Object.keys(fused).slice(1)) {
      expect(fused[name], name).toBeCloseTo(plain[name], 6);
      expect(raw[name], name).toBeCloseTo(plain[name], 6);
    }
    expect(fused.loss).toBeCloseTo(raw.loss, 6);
  });

  it("a threshold on one class of a softmax is one of probabilities", async () => {
    const rows = new Sequential([new Input([2]), new Dense(2, { activation: "softmax" })]);
    rows.setWeights([
      [0.5, -1, 0.25, 2],
      [0.2, 1],
    ]);
    const labels = y;
    const list = [metrics.precision({ classId: 1, threshold: 0.3 }), metrics.binaryAccuracy()];
    const oneHot = labels.map((label) => [1 - label, label]);
    rows.compile({ optimizer: "sgd", loss: "categoricalCrossentropy", metrics: list });
    const fused = await rows.evaluate(x, oneHot);
    rows.compile({ optimizer: "sgd", loss: "mse", metrics: list });
    const plain = await rows.evaluate(x, oneHot);
    expect(fused.slice(1)).toEqual(plain.slice(1));
  });

  it("fit tells them of training and validation data, and arrays as arrays", async () => {
    const list = ["precision", metrics.confusionMatrix(), metrics.f1Score({ average: "none", name: "each" })];
    const lines: string[] = [];
    const trained = model("sigmoid", "binary_crossentropy", list);
    const told: Logs<MetricValue>[] = [];
    const { history } = await trained.fit<MetricValue>(x, y, {
      verbose: 2,
      callbacks: { onEpochEnd: (_: number, logs: Logs<MetricValue>) => void told.push(logs) },
      print: (line) => lines.push(line),
      validationData: [x, y],
      epochs: 2,
      batchSize: 5,
    });
    const matrices: MetricValue[] = history.valConfusionMatrix;
    expect(matrices).toHaveLength(2);
    expect(matrices).toEqual(told.map((logs) => logs.valConfusionMatrix));
    const [[tn, fp], [fn, tp]] = matrices[1] as [[number, number], [number, number]];
    expect(tn + fp + fn + tp).toBe(12);
    expect(history.each[0]).toHaveLength(1);
    const [loss, precision, matrix] = await trained.evaluate<MetricValue>(x, y);
    expect([loss, precision, matrix]).toEqual([history.valLoss[1], history.valPrecision[1], matrices[1]]);
    const monitor = { monitor: "valConfusionMatrix" };
    const watched = trained.fit(x, y, {
      validationData: [x, y],
      callbacks: new EarlyStopping(monitor),
      verbose: 0,
    });
    await expect(watched).rejects.toThrow(/EarlyStopping: monitor "valConfusionMatrix" is an array/);
    expect(lines.join()).toContain("precision:");
    expect(lines.join()).not.toContain("confusionMatrix");
    expect(history.valPrecision[1]).toBeCloseTo(tp / (tp + fp), 6);
    expect(tn + fn).toBeGreaterThan(0);
  });

  it("stopping early looks for more of what is better so", () => {
    const rises = (monitor: string) => {
      const watched = new Monitor("test", { monitor });
      watched.improves(0.5);
      return watched.improves(0.6);
    };
    for (const name of ["valPrecision", "val_auc", "f1Score", "valR2", "meanIoU", "true_positives", "acc"])
      expect(rises(name), name).toBe(true);
    for (const name of ["valLoss", "falsePositives", "rootMeanSquaredError", "mae"])
      expect(rises(name), name).toBe(false);
  });

  it("a metric of one's own keeps sums, and what it keeps of the first batch", async () => {
    /** The largest error is no sum, but the share of outputs that are too high is; measured from the first target. */
    const own: SumsMetric<"total" | "count"> = {
      name: "shifted_mean",
      sums: { total: [], count: [] },
      kept: { from: [] },
      add(targets, _outputs, weights, { first }) {
        expect(weights).toBeUndefined();
        const from = first("from", max(targets));
        return { total: sum(sub(targets, from)), count: tensor(targets.size) };
      },
      result: ({ total, count }) => total[0] / count[0],
    };
    const t = [1000, 1001, 1002, 1004, 1006];
    const made = new Sequential([new Input([1]), new Dense(1)]).compile({
      optimizer: "sgd",
      loss: "mae",
      metrics: [own],
    });
    for (const batchSize of [1, 2, 5]) {
      const logs = await made.evaluate(
        t.map((v) => [v]),
        t,
        { batchSize, returnDict: true },
      );
      const from = t[batchSize - 1] as number;
      expect(logs.shifted_mean).toBeCloseTo(t.reduce((all, v) => all + v - from, 0) / 5, 4);
    }
  });
});

describe("names", () => {
  it.each([
    ["mse", "meanSquaredError"],
    ["mape", "meanAbsolutePercentageError"],
    ["MSLE", "meanSquaredLogarithmicError"],
    ["kld", "klDivergence"],
    ["kl_divergence", "klDivergence"],
    ["KLDivergence", "klDivergence"],
    ["log_cosh", "logCosh"],
    ["categorical_focal_crossentropy", "categoricalFocalCrossentropy"],
    ["SquaredHinge", "squaredHinge"],
  ])("of losses: %s is %s", (name, want) => {
    expect(losses.get(name).name).toBe(want);
  });

  it("of regularizers and constraints", () => {
    expect(regularizers.get("l1_l2")?.name).toBe("l1l2");
    expect(regularizers.get(undefined)).toBeUndefined();
    expect(constraints.get("max_norm")?.name).toBe("maxNorm");
    expect(constraints.get((w: Tensor) => abs(w))?.name).toBe("custom");
    expect(() => regularizers.get("l3")).toThrow('unknown regularizer "l3"');
    expect(() => constraints.get(constraints.maxNorm as never)).toThrow("is a function that makes one");
    expect(() => constraints.minMaxNorm({ minValue: 2 })).toThrow("minValue 2 must be at most maxValue 1");
    expect(() => regularizers.l2(-1)).toThrow("the factor must be a finite number of at least 0");
  });

  it("of all losses are metrics, and every metric by name is made", () => {
    for (const name of metrics.names) {
      const metric = metrics.get(name, losses.get("mse"), [3]);
      expect(metric.name).toBe(name);
    }
    for (const name of losses.names) expect(metrics.names).toContain(name);
  });
});

describe("what is wrong is refused", () => {
  it.each([
    [[1, -1], /sample weight -1 at position 1 is none; weights must be finite numbers of at least 0/],
    [[Number.NaN], /sample weight NaN at position 0/],
    [[1, Number.POSITIVE_INFINITY], /sample weight Infinity/],
    [[0, 0, 0], /all 3 sample weights are 0/],
  ])("sample weights %j", (values, error) => {
    expect(() => checkSampleWeight('fit: model "m"', values)).toThrow(error);
    expect(() => checkSampleWeight("fit", [0, 1])).not.toThrow();
  });

  it.each<[ClassWeight, string]>([
    [{ 0: 1, 2: 1 }, "no weight for class 1"],
    [{ 0: 1, 1: 1, 2: 1, 3: 1 }, "weight for class 3, but the classes are 0 to 2"],
    [{ 0: 1, 1: -1, 2: 1 }, "classWeight of class 1 is -1"],
    [[0, 0, 0], "0 for all classes"],
    [3 as never, "must be an object with a weight for each class"],
  ])("class weights %j", (given, error) => {
    const loss = losses.sparseCategoricalCrossentropy();
    expect(() => new ClassWeights("fit", given, loss, [3], device)).toThrow(error);
    expect(() => new ClassWeights("fit", [1, 1], losses.binaryCrossentropy(), [3], device)).toThrow(
      "have several labels each; use sampleWeight",
    );
  });

  it("weights that do not fit, and losses that can't be weighed", () => {
    const mse = objectiveOf({ hasWeights: true });
    const five = tensor([1, 1, 1, 1, 1]);
    expect(() => mse.add(column([0, 1]), column([0, 1]), { sampleWeight: five })).toThrow(
      /test: sample weights of shape \[5\] do not fit losses of shape \[2\]/,
    );
    const scalar = (t: Tensor, o: Tensor) => mean(mul(t, o));
    const own = objectiveOf({ loss: losses.get(scalar), hasWeights: true });
    expect(() => own.add(column([0, 1]), column([0, 1]), { sampleWeight: tensor([1, 1]) })).toThrow(
      'loss "scalar" gives one number for the batch',
    );
  });

  it.each<[string, losses.LossLike, number[], number[]]>([
    ["targets of another shape", "hinge", [2, 3], [2, 4]],
    ["rows of one class", "dice", [2], [2, 1]],
    ["ranks", losses.cosineSimilarity({ axis: 2 }), [2, 3], [2, 3]],
  ])("%s", (_, name, t, o) => {
    const size = (shape: number[]) => shape.reduce((a, b) => a * b, 1);
    const make = (shape: number[]) => tensor(new Float32Array(size(shape)).fill(0.5), { shape });
    expect(() => losses.get(name).call(make(t), make(o))).toThrow(ShapeError);
  });

  it("metrics that are none", () => {
    const add = (amounts: unknown) =>
      objectiveOf({
        metrics: [{ name: "own", sums: { a: [2] }, add: () => amounts as { a: Tensor }, result: () => 0 }],
      }).add(column([1]), column([1]));
    expect(() => add({ a: tensor([1]) })).toThrow('add gave [1] for "a", whose shape is [2]');
    expect(() => add({ b: tensor([1]) })).toThrow('add gave "b", which is none of its sums');
    expect(() => add({ a: 1 })).toThrow("add must give Tensors, got the number 1");
    for (const make of [
      () => metrics.precision({ threshold: 2 }),
      () => metrics.auc({ numThresholds: 1 }),
      () => metrics.auc({ curve: "XY" as "PR" }),
      () => metrics.fBetaScore({ beta: 0 }),
      () => metrics.topKCategoricalAccuracy({ k: 0 }),
      () => metrics.precisionAtRecall(1.5),
      () => losses.categoricalCrossentropy({ labelSmoothing: 1 }),
      () => losses.binaryFocalCrossentropy({ gamma: -1 }),
      () => losses.tversky({ alpha: Number.NaN }),
    ])
      expect(make).toThrow(ArgumentError);
    expect(() => metrics.precision({ classId: 7 }).add(column([1]), column([1]), undefined, never)).toThrow(
      "classId 7 is out of range",
    );
  });
});

const never = { fromLogits: false, first: (_: string, value: Tensor) => value };

// Losses, reductions, metrics, regularizers and constraints against test/fixtures/objective/numbers.json, on a device: run
// as they are and traced. The numbers are PyTorch's and scikit-learn's.

import { describe, expect, it } from "vitest";
import {
  type Device,
  disposeAll,
  grad,
  jit,
  mul,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "../../engine/index.ts";
import { constraints, losses, metrics, regularizers } from "../../nn/index.ts";
import { Objective } from "../../nn/objective/objective.ts";
import numbers from "../fixtures/objective/numbers.json" with { type: "json" };
import { expectCloseArrays } from "./compare.ts";
import "../../nn/names.ts";

type Maker<T> = (...args: unknown[]) => T;
type Nested = number | readonly Nested[];

const inputs = numbers.arrays.map((values) => new Float32Array(values));
const flat = (value: Nested): number[] => (typeof value === "number" ? [value] : value.flatMap(flat));
const show = (options: object) => JSON.stringify(options);

/** @param tolerance of |got - want| / (1 + |want|) */
export function describeObjectives(open: () => Promise<Device>, tolerance: number): void {
  const close = async (got: Tensor, want: readonly number[], what: string) => {
    expectCloseArrays(await got.dataFloat64(), want, tolerance, what);
    got.dispose();
  };

  describe("losses", () => {
    it.each(numbers.losses.map((one) => [one.name, show(one.options), show(one.shape), one] as const))(
      "%s %s of %s",
      async (name, _options, _shape, one) => {
        const device = await open();
        const loss = (losses as never as Record<string, Maker<losses.Loss>>)[name](one.options);
        const isClasses = loss.targets === "classes" || loss.targets === "sequences";
        const targets = tensor(inputs[one.targets], {
          shape: one.targetShape,
          device,
          dtype: isClasses ? "i32" : "f32",
        });
        const outputs = tensor(inputs[one.outputs], { shape: one.shape, device });
        const weights = tensor(
          one.values.map((_, i) => i + 1),
          { shape: one.valueShape, device },
        );
        const mask = one.mask && tensor(one.mask, { device });
        const value = (o: Tensor) => loss.call(targets, o, mask);
        const gradient = (o: Tensor) => grad((v: Tensor) => sum(mul(value(v), weights)))(o)[0];
        const [tracedValue, tracedGradient] = [jit(value, { device }), jit(gradient, { device })];
        const direct = value(outputs);
        expect(direct.shape).toEqual(one.valueShape);
        await close(direct, one.values, "value");
        await close(tracedValue(outputs), one.values, "traced value");
        await close(gradient(outputs), one.gradient, "gradient");
        await close(tracedGradient(outputs), one.gradient, "traced gradient");
        disposeAll([tracedValue, tracedGradient, targets, outputs, weights, ...(mask ? [mask] : [])]);
      },
    );
  });

  describe("reductions", () => {
    it.each(numbers.reductions.map((one, i) => [i, one] as const))(
      "of weights and masks, %i",
      async (_, one) => {
        const device = await open();
        const values = tensor(one.losses, { shape: [4, 3], device });
        const sampleWeight =
          one.weights === null
            ? undefined
            : tensor(one.weights, { shape: one.rank === 1 ? [4] : [4, 3], device });
        const mask = one.mask === null ? undefined : tensor(one.mask, { shape: [4, 3], device });
        for (const reduction of ["sumOverBatchSize", "meanWithSampleWeight", "sum"] as const) {
          const reduce = (x: Tensor) => losses.reduce(x, { reduction, sampleWeight, mask });
          await close(reduce(values), [one[reduction]], reduction);
          const traced = jit(reduce, { device });
          await close(traced(values), [one[reduction]], `${reduction}, traced`);
          traced.dispose();
        }
        disposeAll([values, sampleWeight, mask].filter((x) => x !== undefined));
      },
    );
  });

  describe("metrics", () => {
    const count = 61;
    it.each(numbers.metrics.map((one) => [one.name, show(one.options), one.labels, one] as const))(
      "%s %s (labels: %s), whatever the batches",
      async (name, _options, _labels, one) => {
        const device = await open();
        const { first, ...options } = one.options as { first?: number };
        const make = (metrics as never as Record<string, Maker<metrics.Metric>>)[name];
        const loss = losses.names.includes(name) ? losses.get(name) : undefined;
        const metricOf = (as: string): metrics.Metric => {
          if (make === undefined) return { name: as, values: (t, o) => (loss as losses.Loss).call(t, o) };
          return first === undefined ? make({ ...options, name: as }) : make(first, { ...options, name: as });
        };
        const row = (shape: readonly number[]) => shape.slice(1).reduce((all, length) => all * length, 1);
        const rowsOf = (
          values: Float32Array,
          shape: readonly number[],
          from: number,
          to: number,
          dtype: "f32" | "i32",
        ) =>
          tensor(values.subarray(from * row(shape), to * row(shape)), {
            shape: [to - from, ...shape.slice(1)],
            device,
            dtype,
          });
        for (const [batch, isTraced] of [
          [count, false],
          [7, true],
        ] as const) {
          const objective = new Objective({
            what: "test",
            device,
            loss: { name: "none", targets: "any", call: (_, o) => mul(sum(o, -1), 0) },
            metrics: [metricOf("plain")],
            weightedMetrics: [metricOf("weighted")],
            outputShape: one.shape.slice(1),
            hasWeights: true,
          });
          const add = (t: Tensor, o: Tensor, w: Tensor): void =>
            tidy(() => {
              objective.add(t, o, { sampleWeight: w });
            });
          const step = isTraced ? jit(add, { device }) : undefined;
          // Twice: the second epoch begins anew.
          for (let epoch = 0; epoch < 2; epoch++) {
            objective.reset();
            for (let from = 0; from < count; from += batch) {
              const to = Math.min(count, from + batch);
              const given = [
                rowsOf(inputs[one.targets], one.targetShape, from, to, one.labels ? "i32" : "f32"),
                rowsOf(inputs[one.outputs], one.shape, from, to, "f32"),
                rowsOf(inputs[one.weights], [count], from, to, "f32"),
              ] as const;
              (step ?? add)(...given);
              disposeAll(given);
              // The host takes the sums over in between.
              if (from === 0) objective.sums.noteSteps(256);
            }
          }
          const [, plain, weighted] = await objective.read(count);
          expectCloseArrays(flat(plain), flat(one.value), tolerance, `batches of ${batch}`);
          expectCloseArrays(flat(weighted), flat(one.weighted), tolerance, `weighted, batches of ${batch}`);
          step?.dispose();
          objective.dispose();
        }
      },
    );
  });

  describe("regularizers and constraints", () => {
    const weight = (device: Device) => tensor(numbers.weight, { shape: [5, 3], device });
    it.each(numbers.regularizers.map((one) => [one.name, show(one.args), one] as const))(
      "%s %s",
      async (name, _args, one) => {
        const device = await open();
        const { call } = (regularizers as never as Record<string, Maker<regularizers.Regularizer>>)[name](
          ...one.args,
        );
        const w = weight(device);
        const gradient = (x: Tensor) => grad(call)(x)[0];
        const traced = jit(gradient, { device });
        await close(call(w), [one.value], "value");
        await close(gradient(w), one.gradient, "gradient");
        await close(traced(w), one.gradient, "traced gradient");
        disposeAll([w, traced]);
      },
    );
    it.each(numbers.constraints.map((one) => [one.name, show(one.args), one] as const))(
      "%s %s",
      async (name, _args, one) => {
        const device = await open();
        const { call } = (constraints as never as Record<string, Maker<constraints.Constraint>>)[name](
          ...one.args,
        );
        const w = weight(device);
        const traced = jit(call, { device });
        await close(call(w), one.values, "value");
        await close(traced(w), one.values, "traced");
        disposeAll([w, traced]);
      },
    );
  });
}

// Every op's backward rule against float64 central differences on the CPU reference, and the rule's own
// derivative too: backward rules are made of public ops, so they differentiate again.

import { beforeAll, describe, expect, it } from "vitest";
import { type Device, GradientError, grad, type Op, sum, Tape } from "../../engine/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { referenceDevice } from "../support/devices.ts";
import {
  chosen,
  differences,
  gradientInputs,
  ruleGradients,
  weightedGradients,
  weightedSum,
} from "../support/differences.ts";
import {
  allOps,
  applySample,
  drawAll,
  isDifferentiable,
  makeInputs,
  showSample,
} from "../support/op-cases.ts";
import { sampled } from "../support/sampled.ts";

/** Relative to 1 + |difference quotient|; extrapolated differences with steps of 2^-10 are good to about 1e-9. */
const tolerance = 1e-6;
/** Elements tried of an input: enough to catch a rule, few enough to keep this file quick. */
const elements = 12;

const ops = allOps();
let device: Device;

beforeAll(async () => {
  device = await referenceDevice();
});

describe("every op", () => {
  it.each(ops.map((op) => [op.name, op] as const))("%s is defined in full", (_, op) => {
    expect(op.samples.length).toBeGreaterThan(0);
    if (op.compose === undefined && op.kernels !== undefined) expect(op.reference).toBeTypeOf("function");
    if (!isDifferentiable(op)) {
      expect((op.vjp as { notDifferentiable: string }).notDifferentiable).not.toBe("");
    } else {
      expect(op.vjp).toBeTypeOf("function");
    }
  });
});

describe("ops without a gradient", () => {
  const withoutGradient = ops.filter((op) => !isDifferentiable(op));
  it.each(withoutGradient.map((op) => [op.name, op] as const))("%s says so on the way to a loss", (_, op) => {
    const sample = op.samples.find((candidate) => gradientInputs(candidate).length > 0);
    if (sample === undefined) return; // only integers go in: nothing to differentiate
    const inputs = makeInputs(sample, drawAll(sample), device);
    const tape = new Tape();
    tape.watch(...gradientInputs(sample).map((k) => inputs[k]));
    const loss = tape.record(() => {
      const [out] = applySample(op, sample, inputs);
      return out.dtype === "bool" ? out : sum(out);
    });
    const ask = () => tape.gradient(loss, [], loss.size === 1 ? {} : { seed: loss });
    expect(ask).toThrow(GradientError);
    expect(ask).toThrow(op.name);
    tape.dispose();
  });
});

describe("first derivatives", () => {
  const cases = samplesOf(ops.filter(isDifferentiable));
  it.each(cases)("%s", async (_, op, index) => {
    const sample = op.samples[index];
    const values = drawAll(sample);
    const wanted = gradientInputs(sample);
    const gradients = ruleGradients(op, sample, makeInputs(sample, values, device), wanted);
    for (let i = 0; i < wanted.length; i++) {
      const k = wanted[i];
      expect(gradients[i].shape).toEqual(sample.inputs[k].shape);
      const at = chosen(values[k].length, elements);
      const all = await gradients[i].dataFloat64();
      const want = await differences(
        (inputs) => weightedSum(op, sample, inputs),
        sample,
        values,
        k,
        at,
        device,
      );
      expectCloseArrays(
        at.map((j) => all[j]),
        want,
        tolerance,
        `${op.name}: gradient of input ${k}`,
      );
    }
  });
});

describe("second derivatives", () => {
  const cases = sampled(samplesOf(ops.filter(isDifferentiable)));
  it.each(cases)("%s", async (_, op, index) => {
    const sample = op.samples[index];
    const values = drawAll(sample);
    const wanted = gradientInputs(sample);
    const inputs = makeInputs(sample, values, device);
    const second = secondGradients(op, index, inputs, wanted);
    for (let i = 0; i < wanted.length; i++) {
      const k = wanted[i];
      const at = chosen(values[k].length, Math.ceil(elements / 2));
      const want = await differences(
        (moved) => weightedGradients(op, sample, moved, wanted),
        sample,
        values,
        k,
        at,
        device,
      );
      const got =
        second === undefined
          ? at.map(() => 0)
          : await second[i].dataFloat64().then((all) => at.map((j) => all[j]));
      expectCloseArrays(got, want, tolerance * 10, `${op.name}: second derivative, input ${k}`);
    }
  });
});

/**
 * Undefined where the gradient does not depend on the inputs (the op is linear), or only through a comparison
 * (piecewise linear, as relu): then differences must say 0.
 */
function secondGradients(
  op: Op,
  index: number,
  inputs: ReturnType<typeof makeInputs>,
  wanted: readonly number[],
) {
  const sample = op.samples[index];
  const rest = [...inputs];
  try {
    return grad((...targets) => {
      wanted.forEach((k, i) => {
        rest[k] = targets[i];
      });
      return weightedGradients(op, sample, rest, wanted);
    })(...wanted.map((k) => inputs[k]));
  } catch (error) {
    const isConstant = /does not depend on anything|a comparison gives true or false/;
    if (error instanceof GradientError && isConstant.test(error.message)) return undefined;
    throw error;
  }
}

function samplesOf(list: readonly Op[]) {
  return list.flatMap((op) =>
    op.samples
      .map((sample, index) => [`${op.name} ${showSample(sample)}`, op, index] as const)
      .filter(([, , index]) => gradientInputs(op.samples[index]).length > 0),
  );
}

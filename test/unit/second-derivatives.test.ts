// Second derivatives of every op for every choice of outputs and inputs: what depends on nothing is zero, never an
// error, and parts add up to the whole.

import { beforeAll, describe, expect, it } from "vitest";
import {
  add,
  type Device,
  disposeAll,
  full,
  hvp,
  layerNorm,
  mul,
  type Op,
  sum,
  Tape,
  type Tensor,
  tensor,
  tidy,
} from "../../engine/index.ts";
import { apply } from "../../engine/tensor/apply.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { referenceDevice } from "../support/devices.ts";
import { gradientInputs, weights } from "../support/differences.ts";
import { allOps, drawAll, isDifferentiable, makeInputs, showSample } from "../support/op-cases.ts";
import { sampled } from "../support/sampled.ts";

let device: Device;

beforeAll(async () => {
  device = await referenceDevice();
});

/** Gradients of what `loss` gives for `targets`; zeros where it depends on none of them. */
function gradients(targets: readonly Tensor[], loss: () => Tensor | undefined): Tensor[] {
  const tape = new Tape({ watchVariables: false });
  try {
    tape.watch(...targets);
    const value = tape.record(loss);
    if (value === undefined) return targets.map(({ shape }) => full(shape, 0, { device }));
    return tape.pull([value], [undefined], targets, { what: "gradient", allowsConstants: true });
  } finally {
    tape.dispose();
  }
}

const weigh = (values: readonly Tensor[], seeds: readonly number[]): Tensor | undefined =>
  values
    .map((value, k) => sum(mul(value, weights(value.shape, seeds[k], device))))
    .reduce<Tensor | undefined>((total, part) => (total === undefined ? part : add(total, part)), undefined);

/** What the gradients for `inner` of the weighted outputs `kept`, weighted in turn, give for `outer`. */
function second(
  op: Op,
  attrs: object,
  inputs: readonly Tensor[],
  kept: readonly number[] | undefined,
  inner: readonly number[],
  outer: readonly number[],
): Tensor[] {
  return tidy(() =>
    gradients(
      outer.map((k) => inputs[k]),
      () => {
        const first = gradients(
          inner.map((k) => inputs[k]),
          () => {
            const floats = apply(op, inputs, attrs)
              .map((out, k) => ({ out, k }))
              .filter(({ out, k }) => out.dtype === "f32" && (kept === undefined || kept.includes(k)));
            return weigh(
              floats.map(({ out }) => out),
              floats.map(({ k }) => 11 + k),
            );
          },
        );
        return weigh(
          first,
          inner.map((k) => 31 + k),
        );
      },
    ),
  );
}

const subsets = <T>(all: readonly T[]): T[][] =>
  Array.from({ length: 2 ** all.length - 1 }, (_, set) => all.filter((_, k) => (((set + 1) >> k) & 1) === 1));

/** At most so many elements of an input, so that all choices of it take no minutes. */
const largest = 100;

describe("in all combinations", () => {
  const cases = allOps()
    .filter(isDifferentiable)
    .flatMap((op) => op.samples.map((sample) => [`${op.name} ${showSample(sample)}`, op, sample] as const))
    .filter(([, , sample]) => {
      const wanted = gradientInputs(sample);
      const sizes = sample.inputs.map(({ shape }) => shape.reduce((a, b) => a * b, 1));
      return wanted.length > 0 && wanted.length <= 5 && Math.max(...sizes) <= largest;
    });

  it.each(sampled(cases))("%s", async (_, op, sample) => {
    const attrs = sample.attrs ?? {};
    const inputs = makeInputs(sample, drawAll(sample), device);
    const wanted = gradientInputs(sample);
    const outputs = tidy(() => apply(op, inputs, attrs).map(({ dtype }) => dtype)).flatMap((dtype, k) =>
      dtype === "f32" ? [k] : [],
    );
    const whole = second(op, attrs, inputs, undefined, wanted, wanted);
    const want = await Promise.all(whole.map((each) => each.dataFloat64()));
    for (const outer of subsets(wanted)) {
      const total = outer.map((k) => new Float64Array(want[wanted.indexOf(k)].length));
      for (const output of outputs) {
        for (const input of wanted) {
          const parts = second(op, attrs, inputs, [output], [input], outer);
          for (const [i, part] of parts.entries()) {
            (await part.dataFloat64()).forEach((value, j) => {
              total[i][j] += value;
            });
          }
          disposeAll(parts);
        }
      }
      outer.forEach((k, i) => {
        const all = [...want[wanted.indexOf(k)]];
        expectCloseArrays([...total[i]], all, 1e-9, `by inputs ${outer}: ${op.name}, input ${k}`);
      });
    }
    disposeAll(whole);
  });
});

describe("of layerNorm by x and beta", () => {
  it("are those of x, and zeros", async () => {
    const on = { device };
    const x = tensor([1, 2, 4, 3, 1, 0], { shape: [2, 3], ...on });
    const w = tensor([1, -2, 3, 0.5, 1, 2], { shape: [2, 3], ...on });
    const u = tensor([1, 1, 1, 1, 2, 3], { shape: [2, 3], ...on });
    const b = tensor([0, 1, 2], on);
    const f = (at: Tensor, beta: Tensor) => sum(mul(layerNorm(at, { beta }), w));
    const { products } = hvp(f, [x, b], [u, b]);
    const want = [0, 0, 0, 0.0503, -0.2389, 0.1886];
    (await products[0].data()).forEach((value, i) => {
      expect(Math.abs(value - want[i])).toBeLessThan(5e-5);
    });
    expect([...(await products[1].data())]).toEqual([0, 0, 0]);
  });
});

// Every activation, loss and norm at infinities, NaN, zeros, equal and huge numbers, on the reference and on this
// adapter, op by op and under jit: against the limits of test/support/special-rows.ts, and tfjs.

import { beforeAll, describe, expect, it } from "vitest";
import {
  type Device,
  disposeAll,
  grad,
  hvp,
  jit,
  layerNorm,
  mul,
  pow,
  reshape,
  sum,
  type Tensor,
  tensor,
} from "../../engine/index.ts";
import { softmaxCrossEntropySummary } from "../../engine/internal.ts";
import * as ops from "../../engine/ops/index.ts";
import { activations, losses } from "../../nn/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { lossLimits, normLimits, points, pointwiseLimits, rowLimits } from "../support/special-rows.ts";
import { loadTfjs, type Tfjs } from "../support/tfjs.ts";
import "../../nn/names.ts";

const devices: Record<string, Device> = {};
let tf: Tfjs;

beforeAll(async () => {
  devices.reference = await referenceDevice();
  devices.adapter = await gpuDevice();
  tf = await loadTfjs();
});

const show = (values: ArrayLike<number>) => `[${Array.from(values).join(", ")}]`;

/** Within 2e-6 of the limit, or what becomes of it in f32; where the limit is 0, nothing that f32 shows beside 1. */
function isAt(got: number, limit: number): boolean {
  if (!Number.isFinite(limit)) return Object.is(got, limit);
  return Math.abs(got - limit) <= Math.max(2e-6 * Math.abs(limit), limit === 0 ? 1e-12 : 0);
}

function expectAt(got: ArrayLike<number>, limits: readonly (number | undefined)[], what: string): void {
  expect(got.length, what).toBe(limits.length);
  const isRight = limits.every((limit, i) => limit === undefined || isAt(got[i], limit));
  expect(isRight, `${what} is ${show(got)}, not ${show(limits.map(Number))}`).toBe(true);
}

/** What `f` gives on each device, op by op and under jit. */
async function everywhere(
  f: (...x: Tensor[]) => Tensor,
  inputs: readonly {
    readonly values: readonly number[];
    readonly shape: readonly number[];
    readonly dtype?: "i32";
  }[],
  check: (got: Float32Array | Int32Array, where: string) => void,
): Promise<void> {
  for (const [name, device] of Object.entries(devices)) {
    const tensors = inputs.map(({ values, shape, dtype = "f32" }) =>
      tensor([...values], { shape, dtype: dtype as "f32" | "i32", device }),
    );
    for (const [how, run] of [
      ["op by op", f],
      ["under jit", jit(f)],
    ] as const) {
      const out = run(...tensors);
      check((await out.data()) as Float32Array, `on the ${name}, ${how}`);
      if (!tensors.includes(out)) out.dispose();
    }
    disposeAll(tensors);
  }
}

describe("every one has its limits", () => {
  it("activations", () => {
    expect([...Object.keys(pointwiseLimits), ...Object.keys(rowLimits)].sort()).toEqual(
      [...activations.names].sort(),
    );
  });
  it("losses", () => {
    const named = new Set(losses.names.map((name) => losses.get(name).name));
    expect(Object.keys(lossLimits).sort()).toEqual([...named].sort());
  });
  it("norms", () => {
    const norms = Object.keys(ops).filter((name) => /norm$/i.test(name));
    expect(Object.keys(normLimits)).toEqual(expect.arrayContaining(norms));
    for (const name of Object.keys(normLimits)) expect(ops).toHaveProperty(name);
  });
});

describe("activations", () => {
  it.each(Object.entries(pointwiseLimits))("%s", async (name, limits) => {
    await everywhere(
      activations.get(name).call,
      [{ values: points, shape: [points.length] }],
      (got, where) => {
        expectAt(got, limits, `${name}(${show(points)}) ${where}`);
      },
    );
  });
  const cases = Object.entries(rowLimits).flatMap(([name, list]) =>
    list.map(({ x, limit }) => [name, show(x), x, limit] as const),
  );
  it.each(cases)("%s of %s", async (name, _, x, limit) => {
    await everywhere(activations.get(name).call, [{ values: x, shape: [1, x.length] }], (got, where) => {
      expectAt(got, limit, `${name} ${where}`);
    });
  });

  it.each(["relu", "elu", "selu", "sigmoid", "softplus", "tanh", "exp", "step"] as const)(
    "%s as tfjs",
    async (name) => {
      const theirs = Float32Array.from(tf[name](tf.tensor1d(points)).dataSync());
      await everywhere(
        activations.get(name).call,
        [{ values: points, shape: [points.length] }],
        (got, where) => {
          // Where it is not tfjs's: NaN is no step's business, and f32 has no exponentials of huge numbers.
          points.forEach((point, i) => {
            if (name === "step" && Number.isNaN(point)) return;
            expect(
              isAt(got[i], theirs[i]),
              `${name}(${point}) ${where} is ${got[i]}, tfjs's ${theirs[i]}`,
            ).toBe(true);
          });
        },
      );
    },
  );
});

describe("losses", () => {
  const cases = Object.entries(lossLimits).flatMap(([name, list]) =>
    list.map(
      (one) => [name, one.loss.logitsOf ? "logits " : "", show(one.outputs), show(one.targets), one] as const,
    ),
  );
  it.each(cases)("%s of %s%s and %s", async (_name, _from, _outputs, _targets, one) => {
    const { loss, targets, outputs, limit, gradient } = one;
    const isSparse = loss.targets === "classes" || loss.targets === "sequences";
    const inputs = [
      isSparse
        ? {
            values: targets,
            shape: loss.targets === "classes" ? [1] : [1, targets.length],
            dtype: "i32" as const,
          }
        : { values: targets, shape: [1, targets.length] },
      { values: outputs, shape: [1, ...(one.shape ?? [outputs.length])] },
    ];
    await everywhere(
      (t, o) => loss.call(t, o),
      inputs,
      (got, where) => expectAt(got, [limit], `the loss ${where}`),
    );
    if (loss.summary !== undefined) {
      const total = (t: Tensor, o: Tensor) => loss.summary!(t, o).loss;
      await everywhere(total, inputs, (got, where) => expectAt(got, [limit], `the batch's loss ${where}`));
    }
    if (gradient === undefined) return;
    const ofOutputs = (t: Tensor, o: Tensor) => grad((at: Tensor) => sum(loss.call(t, at)))(o)[0];
    await everywhere(ofOutputs, inputs, (got, where) => expectAt(got, gradient, `the gradient ${where}`));
  });

  it("softmax cross-entropy as tfjs, of what is finite", async () => {
    const [x, t] = [
      [1, -2, 3, 80, -90, 0],
      [0.2, 0, 0.3, 0.1, 0.4, 0],
    ];
    const theirs = tf.losses.softmaxCrossEntropy(tf.tensor2d([t]), tf.tensor2d([x])).dataSync();
    const loss = losses.categoricalCrossentropy({ fromLogits: true });
    await everywhere(
      (targets, outputs) => loss.call(targets, outputs),
      [t, x].map((values) => ({ values, shape: [1, 6] })),
      (got, where) => expectAt(got, [...theirs], where),
    );
  });

  it("the summary's gradient and hits where a class is ruled out", async () => {
    const summary = (k: number) => (x: Tensor, labels: Tensor) => softmaxCrossEntropySummary(x, labels)[k];
    const inputs = [
      { values: [Number.NEGATIVE_INFINITY, 1, 0, 0, Number.NEGATIVE_INFINITY, 1], shape: [2, 3] },
      { values: [1, 0], shape: [2], dtype: "i32" as const },
    ];
    await everywhere(summary(1), inputs, (got, where) => expectAt(got, [1], where));
    const high = 1 / (1 + Math.exp(-1));
    await everywhere(summary(2), inputs, (got, where) =>
      expectAt(got, [0, high - 1, 1 - high, 1 - high - 1, 0, high], where),
    );
  });
});

describe("norms", () => {
  const cases = Object.entries(normLimits).flatMap(([name, list]) =>
    list.map((one, i) => [name, i, show(one.x.slice(0, 4)), one.x.length, one] as const),
  );
  it.each(cases)("%s, row %i: %s of %i", async (name, _, _values, _count, { of, x, limit, gradient }) => {
    const inputs = [{ values: x, shape: [x.length] }];
    await everywhere(of, inputs, (got, where) => expectAt(got, limit, `${name} ${where}`));
    if (gradient === undefined) return;
    const ofX = (at: Tensor) => grad((y: Tensor) => sum(of(y)))(at)[0];
    const want = x.map(() => gradient);
    await everywhere(ofX, inputs, (got, where) => expectAt(got, want, `the gradient of ${name} ${where}`));
  });
});

describe("what value, gradient and reference agree on", () => {
  it("the exponent of pow is one number", async () => {
    const [exponent, x] = [Math.fround(1.2), Math.fround(0.02)];
    const slope = (at: Tensor) => grad((y: Tensor) => sum(pow(y, 1.2)))(at)[0];
    await everywhere(slope, [{ values: [x], shape: [1] }], (got, where) =>
      expectAt(got, [exponent * x ** (exponent - 1)], where),
    );
    const exact = tensor([0.02], { device: devices.reference });
    const [got] = await slope(exact).dataFloat64();
    expect(got).toBeCloseTo(0.5487659792989, 13);
  });

  it("the second derivative of layerNorm, where beta enters too", async () => {
    const product = (k: number) => (x: Tensor, w: Tensor, u: Tensor, b: Tensor) => {
      const f = (at: Tensor, beta: Tensor) => sum(mul(layerNorm(at, { beta }), w));
      return reshape(hvp(f, [x, b], [u, b]).products[k], [-1]);
    };
    const inputs = [
      { values: [1, 2, 4, 3, 1, 0], shape: [2, 3] },
      { values: [1, -2, 3, 0.5, 1, 2], shape: [2, 3] },
      { values: [1, 1, 1, 1, 2, 3], shape: [2, 3] },
      { values: [0, 1, 2], shape: [3] },
    ];
    await everywhere(product(0), inputs, (got, where) => {
      [0, 0, 0, 0.0503, -0.2389, 0.1886].forEach((want, i) => {
        expect(Math.abs(got[i] - want), where).toBeLessThan(5e-5);
      });
    });
    await everywhere(product(1), inputs, (got, where) => expectAt(got, [0, 0, 0], where));
  });
});

// Optimizers and clipping on gradients whose squares f32 can't hold, on the reference and on this adapter, op by op and under
// jit: rules without epsilon take the step that their formulas give, and norms are right.

import { beforeAll, describe, expect, it } from "vitest";
import { type Device, disposeAll, jit, type Tensor, tensor, variable } from "../../engine/index.ts";
import {
  Adadelta,
  Adagrad,
  Adam,
  type Clipping,
  clipNorm,
  globalClipNorm,
  Nadam,
  type Optimizer,
  parameterGroups,
  RMSprop,
  SGD,
} from "../../optim/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";

const devices: Record<string, Device> = {};

beforeAll(async () => {
  devices.reference = await referenceDevice();
  devices.adapter = await gpuDevice();
});

/** What one step with these gradients makes of weights that are 0, on each device, op by op and under jit. */
async function steps(
  make: () => Optimizer,
  gradients: readonly (readonly number[])[],
  check: (weights: number[][], where: string) => void,
): Promise<void> {
  for (const [name, device] of Object.entries(devices)) {
    for (const how of ["op by op", "under jit"]) {
      const weights = gradients.map((values, i) =>
        variable(new Float32Array(values.length), { name: `w${i}`, device }),
      );
      const optimizer = make().build(weights);
      const given = gradients.map((values) => tensor([...values], { device }));
      const step = (...all: Tensor[]) => {
        optimizer.apply(all);
      };
      if (how === "op by op") step(...given);
      else jit(step)(...given);
      check(
        await Promise.all(weights.map(async (weight) => [...(await weight.data())])),
        `on the ${name}, ${how}`,
      );
      disposeAll(given);
      optimizer.dispose();
      disposeAll(weights);
    }
  }
}

describe("without epsilon", () => {
  const options = { learningRate: 0.01, epsilon: 0 };
  /** The first step in units of the learning rate: of the gradient's sign alone. */
  const rules: readonly (readonly [name: string, make: () => Optimizer, step: number])[] = [
    ["Adam", () => new Adam(options), 1],
    ["Adam with amsgrad", () => new Adam({ ...options, amsgrad: true }), 1],
    // (μ₂ / (1 - μ₁ μ₂)) (1 - β₁) + (1 - μ₁) / (1 - μ₁), μₜ = β₁ (1 - 0.96ᵗ / 2).
    ["Nadam", () => new Nadam(options), nadamStep()],
    ["RMSprop", () => new RMSprop(options), 1 / Math.sqrt(0.1)],
    ["RMSprop, centered", () => new RMSprop({ ...options, centered: true }), 1 / Math.sqrt(0.1 - 0.01)],
  ];

  it.each(rules)("%s steps by gradients of 1e-15 as by those of 1", async (_, make, step) => {
    await steps(make, [[1e-15, -1e-15, 1, 1e5]], ([weights], where) => {
      [-1, 1, -1, -1].forEach((sign, i) => {
        expect(weights[i] / (sign * 0.01 * step), `${where}: ${weights}`).toBeCloseTo(1, 5);
      });
    });
  });

  const all: readonly (readonly [name: string, make: () => Optimizer])[] = [
    ...rules.map(([name, make]) => [name, make] as const),
    ["Adagrad", () => new Adagrad({ ...options, initialAccumulatorValue: 0 })],
    ["Adadelta", () => new Adadelta(options)],
  ];
  it.each(all)("%s takes no step where no mean square is left", async (_, make) => {
    await steps(make, [[0, 1e-30, -1e-25]], ([weights], where) => {
      expect(weights.map(Math.abs), where).toEqual([0, 0, 0]);
    });
  });

  function nadamStep(): number {
    const momentum = (t: number) => 0.9 * (1 - 0.96 ** t / 2);
    const [now, next] = [momentum(1), momentum(2)];
    return (next * 0.1) / (1 - now * next) + 1;
  }
});

describe("clipping", () => {
  const sgd = (clipping: Clipping) => () => new SGD({ learningRate: 1, clipping });
  const close = (got: readonly number[], want: readonly number[], where: string) => {
    got.forEach((value, i) => {
      expect(Math.abs(value - want[i]), `${where}: ${got}`).toBeLessThanOrEqual(2e-6 * Math.abs(want[i]));
    });
  };
  const sizes = [1, 1e15, 1e25, 1e30, 1e37, 1e-12, 1e-25, 1e-30, 1e-36];

  it.each(sizes)("by the norm over all of gradients of size %d", async (size) => {
    const limit = size < 1 ? size / 10 : 1;
    await steps(sgd(globalClipNorm(limit)), [[3 * size, 4 * size], [12 * size]], ([a, b], where) => {
      close(
        [...a, ...b],
        [-3, -4, -12].map((part) => (part * limit) / 13),
        where,
      );
    });
  });

  it.each(sizes)("by the norm of each variable, one of size %d", async (size) => {
    const limit = size < 1 ? size / 10 : 1;
    await steps(
      sgd(clipNorm(limit)),
      [[3 * size, 4 * size], [limit / 2], [8 * limit, 6 * limit]],
      (weights, where) => {
        const want = [-0.6, -0.8, -0.5, -0.8, -0.6].map((part) => part * limit);
        close(weights.flat(), want, where);
      },
    );
  });

  it.each(sizes)("by the norms of groups of variables, one with a limit of 1, of size %d", async (size) => {
    const limit = size < 1 ? size / 10 : 1;
    const groups = parameterGroups([
      { filter: /w[01]/, clipping: globalClipNorm(limit) },
      { filter: /w2/, clipping: clipNorm(1) },
    ]);
    await steps(
      () => new SGD({ learningRate: 1, groups }),
      [[3 * size, 4 * size], [12 * size], [8, 6]],
      (weights, where) => {
        close(weights.flat(), [...[-3, -4, -12].map((part) => (part * limit) / 13), -0.8, -0.6], where);
      },
    );
  });

  it("by norms beyond f32, of gradients of all sizes", async () => {
    for (const kind of [clipNorm, globalClipNorm]) {
      const weights = Array.from({ length: 400 }, (_, i) =>
        i % 4 === 0 ? 3e38 : i % 4 === 1 ? 1e30 : 1e-30,
      );
      await steps(sgd(kind(1)), [weights], ([got], where) => {
        // Of 100 elements of 3e38: all else counts for nothing.
        const want = weights.map((weight) => -weight / 3e39);
        for (const [i, value] of got.entries()) {
          expect(Math.abs(value - want[i]), `${where}: ${value} for ${want[i]}`).toBeLessThanOrEqual(
            2e-6 * Math.abs(want[i]) + 1e-38,
          );
        }
      });
    }
  });

  it("by a small limit, of gradients whose norm is so far beyond it that f32 has no such share", async () => {
    const weights = Array.from({ length: 100 }, () => 3e38);
    for (const kind of [clipNorm, globalClipNorm])
      await steps(sgd(kind(1e-6)), [weights], ([got], where) => {
        close(
          got,
          weights.map(() => -1e-7),
          where,
        );
      });
  });

  it("leaves gradients below the limit as they are, however large", async () => {
    for (const kind of [clipNorm, globalClipNorm]) {
      await steps(sgd(kind(1e30)), [[3e20, 1e-10], [-4e20]], (weights, where) => {
        expect(weights.flat(), where).toEqual([-3e20, -1e-10, 4e20].map(Math.fround));
      });
    }
  });

  it("gives NaN to all where one is", async () => {
    await steps(sgd(globalClipNorm(1)), [[Number.NaN, 1], [2]], (weights, where) => {
      expect(weights.flat(), where).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    });
  });
});

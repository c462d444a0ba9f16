// Several optimizers, and several steps, in one traced function: what generators and critics, actors with a shared trunk
// and target networks need. Each equals op by op on the CPU reference, in one trace.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  add,
  clip,
  type Device,
  device as defaultDevice,
  full,
  jit,
  matmul,
  mean,
  mul,
  neg,
  reshape,
  setDevice,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  tidy,
  type Variable,
  variable,
  variableGrads,
} from "../../engine/index.ts";
import { Adam, clipNorm, type Optimizer, RMSprop, SGD } from "../../optim/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";

let gpu: Device;
let reference: Device;
let before: Device;
beforeAll(async () => {
  [gpu, reference] = [await gpuDevice(), await referenceDevice()];
  before = defaultDevice();
});
beforeEach(() => setDevice(gpu));
afterEach(() => gpu.sync());
afterAll(() => setDevice(before));

/** Numbers that repeat nowhere. */
const wave = (seed: number, shape: readonly number[], scale = 0.5) =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => scale * Math.sin(i * 1.3 + seed));
const weights = (seed: number, shape: readonly number[]) =>
  variable(wave(seed, shape), { shape, name: `weights${seed}` });

/** A layer whose sizes leave gaps in a pack. */
class Linear {
  readonly kernel: Variable;
  readonly bias: Variable;
  constructor(seed: number, inputs: number, outputs: number) {
    this.kernel = weights(seed, [inputs, outputs]);
    this.bias = weights(seed + 0.5, [outputs]);
  }
  call(x: Tensor): Tensor {
    return add(matmul(x, this.kernel), this.bias);
  }
  get variables(): Variable[] {
    return [this.kernel, this.bias];
  }
}

/** What a program trains: its step, and all that the step may change. */
interface Program {
  readonly step: (x: Tensor) => Tensor | Tensor[];
  readonly variables: readonly Variable[];
  readonly optimizers: readonly Optimizer[];
}

const calls = 4;

/** All variables after some steps: op by op, one call a step under jit, or all in one submit. */
async function after(make: () => Program, how: "op by op" | "jit" | "steps", device: Device) {
  setDevice(device);
  const { step, variables, optimizers } = make();
  let traces = 0;
  const jitted = jit((x: Tensor) => {
    traces++;
    return step(x);
  });
  const x = tensor(wave(9, [5, 3], 1), [5, 3]);
  let losses: Tensor | Tensor[] = [];
  tidy(() => {
    if (how === "steps") losses = jitted.run({ steps: calls }, x);
    else for (let i = 0; i < calls; i++) losses = how === "jit" ? jitted(x) : step(x);
    for (const loss of [losses].flat()) loss.data().catch(() => {});
    return losses;
  });
  const values: number[][] = [];
  for (const one of [losses].flat()) values.push([...(await one.data())]);
  for (const one of variables) values.push([...(await one.data())]);
  for (const held of [...optimizers, ...variables, jitted, x]) held.dispose();
  return { values, traces };
}

async function expectSame(make: () => Program): Promise<void> {
  const want = await after(make, "op by op", reference);
  for (const how of ["op by op", "jit", "steps"] as const) {
    const got = await after(make, how, gpu);
    if (how !== "op by op") expect(got.traces, how).toBe(1);
    expect(got.values.length).toBe(want.values.length);
    got.values.forEach((values, i) => {
      expectCloseArrays(values, want.values[i], 2e-5, `${how}: value ${i}`);
    });
  }
}

describe("a generator and a critic", () => {
  it("each with its optimizer", () =>
    expectSame(() => {
      const [generator, hidden, critic] = [new Linear(1, 3, 5), new Linear(2, 5, 7), new Linear(3, 7, 1)];
      const judge = (x: Tensor) => critic.call(tanh(hidden.call(x)));
      const [mine, theirs] = [generator.variables, [...hidden.variables, ...critic.variables]];
      const optimizers = [
        new Adam({ learningRate: 0.02 }).build(mine),
        new RMSprop({ learningRate: 0.01 }).build(theirs),
      ] as const;
      const step = (x: Tensor) => [
        optimizers[1].minimize(() => mean(square(sub(judge(tanh(generator.call(x))), 0.1))), theirs),
        optimizers[0].minimize(() => mean(square(sub(judge(tanh(generator.call(x))), 1))), mine),
      ];
      return { step, variables: [...mine, ...theirs], optimizers };
    }));

  it("with several steps of the critic, its weights clipped after each", () =>
    expectSame(() => {
      const [generator, critic] = [new Linear(1, 3, 5), new Linear(3, 5, 1)];
      const optimizers = [
        new SGD({ learningRate: 0.1, momentum: 0.5 }).build(generator.variables),
        new RMSprop({ learningRate: 0.05 }).build(critic.variables),
      ] as const;
      const step = (x: Tensor) => {
        const losses: Tensor[] = [];
        for (let i = 0; i < 3; i++) {
          losses.push(
            optimizers[1].minimize(() => {
              const fake = critic.call(tanh(generator.call(x)));
              return sub(mean(fake), mean(critic.call(matmul(x, generator.kernel))));
            }, critic.variables),
          );
          for (const one of critic.variables) one.assign(clip(one, -0.3, 0.3));
        }
        losses.push(
          optimizers[0].minimize(() => neg(mean(critic.call(tanh(generator.call(x))))), generator.variables),
        );
        return losses;
      };
      return { step, variables: [...generator.variables, ...critic.variables], optimizers };
    }));
});

describe("an actor and a critic on a shared trunk", () => {
  const parts = () => [new Linear(1, 3, 6), new Linear(2, 6, 2), new Linear(3, 6, 1)] as const;

  it("train it both, whoever was built first", async () => {
    for (const order of [0, 1])
      await expectSame(() => {
        const [trunk, actor, critic] = parts();
        const sets = [
          [...trunk.variables, ...actor.variables],
          [...trunk.variables, ...critic.variables],
        ];
        const optimizers = [
          new Adam({ learningRate: 0.02, clipping: clipNorm(0.5) }),
          new SGD({ learningRate: 0.1, momentum: 0.9 }),
        ];
        for (const k of [order, 1 - order]) optimizers[k].build(sets[k]);
        const features = (x: Tensor) => tanh(trunk.call(x));
        const step = (x: Tensor) => [
          optimizers[1].minimize(() => mean(square(sub(critic.call(features(x)), 1))), sets[1]),
          optimizers[0].minimize(() => sum(square(actor.call(features(x)))), sets[0]),
        ];
        return { step, variables: [...sets[0], ...critic.variables], optimizers };
      });
  });

  it("move by the sum of their gradients times the rate, as written by hand", async () => {
    const [trunk, actor, critic] = parts();
    const sets = [
      [...trunk.variables, ...actor.variables],
      [...trunk.variables, ...critic.variables],
    ];
    const optimizers = sets.map((set) => new SGD({ learningRate: 0.05 }).build(set));
    const losses = (x: Tensor, [base, one, other]: readonly Linear[]) => [
      () => sum(square(one.call(tanh(base.call(x))))),
      () => mean(square(sub(other.call(tanh(base.call(x))), 1))),
    ];
    let traces = 0;
    const step = jit((x: Tensor) => {
      traces++;
      losses(x, [trunk, actor, critic]).forEach((loss, k) => void optimizers[k].minimize(loss, sets[k]));
    });
    const byHand = parts();
    const x = tensor(wave(9, [5, 3], 1), [5, 3]);
    for (let i = 0; i < 3; i++) {
      step(x);
      losses(x, byHand).forEach((loss, k) => {
        const trained = [...byHand[0].variables, ...byHand[k + 1].variables];
        tidy(() => {
          const { grads } = variableGrads(loss, trained);
          trained.forEach((one, j) => void one.assign(sub(one, mul(grads[j], 0.05))));
        });
      });
    }
    expect(traces).toBe(1);
    const all = (made: readonly Linear[]) => made.flatMap((one) => one.variables);
    const want = all(byHand);
    for (const [i, one] of all([trunk, actor, critic]).entries())
      expectCloseArrays(await one.data(), await want[i].data(), 1e-5, one.name);
    for (const held of [step, ...optimizers, ...want, ...all([trunk, actor, critic])]) held.dispose();
  });

  it("nothing moves from step to step op by op, so that programs beside them stay", () => {
    const [trunk, actor, critic] = parts();
    const sets = [
      [...trunk.variables, ...actor.variables],
      [...trunk.variables, ...critic.variables],
    ];
    const optimizers = sets.map((set) => new SGD({ learningRate: 0.05 }).build(set));
    let traces = 0;
    const policy = jit((x: Tensor) => {
      traces++;
      return actor.call(trunk.call(x));
    });
    const x = tensor(wave(9, [5, 3], 1), [5, 3]);
    for (let i = 0; i < 3; i++) {
      policy(x);
      optimizers[0].minimize(() => sum(square(actor.call(trunk.call(x)))), sets[0]).dispose();
      policy(x);
      optimizers[1].minimize(() => sum(square(critic.call(trunk.call(x)))), sets[1]).dispose();
    }
    expect(traces).toBe(1);
    for (const held of [policy, ...optimizers, ...sets.flat(), ...critic.variables]) held.dispose();
  });

  it("used in turn, each is traced once, and so is what stands beside them", async () => {
    const [trunk, actor, critic] = parts();
    const heads = [actor, critic];
    const optimizers = heads.map(() => new Adam({ learningRate: 0.02 }));
    const traces = [0, 0, 0];
    const losses = (x: Tensor, k: number) => sum(square(heads[k].call(tanh(trunk.call(x)))));
    const variables = heads.map((head) => [...trunk.variables, ...head.variables]);
    const steps = heads.map((_, k) =>
      jit((x: Tensor) => {
        traces[k]++;
        return optimizers[k].minimize(() => losses(x, k), variables[k]);
      }),
    );
    const policy = jit((x: Tensor) => {
      traces[2]++;
      return actor.call(trunk.call(x));
    });
    const x = tensor(wave(9, [5, 3], 1), [5, 3]);
    for (let round = 0; round < 3; round++) {
      // Built when they are first used, as models' are.
      heads.forEach((_, k) => {
        optimizers[k].build(variables[k]);
        steps[k](x);
        policy(x);
      });
      expect(traces, `round ${round}`).toEqual([1, 1, 1]);
    }
    for (const held of [policy, ...steps, ...optimizers, ...variables.flat(), ...critic.variables])
      held.dispose();
  });

  it("subsets and other orders of packed variables find them where they are", async () => {
    const many = Array.from({ length: 6 }, (_, i) => weights(i, [i + 3, 2]));
    const copies = Array.from({ length: 6 }, (_, i) => weights(i, [i + 3, 2]));
    const sets = [[0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4], [2, 3], [3, 4, 5], [0, 2, 4], [1]];
    const optimizers = sets.map((set) =>
      new SGD({ learningRate: 0.1, momentum: 0.5 }).build(set.map((i) => many[i])),
    );
    const apart = sets.map(() => new Map<number, number[]>());
    const step = () =>
      sets.forEach((set, k) => {
        const trained = set.map((i) => many[i]);
        optimizers[k].minimize(
          () => trained.map((one, j) => mul(sum(square(one)), j + 1)).reduce((a, b) => add(a, b)),
          trained,
        );
      });
    let traces = 0;
    const jitted = jit(() => {
      traces++;
      step();
    });
    const values = await Promise.all(copies.map(async (one) => [...(await one.dataFloat64())]));
    for (let t = 0; t < 4; t++) {
      if (t === 1) step();
      else jitted();
      // The same by hand: momentum SGD of each set, on plain numbers.
      sets.forEach((set, k) => {
        set.forEach((i, j) => {
          const velocity = apart[k].get(i) ?? values[i].map(() => 0);
          apart[k].set(
            i,
            velocity.map((v, e) => 0.5 * v - 0.1 * 2 * (j + 1) * values[i][e]),
          );
          values[i] = values[i].map((w, e) => w + apart[k].get(i)![e]);
        });
      });
    }
    expect(traces).toBe(1);
    for (const [i, one] of many.entries()) expectCloseArrays(await one.data(), values[i], 2e-5, one.name);
    for (const held of [jitted, ...optimizers, ...many, ...copies]) held.dispose();
  });

  it("what one of them leaves is packed again by the other", async () => {
    const [w, b] = [weights(1, [3]), weights(2, [2])];
    const first = new SGD({ learningRate: 0.1 }).build([w]);
    const second = new SGD({ learningRate: 0.1 }).build([w, b]);
    const step = () => second.minimize(() => add(sum(square(w)), sum(square(b))), [w, b]).dispose();
    step();
    const scattered = gpu.counters().dispatches;
    step();
    const byParts = gpu.counters().dispatches - scattered;
    first.dispose();
    step();
    const packed = gpu.counters().dispatches;
    step();
    expect(gpu.counters().dispatches - packed).toBeLessThan(byParts);
    expectCloseArrays(
      await w.data(),
      wave(1, [3]).map((x) => x * 0.8 ** 4),
      1e-6,
      "w",
    );
    for (const held of [second, w, b]) held.dispose();
  });
});

describe("a target network", () => {
  for (const isPacked of [false, true])
    it(`follows the trained one in the same function${isPacked ? ", though another optimizer packed it" : ""}`, () =>
      expectSame(() => {
        const [online, target] = [new Linear(1, 3, 2), new Linear(2, 3, 2)];
        const optimizers: Optimizer[] = [new Adam({ learningRate: 0.05 }).build(online.variables)];
        if (isPacked) optimizers.push(new SGD().build(target.variables));
        const step = (x: Tensor) => {
          const loss = optimizers[0].minimize(
            () => mean(square(sub(online.call(x), add(mul(target.call(x), 0.9), 1)))),
            online.variables,
          );
          target.kernel.assign(add(mul(target.kernel, 0.7), mul(online.kernel, 0.3)));
          // A copy as it is.
          target.bias.assign(online.bias);
          return loss;
        };
        return { step, variables: [...online.variables, ...target.variables], optimizers };
      }));
});

describe("packed variables in one function", () => {
  it("step after step of one optimizer", () =>
    expectSame(() => {
      const layer = new Linear(1, 3, 2);
      const optimizer = new Adam({ learningRate: 0.05 }).build(layer.variables);
      const step = (x: Tensor) => {
        const losses: Tensor[] = [];
        for (let i = 0; i < 3; i++)
          losses.push(optimizer.minimize(() => mean(square(sub(layer.call(x), 1))), layer.variables));
        return losses;
      };
      return { step, variables: layer.variables, optimizers: [optimizer] };
    }));

  it("all assigned one by one after a step", () =>
    expectSame(() => {
      const layer = new Linear(1, 3, 2);
      const optimizer = new SGD({ learningRate: 0.05 }).build(layer.variables);
      const step = (x: Tensor) => {
        const loss = optimizer.minimize(() => mean(square(sub(layer.call(x), 1))), layer.variables);
        for (const one of layer.variables) {
          const halved = mul(tanh(reshape(one, [one.size / 2, 2])), 0.5);
          one.assign(reshape(matmul(halved, full([2, 2], 0.3)), one.shape));
        }
        return loss;
      };
      return { step, variables: layer.variables, optimizers: [optimizer] };
    }));

  it("assigned one by one, between steps and after, many of them", () =>
    expectSame(() => {
      const many = Array.from({ length: 19 }, (_, i) => weights(i, i % 3 === 0 ? [3, i + 1] : [i + 1]));
      const optimizer = new SGD({ learningRate: 0.05, momentum: 0.9 }).build(many);
      const step = () => {
        many[4].assign(mul(many[4], 0.5));
        many[18].assign(add(many[18], 0.1));
        const loss = optimizer.minimize(
          () => many.map((one) => sum(square(one))).reduce((a, b) => add(a, b)),
          many,
        );
        many[0].assign(sub(many[0], 0.25));
        const second = optimizer.minimize(
          () => many.map((one) => sum(square(sub(one, 1)))).reduce((a, b) => add(a, b)),
          many,
        );
        many[7].assign(many[7]);
        many[2].assign(mul(many[2], 2));
        return [loss, second, mul(many[2], 1)];
      };
      return { step, variables: many, optimizers: [optimizer] };
    }));
});

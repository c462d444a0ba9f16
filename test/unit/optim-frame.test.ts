// What every optimizer has besides its rule: groups, accumulation, averages, hyper-parameters by schedule, epochs, old defaults;
// and the names by which people know the options.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  add,
  type Device,
  disposeAll,
  div,
  init,
  mul,
  noLeaks,
  sum,
  type Tensor,
  tensor,
  type Variable,
  variable,
} from "../../engine/index.ts";
import {
  Adadelta,
  Adafactor,
  Adagrad,
  Adam,
  AdamW,
  ByVariable,
  clipNorm,
  excludeFromWeightDecay,
  Ftrl,
  globalClipNorm,
  Lamb,
  Lion,
  legacyDefaults,
  Muon,
  Nadam,
  Optimizer,
  type OptimizerOptions,
  optimizerState,
  optimizers,
  parameterGroups,
  RAdam,
  RMSprop,
  ScheduleFreeAdamW,
  SGD,
  schedules,
  setOptimizerState,
  type UpdateContext,
} from "../../optim/index.ts";
import "../../nn/names.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

const parts = (): Variable[] => [
  variable(
    [
      [1, -2, 3],
      [0.5, 0.25, -1],
    ],
    { name: "dense/kernel" },
  ),
  variable([0.5, -0.5, 1], { name: "dense/bias" }),
  variable([[0.1], [0.2], [0.3]], { name: "out/kernel" }),
];
const gradientsOf = (variables: readonly Variable[], t: number) =>
  variables.map(({ shape, size }, k) =>
    tensor(
      Float32Array.from({ length: size }, (_, i) => Math.sin(i + k + 2 * t) + 0.1),
      { shape },
    ),
  );
async function steps(optimizer: Optimizer, variables: readonly Variable[], from: number, to: number) {
  for (let t = from; t < to; t++) {
    const gradients = gradientsOf(variables, t);
    optimizer.apply(gradients);
    disposeAll(gradients);
  }
  return Promise.all(variables.map(async (one) => [...(await one.dataFloat64())]));
}

const rising = schedules.linearWarmup({ warmupSteps: 5, learningRate: 0.9, initialLearningRate: 0.5 });
const makers: readonly (readonly [string, () => Optimizer])[] = [
  ...optimizers.names.map((name) => [name, () => optimizers.get(name)] as const),
  ["accumulation", () => new Adam({ gradientAccumulationSteps: 3 })],
  ["a moving average", () => new Nadam({ useEma: true, emaMomentum: 0.7, emaOverwriteFrequency: 4 })],
  ["both", () => new SGD({ momentum: 0.9, useEma: true, gradientAccumulationSteps: 2 })],
  ["scheduled betas", () => new Adam({ beta1: rising, beta2: rising })],
  ["epochs", () => new Adam({ learningRate: schedules.stepDecay({ every: 2, factor: 0.5 }) })],
  ["warm-up", () => new ScheduleFreeAdamW({ beta2: rising, warmupSteps: 4 })],
  [
    "groups",
    () =>
      new Lamb({
        groups: parameterGroups([{ filter: "bias", learningRate: rising, clipping: clipNorm(0.1) }]),
        clipping: clipNorm(0.5),
        weightDecay: 0.1,
      }),
  ],
];

describe("a saved state, as JSON, goes on as if nothing had happened", () => {
  it.each(makers)("%s", async (_, make) => {
    const [a, b] = [parts(), parts()];
    const [first, second] = [make(), make()];
    first.beginEpoch(3);
    first.build(a);
    const weights = await steps(first, a, 0, 5);
    const state = JSON.parse(
      JSON.stringify(await optimizerState(first), (_key, value) =>
        ArrayBuffer.isView(value) ? Array.from(value as Float32Array) : value,
      ),
    );
    b.forEach((one, i) => void one.set(weights[i]));
    // Before and after it knows its variables.
    setOptimizerState(second, state);
    second.build(b);
    setOptimizerState(second, state);
    const [want, got] = [await steps(first, a, 5, 9), await steps(second, b, 5, 9)];
    got.flat().forEach((value, i) => {
      expect(Math.abs(value - want.flat()[i])).toBeLessThan(1e-6);
    });
    expect(got).not.toEqual(weights);
    expect(await second.currentLearningRate()).toBe(await first.currentLearningRate());
    for (const held of [first, second, ...a, ...b]) held.dispose();
  });
});

it.each(makers)("%s leaves nothing behind a step, and frees everything", async (_, make) => {
  const variables = parts();
  const before = device.memory().tensors;
  const optimizer = make();
  optimizer.beginEpoch(0);
  optimizer.build(variables);
  const gradients = gradientsOf(variables, 1);
  await noLeaks(() => optimizer.apply(gradients));
  disposeAll(gradients);
  optimizer.dispose();
  expect(device.memory().tensors).toBe(before);
  disposeAll(variables);
});

describe("groups", () => {
  const build = (options: OptimizerOptions) => () => {
    const variables = parts();
    try {
      new SGD(options).build(variables).dispose();
    } finally {
      disposeAll(variables);
    }
  };

  it("refuse what does not fit, with names and remedy", () => {
    const wrong = (groups: unknown) => () => build({ groups: parameterGroups(groups as never) })();
    const other = variable([1], { name: "other" });
    const table = [
      [wrong({ filter: "bias" }), /parameterGroups: takes an array of groups/],
      [wrong([{}]), /parameterGroups: group 0: needs either variables or a filter/],
      [
        wrong([{ variables: () => true }]),
        /parameterGroups: group 0: variables must be an array of them.*a filter/,
      ],
      [wrong([undefined]), /parameterGroups: group 0: needs either/],
      [wrong([{ filter: "bias", variables: [] }]), /it has both/],
      [wrong([{ filter: "bias", learningRate: 1, learningRateFactor: 2 }]), /are both given/],
      [
        wrong([{ filter: "bias", clipnorm: 1 }]),
        /unknown parameterGroups: group 0 option "clipnorm".*clipping/,
      ],
      [wrong([{ filter: "bias", weightDecay: -1 }]), /group 0 weightDecay must be .* at least 0, got -1/],
      [wrong([{ filter: "bias", clipping: 1 }]), /group 0: clipping takes clipNorm\(1\)/],
      [
        build({ groups: [{ filter: "bias" }] as never }),
        /SGD: groups takes parameterGroups\(\[.* got an array/,
      ],
      [wrong([{ filter: 3 }]), /a filter is a part of a path .* got the number 3/],
      [wrong([{ filter: "" }]), /a filter is/],
      [
        wrong([{ filter: "bia" }]),
        /no variable fits the filter bia; the optimizer trains "dense\/kernel", "den/,
      ],
      [wrong([{ variables: [] }]), /no variable is listed/],
      [
        wrong([{ variables: [other] }]),
        /variable "other" .* is none of the variables that the optimizer trains/,
      ],
      [
        wrong([{ filter: "dense" }, { filter: /bias$/ }]),
        /variable "dense\/bias" .* is in groups 0 and 1; each variable can be in one/,
      ],
    ] as const;
    for (const [call, message] of table) {
      expect(call).toThrow(ArgumentError);
      expect(call).toThrow(message);
    }
    other.dispose();
  });

  it("are found by parts of paths, expressions, functions, lists and variables", async () => {
    const filters = [
      "dense/bias",
      "bias",
      /bias/g,
      ({ name }: Variable) => name.endsWith("bias"),
      [/^x/, "bias"],
    ];
    for (const filter of filters) {
      const variables = parts();
      const optimizer = new SGD({
        learningRate: 1,
        groups: parameterGroups([{ filter, learningRateFactor: 0 }]),
      }).build(variables);
      const [kernel, bias] = await steps(optimizer, variables, 0, 2);
      expect(bias).toEqual([0.5, -0.5, 1]);
      expect(kernel[0]).not.toBe(1);
      disposeAll([optimizer, ...variables] as never);
    }
  });

  it("have penalties, scheduled rates and clipping of their own, and the optimizer's where they have none", async () => {
    const moved = async (options: OptimizerOptions, gradient: number, count: number) => {
      const variables = parts();
      const before = [1, 0.5, Math.fround(0.1)];
      const optimizer = new SGD({ learningRate: 1, ...options }).build(variables);
      const given = variables.map(({ shape, size }) =>
        tensor(new Float32Array(size).fill(gradient), { shape }),
      );
      for (let i = 0; i < count; i++) optimizer.apply(given);
      const now = await Promise.all(variables.map(async (one) => (await one.dataFloat64())[0]));
      disposeAll([...given, ...variables]);
      optimizer.dispose();
      return now.map((value, k) => value - before[k]);
    };
    const growing = (step: Tensor) => mul(add(step, 1), 0.25);
    const penalties = parameterGroups([
      { filter: "bias", l2: 0 },
      { filter: "out", learningRate: growing },
    ]);
    // Two steps of w - rate * 2 * 0.1 * w; those of the last at rates of 0.25 and 0.5.
    const [kernel, bias, out] = await moved({ l2: 0.1, groups: penalties }, 0, 2);
    expect(kernel).toBeCloseTo(0.8 * 0.8 - 1, 5);
    expect(bias).toBe(0);
    expect(out).toBeCloseTo(0.1 * (0.95 * 0.9 - 1), 5);
    const clipped = parameterGroups([{ filter: "bias", clipping: clipNorm(0.1) }]);
    const shares = await moved({ clipping: clipNorm(1), groups: clipped }, 1, 1);
    [-1 / Math.sqrt(6), -0.1 / Math.sqrt(3), -1 / Math.sqrt(3)].forEach((want, k) => {
      expect(shares[k]).toBeCloseTo(want, 5);
    });
  });

  it("are clipped each by itself, be it by one setting, and each variable by itself where its norm alone counts", async () => {
    const clipping = globalClipNorm(1);
    const apart = parameterGroups([
      { filter: "dense", clipping },
      { filter: "out", clipping },
    ]);
    const alone = parameterGroups([{ filter: "kernel", clipping: clipNorm(1) }]);
    for (const [groups, common, want] of [
      // All gradients are 1: of 6, 3 and 3 elements.
      [apart, undefined, [1 / 3, 1 / 3, 1 / Math.sqrt(3)]],
      [apart, clipping, [1 / 3, 1 / 3, 1 / Math.sqrt(3)]],
      [parameterGroups([{ filter: "out", clipping }]), clipping, [1 / 3, 1 / 3, 1 / Math.sqrt(3)]],
      [alone, undefined, [1 / Math.sqrt(6), 1, 1 / Math.sqrt(3)]],
    ] as const) {
      const variables = parts().map((one) => {
        one.set(new Float32Array(one.size));
        return one;
      });
      const optimizer = new SGD({ learningRate: 1, clipping: common, groups }).build(variables);
      optimizer.apply(variables.map(({ shape, size }) => tensor(new Float32Array(size).fill(1), { shape })));
      for (const [k, one] of variables.entries())
        for (const value of await one.dataFloat64()) expect(value).toBeCloseTo(-want[k], 6);
      optimizer.dispose();
      disposeAll(variables);
    }
  });

  it("have the decay that they name, be their variables excluded from the optimizer's", async () => {
    const variables = parts();
    const optimizer = excludeFromWeightDecay(
      new SGD({
        learningRate: 0.5,
        weightDecay: 0.5,
        groups: parameterGroups([{ filter: "dense/bias", weightDecay: 0.25 }]),
      }),
      ({ name }) => name !== "dense/kernel",
    ).build(variables);
    optimizer.apply(variables.map(({ shape, size }) => tensor(new Float32Array(size), { shape })));
    const [kernel, bias, out] = await Promise.all(variables.map(async (one) => (await one.dataFloat64())[0]));
    // w - rate * decay * w; what is excluded and in no group keeps its weights.
    expect(kernel).toBeCloseTo(1 - 0.5 * 0.5, 6);
    expect(bias).toBeCloseTo(0.5 * (1 - 0.5 * 0.25), 6);
    expect(out).toBeCloseTo(0.1, 6);
    optimizer.dispose();
    disposeAll(variables);
  });

  it("with a factor follow the rate that is set, with a rate of their own do not", async () => {
    const variables = parts();
    const groups = parameterGroups([
      { filter: "bias", learningRateFactor: 0.5 },
      { filter: "out", learningRate: 0.25 },
    ]);
    const optimizer = new SGD({ learningRate: 1, groups }).build(variables);
    optimizer.learningRate = 0.1;
    const ones = variables.map(({ shape, size }) => tensor(new Float32Array(size).fill(1), { shape }));
    optimizer.apply(ones);
    const [kernel, bias, out] = await Promise.all(
      variables.map(async (one) => [...(await one.dataFloat64())]),
    );
    expect(kernel[0]).toBeCloseTo(0.9, 6);
    expect(bias[0]).toBeCloseTo(0.45, 6);
    expect(out[0]).toBeCloseTo(-0.15, 6);
    disposeAll([...ones, ...variables]);
    optimizer.dispose();
  });
});

describe("epochs", () => {
  const halving = () => new SGD({ learningRate: schedules.stepDecay({ every: 5, factor: 0.5 }) });

  it("must be told, and count from the default rate", async () => {
    const [w] = [variable([1])];
    const optimizer = halving().build([w]);
    expect(() => optimizer.apply([tensor([1])])).toThrow(
      /SGD: a schedule counts epochs, and none was told; fit tells them, .* optimizer.beginEpoch\(epoch\)/,
    );
    const rates: number[] = [];
    for (const epoch of [0, 4, 5, 9, 10, 14, 15]) {
      optimizer.beginEpoch(epoch);
      rates.push(await optimizer.currentLearningRate());
    }
    [0.01, 0.01, 0.005, 0.005, 0.0025, 0.0025, 0.00125].forEach((rate, i) => {
      expect(rates[i]).toBeCloseTo(rate, 8);
    });
    expect(() => optimizer.beginEpoch(-1)).toThrow(ArgumentError);
    disposeAll([w]);
    optimizer.dispose();
  });

  it("may be functions, or other schedules counted in epochs", async () => {
    const own = new SGD({ learningRate: schedules.byEpoch((epoch: Tensor) => div(0.1, add(epoch, 1))) });
    own.beginEpoch(4);
    expect(await own.currentLearningRate()).toBeCloseTo(0.02, 7);
    const piecewise = schedules.piecewiseConstant({ boundaries: [9, 19], values: [0.1, 0.01, 0.001] });
    const by = new SGD({ learningRate: schedules.byEpoch(piecewise) });
    const warm = new SGD({
      learningRate: schedules.linearWarmup({ warmupSteps: 1, learningRate: schedules.byEpoch(piecewise) }),
    });
    for (const [epoch, rate] of [
      [9, 0.1],
      [10, 0.01],
      [20, 0.001],
    ]) {
      by.beginEpoch(epoch);
      expect(await by.currentLearningRate()).toBeCloseTo(rate, 7);
      warm.beginEpoch(epoch);
    }
    expect(await warm.currentLearningRate()).toBe(0);
    expect(by.config().learningRate).toMatchObject({
      schedule: "byEpoch",
      of: { schedule: "piecewiseConstant" },
    });
    const unmarked = new SGD({ learningRate: (_, context) => div(0.1, add(context!.epoch, 1)) });
    await expect(async () => unmarked.currentLearningRate()).rejects.toThrow("schedules.byEpoch");
    expect(() => schedules.byEpoch(3 as never)).toThrow(ArgumentError);
    expect(() => new SGD({ momentum: schedules.stepDecay({ every: 1, factor: 0.5 }) })).not.toThrow();
  });
});

describe("a moving average", () => {
  it("is exchanged for the weights, and back, and taken over at the end", async () => {
    const w = variable([1, 2]);
    const optimizer = new SGD({ learningRate: 0.5, useEma: true, emaMomentum: 0.5 }).build([w]);
    optimizer.swapEmaWeights();
    expect([...(await w.data())]).toEqual([1, 2]);
    optimizer.swapEmaWeights();
    optimizer.apply([tensor([1, 1])]);
    optimizer.apply([tensor([1, 1])]);
    expect([...(await w.data())]).toEqual([0, 1]);
    optimizer.swapEmaWeights();
    expect([...(await w.data())]).toEqual([0.25, 1.25]);
    optimizer.swapEmaWeights();
    expect([...(await w.data())]).toEqual([0, 1]);
    optimizer.finalizeVariableValues();
    expect([...(await w.data())]).toEqual([0.25, 1.25]);
    expect(() => new SGD().build([variable([1])]).swapEmaWeights()).toThrow(
      /make the optimizer with useEma: true/,
    );
    expect(() => new SGD().build([variable([1])]).finalizeVariableValues()).not.toThrow();
    optimizer.dispose();
  });

  it("takes no part of an update that is still being summed up", async () => {
    const w = variable([1, 2]);
    const options = { learningRate: 0.5, useEma: true, emaMomentum: 0.5, gradientAccumulationSteps: 2 };
    const optimizer = new SGD(options).build([w]);
    const averages = async () => {
      optimizer.swapEmaWeights();
      const values = [...(await w.data())];
      optimizer.swapEmaWeights();
      return values;
    };
    const found: number[][] = [];
    for (let i = 0; i < 5; i++) {
      optimizer.apply([tensor([1, 1])]);
      found.push(await averages());
    }
    // Updates come with the second and the fourth step; the first begins the average.
    expect(found).toEqual([
      [1, 2],
      [0.5, 1.5],
      [0.5, 1.5],
      [0.25, 1.25],
      [0.25, 1.25],
    ]);
    optimizer.dispose();
  });
});

describe("options", () => {
  it("are refused where they can't be", () => {
    const wrong: readonly (readonly [() => unknown, RegExp])[] = [
      [
        () => new SGD({ gradientAccumulationSteps: 0 }),
        /gradientAccumulationSteps must be a whole number of at least 1, got 0/,
      ],
      [() => new SGD({ emaMomentum: 1 }), /emaMomentum must be from 0 up to 1/],
      [() => new SGD({ emaOverwriteFrequency: 0.5 }), /emaOverwriteFrequency must be a whole number/],
      [() => new SGD({ l2: -1 }), /l2 must be/],
      [
        () => new Ftrl({ learningRatePower: 1 }),
        /learningRatePower must be a finite number of at most 0, got 1/,
      ],
      [() => new Adafactor({ beta2Decay: 0.8 }), /beta2Decay must be a finite number below 0, got 0.8/],
      [() => new Muon({ excludeLayers: "out" as never }), /excludeLayers must be an array/],
      [() => new Muon({ nsSteps: 0 }), /nsSteps/],
      [() => new ScheduleFreeAdamW({ beta1: 0 }), /beta1 must be above 0/],
      [() => new RAdam({ beta2: rising as never }), /beta2 must be/],
      [() => legacyDefaults("Lion" as never), /unknown optimizer of older Keras "Lion"/],
      [() => legacyDefaults(3 as never), /takes an optimizer's name/],
      [
        () => schedules.cyclic({ baseLearningRate: 0.1, maxLearningRate: 1, mode: "saw" as never }),
        /cyclic mode/,
      ],
      [
        () => schedules.oneCycle({ maxLearningRate: 1, totalSteps: 3 }),
        /take more steps or a larger pctStart/,
      ],
      [() => schedules.stepDecay({ every: 0, factor: 0.5 }), /every must be a whole number of at least 1/],
      [
        () => schedules.cosineDecayRestarts({ initialLearningRate: 1, firstDecaySteps: 1, tMul: 0.5 }),
        /tMul must be a finite number of at least 1/,
      ],
    ];
    for (const [call, message] of wrong) {
      expect(call).toThrow(ArgumentError);
      expect(call).toThrow(message);
    }
  });

  it("lead from the names of Keras and PyTorch to ours", () => {
    const names: Readonly<Record<string, string>> = {
      learning_rate: "learningRate",
      beta_1: "beta1",
      beta_2: "beta2",
      weight_decay: "weightDecay",
      use_ema: "useEma",
      ema_momentum: "emaMomentum",
      ema_overwrite_frequency: "emaOverwriteFrequency",
      gradient_accumulation_steps: "gradientAccumulationSteps",
    };
    for (const [theirs, ours] of Object.entries(names))
      expect(() => new Adam({ [theirs]: 0.5 }), theirs).toThrow(`Did you mean "${ours}"?`);
    const makes: readonly (readonly [(options: never) => unknown, string, string])[] = [
      [(options) => new Ftrl(options), "l1_regularization_strength", "l1RegularizationStrength"],
      [(options) => new Ftrl(options), "initial_accumulator_value", "initialAccumulatorValue"],
      [(options) => new Adafactor(options), "beta_2_decay", "beta2Decay"],
      [(options) => new Adafactor(options), "epsilon_1", "epsilon1"],
      [(options) => new Muon(options), "adam_beta_1", "adamBeta1"],
      [(options) => new Muon(options), "ns_steps", "nsSteps"],
      [(options) => schedules.cosineDecayRestarts(options), "first_decay_steps", "firstDecaySteps"],
      [(options) => schedules.cosineDecayRestarts(options), "t_mul", "tMul"],
      [(options) => schedules.oneCycle(options), "pct_start", "pctStart"],
      [(options) => schedules.oneCycle(options), "max_lr", "maxLearningRate"],
      [(options) => schedules.stepDecay(options), "minLr", "minLearningRate"],
      [(options) => schedules.exponentialDecay(options), "decay_steps", "decaySteps"],
    ];
    for (const [make, theirs, ours] of makes)
      expect(() => make({ [theirs]: 1 } as never), theirs).toThrow(`Did you mean "${ours}"?`);
  });

  it("optimizers' names are found in every spelling, and told back as their classes are called", () => {
    for (const name of ["schedule_free_adamw", "scheduleFreeAdamW", "ScheduleFreeAdamw"])
      expect(optimizers.get(name)).toBeInstanceOf(ScheduleFreeAdamW);
    expect(optimizers.get("lion")).toBeInstanceOf(Lion);
    expect(() => optimizers.get("adamx")).toThrow(/Did you mean "adamax"\?|Did you mean "adam"\?/);
  });
});

describe("older Keras's defaults", () => {
  it("are those of the notes", () => {
    const shown = (optimizer: Optimizer) => optimizer.config();
    expect(shown(new SGD(legacyDefaults("SGD")))).toEqual({
      learningRate: 0.01,
      decay: 0,
      momentum: 0,
      nesterov: false,
    });
    expect(shown(new Adagrad(legacyDefaults("Adagrad")))).toEqual({
      learningRate: 0.01,
      decay: 0,
      initialAccumulatorValue: 0,
      epsilon: 1e-6,
    });
    expect(shown(new RMSprop(legacyDefaults("RMSprop")))).toMatchObject({
      learningRate: 0.001,
      rho: 0.9,
      epsilon: 1e-6,
    });
    expect(shown(new Adadelta(legacyDefaults("Adadelta")))).toMatchObject({
      learningRate: 1,
      rho: 0.95,
      epsilon: 1e-6,
    });
    expect(shown(new Adam(legacyDefaults("Adam")))).toEqual(shown(new Adam()));
    expect(shown(new Nadam(legacyDefaults("Nadam")))).toMatchObject({ learningRate: 0.002 });
  });
});

describe("the contract of rules", () => {
  /** Keeps, of each variable, one number a row, and shrinks each variable by its own norm. */
  class ByRows extends Optimizer<"rows"> {
    protected readonly slotStarts = { rows: 0 };

    constructor(options: OptimizerOptions = {}) {
      super("ByRows", 1, options, {});
    }

    protected override get byVariable(): typeof ByVariable | undefined {
      return ByVariable;
    }

    protected override get reducesByVariable() {
      return true;
    }

    protected override slotShape(_: "rows", { shape }: Variable) {
      return shape.length < 2 ? undefined : shape.slice(0, 1);
    }

    protected update({ value, gradient, slots, byVariable }: UpdateContext<"rows">) {
      const rows = byVariable.cut(slots.rows, "rows");
      const sums = byVariable.cut(gradient).map((g, i) => rows[i] && add(rows[i]!, sum(g, -1)));
      const norms = byVariable.spread(byVariable.norms(value));
      return { value: div(value, add(norms, 1)), slots: { rows: byVariable.join(sums, "rows") } };
    }

    protected ruleConfig() {
      return {};
    }
  }

  it("has slots of shapes of their own, sums and parts by variable", async () => {
    const variables = parts();
    const optimizer = new ByRows().build(variables);
    const ones = variables.map(({ shape, size }) => tensor(new Float32Array(size).fill(1), { shape }));
    optimizer.apply(ones);
    const { slots } = await optimizerState(optimizer);
    expect(slots.rows.map((rows) => [...rows])).toEqual([[3, 3], [], [1, 1, 1]]);
    const bias = await variables[1].dataFloat64();
    expect(bias[2]).toBeCloseTo(1 / (1 + Math.sqrt(1.5)), 6);
    optimizer.apply(ones);
    expect([...(await optimizerState(optimizer)).slots.rows[0]]).toEqual([6, 6]);
    optimizer.dispose();
    disposeAll([...ones, ...variables]);
  });

  it("says so where a rule takes variables apart without a word of it", () => {
    class Unsaid extends ByRows {
      protected override get byVariable() {
        return undefined;
      }
    }
    const variables = parts();
    const optimizer = new Unsaid().build(variables);
    expect(() => optimizer.apply(gradientsOf(variables, 0))).toThrow(/override get byVariable\(\)/);
    optimizer.dispose();
    disposeAll(variables);
  });

  it("says so where a rule sums by variable without a word of it", () => {
    class Unsaid extends ByRows {
      protected override get reducesByVariable() {
        return false;
      }
    }
    const variables = parts();
    const optimizer = new Unsaid().build(variables);
    expect(() => optimizer.apply(gradientsOf(variables, 0))).toThrow(/override get reducesByVariable\(\)/);
    optimizer.dispose();
    disposeAll(variables);
  });

  it("keeps the names of the frame's own slots to itself", () => {
    class Taken extends Optimizer<"averagedValue"> {
      protected readonly slotStarts = { averagedValue: 0 };
      constructor() {
        super("Taken", 1, { useEma: true });
      }
      protected update({ value }: UpdateContext<"averagedValue">) {
        return { value: mul(value, 1) };
      }
      protected ruleConfig() {
        return {};
      }
    }
    expect(() => new Taken().build([variable([1])])).toThrow(
      /"averagedValue" is a slot of every optimizer's/,
    );
    expect(new AdamW().config()).toMatchObject({ weightDecay: 0.004 });
  });
});

// Optimizers under jit on the adapter: every rule's update of all parameters is one kernel, whatever decays, clips or
// schedules it, and equals what runs without jit.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { buildModel } from "../../bench/cases/net-models.ts";
import { denseNets as nets } from "../../bench/cases/nets.ts";
import {
  type Device,
  device as defaultDevice,
  jit,
  setDevice,
  type Tensor,
  tensor,
  tidy,
  variable,
} from "../../engine/index.ts";
import {
  Adadelta,
  Adagrad,
  Adam,
  Adamax,
  AdamW,
  clipNorm,
  clipValue,
  excludeFromWeightDecay,
  Ftrl,
  globalClipNorm,
  Lion,
  Nadam,
  type Optimizer,
  optimizerState,
  parameterGroups,
  RAdam,
  RMSprop,
  ScheduleFreeAdamW,
  SGD,
  schedules,
} from "../../optim/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice } from "../support/devices.ts";

let gpu: Device;
let before: Device;

beforeAll(async () => {
  gpu = await gpuDevice();
  before = defaultDevice();
});
beforeEach(() => setDevice(gpu));
afterEach(() => gpu.sync());
afterAll(() => setDevice(before));

const cosine = () =>
  schedules.cosineDecay({ initialLearningRate: 0, decaySteps: 3, warmupSteps: 2, warmupTarget: 0.05 });
const isBias = ({ name }: { name: string }) => /bias/.test(name);

describe("dispatches of a step of N1", () => {
  /** All the step's dispatches, gradients included, as jit plans them. */
  const dispatchesWith = (optimizer: Optimizer): number => {
    const net = nets[0];
    using model = buildModel(net);
    model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    const trainer = model.makeTrainer();
    optimizer.beginEpoch(0);
    trainer.prepare();
    const step = jit((x: Tensor, y: Tensor) => tidy(() => trainer.trainStep(x, y)));
    const x = tensor(new Uint8Array(net.batchSize * net.inputs), [net.batchSize, net.inputs]);
    const y = tensor(new Int32Array(net.batchSize));
    step(x, y);
    const [program] = step.programs.values();
    for (const held of [step, trainer, optimizer, x, y]) held.dispose();
    return program.plan.steps.length;
  };
  let plain: number;
  beforeAll(() => {
    setDevice(gpu);
    plain = dispatchesWith(new SGD());
  });

  it.each<[string, () => Optimizer]>([
    ["Adam", () => new Adam()],
    ["Adam with decay", () => new Adam({ decay: 0.1 })],
    ["AMSGrad", () => new Adam({ amsgrad: true })],
    ["AdamW", () => new AdamW()],
    ["AdamW that spares biases", () => excludeFromWeightDecay(new AdamW(), isBias)],
    [
      "AdamW clipped by value under a schedule",
      () => new AdamW({ learningRate: cosine(), clipping: clipValue(1) }),
    ],
    ["Nesterov with weight decay", () => new SGD({ momentum: 0.9, nesterov: true, weightDecay: 0.1 })],
    ["RMSprop, centered, with momentum", () => new RMSprop({ centered: true, momentum: 0.5 })],
    ["Nadam", () => new Nadam()],
    ["Adagrad", () => new Adagrad()],
    ["Adadelta", () => new Adadelta()],
    ["Adamax", () => new Adamax()],
    ["Lion", () => new Lion()],
    ["Ftrl", () => new Ftrl()],
    ["schedule-free AdamW", () => new ScheduleFreeAdamW({ warmupSteps: 3 })],
    ["Adam with coupled L2", () => new Adam({ l2: 0.01 })],
    ["Adam with a moving average", () => new Adam({ useEma: true })],
    ["Adam with accumulation", () => new Adam({ gradientAccumulationSteps: 4 })],
    ["Adam with scheduled hyper-parameters", () => new Adam({ beta1: cosine(), weightDecay: cosine() })],
    ["SGD by epochs", () => new SGD({ learningRate: schedules.stepDecay({ every: 5, factor: 0.5 }) })],
  ])("%s: as many as plain SGD", (_, make) => expect(dispatchesWith(make())).toBe(plain), 240_000);

  it.each<[string, () => Optimizer]>([
    ["RAdam", () => new RAdam()],
    [
      "Adam with groups",
      () => new Adam({ groups: parameterGroups([{ filter: isBias, learningRateFactor: 2, l2: 0.1 }]) }),
    ],
    [
      "Adam with a moving average that overwrites",
      () => new Adam({ useEma: true, emaOverwriteFrequency: 5 }),
    ],
  ])(
    "%s: one more at most, for a few scalars or more buffers than one kernel binds",
    (_, make) => expect(dispatchesWith(make())).toBeLessThanOrEqual(plain + 1),
    240_000,
  );

  it("clipping by norms adds their sums only", () => {
    // The software profile's numbers; on a GPU long sums take one more.
    const spare = gpu.info.isSoftware ? 0 : 1;
    const byAll = dispatchesWith(new Adam({ clipping: globalClipNorm(1) })) - plain;
    expect(byAll).toBeGreaterThan(0);
    expect(byAll).toBeLessThanOrEqual(2 + spare);
    expect(dispatchesWith(new Adam({ clipping: clipNorm(1) })) - plain).toBeLessThanOrEqual(3 + spare);
  });
});

describe("five steps with jit equal five without", () => {
  // Variables that end inside rows and fill them, as biases, matrices and scalars do.
  const shapes = [[7, 9], [9], [64, 1], []];

  it.each<[string, () => Optimizer]>([
    ["AdamW under a schedule", () => excludeFromWeightDecay(new AdamW({ learningRate: cosine() }), isBias)],
    [
      "RMSprop clipped by value",
      () => new RMSprop({ centered: true, momentum: 0.5, clipping: clipValue(0.4) }),
    ],
    ["Nadam clipped by norm", () => new Nadam({ clipping: clipNorm(0.7) })],
    ["Adagrad clipped by the norm over all", () => new Adagrad({ clipping: globalClipNorm(0.7) })],
    ["Adadelta", () => new Adadelta({ learningRate: 1 })],
  ])("%s", async (_, make) => {
    const run = async (withJit: boolean) => {
      const variables = shapes.map((shape, k) =>
        variable(
          Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.cos(i + k)),
          { name: k % 2 === 1 ? `bias${k}` : `kernel${k}`, shape },
        ),
      );
      const optimizer = make().build(variables);
      const update = (...gradients: Tensor[]) => optimizer.apply(gradients);
      const step = withJit ? jit(update) : update;
      for (let t = 0; t < 5; t++) {
        const gradients = variables.map(({ shape, size }, k) =>
          tensor(
            Float32Array.from({ length: size }, (_, i) => Math.sin(i * (k + 2) + t)),
            { shape },
          ),
        );
        step(...gradients);
        for (const gradient of gradients) gradient.dispose();
      }
      const values = await Promise.all(variables.map(async (v) => [...(await v.data())]));
      const { iterations } = await optimizerState(optimizer);
      expect(iterations).toBe(5);
      for (const held of [optimizer, ...variables]) held.dispose();
      return values.flat();
    };
    const [got, want] = [await run(true), await run(false)];
    expect(want.every(Number.isFinite)).toBe(true);
    expectCloseArrays(got, want, 1e-5, "values");
  });
});

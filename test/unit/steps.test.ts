// Stepping through a tape: names, lines, layers, both directions, text and values. On the CPU reference.

import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  batchNorm,
  type Device,
  exp,
  GradientError,
  grad,
  init,
  matmul,
  mul,
  nameScope,
  reshape,
  sigmoid,
  square,
  sub,
  sum,
  Tape,
  type TapeStep,
  type Tensor,
  tensor,
  tidy,
  variable,
} from "../../engine/index.ts";
import { Dense, Input, Sequential } from "../../nn/index.ts";
import { collectGarbage } from "../support/garbage.ts";

let device: Device;

beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

/** This file's line `offset` lines from the call. */
function here(offset = 0): number {
  const frame = new Error().stack
    ?.split("\n")
    .find((line) => /steps\.test\.ts/.test(line) && !/here/.test(line));
  return Number(/:(\d+):\d+\)?$/.exec(frame as string)?.[1]) + offset;
}

function forwardSteps(tape: Tape, loss: Tensor): TapeStep[] {
  return [...tape.steps(loss, { direction: "forward" })];
}

/** h = σ(x W), E = Σ(t - h)². */
function lesson(options: ConstructorParameters<typeof Tape>[0] = { retain: true }) {
  const x = tensor([[0.1, 0.2]]);
  const t = tensor([[0.4, 0.6]]);
  const weight = variable([0.3, 0.4, 0.25, 0.35], { shape: [2, 2], name: "weight" });
  const tape = new Tape(options);
  const { h, loss } = tape.record(() => {
    const h = sigmoid(matmul(x, weight));
    return { h, loss: sum(mul(square(sub(t, h)), 0.5)) };
  });
  tape.name({ x, t, h, loss });
  return { tape, loss, weight };
}

describe("names", () => {
  it("are the variables', the given ones, numbers, and the op with the node's number", () => {
    const { tape, loss } = lesson();
    expect(forwardSteps(tape, loss).map(({ call }) => call)).toEqual([
      "matmul_0 = matmul(x, weight)",
      "h = sigmoid(matmul_0)",
      "sub_2 = sub(t, h)",
      "square_3 = square(sub_2)",
      "mul_4 = mul(square_3, 0.5)",
      "loss = sum(mul_4, axes: [0, 1])",
    ]);
  });

  it("go with watch, number unnamed tensors, and tell two values of one name apart", () => {
    const a = variable([1], { name: "kernel" });
    const b = variable([2], { name: "kernel" });
    const x = tensor([3]);
    const tape = new Tape({ retain: true }).watch({ x });
    const loss = tape.record(() => sum(mul(mul(a, b), mul(x, tensor([4])))));
    const names = forwardSteps(tape, loss).flatMap(({ inputNames }) => inputNames);
    expect(names).toEqual(["kernel", "kernel (2)", "x", "tensor_0", "mul_0", "mul_1", "mul_2"]);
    const [dx] = tape.gradient(loss, [x]);
    expect(dx.shape).toEqual([1]);
  });
});

describe("the source line", () => {
  it("is the line that called the op", () => {
    const x = tensor([1, 2]);
    const tape = new Tape({ retain: true }).watch(x);
    const first = here(2);
    const loss = tape.record(() => {
      const y = exp(x);
      return sum(mul(y, square(y)));
    });
    const lines = forwardSteps(tape, loss).map(({ source }) => source?.line);
    expect(lines).toEqual([first, first + 1, first + 1, first + 1]);
    const { source } = forwardSteps(tape, loss)[0];
    expect(source?.file).toMatch(/\/test\/unit\/steps\.test\.ts$/);
    expect(String(source)).toBe(`test/unit/steps.test.ts:${first}`);
    expect(JSON.stringify({ source })).toBe(`{"source":"test/unit/steps.test.ts:${first}"}`);
  });

  it("is the user's line for what layers do, and the step names the layer", () => {
    const model = new Sequential([
      new Input([3]),
      new Dense(2, { activation: "sigmoid", name: "hidden" }),
      new Dense(1, { name: "out" }),
    ]);
    const tape = new Tape({ retain: true });
    const called = here(1);
    const loss = tape.record(() => sum(model.call(tensor([[1, 2, 3]]))));
    const steps = forwardSteps(tape, loss);
    expect(steps.map(({ op, scope, source }) => [op, scope, source?.line])).toEqual([
      ["matmul", "hidden", called],
      ["add", "hidden", called],
      ["sigmoid", "hidden", called],
      ["matmul", "out", called],
      ["add", "out", called],
      ["sum", "", called],
    ]);
    expect(String(steps[0])).toContain(`in hidden  at test/unit/steps.test.ts:${called}`);
    model.dispose();
  });

  it("is the user's line for an op that is composed of others, which shows as one node", () => {
    const x = tensor([
      [1, 2],
      [3, 5],
    ]);
    const tape = new Tape({ retain: true }).watch(x);
    const called = here(2);
    const loss = tape.record(() => {
      const [y] = batchNorm(x, tensor([1, 1]), tensor([0, 0]));
      return sum(square(y));
    });
    const steps = forwardSteps(tape, loss);
    expect(steps.map(({ op, source }) => [op, source?.line])).toEqual([
      ["batchNorm", called],
      ["square", called + 1],
      ["sum", called + 1],
    ]);
  });

  it("is where the gradient was asked for, of ops that a backward rule calls", () => {
    const x = tensor([2]);
    const tape = new Tape({ retain: true }).watch(x);
    const called = here(1);
    const loss = tape.record(() => sum(grad((v) => sum(square(v)))(x)[0]));
    const lines = new Set(forwardSteps(tape, loss).map(({ source }) => source?.line));
    expect([...lines]).toEqual([called]);
  });

  it("is noted when asked for, or with retain, and else not", () => {
    const noted = (options: ConstructorParameters<typeof Tape>[0]) => {
      const { tape, loss } = lesson(options);
      const [step] = tape.steps(loss);
      return step.source !== undefined;
    };
    expect(noted({ sourceLines: true })).toBe(true);
    expect(noted({ retain: true, sourceLines: false })).toBe(false);
    expect(noted({})).toBe(false);
  });

  it("leaves the limit of stack traces as it was", () => {
    const before = Error.stackTraceLimit;
    lesson();
    expect(Error.stackTraceLimit).toBe(before);
  });
});

describe("name scopes", () => {
  it("nest, and end when the function throws", () => {
    const x = tensor([1]);
    const tape = new Tape().watch(x);
    expect(() =>
      nameScope("broken", () => {
        throw new RangeError("mine");
      }),
    ).toThrow(RangeError);
    const loss = tape.record(() => {
      const y = nameScope("block", () => nameScope("inner", () => exp(x)));
      return nameScope("block", () => sum(y));
    });
    expect(forwardSteps(tape, loss).map(({ scope }) => scope)).toEqual(["block/inner", "block"]);
  });
});

describe("forwards", () => {
  it("shows what the loss depends on, in the order of recording, without gradients", async () => {
    const x = tensor([1, 2]);
    const tape = new Tape({ retain: true }).watch({ x });
    const loss = tape.record(() => {
      const y = square(x);
      exp(y);
      return sum(mul(y, 3));
    });
    const steps = forwardSteps(tape, loss);
    expect(steps.map(({ op, index }) => [op, index])).toEqual([
      ["square", 0],
      ["mul", 2],
      ["sum", 3],
    ]);
    expect(await steps[1].read()).toEqual({
      inputs: [[1, 4], 3],
      outputs: [[3, 12]],
      outputGradients: [],
      inputGradients: [],
    });
  });

  it("ends with the loss, even where the tape went on after it", () => {
    const x = tensor([1, 2]);
    const tape = new Tape().watch(x);
    const loss = tape.record(() => sum(x));
    tape.record(() => exp(loss));
    expect(forwardSteps(tape, loss).map(({ op }) => op)).toEqual(["sum"]);
  });

  it("refuses what backward refuses", () => {
    const { tape } = lesson();
    expect(() => forwardSteps(tape, tensor(1))).toThrow(GradientError);
    tape.dispose();
    expect(() => forwardSteps(tape, tensor(1))).toThrow(/the tape was disposed/);
  });
});

describe("values", () => {
  it("can be read inside the loop, or begun there and awaited after it", async () => {
    const { tape, loss } = lesson();
    const awaited = [];
    for (const step of tape.steps(loss)) awaited.push(await step.read());
    const begun = [...tape.steps(loss)].length;
    const promises = [];
    for (const step of tape.steps(loss)) promises.push(step.read());
    expect(await Promise.all(promises)).toEqual(awaited);
    expect(awaited).toHaveLength(begun);
    const [last] = awaited;
    expect(last.outputGradients).toEqual([1]);
    expect(last.inputGradients).toEqual([[[1, 1]]]);
  });

  it("leave nothing behind, whether read in time or not", async () => {
    const { tape, loss } = lesson();
    const walk = async () => {
      const promises = [];
      for (const step of tape.steps(loss)) {
        promises.push(step.read());
        await step.show();
      }
      await Promise.all(promises);
    };
    await walk();
    await collectGarbage();
    const before = device.memory();
    await walk();
    expect(device.memory()).toMatchObject({ tensors: before.tensors, bytes: before.bytes });
  });

  it("are undefined where the tape does not hold them, and null where no gradient flows", async () => {
    const { tape, loss } = lesson({});
    const [, step] = tape.steps(loss);
    expect(step.op).toBe("mul");
    const read = [];
    for (const one of tape.steps(loss)) read.push(await one.read());
    expect(read[0].inputs).toEqual([undefined]);
    expect(read[1].inputGradients[1]).toBeNull();
  });
});

describe("as text", () => {
  it("a step is one line", () => {
    const { tape, loss } = lesson({ retain: true, sourceLines: false });
    expect([...tape.steps(loss)].map(String)).toEqual([
      "#5 backward loss = sum(mul_4, axes: [0, 1]) []",
      "#4 backward mul_4 = mul(square_3, 0.5) [1, 2]",
      "#3 backward square_3 = square(sub_2) [1, 2]",
      "#2 backward sub_2 = sub(t, h) [1, 2]",
      "#1 backward h = sigmoid(matmul_0) [1, 2]",
      "#0 backward matmul_0 = matmul(x, weight) [1, 2]",
    ]);
  });

  it("console.log shows names, shapes and what gradients there are", () => {
    const { tape, loss } = lesson({ sourceLines: false });
    const text = [...tape.steps(loss)].map((step) => inspect(step))[3];
    expect(text).toBe(
      [
        "#2 backward sub_2 = sub(t, h)",
        "  inputs    t       f32 [1, 2]  not kept",
        "            h       f32 [1, 2]  not kept",
        "  output    sub_2   f32 [1, 2]  not kept",
        "  incoming  ∂sub_2  f32 [1, 2]",
        "  outgoing  ∂t      f32 [1, 2]  none",
        "            ∂h      f32 [1, 2]",
      ].join("\n"),
    );
  });

  it("show() adds the values", async () => {
    const { tape, loss } = lesson({ retain: true, sourceLines: false });
    const texts = [];
    for (const step of tape.steps(loss)) texts.push(await step.show());
    expect(texts[3]).toBe(
      [
        "#2 backward sub_2 = sub(t, h)",
        "  inputs    t       f32 [1, 2]  [[0.4, 0.6]]",
        "            h       f32 [1, 2]  [[0.519989, 0.527472]]",
        "  output    sub_2   f32 [1, 2]  [[-0.119989, 0.0725277]]",
        "  incoming  ∂sub_2  f32 [1, 2]  [[-0.119989, 0.0725277]]",
        "  outgoing  ∂t      f32 [1, 2]  none",
        "            ∂h      f32 [1, 2]  [[0.119989, -0.0725277]]",
      ].join("\n"),
    );
  });

  it("of a large tensor shows the first elements and the range, NaN and infinities apart", async () => {
    const values = Array.from({ length: 100 }, (_, i) => i);
    values[98] = Number.NaN;
    values[99] = Number.POSITIVE_INFINITY;
    const x = tensor(values);
    const tape = new Tape({ retain: true }).watch({ x });
    const loss = tape.record(() => sum(reshape(x, [10, 10])));
    const text = await forwardSteps(tape, loss)[0].show();
    expect(text).toContain("0, 1, 2, 3, ... 100 values from 0 to 97, mean 48.5, 2 NaN or infinite");
  });

  it("of an empty tensor and a scalar reads well", async () => {
    const x = tensor([]);
    const tape = new Tape({ retain: true }).watch({ x });
    const loss = tape.record(() => tidy(() => sum(x)));
    const text = await forwardSteps(tape, loss)[0].show();
    expect(text).toMatch(/inputs {2}x {6}f32 \[0\] {2}\[\]\n {2}output {2}sum_0 {2}f32 \[\] {3}0$/);
  });
});

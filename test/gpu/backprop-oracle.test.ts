// The course's worked back-propagation, stepped node by node on the CPU reference and on this adapter.

import { beforeAll, describe, expect, it } from "vitest";
import {
  type Device,
  matmul,
  mul,
  sigmoid,
  square,
  sub,
  sum,
  Tape,
  type TapeStep,
  type Tensor,
  tensor,
  tidy,
  type Variable,
  variable,
} from "../../engine/index.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { collectGarbage } from "../support/garbage.ts";

// Two inputs, two hidden and two output units, sigmoid, no bias, loss ½Σ(t - o)², one sample, learning rate 0.5. The
// expected numbers were computed in float64 apart from this engine; see the table in each test.

const tolerance = 1e-6;
const learningRate = 0.5;
/** One row per unit in the textbook: w1, w2 lead to the first hidden unit, so the matrix [in, out] is transposed. */
const start = { hidden: [0.3, 0.4, 0.25, 0.35], output: [0.45, 0.7, 0.4, 0.6] };
const names = {
  hidden: ["w1", "w3", "w2", "w4"],
  output: ["w5", "w7", "w6", "w8"],
};

const wanted = {
  z12: [0.08, 0.11],
  h: [0.51998934, 0.5274723],
  z34: [0.44498412, 0.68047592],
  o: [0.609446, 0.66384491],
  errors: [0.02193381, 0.00203809],
  total: [0.0239719],
  /** In the order of `names`. */
  outputGradient: [0.02592286, 0.00740844, 0.0262959, 0.00751506],
  hiddenGradient: [0.00080888, 0.00071009, 0.00161775, 0.00142017],
  newOutput: [0.43703857, 0.69629578, 0.38685205, 0.59624247],
  newHidden: [0.29959556, 0.39964496, 0.24919112, 0.34928991],
  totalAfter: [0.02323634],
};

const devices: Record<string, () => Promise<Device>> = { cpu: referenceDevice, webgpu: gpuDevice };

describe.each(Object.keys(devices))("the worked example on %s", (kind) => {
  let device: Device;
  let x: Tensor;
  let t: Tensor;
  let hiddenWeights: Variable;
  let outputWeights: Variable;

  beforeAll(async () => {
    device = await devices[kind]();
    expect(device.kind).toBe(kind);
  });

  function open(): void {
    x = tensor([[0.1, 0.2]], { device });
    t = tensor([[0.4, 0.6]], { device });
    const shape = [2, 2];
    hiddenWeights = variable(start.hidden, { shape, device, name: "hidden" });
    outputWeights = variable(start.output, { shape, device, name: "output" });
  }

  function close(): void {
    for (const made of [x, t, hiddenWeights, outputWeights]) made.dispose();
  }

  function forward() {
    const h = sigmoid(matmul(x, hiddenWeights));
    const o = sigmoid(matmul(h, outputWeights));
    const errors = mul(square(sub(t, o)), 0.5);
    return { h, o, errors, total: sum(errors) };
  }

  it("shows every quantity, op by op, and the error falls after one update", stepThrough);

  it("leaves nothing behind", async () => {
    // Scalars such as 0.5 stay with the device from their first use on, so the first walk does not count.
    await stepThrough();
    await collectGarbage();
    const { tensors, bytes } = device.memory();
    await stepThrough();
    expect(device.memory()).toMatchObject({ tensors, bytes });
  });

  async function stepThrough(): Promise<void> {
    open();
    const tape = new Tape({ retain: true });
    const { h, o, errors, total } = tape.record(() => tidy(forward));
    await expectValues("h1, h2", h, wanted.h);
    await expectValues("o1, o2", o, wanted.o);
    await expectValues("E1, E2", errors, wanted.errors);
    await expectValues("E", total, wanted.total);

    const order = ["matmul", "sigmoid", "matmul", "sigmoid", "sub", "square", "mul", "sum"];
    expect(tape.nodes.map(({ op }) => op.name)).toEqual(order);
    expect(tape.nodes.map(({ index }) => index)).toEqual([...order.keys()]);

    const seen: string[] = [];
    let [outputGradient, hiddenGradient]: (Float64Array | undefined)[] = [];
    for (const step of tape.steps(total)) {
      seen.push(step.op);
      await checks[seen.length - 1](step);
      if (step.node.inputIds[1] === outputWeights.id)
        outputGradient = await step.inputGradients[1]?.dataFloat64();
      if (step.node.inputIds[1] === hiddenWeights.id)
        hiddenGradient = await step.inputGradients[1]?.dataFloat64();
    }
    expect(seen).toEqual(order.toReversed());

    // gradient() says the same as the steps did.
    const [dHidden, dOutput] = tape.gradient(total, [hiddenWeights, outputWeights]);
    await expectValues("gradient of output", dOutput, wanted.outputGradient, names.output);
    await expectValues("gradient of hidden", dHidden, wanted.hiddenGradient, names.hidden);
    expect(await dOutput.dataFloat64()).toEqual(outputGradient);
    expect(await dHidden.dataFloat64()).toEqual(hiddenGradient);
    tape.dispose();

    tidy(() => {
      outputWeights.assign(sub(outputWeights, mul(dOutput, learningRate)));
      hiddenWeights.assign(sub(hiddenWeights, mul(dHidden, learningRate)));
    });
    await expectValues("new weights", outputWeights, wanted.newOutput, names.output);
    await expectValues("new weights", hiddenWeights, wanted.newHidden, names.hidden);
    const after = tidy(() => forward().total);
    await expectValues("E after one step", after, wanted.totalAfter);
    expect(await after.item()).toBeLessThan(await total.item());
    for (const made of [h, o, errors, total, dHidden, dOutput, after]) made.dispose();
    close();
  }

  /** What each step back shows, from the loss on: forward values, incoming and local gradients. */
  const checks: ((step: TapeStep) => Promise<void>)[] = [
    // E = E1 + E2
    async (step) => {
      await expectValues("sum: in", step.inputs[0], wanted.errors);
      await expectValues("sum: out", step.outputs[0], wanted.total);
      await expectValues("sum: ∂E/∂E", step.outputGradients[0], [1]);
      await expectValues("sum: ∂E/∂Ei", step.inputGradients[0], [1, 1]);
    },
    // Ei = d²/2: the factor is no variable, so no gradient flows to it.
    async (step) => {
      await expectValues("mul: out", step.outputs[0], wanted.errors);
      await expectValues("mul: gradient", step.inputGradients[0], [0.5, 0.5]);
      expect(step.inputGradients[1]).toBeNull();
    },
    async (step) => {
      await expectValues("square: in", step.inputs[0], [-0.209446, -0.06384491]);
      await expectValues("square: gradient", step.inputGradients[0], [-0.209446, -0.06384491]);
    },
    // d = t - o: nothing for t, the negative for o.
    async (step) => {
      await expectValues("sub: in t", step.inputs[0], [0.4, 0.6]);
      await expectValues("sub: in o", step.inputs[1], wanted.o);
      expect(step.inputGradients[0]).toBeNull();
      await expectValues("sub: ∂E/∂o", step.inputGradients[1], [0.209446, 0.06384491]);
    },
    // ∂E/∂z3 = (o1 - t1) o1 (1 - o1)
    async (step) => {
      await expectValues("output sigmoid: z3, z4", step.inputs[0], wanted.z34);
      await expectValues("output sigmoid: o", step.outputs[0], wanted.o);
      const want = [0.4, 0.6].map((target, i) => (wanted.o[i] - target) * slope(wanted.o[i]));
      await expectValues("output sigmoid: ∂E/∂z", step.inputGradients[0], want);
      await expectLocal(step, wanted.o.map(slope));
    },
    async (step) => {
      await expectValues("output matmul: h", step.inputs[0], wanted.h);
      await expectValues("output matmul: weights", step.inputs[1], start.output);
      await expectValues("output matmul: z3, z4", step.outputs[0], wanted.z34);
      await expectValues("∂E/∂w5..w8", step.inputGradients[1], wanted.outputGradient, names.output);
      const dz = [0.4, 0.6].map((target, i) => (wanted.o[i] - target) * slope(wanted.o[i]));
      const dh = [0, 1].map((i) => dz[0] * start.output[2 * i] + dz[1] * start.output[2 * i + 1]);
      await expectValues("∂E/∂h", step.inputGradients[0], dh);
    },
    async (step) => {
      await expectValues("hidden sigmoid: z1, z2", step.inputs[0], wanted.z12);
      await expectValues("hidden sigmoid: h", step.outputs[0], wanted.h);
      await expectLocal(step, wanted.h.map(slope));
    },
    // The input is not watched: it gets no gradient.
    async (step) => {
      await expectValues("hidden matmul: x", step.inputs[0], [0.1, 0.2]);
      await expectValues("hidden matmul: weights", step.inputs[1], start.hidden);
      await expectValues("hidden matmul: z1, z2", step.outputs[0], wanted.z12);
      expect(step.inputGradients[0]).toBeNull();
      await expectValues("∂E/∂w1..w4", step.inputGradients[1], wanted.hiddenGradient, names.hidden);
    },
  ];
});

const slope = (y: number) => y * (1 - y);

/** The local derivative of a pointwise step: what comes out over what comes in. */
async function expectLocal(step: TapeStep, want: readonly number[]): Promise<void> {
  const incoming = (await step.outputGradients[0]?.dataFloat64()) as Float64Array;
  const outgoing = (await step.inputGradients[0]?.dataFloat64()) as Float64Array;
  want.forEach((slopeHere, i) => {
    expect(Math.abs(outgoing[i] / incoming[i] - slopeHere)).toBeLessThan(tolerance);
  });
}

async function expectValues(
  what: string,
  got: Tensor | null | undefined,
  want: readonly number[],
  labels?: readonly string[],
): Promise<void> {
  expect(got, what).toBeTruthy();
  const values = [...(await (got as Tensor).dataFloat64())];
  expect(values.length, what).toBe(want.length);
  values.forEach((value, i) => {
    const label = `${what}${labels === undefined ? "" : ` ${labels[i]}`}[${i}]: ${value}, the table says ${want[i]}`;
    expect(Math.abs(value - want[i]), label).toBeLessThan(tolerance);
  });
}

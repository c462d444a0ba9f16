// Makes a forward, a backward and a gradient case of an op on given inputs.

import { type Device, type DeviceInfo, jit, Tape, type Tensor, tensor, tidy } from "../../engine/index.ts";
import type { BenchCase, OwnBackend, Prepared } from "../bench-case.ts";
import {
  type EngineOpName,
  type InputSpec,
  isRandom,
  type OpAttributes,
  type OpSpec,
  seedOf,
  valuesOf,
} from "./op-spec.ts";
import { ownOps } from "./own-ops.ts";

// Backward is the tape's walk alone: the forward pass is recorded once, outside the clock, and its gradients are taken
// again and again. Gradient is both, traced.

export interface Cost {
  readonly flops?: number;
  readonly bytes?: number;
}

/** What a case made of an op or a layer says besides. */
export interface CaseOptions {
  readonly name: string;
  readonly forward: Cost;
  /** Absent where there is no gradient, or it is nothing to time. */
  readonly backward?: Cost;
  readonly isQuick?: boolean;
  readonly skip?: Partial<Record<OwnBackend, string>>;
  readonly skipOn?: BenchCase["skipOn"];
  /** Opens a device of its own with this. */
  readonly openWith?: BenchCase["openWith"];
}

/** Of cases of a GPU's size. */
export const skipOnSoftware = ({ isSoftware }: DeviceInfo): string | undefined =>
  isSoftware ? "it is of a GPU's size, and the CPU behind this adapter takes seconds" : undefined;

export interface OpCase extends CaseOptions {
  readonly op: EngineOpName;
  readonly inputs: readonly InputSpec[];
  readonly attributes?: OpAttributes;
}

/** The cases of one op. */
export function opCases({ op, inputs, attributes = {}, ...options }: OpCase): BenchCase[] {
  const spec: OpSpec = { op, inputs, attributes };
  return passes(options, spec, (device) => {
    const given = valuesOf(spec).map((values, i) => tensor(values, { shape: [...inputs[i].shape], device }));
    const random = isRandom(op) ? tensor(device.random.state(), { device }) : undefined;
    return {
      inputs: given.filter((_, i) => inputs[i].fill !== "whole"),
      run: () => ownOps[op](given, attributes, random),
      dispose: () => {
        for (const each of [...given, random]) each?.dispose();
      },
    };
  });
}

/** A function of tensors on a device, ready to be called. */
export interface Pass {
  /** What gradients are taken of. */
  readonly inputs: readonly Tensor[];
  run(): Tensor;
  dispose(): void;
}

/** The forward case of a function and, where its way back has a cost, the backward and the gradient case. */
export function passes(
  { name, forward, backward, isQuick, skip, skipOn, openWith }: CaseOptions,
  op: OpSpec | undefined,
  make: (device: Device) => Pass,
): BenchCase[] {
  const shared = { name, isQuick, skip, skipOn, openWith, ownDevice: openWith !== undefined };
  // Peers know nothing of how a device of ours was opened.
  const specOf = (isGradient: boolean) =>
    op === undefined || openWith !== undefined
      ? undefined
      : ({ kind: "op", op: { ...op, isGradient } } as const);
  const cases: BenchCase[] = [
    {
      ...shared,
      phase: "forward",
      ...forward,
      spec: specOf(false),
      prepare: (device) => prepareForward(make(device)),
    },
  ];
  if (backward === undefined) return cases;
  cases.push({
    ...shared,
    phase: "backward",
    ...backward,
    prepare: (device) => prepareBackward(make(device), device),
  });
  // What moves nothing has nothing to be fused.
  if (op === undefined) return cases;
  const sum = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? undefined : a + b;
  cases.push({
    ...shared,
    phase: "gradient",
    flops: sum(forward.flops, backward.flops),
    bytes: sum(forward.bytes, backward.bytes),
    spec: specOf(true),
    skip: { ...skip, cpu: "the reference runs op by op, traced or not: forward and backward tell it" },
    prepare: (device) => prepareGradient(make(device), device),
  });
  return cases;
}

/** The values of tensors, which it disposes. */
export async function valuesIn(tensors: readonly Tensor[]): Promise<ArrayLike<number>[]> {
  try {
    return await Promise.all(tensors.map((each) => each.data()));
  } finally {
    for (const each of tensors) each.dispose();
  }
}

const prepareForward = (pass: Pass): Prepared => ({
  run: () => {
    pass.run().dispose();
  },
  result: () => valuesIn([pass.run()]),
  dispose: () => pass.dispose(),
});

const seedFor = ({ shape }: Tensor, device: Device) => tensor(seedOf(shape), { shape, device });

function prepareBackward(pass: Pass, device: Device): Prepared {
  const tape = new Tape().watch(...pass.inputs);
  const result = tape.record(() => pass.run());
  const seed = seedFor(result, device);
  return {
    run: () => {
      tidy(() => {
        for (const gradient of tape.gradient(result, pass.inputs, { seed })) gradient.dispose();
      });
    },
    dispose: () => {
      tape.dispose();
      pass.dispose();
      for (const tensor of [result, seed]) tensor.dispose();
    },
  };
}

function prepareGradient(pass: Pass, device: Device): Prepared {
  const result = pass.run();
  const seed = seedFor(result, device);
  result.dispose();
  const gradients = jit((weights: Tensor) =>
    tidy(() => {
      const tape = new Tape().watch(...pass.inputs);
      const value = tape.record(() => pass.run());
      const found = tape.gradient(value, pass.inputs, { seed: weights });
      tape.dispose();
      return found;
    }),
  );
  return {
    run: () => {
      for (const gradient of gradients(seed)) gradient.dispose();
    },
    result: () => valuesIn(gradients(seed)),
    dispose: () => {
      gradients.dispose();
      pass.dispose();
      seed.dispose();
    },
  };
}

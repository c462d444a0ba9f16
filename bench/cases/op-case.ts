// Makes a forward and a backward case of an op on given inputs. Backward is the tape's walk alone: the forward pass is
// recorded once, outside the clock, and its gradients are taken again and again.

import { type Device, type DeviceInfo, Tape, type Tensor, tensor, tidy } from "../../engine/index.ts";
import type { BenchCase, OwnBackend, Prepared } from "../bench-case.ts";
import { spreadTensor } from "../values.ts";
import { type InputSpec, type OpAttributes, type OpName, type OpSpec, valuesOf } from "./op-spec.ts";
import { ownOps } from "./own-ops.ts";

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
  readonly op: Exclude<OpName, "adam">;
  readonly inputs: readonly InputSpec[];
  readonly attributes?: OpAttributes;
}

/** The cases of one op: peers take part in the forward one. */
export function opCases({ op, inputs, attributes = {}, ...options }: OpCase): BenchCase[] {
  const spec: OpSpec = { op, inputs, attributes };
  const tensorsOn = (device: Device) =>
    valuesOf(spec).map((values, i) => tensor(values, { shape: [...inputs[i].shape], device }));
  return passes(options, spec, (device) => {
    const all = tensorsOn(device);
    return {
      inputs: all.filter((_, i) => inputs[i].fill !== "whole"),
      run: () => ownOps[op](all, attributes),
      dispose: () => {
        for (const input of all) input.dispose();
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

/** The forward case and, where it has a cost, the backward case of a function. */
export function passes(
  { name, forward, backward, isQuick, skip, skipOn, openWith }: CaseOptions,
  op: OpSpec | undefined,
  make: (device: Device) => Pass,
): BenchCase[] {
  const shared = { name, isQuick, skip, skipOn, openWith, ownDevice: openWith !== undefined };
  const cases: BenchCase[] = [
    { ...shared, phase: "forward", ...forward, op, prepare: (device) => prepareForward(make(device)) },
  ];
  if (backward !== undefined) {
    const prepare = (device: Device) => prepareBackward(make(device), device);
    cases.push({ ...shared, phase: "backward", ...backward, prepare });
  }
  return cases;
}

function prepareForward(pass: Pass): Prepared {
  return {
    run: () => {
      pass.run().dispose();
    },
    result: async () => {
      const result = pass.run();
      try {
        return await result.data();
      } finally {
        result.dispose();
      }
    },
    dispose: () => pass.dispose(),
  };
}

function prepareBackward(pass: Pass, device: Device): Prepared {
  const tape = new Tape().watch(...pass.inputs);
  const result = tape.record(() => pass.run());
  const seed = spreadTensor(device, result.shape, -1, 1, 99);
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

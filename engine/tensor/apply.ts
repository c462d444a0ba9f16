// The one function that every public op calls: infers shapes (throwing at the caller's line), executes, records
// on the active tapes.

import type { DType } from "../base/dtype.ts";
import { ArgumentError, DeviceError } from "../base/errors.ts";
import { checkShape } from "../base/shape.ts";
import type { Spec } from "../kernel/kernel.ts";
import type { Memory } from "../kernel/memory.ts";
import { notTensor } from "./arguments.ts";
import { fromValues, isList, upload } from "./create.ts";
import { checkTraced, type Device, device as defaultDevice } from "./device.ts";
import type { Op, TensorLike } from "./op.ts";
import { noGrad, recordOnTapes } from "./recording.ts";
import { scalar } from "./scalars.ts";
import { tidy } from "./scope.ts";
import { Tensor } from "./tensor.ts";
import { opWatch } from "./watches.ts";

/** Runs `op` and gives its outputs. Numbers and arrays among the inputs become tensors of the first tensor's dtype. */
export function apply<A>(op: Op<A>, inputs: readonly TensorLike[], attrs: A): Tensor[] {
  const device = commonDevice(op.name, inputs);
  checkTraced(op.name, device);
  let hasArrays = false;
  const tensors = inputs.map((value, i) => {
    if (value instanceof Tensor) return value;
    if (typeof value === "number") return scalar(device, value, scalarDType(op, value, i, inputs));
    hasArrays = true;
    return undefined as unknown as Tensor;
  });
  if (hasArrays) return tidy(() => apply(op, withoutArrays(op, inputs), attrs));
  const memories = tensors.map((tensor) => tensor.memory);
  const specs = op.infer(tensors, attrs);
  for (const spec of specs) checkShape(op.name, spec.shape);
  const compose = op.compose;
  const watch = opWatch.value;
  let outputs: Tensor[];
  if (compose === undefined) outputs = execute(device, op, attrs, tensors, memories, specs);
  else {
    const run = () => tidy(() => noGrad(() => [...compose(tensors, attrs)]));
    outputs = watch === undefined ? run() : watch.inside(op, run);
  }
  watch?.ran(op, attrs, tensors, outputs);
  recordOnTapes(op, attrs, tensors, outputs);
  return outputs;
}

/** The first of an op's outputs where only a gradient wants the others: they are freed unless a tape has them. */
export function firstOf(outputs: readonly Tensor[]): Tensor {
  for (let i = 1; i < outputs.length; i++) outputs[i].dispose();
  return outputs[0];
}

function execute<A>(
  device: Device,
  op: Op<A>,
  attrs: A,
  inputs: readonly Tensor[],
  memories: readonly Memory[],
  specs: readonly Spec[],
): Tensor[] {
  const backend = device.backend;
  if (op.kernels === undefined) {
    // A view: the same memory under another shape.
    memories[0].retain();
    const view = new Tensor(device, specs[0], memories[0]);
    view.viewed = inputs[0].viewed ?? inputs[0];
    return [view];
  }
  const outputs: Memory[] = [];
  try {
    for (const spec of specs) {
      // A kernel may read one output to make another.
      const apart = outputs.length === 0 ? memories : [...memories, ...outputs];
      outputs.push(backend.allocate(spec, `the result of ${op.name}`, apart));
    }
    backend.run(op, attrs, { specs: inputs, memories }, { specs, memories: outputs });
  } catch (error) {
    for (const memory of outputs) memory.release();
    throw error;
  }
  return specs.map((spec, i) => new Tensor(device, spec, outputs[i]));
}

function commonDevice(op: string, inputs: readonly TensorLike[]): Device {
  let device: Device | undefined;
  for (const value of inputs) {
    if (!(value instanceof Tensor)) continue;
    if (device === undefined) device = value.device;
    else if (device !== value.device) {
      throw new DeviceError(
        `${op}: the inputs are on two devices (${device.name} and ${value.device.name}); copy one over with tensor(await x.data(), ...)`,
      );
    }
  }
  return device ?? defaultDevice();
}

type Taking = Pick<Op, "name" | "wholeInputs">;

/** The inputs with tensors in the place of arrays, on the others' device: whoever calls frees them. */
export function withoutArrays(op: Taking, inputs: readonly TensorLike[]): (Tensor | number)[] {
  const device = commonDevice(op.name, inputs);
  return inputs.map((value, i) => {
    if (value instanceof Tensor || typeof value === "number") return value;
    if (!isList(value) && typeof value !== "boolean") throw notTensor(op.name, value, `argument ${i + 1}`);
    const { values, shape, dtype: own } = fromValues(op.name, value, undefined, device);
    const dtype = own === "bool" ? own : (partnerDType(op, i, inputs) ?? own);
    return upload(device, values, shape, dtype, op.name);
  });
}

/** The dtype of host values beside tensors: the first tensor's (but not bool), or i32 where whole numbers belong. */
function partnerDType({ wholeInputs }: Taking, index: number, inputs: readonly TensorLike[]) {
  if (wholeInputs?.includes(index)) return "i32";
  const partner = inputs.find((other): other is Tensor => other instanceof Tensor && other.dtype !== "bool");
  return partner?.dtype;
}

/** A number takes the dtype of the first tensor beside it (f32 beside bool); it must be whole for integers. */
function scalarDType(op: Taking, value: number, index: number, inputs: readonly TensorLike[]): DType {
  const dtype = partnerDType(op, index, inputs) ?? "f32";
  if (dtype === "f32") return dtype;
  const low = dtype === "i32" ? -(2 ** 31) : 0;
  const high = dtype === "i32" ? 2 ** 31 - 1 : dtype === "u8" ? 255 : 2 ** 32 - 1;
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new ArgumentError(
      `${op.name}: the number ${value} does not fit ${dtype}, the other operand's dtype; it must be whole and from ${low} to ${high}. Cast the tensor to "f32"`,
    );
  }
  return dtype;
}

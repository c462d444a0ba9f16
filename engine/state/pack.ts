// Packs variables: their values move into one device buffer, so that an optimizer step, a norm or a clip over all
// of them is one dispatch. Each variable goes on as a part of that buffer.

import { ArgumentError, DTypeError, LimitError } from "../base/errors.ts";
import { pack } from "../ops/layout/pack.ts";
import { reshape } from "../ops/layout/reshape.ts";
import { checkTensors } from "../tensor/arguments.ts";
import type { Device } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Variable, variable } from "../tensor/variable.ts";

export class VariablePack {
  readonly variables: readonly Variable[];
  /** All values as one f32 vector [total]: assigning to it changes every variable. Gaps between them are 0. */
  readonly values: Variable;
  /** Where each variable begins in `values`, in elements. */
  readonly offsets: readonly number[];
  readonly total: number;

  /** @internal Use {@link packVariables}. */
  constructor(variables: readonly Variable[], values: Variable, offsets: readonly number[]) {
    this.variables = variables;
    this.values = values;
    this.offsets = offsets;
    this.total = values.size;
  }

  /** One tensor a variable, of its shape, as one vector laid out like `values`; the gaps are 0. */
  gather(tensors: readonly Tensor[]): Tensor {
    checkTensors("gather", tensors);
    if (tensors.length !== this.variables.length) {
      throw new ArgumentError(
        `gather: got ${tensors.length} tensors for ${this.variables.length} packed variables; pass one each`,
      );
    }
    // One variable without a gap lies there already.
    if (tensors.length === 1 && tensors[0].size === this.total) return reshape(tensors[0], [this.total]);
    return pack(tensors, this.offsets, this.total);
  }

  /** Variable `index`'s part of a vector laid out like `values`, such as an optimizer's slot: [start, end). */
  range(index: number): readonly [start: number, end: number] {
    return [this.offsets[index], this.offsets[index] + this.variables[index].size];
  }

  /** Variables `first` to `last` and the gaps behind them as one vector that lives where they do. */
  view(first: number, last: number): PackView {
    const { backend } = this.values.device;
    const start = this.offsets[first];
    const spec = { shape: [(this.offsets[last + 1] ?? this.total) - start], dtype: "f32" } as const;
    const memory = backend.slice(this.values.memory, start * 4, spec);
    const values = new Variable(this.values.device, spec, memory, `${this.values.name}/part`, false);
    const variables = this.variables.slice(first, last + 1);
    values.partOf = { parent: this.values, memory: this.values.memory, byteOffset: start * 4 };
    values.parts = variables;
    return new PackView(values);
  }

  /** Frees the packed buffer once the variables are disposed too. */
  dispose(): void {
    this.values.dispose();
  }
}

/** Some neighbours of a pack, as one vector. */
export class PackView {
  readonly values: Variable;

  /** @internal Use {@link VariablePack.view}. */
  constructor(values: Variable) {
    this.values = values;
  }

  /** Replaces the values of all its variables. */
  assign(values: Tensor): void {
    this.values.assignWithParts(values);
  }

  dispose(): void {
    this.values.dispose();
  }
}

/** Moves the values of f32 variables, all on one device, into one buffer. A variable can be packed only once. */
export function packVariables(variables: readonly Variable[], name = "pack"): VariablePack {
  checkTensors("packVariables", variables);
  if (variables.length === 0) throw new ArgumentError("packVariables: got no variables; pass at least one");
  const again = variables.find((v, i) => variables.indexOf(v) < i);
  if (again !== undefined)
    throw new ArgumentError(`packVariables: got ${again.describe()} twice; pass each variable once`);
  const device = variables[0].device;
  // All of them have values, or none is moved.
  for (const { memory } of variables) memory.checkUsable(variables[0]);
  const alignment = device.backend.sliceAlignment / 4;
  const offsets: number[] = [];
  let total = 0;
  for (const v of variables) {
    if (v.dtype !== "f32")
      throw new DTypeError(`packVariables: ${v.describe()} is ${v.dtype}; only f32 variables can be packed`);
    offsets.push(total);
    total += Math.ceil(Math.max(1, v.size) / alignment) * alignment;
  }
  total = Math.ceil(total / 4) * 4;
  const values = packedValues(variables.length, total, name, device);
  variables.forEach((v, i) => {
    v.moveInto(values, offsets[i] * 4);
  });
  values.parts = variables;
  return new VariablePack(variables, values, offsets);
}

function packedValues(count: number, total: number, name: string, device: Device): Variable {
  try {
    device.backend.checkSize({ shape: [total], dtype: "f32" }, `variable "${name}"`);
    return variable(new Float32Array(total), { name, device });
  } catch (error) {
    if (!(error instanceof LimitError)) throw error;
    throw new LimitError(
      `packVariables: ${count} variables of ${total} numbers together share one buffer, which this adapter cannot bind: ${error.message.split("; ")[0]}; make layers narrower, or give groups of variables an optimizer of their own`,
    );
  }
}

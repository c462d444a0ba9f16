// A recorded call, and the values that a tape keeps of it. Values are counted references on memory: handles for
// them are made when somebody looks, since recording must cost little and most ops are never looked at.

import type { SourceLine } from "../base/source-line.ts";
import type { Spec } from "../kernel/kernel.ts";
import type { Memory } from "../kernel/memory.ts";
import type { Op } from "../tensor/op.ts";
import type { RecordedVariable, TapeNode } from "../tensor/tape-node.ts";
import { Tensor } from "../tensor/tensor.ts";

/** A value kept alive without a handle. */
export class SavedValue {
  readonly #source: Pick<Tensor, "id" | "device" | "dtype" | "shape">;
  #memory: Memory | undefined;
  #handle: Tensor | undefined;

  constructor(tensor: Tensor) {
    const { id, device, dtype, shape, memory } = tensor;
    memory.retain();
    this.#source = { id, device, dtype, shape };
    this.#memory = memory;
    // It counts as a tensor, so that counts of what lives show a tape that is never disposed.
    device.alive.tensors++;
  }

  /** The value's handle, owned by this. */
  tensor(): Tensor {
    if (this.#handle === undefined) {
      const { id, device } = this.#source;
      // The handle takes over the reference and the count.
      device.alive.tensors--;
      this.#handle = new Tensor(device, this.#source, this.#memory!, { id, tracked: false });
    }
    return this.#handle;
  }

  release(): void {
    if (this.#handle !== undefined) this.#handle.dispose();
    else if (this.#memory !== undefined) {
      this.#source.device.alive.tensors--;
      this.#memory.release();
    }
    this.#memory = undefined;
  }
}

type Saved = readonly (SavedValue | undefined)[];

export class Node implements TapeNode {
  readonly index: number;
  readonly op: Op;
  readonly attrs: unknown;
  readonly inputIds: readonly number[];
  readonly outputIds: readonly number[];
  readonly inputSpecs: readonly Spec[];
  readonly outputSpecs: readonly Spec[];
  readonly inputVariables: readonly (RecordedVariable | undefined)[];
  readonly source: SourceLine | undefined;
  readonly scope: string;
  #inputs: Saved;
  #outputs: Saved;
  /** Whether a walk that does not retain the graph has been here. */
  isFreed = false;

  constructor(
    recorded: Pick<TapeNode, "index" | "op" | "attrs" | "inputVariables" | "source" | "scope">,
    inputs: readonly Tensor[],
    outputs: readonly Tensor[],
    retain: boolean,
  ) {
    const { op } = recorded;
    this.index = recorded.index;
    this.op = op;
    this.attrs = recorded.attrs;
    this.inputVariables = recorded.inputVariables;
    this.source = recorded.source;
    this.scope = recorded.scope;
    this.inputIds = inputs.map((tensor) => tensor.id);
    this.outputIds = outputs.map((tensor) => tensor.id);
    this.inputSpecs = inputs.map(specOf);
    this.outputSpecs = outputs.map(specOf);
    this.#inputs = save(inputs, op.saves.inputs, retain);
    this.#outputs = save(outputs, op.saves.outputs, retain);
  }

  get inputs(): readonly (Tensor | undefined)[] {
    return this.inputIds.map((_, i) => this.input(i));
  }

  get outputs(): readonly (Tensor | undefined)[] {
    return this.outputIds.map((_, i) => this.output(i));
  }

  input(index: number): Tensor | undefined {
    return this.#inputs[index]?.tensor();
  }

  output(index: number): Tensor | undefined {
    return this.#outputs[index]?.tensor();
  }

  /** Lets go of what is saved. */
  free(): void {
    this.isFreed = true;
    for (const saved of this.#inputs) saved?.release();
    for (const saved of this.#outputs) saved?.release();
    this.#inputs = none;
    this.#outputs = none;
  }
}

const none: Saved = [];

const specOf = ({ shape, dtype }: Spec): Spec => ({ shape, dtype });

function save(tensors: readonly Tensor[], indices: readonly number[] | undefined, all: boolean): Saved {
  if (all) return tensors.map((tensor) => new SavedValue(tensor));
  if (indices === undefined || indices.length === 0) return none;
  return tensors.map((tensor, i) => (indices.includes(i) ? new SavedValue(tensor) : undefined));
}

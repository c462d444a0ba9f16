// Variable: a tensor whose value can be replaced, as parameters, moving averages and optimizer slots are. Its
// memory stays the same, so what is bound to it stays bound.

import { Ambient } from "../base/ambient.ts";
import { type DType, type HostArray, hostArray } from "../base/dtype.ts";
import {
  ArgumentError,
  checkOptions,
  DeviceError,
  kindOf,
  type OptionNames,
  ShapeError,
} from "../base/errors.ts";
import { checkedName } from "../base/names.ts";
import { type Shape, sameShape, showShape } from "../base/shape.ts";
import type { Spec } from "../kernel/kernel.ts";
import type { Memory } from "../kernel/memory.ts";
import { checkDType, checkValues, fromValues } from "./create.ts";
import { type Device, device as defaultDevice } from "./device.ts";
import { type NestedInput, Tensor } from "./tensor.ts";

export interface VariableOptions {
  name?: string;
  /**
   * Whether it is among what training changes; default true. Tapes watch trainable variables by themselves, and models
   * hand theirs to the optimizer; one that is told of a variable changes it whatever this says.
   */
  trainable?: boolean;
  shape?: Shape;
  dtype?: DType;
  device?: Device;
}

const variableOptions: OptionNames<VariableOptions> = {
  name: true,
  trainable: true,
  shape: true,
  dtype: true,
  device: true,
};

/** @internal Stands between variables and those that read and assign them, while a block is watched or runs again. */
export interface VariableWatcher {
  /** Memory to read instead of the variable's own, if it is to be another. */
  read(variable: Variable): Memory | undefined;
  /** Told before an assignment; true where that is done with. */
  assign(variable: Variable, value: Tensor): boolean;
}

/** @internal Who stands between variables and their readers now; one set inside another must ask that one itself. */
export const variableWatcher = new Ambient<VariableWatcher | undefined>(undefined);

/** By memory that a variable has left, for a pack or because it was disposed: the number of that relocation. */
const relocationOf = new WeakMap<Memory, number>();
let lastRelocation = 0;

function relocate(from: Memory): void {
  relocationOf.set(from, ++lastRelocation);
}

/** @internal How often any variable has left its memory. */
export const relocations = (): number => lastRelocation;

/**
 * @internal Whether a variable has left this memory since relocation number `since`. Programs that were traced before read
 * or write memory that is the variable's no more, so they must be traced anew.
 */
export const isRelocatedSince = (memory: Memory, since: number): boolean =>
  (relocationOf.get(memory) ?? 0) > since;

/** Values of a variable that it remembers on the host when they are set. */
const mostRemembered = 16;

/** By device, those that may be alive. */
const living = new WeakMap<Device, Set<WeakRef<Variable>>>();
/** Above so many it is looked which of them are gone. */
let crowd = 1024;

/** @internal The living variables of a device, in the order in which they were made. */
export function variablesOf(device: Device): Variable[] {
  const found: Variable[] = [];
  const all = living.get(device);
  for (const reference of all ?? []) {
    const variable = reference.deref();
    if (variable === undefined || variable.isDisposed) all?.delete(reference);
    else found.push(variable);
  }
  return found;
}

function register(made: Variable): void {
  const { device } = made;
  let all = living.get(device);
  if (all === undefined) living.set(device, (all = new Set()));
  all.add(new WeakRef(made));
  if (all.size > crowd) crowd = Math.max(1024, 2 * variablesOf(device).length);
}

export class Variable extends Tensor {
  name: string;
  trainable: boolean;
  #version = 0;
  /** @internal Whose memory its own is a part of. */
  partOf: { readonly parent: Variable; memory: Memory; readonly byteOffset: number } | undefined;
  /** @internal Variables whose values lie in this one's memory. */
  parts: readonly Variable[] = [];
  /** @internal Whether its value is made anew whenever it is needed, as that of a walk's cursor is. */
  isFleeting = false;
  /** The device's generation in which it got its value: a lost device takes that with it. */
  #setIn: number;

  /** @internal Use {@link variable}. Owns one reference on `memory`. */
  constructor(device: Device, spec: Spec, memory: Memory, name: string, trainable: boolean) {
    super(device, spec, memory, { tracked: false });
    this.name = name;
    this.trainable = trainable;
    this.#setIn = device.generation;
    register(this);
  }

  /** Counts replacements of the value: a tape that saved an older one refuses to use it. */
  get version(): number {
    return this.#version + (this.partOf?.parent.version ?? 0);
  }

  /** @internal */
  override get memory(): Memory {
    const watched = variableWatcher.value?.read(this);
    if (watched !== undefined) return watched;
    if (this.#setIn !== this.device.generation && !this.isDisposed && this.device.isUsable) {
      if (!this.#hasValue()) throw this.lostValue("set() it, assign() to it, or restore() a snapshot");
      this.#home();
    }
    return super.memory;
  }

  /** @internal Whether a lost device took its value. */
  get isLost(): boolean {
    return !this.#hasValue();
  }

  /** Whether it has been set since the device was opened last: by itself, as a part, or part by part. */
  #hasValue(): boolean {
    const now = this.device.generation;
    return (
      this.hostValues !== undefined ||
      this.#setIn === now ||
      (this.partOf !== undefined && this.partOf.parent.#setIn === now) ||
      (this.parts.length > 0 && this.parts.every((part) => part.#hasValue()))
    );
  }

  /** Memory to write the value to: new memory, where a lost device took the old. */
  #home(): Memory {
    const { device } = this;
    if (this.isStale && !this.isDisposed && device.isUsable) {
      // Not while a function is traced: a variable's memory outlives the program.
      const backend = device.realBackend;
      if (this.partOf === undefined) {
        // The gaps of packs are 0.
        this.takeMemory(this.hostValues ?? (this.parts.length > 0 ? new Float32Array(this.size) : []));
      } else {
        const { parent, byteOffset } = this.partOf;
        this.partOf.memory = parent.#home();
        this.replaceMemory(backend.slice(this.partOf.memory, byteOffset, this));
      }
      // Gradients went with the values.
      this.gradientSlot?.dispose();
      this.gradientSlot = undefined;
    }
    return super.memory;
  }

  /** Notes that it has a new value. */
  #written(values?: ArrayLike<number>): void {
    this.#version++;
    this.#setIn = this.device.generation;
    // A few numbers are remembered; an array may be the caller's.
    this.hostValues =
      values !== undefined && values.length <= mostRemembered ? Array.from(values) : undefined;
  }

  /** @internal Counts replacements of the value, those of its parts too. */
  get changes(): number {
    return this.parts.reduce((sum, part) => sum + part.#version, this.#version);
  }

  /** Replaces the value by that of `value`, which must have the same shape and dtype and keeps its own memory. */
  assign(value: Tensor): this {
    if (!(value instanceof Tensor)) {
      throw new ArgumentError(
        `assign: ${this.describe()} takes a Tensor, got ${kindOf(value)}; set() takes numbers`,
      );
    }
    if (!sameShape(value.shape, this.shape) || value.dtype !== this.dtype) {
      throw new ShapeError(
        `assign: ${this.describe()} cannot take a ${value.dtype} ${showShape(value.shape)}; shape and dtype must be equal`,
      );
    }
    if (value.device !== this.device) {
      throw new DeviceError(
        `assign: ${this.describe()} is on ${this.device.name}, the value on another device (${value.device.name})`,
      );
    }
    if (value === this) return this;
    if (variableWatcher.value?.assign(this, value)) return this;
    this.device.backend.copy(value.memory, this.#home(), this);
    this.device.backend.noteAssigned?.(this);
    this.#written();
    return this;
  }

  /** @internal Assigns, and notes it of the parts: tapes that saved their older values must know, of repeated programs too. */
  assignWithParts(value: Tensor): void {
    this.assign(value);
    for (const part of this.parts) {
      part.#written();
      part.device.backend.noteAssigned?.(part);
    }
  }

  /** @internal A replayed program has assigned it again. */
  markAssigned(): void {
    this.#written();
  }

  /** Replaces the value from the host: a flat or nested array of as many numbers. */
  set(values: NestedInput | ArrayLike<number>): this {
    const flat = fromValues(`set ${this.describe()}`, values, this.shape).values;
    checkValues(`set ${this.describe()}`, flat, this.dtype);
    if (variableWatcher.value !== undefined && this.#isSetFor(variableWatcher.value, flat)) return this;
    this.device.backend.write(this.#home(), this, flat);
    this.#written(flat);
    return this;
  }

  #isSetFor(by: VariableWatcher, values: ArrayLike<number>): boolean {
    const { backend } = this.device;
    const spec = { shape: this.shape, dtype: this.dtype };
    const memory = backend.allocate(spec, `a value of ${this.describe()}`);
    const value = new Tensor(this.device, spec, memory, { tracked: false });
    try {
      backend.write(memory, spec, values);
      return by.assign(this, value);
    } finally {
      value.dispose();
    }
  }

  /** A lost device took none of the values that the host has, and they can be read even where it does not come back. */
  override async data(): Promise<HostArray> {
    const { dtype, size, hostValues } = this;
    if (hostValues === undefined || this.device.lostReason === undefined) return super.data();
    const values = hostArray(dtype, size);
    values.set(hostValues);
    return values;
  }

  /** @internal Moves the value into a part of `parent`'s memory, where it lives from now on. */
  moveInto(parent: Variable, byteOffset: number): void {
    const backend = this.device.backend;
    const slice = backend.slice(parent.memory, byteOffset, this);
    backend.copy(this.memory, slice, this);
    relocate(this.memory);
    // The vector that it was a part of no longer has all its parts.
    if (this.partOf !== undefined) relocate(this.partOf.memory);
    this.replaceMemory(slice);
    this.partOf = { parent, memory: parent.memory, byteOffset };
  }

  /** @internal Says that it is never assigned, so that a lost device takes nothing. The caller keeps the values as they are. */
  holdsAlways(values: ArrayLike<number>): this {
    this.hostValues = values;
    return this;
  }

  /** Gives the value up, also for programs of `jit` that read or assign it: they are traced anew, and then refuse it. */
  override dispose(): void {
    const memory = this.heldMemory;
    if (memory !== undefined) relocate(memory);
    super.dispose();
  }

  /** @internal */
  protected override get title(): string {
    return `Variable "${this.name}" `;
  }

  override describe(): string {
    return `variable "${this.name}" (${this.dtype} ${showShape(this.shape)})`;
  }
}

let unnamed = 0;

/** Makes a Variable from numbers (flat with a shape, or nested), or with a copy of a tensor's value. */
export function variable(
  value: Tensor | NestedInput | ArrayLike<number>,
  options: VariableOptions = {},
): Variable {
  checkOptions("variable", options, variableOptions);
  const name = options.name === undefined ? `variable_${++unnamed}` : checkedName("variable", options.name);
  const trainable = options.trainable ?? true;
  if (value instanceof Tensor) {
    const { shape, dtype, device } = options;
    if (
      (shape !== undefined && !sameShape(shape, value.shape)) ||
      (dtype !== undefined && dtype !== value.dtype) ||
      (device !== undefined && device !== value.device)
    ) {
      throw new ArgumentError(
        `variable "${name}": a tensor's shape, dtype and device are its own (${value.dtype} ${showShape(value.shape)}, ${value.device.name}); use reshape, cast, or numbers`,
      );
    }
    const { memory } = value;
    const made = allocateVariable(value.device, value, name, trainable);
    value.device.backend.copy(memory, made.memory, value);
    return made;
  }
  const device = options.device ?? defaultDevice();
  if (options.dtype !== undefined) checkDType(options.dtype);
  const { values, shape } = fromValues(`variable "${name}"`, value, options.shape, device);
  checkValues(`variable "${name}"`, values, options.dtype ?? "f32");
  const made = allocateVariable(device, { shape, dtype: options.dtype ?? "f32" }, name, trainable);
  device.backend.write(made.memory, made, values);
  return made;
}

function allocateVariable(device: Device, spec: Spec, name: string, trainable: boolean): Variable {
  device.checkOpen(`variable "${name}"`);
  return new Variable(
    device,
    { shape: spec.shape, dtype: spec.dtype },
    device.backend.allocate(spec, `variable "${name}"`),
    name,
    trainable,
  );
}

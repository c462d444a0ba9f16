// Tensor: an immutable value of a shape and dtype on a device. A handle on memory that others may share.

import type { DType, HostArray } from "../base/dtype.ts";
import { ArgumentError, DeviceLostError, DisposedError } from "../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../base/shape.ts";
import type { Spec } from "../kernel/kernel.ts";
import type { Memory } from "../kernel/memory.ts";
import type { Device } from "./device.ts";
import { gradientOf } from "./gradient-store.ts";
import { track } from "./scope-stack.ts";
import { valuesText } from "./values-text.ts";
import { opWatch, tensorWatch } from "./watches.ts";

let nextId = 1;

/** Frees the memory of tensors that were dropped without `dispose()`: a safety net, not a way of working. */
const dropped = new FinalizationRegistry<Held>(({ memory, counted, origin }) => {
  if (counted !== undefined) counted.tensors--;
  memory.release();
  if (origin !== undefined) tensorWatch.value?.collected(origin);
});

interface Held {
  readonly memory: Memory;
  /** Where the handle is counted, if it is. */
  readonly counted?: { tensors: number };
  /** Where the handle was made, while debugging asks for it. */
  readonly origin?: unknown;
}

/** What Node's console and debuggers call to show an object; others know nothing of it. */
const inspected = Symbol.for("nodejs.util.inspect.custom");
/** Values shown of one tensor there: whole up to so many, else so many at either end of each axis. */
const wholePreview = 100;
const edgePreview = 3;
/** The console's method is set with the first tensor: at import, it would keep bundlers from dropping the class. */
let isInspectable = false;

export class Tensor implements Spec {
  static #makeInspectable(): void {
    isInspectable = true;
    Object.defineProperty(Tensor.prototype, inspected, {
      value(this: Tensor) {
        return this.#preview();
      },
    });
  }

  /** Names the value, not the handle: two handles on one value share it. */
  readonly id: number;
  readonly device: Device;
  readonly dtype: DType;
  readonly shape: Shape;
  #memory: Memory | undefined;
  #isCounted = false;
  /** The device's generation that the memory is of. */
  #generation: number;
  /** @internal See engine/autograd/slots.ts, which fills it. */
  gradientSlot: Tensor | undefined;
  /** @internal Its values, where somebody keeps them on the host as they are: a lost device takes nothing then. */
  hostValues: ArrayLike<number> | undefined;
  /** @internal What belongs to the value and is freed with it, as the mask of its steps. */
  belonging: Tensor | undefined;
  /** @internal Of a view: the tensor whose memory it shows. Where that is a variable, assigning to it changes the view. */
  viewed: Tensor | undefined;

  /**
   * @internal Tensors are made by creation functions (`tensor`, `zeros`, ...) and by ops. Owns one reference. One that
   * is not `counted` shows memory that something else owns and frees: nothing leaks where nobody disposes it.
   */
  constructor(
    device: Device,
    spec: Spec,
    memory: Memory,
    options: { id?: number; tracked?: boolean; counted?: boolean } = {},
  ) {
    if (!isInspectable) Tensor.#makeInspectable();
    this.id = options.id ?? nextId++;
    this.device = device;
    this.dtype = spec.dtype;
    this.shape = spec.shape;
    this.#memory = memory;
    this.#generation = device.generation;
    if (options.counted === false) dropped.register(this, { memory }, this);
    else this.#count(memory);
    if (options.tracked !== false) track(this);
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  get rank(): number {
    return this.shape.length;
  }

  get isDisposed(): boolean {
    return this.#memory === undefined;
  }

  /**
   * The gradient that `backward` has added up here, or null. It belongs to this tensor: `zeroGrad` and `dispose` free
   * it, scopes do not. Inside a function traced by `jit` it is what that call has added up so far.
   */
  get grad(): Tensor | null {
    return gradientOf(this);
  }

  /** @internal The memory behind the handle; throws a DisposedError when it was given up or the device closed, a DeviceLostError when that was lost. */
  get memory(): Memory {
    if (this.#memory === undefined) {
      throw new DisposedError(
        `${this.describe()} was disposed and cannot be used any more; keep it by returning it from tidy() or with keep()`,
      );
    }
    if (!this.device.isUsable) this.device.checkOpen(this.describe());
    if (this.isStale) {
      if (this.viewed !== undefined) {
        // A view goes on with the variable that it shows.
        const { memory } = this.viewed;
        memory.retain();
        this.replaceMemory(memory);
      } else if (this.hostValues !== undefined) this.takeMemory(this.hostValues);
      else throw this.lostValue("make it anew from values on the host");
    }
    this.#memory.checkUsable(this);
    return this.#memory;
  }

  /** @internal Whether the device was lost since, and the memory with it. */
  protected get isStale(): boolean {
    return this.#generation !== this.device.generation;
  }

  /** @internal */
  protected lostValue(remedy: string): DeviceLostError {
    return new DeviceLostError(
      `${this.describe()} lost its value when ${this.device.name} was lost; the device is open again: ${remedy}`,
    );
  }

  /** New memory with these values, in the place of what a lost device took; not of a trace, which ends before. */
  protected takeMemory(values: ArrayLike<number>): void {
    const { realBackend } = this.device;
    const memory = realBackend.allocate(this, this.describe());
    realBackend.write(memory, this, values);
    this.replaceMemory(memory);
  }

  /** @internal A second handle on the same value, which keeps it alive on its own. */
  alias(): Tensor {
    const memory = this.memory;
    memory.retain();
    return new Tensor(this.device, this, memory, { id: this.id, tracked: false });
  }

  /** @internal Runs `fn` with the handle usable on `memory`, which someone holds, where it was disposed. */
  lend<T>(memory: Memory, fn: () => T): T {
    if (this.#memory !== undefined) return fn();
    this.#memory = memory;
    try {
      return fn();
    } finally {
      this.#memory = undefined;
    }
  }

  /** @internal Makes the handle an owner of its memory, counted like others, where a program of jit owned it so far. */
  adopt(): void {
    if (this.#memory === undefined || this.#isCounted) return;
    dropped.unregister(this);
    this.#count(this.#memory);
  }

  #count(memory: Memory): void {
    this.#isCounted = true;
    const counted = this.device.alive;
    counted.tensors++;
    const origin = tensorWatch.value?.made(this);
    dropped.register(this, { memory, counted, origin }, this);
  }

  /** @internal How errors name it. */
  describe(): string {
    return `tensor ${this.dtype} ${showShape(this.shape)}`;
  }

  /**
   * Reads the values back, row-major: Float32Array, Int32Array or Uint32Array by dtype; Uint8Array for u8 and
   * bool. Waits for the GPU. On the CPU reference, float64 values are rounded to f32 here.
   */
  async data(): Promise<HostArray> {
    if (opWatch.value !== undefined) await opWatch.value.check(this.device);
    return this.device.backend.read(this.memory, this.dtype, this.size);
  }

  /** The values of the CPU reference before rounding; on a GPU, the f32 values widened. For gradient checks. */
  async dataFloat64(): Promise<Float64Array> {
    if (opWatch.value !== undefined) await opWatch.value.check(this.device);
    return this.device.backend.readFloat64(this.memory, this.dtype, this.size);
  }

  /** Reads the single value of a tensor of size 1. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new ArgumentError(
        `item: ${this.describe()} has ${this.size} elements; item() reads tensors of exactly one. Use data()`,
      );
    }
    return (await this.data())[0];
  }

  /** Reads the values back as nested arrays of numbers (booleans for bool); a plain value for a scalar. */
  async array(): Promise<NestedArray> {
    const flat = await this.data();
    const shape = this.shape;
    const isBool = this.dtype === "bool";
    const build = (axis: number, offset: number): NestedArray => {
      if (axis === shape.length) return isBool ? flat[offset] !== 0 : flat[offset];
      const stride = sizeOf(shape.slice(axis + 1));
      return Array.from({ length: shape[axis] }, (_, i) => build(axis + 1, offset + i * stride));
    };
    return build(0, 0);
  }

  /** Gives the value up. Doing it twice is harmless; using the tensor afterwards throws. */
  dispose(): void {
    const memory = this.#memory;
    if (memory === undefined) return;
    this.#memory = undefined;
    this.gradientSlot?.dispose();
    this.gradientSlot = undefined;
    this.belonging?.dispose();
    if (this.#isCounted) this.device.alive.tensors--;
    dropped.unregister(this);
    memory.release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    return `${this.title}(${this.dtype} ${showShape(this.shape)} on ${this.device.name}${this.isDisposed ? ", disposed" : ""})`;
  }

  /** @internal What it is called where it is shown. */
  protected get title(): string {
    return "Tensor";
  }

  /** Without waiting: the values where they are at hand, else how to see them. */
  #preview(): string {
    const memory = this.#memory;
    if (memory === undefined || !this.device.isUsable || this.isStale) return String(this);
    const values = this.device.backend.peek?.(memory, this.size);
    if (values === undefined) {
      const how = this.device.isTracing
        ? "being traced, it has no values"
        : "await print(tensor) shows its values";
      return `${this}: ${how}`;
    }
    const edge = this.size > wholePreview ? edgePreview : undefined;
    return `${this}${valuesText(values, this.shape, this.dtype, edge)}`;
  }

  /** @internal The memory as it is, asked of nobody; undefined when it was given up. */
  protected get heldMemory(): Memory | undefined {
    return this.#memory;
  }

  /** @internal Variables replace their memory when they are packed. */
  protected replaceMemory(memory: Memory): void {
    this.#memory?.release();
    this.#memory = memory;
    this.#generation = this.device.generation;
    dropped.unregister(this);
    dropped.register(this, { memory, counted: this.#isCounted ? this.device.alive : undefined }, this);
  }
}

/** Numbers or booleans nested to any depth, as `tensor()` takes and `array()` gives. */
export type NestedArray = number | boolean | NestedArray[];
/** Numbers from the host by rows: nested arrays, whose innermost ones may be typed arrays. */
export type NestedInput = number | boolean | Float32Array | Float64Array | readonly NestedInput[];

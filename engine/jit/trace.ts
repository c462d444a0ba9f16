// Tracing: a backend that computes nothing and writes down what it is asked for. While a function is traced, its
// device runs on this one, so every op, gradient and assignment in it is recorded as it is, composed ops included.

import type { Backend, MemoryUse, Operands, WorkCounters } from "../backend/backend.ts";
import type { DType, HostArray } from "../base/dtype.ts";
import { TraceError } from "../base/errors.ts";
import { showShape, sizeOf } from "../base/shape.ts";
import type { Spec } from "../kernel/kernel.ts";
import type { KernelOp } from "../kernel/kernel-op.ts";
import { Memory } from "../kernel/memory.ts";
import { Assignments } from "./assignments.ts";
import type { Graph, Node, Use, Value } from "./graph.ts";

/** Memory of a tensor made while tracing: it stands for a value of the graph. */
export class TracedMemory extends Memory {
  value: Value | undefined;
  readonly #trace: TraceBackend;

  constructor(trace: TraceBackend) {
    super();
    this.#trace = trace;
  }

  override checkUsable(tensor: { describe(): string }): void {
    if (this.#trace.isFinished) {
      throw new TraceError(
        `${tensor.describe()} was made inside a traced function and has no value of its own; return it from the function`,
      );
    }
  }

  /** Whether it stands for a value of this trace, and not of one around it. */
  isOf(trace: TraceBackend): boolean {
    return this.#trace === trace;
  }

  protected free(): void {}
}

/** Something from outside that the body of a loop reads. */
export interface Capture {
  readonly memory: Memory;
  readonly spec: Spec;
  /** What stands for it in the body. */
  readonly value: Value;
}

export class TraceBackend implements Backend {
  readonly #real: Backend;
  /** The trace around this one, of a loop's body. */
  readonly #outer: TraceBackend | undefined;
  /** What a body reads from outside, by its memory. */
  readonly captures = new Map<Memory, Capture>();
  readonly #nodes: Node[] = [];
  readonly #inputs: Spec[] = [];
  readonly #externals = new Map<Memory, Value>();
  readonly #assignments: Assignments;
  /** What the graph keeps alive: captured memory and constants. */
  readonly retained: Memory[] = [];
  #nextValue = 0;
  #stage = 0;
  #recomputation = 0;
  isFinished = false;
  /** How the graph's values will be kept, where not as their dtypes say. */
  declare storage?: Graph["storage"];
  /** Variables that the traced function assigns. */
  readonly assigned = new Set<{ markAssigned(): void }>();
  /** The first attempt to read values, if there was one. */
  readFailure: TraceError | undefined;

  /** @param outer of the body of a loop: the trace that the loop stands in */
  constructor(real: Backend, outer?: TraceBackend) {
    this.#real = real;
    this.#outer = outer;
    this.#assignments = new Assignments(real, (op, attrs, inputs, output) => {
      const outputs: Value[] = [];
      outputs.push(
        this.#value(output, { kind: "node", node: this.#node(op, attrs, inputs, outputs), index: 0 }),
      );
      return outputs[0];
    });
  }

  get info() {
    return this.#real.info;
  }

  /** What runs on the device later may depend on it. */
  get profile() {
    return this.#real.profile;
  }

  get sliceAlignment() {
    return this.#real.sliceAlignment;
  }

  /** How many of a kernel's buffers may move from dispatch to dispatch; the reference moves any number. */
  get mostMoving(): number {
    const { profile } = this.#real;
    return profile === undefined ? Number.POSITIVE_INFINITY : (profile.maxMovingBuffers ?? 4);
  }

  get lost() {
    return this.#real.lost;
  }

  /** A trace of a loop's body. */
  ofBody(): TraceBackend {
    return new TraceBackend(this.#real, this);
  }

  /** Memory that stands for the next argument of the traced function. */
  input(spec: Spec): TracedMemory {
    const memory = new TracedMemory(this);
    memory.value = this.#value(spec, { kind: "input", index: this.#inputs.length });
    this.#inputs.push({ shape: spec.shape, dtype: spec.dtype });
    return memory;
  }

  finish(outputs: readonly { spec: Spec; memory: Memory }[]): Graph {
    this.isFinished = true;
    return {
      nodes: this.#nodes,
      effects: this.#assignments.effects,
      inputs: this.#inputs,
      outputs: outputs.map(({ spec, memory }) => this.#use(spec, memory)),
      storage: this.storage,
    };
  }

  /** Gives up what the trace held, when it failed. */
  abandon(): void {
    this.isFinished = true;
    for (const memory of this.retained) memory.release();
    this.retained.length = 0;
  }

  allocate(_spec: Spec, what: string): Memory {
    if (what.startsWith("variable ")) {
      throw new TraceError(
        `jit: ${what} can't be made inside a traced function; make it outside and assign() to it`,
      );
    }
    return new TracedMemory(this);
  }

  /** What is made of one number takes no memory; the program's own is checked when it is made. */
  checkSize(): void {}

  write(memory: Memory, spec: Spec, values: ArrayLike<number>): void {
    if (!(memory instanceof TracedMemory)) {
      throw new TraceError(
        "jit: set() replaces a variable's value from the host, which a replayed program can't; use assign() with a tensor, or call set() outside",
      );
    }
    let uniform: number | undefined = values.length > 0 ? values[0] : undefined;
    for (let i = 1; i < values.length && uniform !== undefined; i++) {
      if (!Object.is(values[i], uniform)) uniform = undefined;
    }
    if (uniform !== undefined) memory.value = this.constant(spec, uniform);
    else if (this.#outer === undefined) memory.value = this.constant(spec, Float64Array.from(values));
    else {
      // A body holds no numbers of its own but such as are the same everywhere.
      const held = new TracedMemory(this.#outer);
      this.#outer.write(held, spec, values);
      memory.value = this.#capture(spec, held);
    }
  }

  /** A constant of the graph: one number for all elements, or one each. */
  constant(spec: Spec, values: number | Float64Array): Value {
    if (this.#outer !== undefined) return this.#outer.constant(spec, values);
    let memory: Memory | undefined;
    const make = (): Memory => {
      // Before the host's copy: it may be too large for the device.
      memory = this.#real.allocate(spec, "a constant of a traced function");
      const data = typeof values === "number" ? new Float64Array(sizeOf(spec.shape)).fill(values) : values;
      this.#real.write(memory, spec, data);
      this.retained.push(memory);
      return memory;
    };
    const uniform =
      typeof values === "number" ? (spec.dtype === "f32" ? Math.fround(values) : values) : undefined;
    return this.#value(spec, {
      kind: "constant",
      uniform,
      get memory() {
        return memory ?? make();
      },
    });
  }

  fill(memory: Memory, spec: Spec, value: number): void {
    (memory as TracedMemory).value = this.constant(spec, value);
  }

  copy(from: Memory, to: Memory, spec: Spec): void {
    this.#assignments.assign(to, spec, this.#use(spec, from).value);
  }

  run(op: KernelOp, attrs: unknown, inputs: Operands, outputs: Operands): void {
    const uses = inputs.specs.map((spec, i) => this.#use(spec, inputs.memories[i]));
    const made: Value[] = [];
    const node = this.#node(op, attrs, uses, made);
    outputs.specs.forEach((spec, index) => {
      const value = this.#value(spec, { kind: "node", node, index });
      made.push(value);
      (outputs.memories[index] as TracedMemory).value = value;
    });
  }

  #node(op: KernelOp, attrs: unknown, inputs: readonly Use[], outputs: readonly Value[]): Node {
    const node: Node = {
      id: this.#nodes.length,
      op,
      attrs,
      inputs,
      outputs,
      stage: this.#stage,
      recomputation: this.#recomputation,
    };
    this.#nodes.push(node);
    return node;
  }

  overlaps(a: Memory, b: Memory): boolean {
    return this.#real.overlaps(a, b);
  }

  sharesBuffer(a: Memory, b: Memory): boolean {
    return this.#real.sharesBuffer(a, b);
  }

  offsetIn(whole: Memory, part: Memory): number {
    return this.#real.offsetIn(whole, part);
  }

  endsInGap(memory: Memory, spec: Spec): boolean {
    return this.#real.endsInGap(memory, spec);
  }

  slice(): Memory {
    throw new TraceError(
      "jit: variables can't be packed inside a traced function; build the model and its optimizer outside",
    );
  }

  read(_memory: Memory, dtype: DType, count: number): Promise<HostArray> {
    return Promise.reject(this.#readError(dtype, count));
  }

  readFloat64(_memory: Memory, dtype: DType, count: number): Promise<Float64Array> {
    return Promise.reject(this.#readError(dtype, count));
  }

  recomputing<T>(fn: () => T): T {
    const outer = this.#recomputation;
    this.#recomputation = ++this.#stage;
    try {
      return fn();
    } finally {
      this.#recomputation = outer;
    }
  }

  snapshot(memory: Memory, spec: Spec): Memory {
    const held = new TracedMemory(this);
    held.value = this.#valueOf(spec, memory);
    return held;
  }

  flush(): void {}

  noteAssigned(variable: { markAssigned(): void }): void {
    this.#outer?.noteAssigned(variable);
    this.assigned.add(variable);
  }

  sync(): Promise<void> {
    return Promise.reject(
      new TraceError(
        "jit: sync() inside a traced function: nothing runs while it is traced; call it outside",
      ),
    );
  }

  memoryUse(): Omit<MemoryUse, "tensors"> {
    return this.#real.memoryUse();
  }

  resetPeak(): void {
    this.#real.resetPeak();
  }

  counters(): WorkCounters {
    return this.#real.counters();
  }

  dispose(): void {
    throw new TraceError("jit: the device can't be closed inside a traced function");
  }

  #readError(dtype: DType, count: number): TraceError {
    const last = this.#nodes.at(-1)?.op.name ?? "no op";
    this.readFailure ??= new TraceError(
      `jit: data() of a ${dtype} tensor of ${count} elements inside a traced function (after ${last}): values do not exist while tracing. Return the tensor and read it outside, or decide with where()`,
    );
    return this.readFailure;
  }

  #use(spec: Spec, memory: Memory): Use {
    return { shape: spec.shape, dtype: spec.dtype, value: this.#valueOf(spec, memory) };
  }

  #valueOf(spec: Spec, memory: Memory): Value {
    if (memory instanceof TracedMemory && memory.isOf(this)) {
      if (memory.value === undefined)
        throw new TraceError(
          `jit: a ${spec.dtype} ${showShape(spec.shape)} tensor is read before anything wrote it`,
        );
      return memory.value;
    }
    return (
      this.#assignments.read(memory, spec, () => this.#external(spec, memory)) ?? this.#external(spec, memory)
    );
  }

  /** What memory from outside held before the function ran. */
  #external(spec: Spec, memory: Memory): Value {
    if (this.#outer !== undefined) return this.#capture(spec, memory);
    let value = this.#externals.get(memory);
    if (value === undefined) {
      memory.retain();
      this.retained.push(memory);
      value = this.#value(spec, { kind: "external", memory });
      this.#externals.set(memory, value);
    }
    return value;
  }

  #capture(spec: Spec, memory: Memory): Value {
    let found = this.captures.get(memory);
    if (found === undefined) {
      const { value } = this.input(spec);
      found = { memory, spec: { shape: spec.shape, dtype: spec.dtype }, value: value! };
      this.captures.set(memory, found);
    }
    return found.value;
  }

  /** Numbers of one graph and of the bodies in it are all different. */
  nextId(): number {
    return this.#outer?.nextId() ?? this.#nextValue++;
  }

  #value(spec: Spec, origin: Value["origin"]): Value {
    return { id: this.nextId(), spec: { shape: spec.shape, dtype: spec.dtype }, origin };
  }
}

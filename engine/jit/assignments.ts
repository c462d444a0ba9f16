// What a traced function has assigned so far, by memory. Memory may be a part of a packed vector that is assigned as a
// whole, or the other way round: the parts are then cut out of the whole, or put into it, as nodes of the graph.

import type { Backend } from "../backend/backend.ts";
import { TraceError } from "../base/errors.ts";
import { showShape, sizeOf } from "../base/shape.ts";
import type { Spec } from "../kernel/kernel.ts";
import type { KernelOp } from "../kernel/kernel-op.ts";
import type { Memory } from "../kernel/memory.ts";
import { pack } from "../ops/layout/pack.ts";
import { sliceKernel } from "../ops/layout/slice-kernel.ts";
import type { Effect, Use, Value } from "./graph.ts";

/** Writes down a node and gives its only output. */
export type AddNode = (op: KernelOp, attrs: unknown, inputs: readonly Use[], output: Spec) => Value;

/** A stretch of a packed vector, in elements, with its value. */
interface Piece {
  readonly start: number;
  readonly size: number;
  readonly value: () => Value;
}

/** Packed vectors begin their parts at multiples of so many elements, with zeros between. */
const alignment = 4;
const aligned = (element: number) => Math.ceil(element / alignment) * alignment;

export class Assignments {
  readonly #backend: Backend;
  readonly #addNode: AddNode;
  /** By assigned memory, none of which overlaps another. */
  readonly #effects = new Map<Memory, Effect>();

  constructor(backend: Backend, addNode: AddNode) {
    this.#backend = backend;
    this.#addNode = addNode;
  }

  get effects(): Effect[] {
    return [...this.#effects.values()];
  }

  assign(target: Memory, spec: Spec, source: Value): void {
    const made: Effect = { target, spec: { shape: spec.shape, dtype: spec.dtype }, source };
    const others = this.#overlapping(target);
    if (others.length === 1 && !this.#effects.has(target)) {
      const [whole] = others;
      const start = this.#startIn(whole.target, whole.spec, target, spec);
      if (start !== undefined) {
        const replaced = this.#replace(whole.source, whole.spec, [
          { start, size: sizeOf(spec.shape), value: () => source },
        ]);
        this.#effects.set(whole.target, { ...whole, source: replaced });
        return;
      }
    }
    for (const other of others) {
      if (other.target !== target) this.#placeIn(target, spec, other);
      // Every element of it is replaced.
      this.#effects.delete(other.target);
    }
    this.#effects.set(target, made);
  }

  /**
   * What `memory` holds by now; undefined where nothing was assigned to any of it.
   *
   * @param before what it held before the function ran
   */
  read(memory: Memory, spec: Spec, before: () => Value): Value | undefined {
    const same = this.#effects.get(memory);
    if (same !== undefined) return same.source;
    const others = this.#overlapping(memory);
    if (others.length === 0) return undefined;
    if (others.length === 1) {
      const [{ target, spec: whole, source }] = others;
      const start = this.#startIn(target, whole, memory, spec);
      if (start !== undefined) return this.#cut(source, whole, start, sizeOf(spec.shape));
    }
    const pieces = others.map((other) => ({
      start: this.#placeIn(memory, spec, other),
      size: sizeOf(other.spec.shape),
      value: () => other.source,
    }));
    return this.#replace(before(), spec, pieces);
  }

  #overlapping(memory: Memory): Effect[] {
    const exact = this.#effects.get(memory);
    if (exact !== undefined) return [exact];
    return this.effects.filter(({ target }) => this.#backend.overlaps(memory, target));
  }

  /** Where a part begins in packed memory, in elements; undefined unless all of it lies there. */
  #startIn(whole: Memory, wholeSpec: Spec, part: Memory, partSpec: Spec): number | undefined {
    const bytes = this.#backend.offsetIn(whole, part);
    const start = bytes / 4;
    const isInside =
      bytes >= 0 && start % alignment === 0 && start + sizeOf(partSpec.shape) <= sizeOf(wholeSpec.shape);
    return isInside && wholeSpec.dtype === "f32" && partSpec.dtype === "f32" ? start : undefined;
  }

  #placeIn(whole: Memory, wholeSpec: Spec, { target, spec }: Effect): number {
    const start = this.#startIn(whole, wholeSpec, target, spec);
    if (start !== undefined) return start;
    throw new TraceError(
      `jit: a ${spec.dtype} ${showShape(spec.shape)} variable and a ${wholeSpec.dtype} ${showShape(wholeSpec.shape)} one share some of their memory and are both used after one is assigned in the same traced function; assign one of them a call`,
    );
  }

  #cut(whole: Value, { shape, dtype }: Spec, start: number, size: number): Value {
    if (size === sizeOf(shape)) return whole;
    const flat = { shape: [sizeOf(shape)], dtype, value: whole };
    return this.#addNode(sliceKernel, { start: [start], size: [size], steps: [1] }, [flat], {
      shape: [size],
      dtype,
    });
  }

  /** The packed vector with some of its parts replaced. */
  #replace(whole: Value, spec: Spec, parts: readonly Piece[]): Value {
    const total = sizeOf(spec.shape);
    const pieces: Piece[] = [];
    let end = 0;
    const keepUntil = (next: number) => {
      const [start, size] = [end, next - end];
      if (size > 0) pieces.push({ start, size, value: () => this.#cut(whole, spec, start, size) });
    };
    for (const part of [...parts].sort((a, b) => a.start - b.start)) {
      if (part.size === 0) continue;
      keepUntil(part.start);
      pieces.push(part);
      end = aligned(part.start + part.size);
    }
    keepUntil(total);
    if (pieces.length === 1 && pieces[0].size === total) return pieces[0].value();
    const inputs = pieces.map(
      ({ size, value }): Use => ({ shape: [size], dtype: spec.dtype, value: value() }),
    );
    const attrs = { offsets: pieces.map(({ start }) => start), total };
    return this.#addNode(pack.op, attrs, inputs, { shape: [total], dtype: spec.dtype });
  }
}

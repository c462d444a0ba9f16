// What a step of a scan has assigned to Variables so far: to packed ones, to the vector that they lie in.

import type { Memory } from "../../kernel/memory.ts";
import { concat } from "../../ops/layout/concat.ts";
import { reshape } from "../../ops/layout/reshape.ts";
import { slice } from "../../ops/layout/slice.ts";
import { handleOn } from "../../tensor/handle.ts";
import { noGrad } from "../../tensor/recording.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Variable } from "../../tensor/variable.ts";

/** The vector that a packed Variable lies in; else itself. Packed ones are carried as one vector. */
export function wholeOf(variable: Variable): Variable {
  let whole = variable;
  while (whole.partOf !== undefined) whole = whole.partOf.parent;
  return whole;
}

/** Where a Variable begins in the vector that it lies in, in elements. */
function startOf(variable: Variable): number {
  let start = 0;
  for (let at = variable; at.partOf !== undefined; at = at.partOf.parent) start += at.partOf.byteOffset / 4;
  return start;
}

/**
 * What Variables are within a step. It holds memory, not handles: a step may assign within a scope of its own, as optimizers
 * do, and handles end with it.
 */
export class StepState {
  readonly #wholes = new Map<Variable, Memory>();
  /** Parts that were read since their vector got its value. */
  readonly #parts = new Map<Variable, Memory>();

  constructor(variables: readonly Variable[], values: readonly Tensor[]) {
    variables.forEach((variable, k) => {
      this.#keep(this.#wholes, variable, values[k].memory);
    });
  }

  /** Undefined where the step has assigned nothing of it. */
  read(variable: Variable): Memory | undefined {
    const whole = wholeOf(variable);
    const held = this.#wholes.get(whole);
    if (held === undefined || whole === variable) return held;
    const known = this.#parts.get(variable);
    if (known !== undefined) return known;
    const start = startOf(variable);
    this.#quietly(() => {
      const part = slice(this.handle(whole), start, start + variable.size);
      this.#keep(this.#parts, variable, reshape(part, variable.shape).memory);
    });
    return this.#parts.get(variable);
  }

  assign(variable: Variable, { memory }: Tensor): void {
    const whole = wholeOf(variable);
    if (whole === variable || whole.size === variable.size) {
      this.#replace(whole, memory);
      return;
    }
    const start = startOf(variable);
    const end = start + variable.size;
    this.#quietly(() => {
      const before = this.#wholes.has(whole) ? this.handle(whole) : whole;
      const own = reshape(handleOn(variable.device, variable, memory), [variable.size]);
      const pieces = [slice(before, 0, start), own, slice(before, end, whole.size)];
      const changed = concat(pieces.filter(({ size }) => size > 0));
      this.#replace(whole, changed.memory);
    });
  }

  /** A handle on a Variable's value. */
  handle(variable: Variable): Tensor {
    return handleOn(variable.device, variable, this.#wholes.get(variable)!);
  }

  dispose(): void {
    for (const memory of [...this.#wholes.values(), ...this.#parts.values()]) memory.release();
  }

  #replace(whole: Variable, memory: Memory): void {
    this.#keep(this.#wholes, whole, memory);
    for (const [part, held] of this.#parts) {
      if (wholeOf(part) !== whole) continue;
      held.release();
      this.#parts.delete(part);
    }
  }

  #keep(into: Map<Variable, Memory>, variable: Variable, memory: Memory): void {
    memory.retain();
    into.get(variable)?.release();
    into.set(variable, memory);
  }

  /** Ops that no tape sees, whose handles end with them. */
  #quietly(fn: () => void): void {
    noGrad(() => tidy(fn));
  }
}

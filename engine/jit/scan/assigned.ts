// Assigned: the Variables that the steps of a scan assign. In a traced loop they are carries: steps read and assign
// what stands for them, and the Variables themselves get the last values.

import { GradientError } from "../../base/errors.ts";
import type { Memory } from "../../kernel/memory.ts";
import { handleOn } from "../../tensor/handle.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Variable, variableWatcher } from "../../tensor/variable.ts";
import { StepState, wholeOf } from "./step-state.ts";

export class Assigned {
  /** Those that are known. */
  readonly variables: readonly Variable[];
  /** Their values before the first step. */
  readonly before: readonly Tensor[];
  /** Known ones, and those that a run showed beyond them. */
  readonly found: Variable[];
  /** The versions of others that steps read. */
  readonly #reads = new Map<Variable, number>();

  constructor(variables: readonly Variable[]) {
    this.variables = variables;
    this.found = [...variables];
    this.before = variables.map((variable) => handleOn(variable.device, variable, snapshot(variable)));
  }

  /** Runs a step with `values` in the Variables' places; `after` is what they are then. */
  run<T>(values: readonly Tensor[], step: () => T): { result: T; after: Tensor[] } {
    const outer = variableWatcher.value;
    const state = new StepState(this.variables, values);
    try {
      const result = variableWatcher.with(
        {
          read: (variable) => {
            const shown = state.read(variable);
            if (shown !== undefined) return shown;
            this.#reads.set(variable, variable.version);
            return outer?.read(variable);
          },
          assign: (variable, value) => {
            const whole = wholeOf(variable);
            if (!this.found.includes(whole)) this.found.push(whole);
            state.assign(variable, value);
            return true;
          },
        },
        step,
      );
      return { result, after: this.variables.map((variable) => state.handle(variable)) };
    } finally {
      state.dispose();
    }
  }

  /** Gives the Variables the last values. */
  finish(values: readonly Tensor[]): void {
    this.variables.forEach((variable, k) => {
      variable.assignWithParts(values[k]);
    });
  }

  /** @throws GradientError where another value than the steps read would be read now */
  checkReads(): void {
    for (const [variable, version] of this.#reads) {
      if (variable.version === version) continue;
      throw new GradientError(
        `scan: ${variable.describe()} was assigned after the steps read it, and its old value is needed; take gradients before assigning`,
      );
    }
  }
}

function snapshot(variable: Variable): Memory {
  const { backend } = variable.device;
  const { shape, dtype, memory } = variable;
  return backend.snapshot?.(memory, { shape, dtype }) ?? memory;
}

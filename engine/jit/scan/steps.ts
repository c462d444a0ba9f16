// Steps: the steps of a scan, which its function computes, with their arguments and results checked. Run one by one they
// are ops like others.

import { ArgumentError, DeviceError, kindOf, ShapeError } from "../../base/errors.ts";
import { nameScope } from "../../base/name-scope.ts";
import { sameShape, showShape } from "../../base/shape.ts";
import { type Tree, withLeaves } from "../../base/tree.ts";
import { concat } from "../../ops/layout/concat.ts";
import { reshape } from "../../ops/layout/reshape.ts";
import type { Device } from "../../tensor/device.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { leafPaths, lengthOf, rowOf, tensorsOf } from "./arguments.ts";

/** What a step gives beside the carry: tensors, alone or in arrays and plain objects, or nothing. */
export type ScanOutput = Tree<Tensor> | undefined | null;

export type AnyStep = (
  carry: Tree<Tensor>,
  x: Tree<Tensor> | undefined,
) => readonly [Tree<Tensor>, ScanOutput?];

/** What one step gives, or all of them, as lists. */
export interface Stepped {
  readonly carry: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

export class Steps {
  readonly #step: AnyStep;
  /** The number of its first row among those of a scan that it is a part of. */
  readonly #first: number;
  readonly #carryTree: Tree<Tensor>;
  readonly #xsTree: Tree<Tensor> | undefined;
  readonly carry: readonly Tensor[];
  readonly xs: readonly Tensor[];
  readonly length: number;
  readonly isReversed: boolean;
  readonly device: Device;
  /** The form of what steps give; known when the first has run. */
  #outputTree: ScanOutput;

  constructor(
    step: AnyStep,
    carry: Tree<Tensor>,
    xs: Tree<Tensor> | undefined,
    options: { readonly length?: number; readonly reverse?: boolean; readonly first?: number },
  ) {
    this.#step = step;
    this.#first = options.first ?? 0;
    this.#carryTree = carry;
    this.#xsTree = xs;
    this.carry = tensorsOf("the carry", carry);
    this.xs = xs === undefined ? [] : tensorsOf("xs", xs);
    this.length = lengthOf(this.xs, options.length);
    this.isReversed = options.reverse ?? false;
    const [first, ...others] = [...this.carry, ...this.xs];
    if (first === undefined)
      throw new ArgumentError("scan: there is neither a carry nor xs; pass the tensors that a step works on");
    const other = others.find(({ device }) => device !== first.device);
    if (other !== undefined) {
      throw new DeviceError(
        `scan: its tensors are on two devices (${first.device.name} and ${other.device.name}); copy one over`,
      );
    }
    this.device = first.device;
  }

  /** Results of all steps in the forms that the caller knows. */
  inForm({ carry, outputs }: Stepped): [Tree<Tensor>, ScanOutput] {
    const stacked = this.#outputTree == null ? this.#outputTree : withLeaves(this.#outputTree, outputs);
    return [withLeaves(this.#carryTree, carry), stacked];
  }

  /** The same steps from another carry, over the rows `xs`, which begin at row `from`. */
  part(carry: readonly Tensor[], xs: readonly Tensor[], length: number, from = 0): Steps {
    const step: AnyStep = (now, x) => {
      const result = this.#step(now, x);
      this.#outputTree = result[1];
      return result;
    };
    const rows = this.#xsTree === undefined ? undefined : withLeaves(this.#xsTree, xs);
    const first = this.#first + from;
    return new Steps(step, withLeaves(this.#carryTree, carry), rows, {
      length,
      reverse: this.isReversed,
      first,
    });
  }

  /** One step, its results checked. */
  once(carry: readonly Tensor[], xs: readonly Tensor[]): Stepped {
    const x = this.#xsTree === undefined ? undefined : withLeaves(this.#xsTree, xs);
    const result = this.#step(withLeaves(this.#carryTree, carry), x);
    if (!Array.isArray(result) || result.length < 1 || result.length > 2) {
      throw new ArgumentError(`scan: a step must return [carry, outputs], got ${kindOf(result)}`);
    }
    const [next, output] = result as [Tree<Tensor>, ScanOutput?];
    const found = tensorsOf("the carry that a step returned", next);
    const paths = leafPaths(this.#carryTree);
    if (String(leafPaths(next)) !== String(paths)) {
      throw new ArgumentError(
        `scan: a step returned a carry of another form than it got: ${leafPaths(next).join(", ") || "one tensor"} in the place of ${paths.join(", ") || "one tensor"}`,
      );
    }
    found.forEach((tensor, i) => {
      const { shape, dtype } = this.carry[i];
      if (sameShape(tensor.shape, shape) && tensor.dtype === dtype) return;
      const name = paths[i] === "" ? "" : ` "${paths[i]}"`;
      throw new ShapeError(
        `scan: a step returned ${tensor.dtype} ${showShape(tensor.shape)} for the carry${name}, which is ${dtype} ${showShape(shape)}; it must keep shape and dtype from step to step`,
      );
    });
    this.#outputTree = output;
    return { carry: found, outputs: output == null ? [] : tensorsOf("what a step returned", output) };
  }

  /** Step by step, each op as it comes. */
  unrolled(carry: readonly Tensor[], xs: readonly Tensor[]): Stepped {
    const rows: (readonly Tensor[])[] = [];
    let now = carry;
    for (let step = 0; step < this.length; step++) {
      const at = this.isReversed ? this.length - 1 - step : step;
      const row = () => xs.map((x) => rowOf(x, at));
      const { carry: next, outputs } = nameScope(`step ${this.#first + at}`, () =>
        tidy(() => this.once(now, row())),
      );
      now = next;
      rows[at] = outputs;
    }
    const outputs = rows[0].map((_, k) =>
      concat(
        rows.map((row) => reshape(row[k], [1, ...row[k].shape])),
        0,
      ),
    );
    return { carry: now, outputs };
  }
}

// assertCloseToReference: a function's results on its device against the float64 reference.

import { isFloat } from "../base/dtype.ts";
import { CheckError, checkFunction, checkOptions, type OptionNames } from "../base/errors.ts";
import { showShape } from "../base/shape.ts";
import { checkTensors } from "../tensor/arguments.ts";
import { disposeAll } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { indexAt, relativeError, ulpError } from "./compare.ts";
import { ReferenceProgram, type Tensors, tensorsIn } from "./reference-program.ts";

export interface CloseOptions {
  /** Bound on |got - want| / (1 + |want|); default 1e-5. */
  tolerance?: number;
  /** Bound in units in the last place of the result instead. */
  ulp?: number;
}

const closeOptions: OptionNames<CloseOptions> = { tolerance: true, ulp: true };

/** One element of a result beside the reference's. */
export interface ResultElement {
  /** Which of the results, from 0. */
  readonly output: number;
  readonly index: readonly number[];
  readonly got: number;
  readonly want: number;
  /** In the measure asked for: |got - want| / (1 + |want|), or ULP. */
  readonly error: number;
}

export interface CloseReport {
  readonly checked: number;
  /** The element that is farthest off; undefined where all are equal. */
  readonly worst: ResultElement | undefined;
}

/**
 * Runs `fn(...inputs)` on the inputs' device, and its ops' float64 references on the host, and throws a CheckError
 * that names the worst element where they differ. Integers and booleans must be equal; NaN matches NaN, and an
 * infinity what rounds to it. Variables that `fn` captures are taken along.
 *
 *     await assertCloseToReference((x) => model.call(x), [x], { tolerance: 1e-6 });
 *
 * @throws CheckError (with the `report`) where a result is off by more than the bound
 */
export async function assertCloseToReference(
  fn: (...inputs: Tensor[]) => Tensors,
  inputs: readonly Tensor[],
  options: CloseOptions = {},
): Promise<CloseReport> {
  const what = "assertCloseToReference";
  checkOptions(what, options, closeOptions);
  checkFunction(what, fn, "computes the results, as in (x) => relu(x)", "it is run on the reference too");
  checkTensors(what, inputs, 2);
  const isUlp = options.ulp !== undefined;
  const bound = options.ulp ?? options.tolerance ?? 1e-5;
  const measure = isUlp ? ulpError : relativeError;
  // Recorded before it runs: running may move random states and averages on.
  const program = await ReferenceProgram.record(what, fn, inputs);
  const results = tensorsIn(what, fn(...inputs));
  const got = await Promise.all(results.map((result) => result.dataFloat64()));
  const want = program.values();
  let worst: ResultElement | undefined;
  let failing: ResultElement | undefined;
  let checked = 0;
  let off = 0;
  for (let output = 0; output < results.length; output++) {
    const { shape, dtype } = results[output];
    const allowed = isFloat(dtype) ? bound : 0;
    for (let i = 0; i < want[output].length; i++) {
      const [a, b] = [got[output][i], want[output][i]];
      const error = measure(a, b);
      checked++;
      const isOff = !(error <= allowed);
      if (isOff) off++;
      if (error > (worst?.error ?? 0)) worst = { output, index: indexAt(i, shape), got: a, want: b, error };
      if (isOff && error > (failing?.error ?? 0))
        failing = { output, index: indexAt(i, shape), got: a, want: b, error };
    }
  }
  const shapes = results.map((result) => result.describe());
  const kind = results[0]?.device.kind ?? "cpu";
  disposeAll(results.filter((result) => !inputs.includes(result)));
  const report: CloseReport = { checked, worst };
  if (failing === undefined) return report;
  const unit = isUlp ? " ULP" : "";
  const of = results.length > 1 ? ` of result ${failing.output}` : "";
  const error = new CheckError(
    `${what}: element ${showShape(failing.index)}${of} (${shapes[failing.output]}) is ${failing.got} on ${kind}, the reference says ${failing.want}: error ${Number(failing.error.toPrecision(3))}${unit}, allowed ${bound}${unit}; ${off} of ${checked} elements are off`,
  );
  throw Object.assign(error, { report: { checked, worst: failing } });
}

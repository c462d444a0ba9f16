// The error of an elementwise op on the adapter against the accuracy it states, over dense inputs of its domain.

import type { Device, Op } from "../../engine/index.ts";
import type { Accuracy } from "../../engine/kernel/kernel-op.ts";
import { apply } from "../../engine/tensor/apply.ts";
import { tensor } from "../../engine/tensor/create.ts";
import { denseInputs, errorShare, ulpError } from "./ulp.ts";

export interface WorstError {
  /** The largest error, as a share of what the op allows: at most 1 where it keeps its promise. */
  readonly share: number;
  /** The error there, in ULP of the result. */
  readonly ulp: number;
  readonly inputs: readonly number[];
  readonly got: number;
  readonly want: number;
  /** The largest error in ULP, anywhere. */
  readonly worstUlp: number;
}

const everything = [-3.4028234663852886e38, 3.4028234663852886e38] as const;

/** The worst of `count` results of an op that takes f32 and gives f32 or bool; `accuracy` defaults to the op's. */
export async function worstError(
  op: Op,
  attrs: object,
  devices: { readonly gpu: Device; readonly reference: Device },
  count: number,
  accuracy: Accuracy = op.accuracy!,
): Promise<WorstError> {
  const arity = op.samples[0].inputs.length;
  const inputs = Array.from({ length: arity }, (_, k) =>
    shuffled(denseInputs(count, accuracy.domain?.[k] ?? everything, k + 1), k),
  );
  const results = await run(op, attrs, inputs, devices.gpu);
  const wanted = await run(op, attrs, inputs, devices.reference);
  const sensitivities = accuracy.relative === undefined ? undefined : sensitivity(op, attrs, inputs);
  let share = 0;
  let at = 0;
  let worstUlp = 0;
  for (let i = 0; i < count; i++) {
    const here = errorShare(results[i], wanted[i], accuracy, sensitivities?.[i] ?? 0);
    if (!(here <= share)) {
      share = here;
      at = i;
    }
    worstUlp = Math.max(worstUlp, ulpError(results[i], wanted[i]));
  }
  const [got, want] = [results[at], wanted[at]];
  return { share, ulp: ulpError(got, want), inputs: inputs.map((values) => values[at]), got, want, worstUlp };
}

async function run(
  op: Op,
  attrs: object,
  inputs: readonly Float64Array[],
  device: Device,
): Promise<Float64Array> {
  const tensors = inputs.map((values) => tensor(values, { device }));
  const outputs = apply(op, tensors, attrs);
  const values = await outputs[0].dataFloat64();
  for (const each of [...tensors, ...outputs]) each.dispose();
  return values;
}

/** The largest |x y'| over the inputs, by relative float64 differences of the reference. */
function sensitivity(op: Op, attrs: object, inputs: readonly Float64Array[]): Float64Array {
  const count = inputs[0].length;
  const out = new Float64Array(count);
  const step = 1e-6;
  const evaluate = (moved: readonly Float64Array[]): Float64Array => {
    const data = new Float64Array(count);
    const spec = { shape: [count], dtype: "f32" } as const;
    op.reference!(
      moved.map((values) => ({ ...spec, data: values })),
      attrs,
      [{ ...spec, data }],
    );
    return data;
  };
  for (let k = 0; k < inputs.length; k++) {
    const [above, below] = [1 + step, 1 - step].map((factor) =>
      evaluate(inputs.map((values, j) => (j === k ? values.map((x) => x * factor) : values))),
    );
    for (let i = 0; i < count; i++) out[i] = Math.max(out[i], Math.abs(above[i] - below[i]) / (2 * step));
  }
  return out;
}

/** The second input in another order than the first, so that small meets large. */
function shuffled(values: Float64Array, k: number): Float64Array {
  if (k === 0) return values;
  const count = values.length;
  return Float64Array.from({ length: count }, (_, i) => values[(i * 7919 + 31) % count]);
}

// gruSequence: all steps of a GRU as one kernel.

import type { Arithmetic, SequenceCell } from "./sequence-cell.ts";
import { type SequenceFunction, sequenceOp } from "./sequence-op.ts";

/**
 * @internal Cho et al. 2014 with the reset gate behind the recurrent product: as {@link gruStep}. The recurrent kernel's fourth
 * column of a unit has to be 0: some kernels multiply it by 0, others leave it out.
 */
export const gruCell: SequenceCell = {
  name: "gruSequence",
  states: 1,
  columns: 3,
  splitsGradient: true,
  step<T>(by: Arithmetic<T>, product: readonly T[], inputs: readonly T[], [h]: readonly T[]) {
    const update = by.sigmoid(by.add(product[0], inputs[0]));
    const reset = by.sigmoid(by.add(product[1], inputs[1]));
    const inner = by.add(product[2], inputs[3]);
    const candidate = by.tanh(by.add(inputs[2], by.mul(reset, inner)));
    const state = by.add(by.mul(update, h), by.mul(by.rest(update), candidate));
    return { gates: [update, reset, candidate, inner] as const, states: [state] };
  },
  back<T>(by: Arithmetic<T>, [update, reset, candidate, inner]: readonly T[], h: T, [d]: readonly T[]) {
    const slope = (gate: T) => by.mul(gate, by.rest(gate));
    const dCandidate = by.mul(by.mul(d, by.rest(update)), by.rest(by.mul(candidate, candidate)));
    const dState = by.mul(dCandidate, reset);
    const dReset = by.mul(by.mul(dCandidate, inner), slope(reset));
    const dUpdate = by.mul(by.mul(d, by.sub(h, candidate)), slope(update));
    return {
      inputs: [dUpdate, dReset, dCandidate, dState] as const,
      product: [dUpdate, dReset, dState, undefined] as const,
      states: [by.mul(d, update)],
    };
  },
  forwardFunctions: (hasMask) => ({
    next_state: `fn next_state(step: u32, row: u32, at: u32, value: vec4f) -> f32 {
  let x = zx[at];
  let inner = value.z + x.w;
  let gates = sigmoid_4(vec4f(value.xy + x.xy, 0.0, 0.0));
  let candidate = tanh_4(vec4f(x.z + gates.y * inner)).x;
  z_out[at] = vec4f(gates.xy, candidate, inner);
  let old = state_before(step, row, at);
  let state = gates.x * old + (1.0 - gates.x) * candidate;
  return ${hasMask ? "select(old, state, mask[row * sizes.steps + step] != 0.0)" : "state"};
}`,
  }),
  gradientFunctions: (hasMask) => ({
    through_gates: `fn through_gates(step: u32, row: u32, e: u32, at: u32, d: f32) -> f32 {${
      hasMask
        ? `
  if (mask[row * sizes.steps + step] == 0.0) {
    d_inputs[at] = vec4f();
    d_product[at] = vec4f();
    return d;
  }`
        : ""
    }
  let gates = z[at];
  let d_candidate = d * (1.0 - gates.x) * (1.0 - gates.z * gates.z);
  let d_state = d_candidate * gates.y;
  let d_reset = d_candidate * gates.w * gates.y * (1.0 - gates.y);
  let d_update = d * (before[at] - gates.z) * gates.x * (1.0 - gates.x);
  d_inputs[at] = vec4f(d_update, d_reset, d_candidate, d_state);
  d_product[at] = vec4f(d_update, d_reset, d_state, 0.0);
  return d * gates.x;
}`,
  }),
};

/** See {@link sequenceOp}. */
export const gruSequence: SequenceFunction = sequenceOp(gruCell);

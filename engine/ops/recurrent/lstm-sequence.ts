// lstmSequence: all steps of an LSTM as one kernel.

import type { Arithmetic, SequenceCell } from "./sequence-cell.ts";
import { type SequenceFunction, sequenceOp } from "./sequence-op.ts";

/** WGSL that finds a unit's cell before and behind the step: a row of the batch has one more than it has steps. */
const places = `let old = cells[at + (row + sizes.turned) * sizes.units];
  let new_at = at + (row + 1u - sizes.turned) * sizes.units;`;

/** @internal Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000: as {@link lstmStep}. */
export const lstmCell: SequenceCell = {
  name: "lstmSequence",
  states: 2,
  columns: 4,
  splitsGradient: false,
  step<T>(by: Arithmetic<T>, product: readonly T[], inputs: readonly T[], [, c]: readonly T[]) {
    const z = product.map((part, k) => by.add(part, inputs[k]));
    const [i, f, g, o] = [by.sigmoid(z[0]), by.sigmoid(z[1]), by.tanh(z[2]), by.sigmoid(z[3])];
    const cell = by.add(by.mul(f, c), by.mul(i, g));
    return { gates: [i, f, g, o] as const, states: [by.mul(o, by.tanh(cell)), cell] };
  },
  back<T>(by: Arithmetic<T>, [i, f, g, o]: readonly T[], c: T, [dHidden, dAfter]: readonly T[]) {
    const slope = (gate: T) => by.mul(gate, by.rest(gate));
    const squashed = by.tanh(by.add(by.mul(f, c), by.mul(i, g)));
    const shown = by.mul(by.mul(dHidden, o), by.rest(by.mul(squashed, squashed)));
    const dCell = by.add(dAfter, shown);
    const columns = [
      by.mul(by.mul(dCell, g), slope(i)),
      by.mul(by.mul(dCell, c), slope(f)),
      by.mul(by.mul(dCell, i), by.rest(by.mul(g, g))),
      by.mul(by.mul(dHidden, squashed), slope(o)),
    ] as const;
    return { inputs: columns, product: columns, states: [undefined, by.mul(dCell, f)] };
  },
  forwardFunctions: (hasMask) => ({
    begin: `fn begin(row: u32, e: u32) {
  cells[e + (row + sizes.turned) * sizes.steps * sizes.units] = start[sizes.batch * sizes.units + e];
}`,
    next_state: `fn next_state(step: u32, row: u32, at: u32, value: vec4f) -> f32 {
  ${places}
  let z = value + zx[at];
  let candidate = tanh_4(vec4f(z.z)).x;
  let squashed = sigmoid_4(z);
  let gates = vec4f(squashed.xy, candidate, squashed.w);
  z_out[at] = gates;
  let cell = gates.y * old + gates.x * candidate;
  let state = gates.w * tanh_4(vec4f(cell)).x;
  ${
    hasMask
      ? `let is_kept = mask[row * sizes.steps + step] != 0.0;
  cells[new_at] = select(old, cell, is_kept);
  return select(state_before(step, row, at), state, is_kept);`
      : `cells[new_at] = cell;
  return state;`
  }
}`,
  }),
  gradientFunctions: (hasMask, hasCells) => ({
    begin: `fn begin(e: u32) {
  carried[sizes.batch * sizes.units + e] = 0.0;
}`,
    through_gates: `fn through_gates(step: u32, row: u32, e: u32, at: u32, d: f32) -> f32 {
  ${places}
  let count = sizes.batch * sizes.units;
  let d_after = carried[count + e]${hasCells ? " + d_cells[new_at]" : ""};${
    hasMask
      ? `
  if (mask[row * sizes.steps + step] == 0.0) {
    d_product[at] = vec4f();
    carried[count + e] = d_after;
    return d;
  }`
      : ""
  }
  let gates = z[at];
  let squashed = tanh_4(vec4f(gates.y * old + gates.x * gates.z)).x;
  let d_cell = d_after + d * gates.w * (1.0 - squashed * squashed);
  let slopes = gates * (1.0 - gates);
  d_product[at] = vec4f(d_cell * gates.z, d_cell * old, d_cell * gates.x, d * squashed)
    * vec4f(slopes.xy, 1.0 - gates.z * gates.z, slopes.w);
  carried[count + e] = d_cell * gates.y;
  return 0.0;
}`,
  }),
};

/** See {@link sequenceOp}. */
export const lstmSequence: SequenceFunction = sequenceOp(lstmCell);

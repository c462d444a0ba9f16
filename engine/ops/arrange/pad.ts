// Ops that put a tensor into a larger one, or turn it around: zeros, a constant, its own edge, mirror image or other end
// around it, and rolling. Each takes every dtype, u8 included, and moves bits as they are.

import { ArgumentError, checkOptions, type OptionNames, ShapeError } from "../../base/errors.ts";
import { choiceOf } from "../../base/names.ts";
import { normalizeAxis, showShape, sizeOf } from "../../base/shape.ts";
import type { Spec } from "../../kernel/kernel.ts";
import { checkNumbers, checkTensor } from "../../tensor/arguments.ts";
import { checkValues } from "../../tensor/create.ts";
import { defineOp } from "../../tensor/define.ts";
import type { OpFunction } from "../../tensor/op.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { add } from "../elementwise/arithmetic.ts";
import {
  type Outside,
  padAxes,
  padKernels,
  padReference,
  padVariants,
  placeInto,
} from "../layout/pad-kernels.ts";
import { reshape } from "../layout/reshape.ts";
import { padZeros, slice } from "../layout/slice.ts";
import { sum } from "../reduce/reduce.ts";

export type PadMode = "constant" | "edge" | "reflect" | "symmetric" | "wrap";

interface PadOptions {
  /** Default "constant". */
  mode?: PadMode;
  /** What mode "constant" puts there; default 0. */
  value?: number;
}

const padOptions: OptionNames<PadOptions> = { mode: true, value: true };

interface PadAttrs {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly mode: PadMode;
  readonly value: number;
}

const outsideOf = (mode: PadMode): Outside => (mode === "constant" ? "fill" : mode);

/** What the kernels take for `before`: in mode "wrap" how far in a line of repetitions the first one begins. */
const shiftsOf = ({ shape }: Spec, { before, mode }: PadAttrs) =>
  mode === "wrap" ? before.map((count, axis) => (count === 0 ? 0 : lackingTo(shape[axis], count))) : before;

/** What `count` lacks to a multiple of `n`. */
const lackingTo = (n: number, count: number) => (n - (count % n)) % n;

/** `pad`'s op; the function below reads the widths. */
const padAround: OpFunction<[x: Tensor, attrs: PadAttrs], Tensor> = defineOp({
  name: "pad",
  accuracy: { ulp: 0 },
  saves: {},
  call: (x: Tensor, attrs: PadAttrs) => ({ inputs: [x], attrs }),
  infer: ([x], { before, after }: PadAttrs) => [
    { shape: x.shape.map((length, axis) => before[axis] + length + after[axis]), dtype: x.dtype },
  ],
  kernels: ({ inputs: [x], outputs: [out], attrs, profile }) =>
    padKernels(
      out,
      padAxes(x, out, shiftsOf(x, attrs)),
      outsideOf(attrs.mode),
      bitsOf(attrs.value, x),
      profile,
    ),
  variants: ({ inputs: [x], outputs: [out], attrs, profile }) =>
    padVariants(out, padAxes(x, out, shiftsOf(x, attrs)), outsideOf(attrs.mode), profile),
  reference: ([x], attrs, [out]) => {
    const { before, mode, value } = attrs;
    if (mode !== "constant") padReference(x, out, shiftsOf(x, attrs), mode);
    else
      placeInto(
        x,
        out,
        before,
        before.map(() => 1),
        value,
      );
  },
  vjp: ({ grad, attrs: { before, after, mode }, inputSpecs: [x] }) => {
    let gradient = grad();
    if (mode === "constant") {
      return [
        slice(
          gradient,
          before,
          before.map((count, axis) => count + x.shape[axis]),
        ),
      ];
    }
    for (let axis = 0; axis < x.shape.length; axis++) {
      if (before[axis] + after[axis] === 0) continue;
      const fold = mode === "wrap" ? unwrapped : folded;
      gradient = fold(gradient, axis, before[axis], after[axis], mode);
    }
    return [gradient];
  },
  samples: [
    { inputs: [{ shape: [3, 4] }], attrs: { before: [1, 2], after: [0, 3], mode: "reflect", value: 0 } },
    { inputs: [{ shape: [3, 4] }], attrs: { before: [1, 0], after: [5, 2], mode: "edge", value: 0 } },
    { inputs: [{ shape: [3, 8] }], attrs: { before: [2, 0], after: [1, 0], mode: "reflect", value: 0 } },
    { inputs: [{ shape: [3, 5] }], attrs: { before: [1, 4], after: [0, 1], mode: "constant", value: 7 } },
    { inputs: [{ shape: [3, 4] }], attrs: { before: [3, 2], after: [0, 4], mode: "symmetric", value: 0 } },
    { inputs: [{ shape: [3, 8] }], attrs: { before: [1, 0], after: [3, 0], mode: "symmetric", value: 0 } },
    { inputs: [{ shape: [3, 4] }], attrs: { before: [1, 9], after: [5, 0], mode: "wrap", value: 0 } },
    { inputs: [{ shape: [3, 8] }], attrs: { before: [3, 0], after: [1, 0], mode: "wrap", value: 0 } },
  ],
});

/** The bits of a fill value: of a whole word of them, for bytes. */
function bitsOf(value: number, { dtype }: Spec): number {
  if (dtype === "u8") return value * 0x01010101;
  return dtype === "f32" ? new Uint32Array(Float32Array.of(value).buffer)[0] : value >>> 0;
}

/** The adjoint of padding one axis: what was repeated outside is added to where it came from. */
function folded(gradient: Tensor, axis: number, before: number, after: number, mode: PadMode): Tensor {
  const along = (value: number) => gradient.shape.map((_, k) => (k === axis ? value : 0));
  const part = (first: number, count: number) =>
    slice(
      gradient,
      along(first),
      gradient.shape.map((length, k) => (k === axis ? first + count : length)),
    );
  const n = gradient.shape[axis] - before - after;
  let total = part(before, n);
  const addAt = (at: number, piece: Tensor) => {
    total = add(total, padZeros(piece, along(at), along(n - at - piece.shape[axis])));
  };
  const flipped = (piece: Tensor) =>
    slice(piece, [], [], { steps: piece.shape.map((_, k) => (k === axis ? -1 : 1)) });
  const squashed = (piece: Tensor) => sum(piece, axis, { keepDims: true });
  if (before > 0) {
    const head = part(0, before);
    if (mode === "edge") addAt(0, squashed(head));
    else addAt(mode === "reflect" ? 1 : 0, flipped(head));
  }
  if (after > 0) {
    const tail = part(before + n, after);
    if (mode === "edge") addAt(n - 1, squashed(tail));
    else addAt(n - after - (mode === "reflect" ? 1 : 0), flipped(tail));
  }
  return total;
}

/** The same where the axis was repeated: whole repetitions, filled up with zeros, are added up. */
function unwrapped(gradient: Tensor, axis: number, before: number, after: number): Tensor {
  const { shape } = gradient;
  const n = shape[axis] - before - after;
  const along = (value: number) => shape.map((_, k) => (k === axis ? value : 0));
  const whole = padZeros(gradient, along(lackingTo(n, before)), along(lackingTo(n, after)));
  const repetitions = [...shape.slice(0, axis), whole.shape[axis] / n, n, ...shape.slice(axis + 1)];
  return sum(reshape(whole, repetitions), axis);
}

const modes: readonly PadMode[] = ["constant", "edge", "reflect", "symmetric", "wrap"];

/** The most elements that a mode finds beside an axis of so many. */
const mostBeside: Record<PadMode, (length: number) => number> = {
  constant: () => Number.POSITIVE_INFINITY,
  edge: (length) => (length === 0 ? 0 : Number.POSITIVE_INFINITY),
  reflect: (length) => Math.max(length - 1, 0),
  symmetric: (length) => length,
  wrap: (length) => (length === 0 ? 0 : Number.POSITIVE_INFINITY),
};

/**
 * `x` with more elements around it: `widths` is one number for both ends of all axes, or a pair [before, after] an
 * axis. Mode "constant" (default) puts `value` there (default 0), "edge" repeats the outermost elements, "reflect"
 * mirrors about them without repeating them, "symmetric" with them, and "wrap" goes on at the other end.
 *
 *     pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]], { mode: "reflect" })
 *
 * @throws ArgumentError for widths or a mode that do not make sense; ShapeError where an axis is too short for a mode
 */
export const pad: OpFunction<
  [x: Tensor, widths: number | readonly (readonly [before: number, after: number])[], options?: PadOptions],
  Tensor
> = Object.assign(
  (
    x: Tensor,
    widths: number | readonly (readonly [before: number, after: number])[],
    options: PadOptions = {},
  ): Tensor => {
    checkOptions("pad", options, padOptions);
    checkTensor("pad", x);
    checkNumbers("pad", "widths", widths);
    const { value = 0 } = options;
    const mode = choiceOf("pad mode", options.mode ?? "constant", modes);
    const pairs = typeof widths === "number" ? x.shape.map(() => [widths, widths] as const) : widths;
    const isWidth = (count: number) => Number.isInteger(count) && count >= 0;
    if (
      pairs.length !== x.shape.length ||
      pairs.some((pair) => pair.length !== 2 || !isWidth(pair[0]) || !isWidth(pair[1]))
    ) {
      throw new ArgumentError(
        `pad: the widths are ${JSON.stringify(widths)}; for ${showShape(x.shape)} they must be a whole number of at least 0, or ${x.shape.length} pairs [before, after] of them, one an axis`,
      );
    }
    x.shape.forEach((length, axis) => {
      const most = mostBeside[mode](length);
      const widest = Math.max(...pairs[axis]);
      if (widest <= most) return;
      throw new ShapeError(
        `pad: ${widest} elements beside axis ${axis} of ${showShape(x.shape)} in mode "${mode}"; the axis gives at most ${most}. Use mode "${length === 0 ? "constant" : "edge"}"`,
      );
    });
    const before = pairs.map(([count]) => count);
    const after = pairs.map(([, count]) => count);
    if (mode === "constant") {
      checkValues("pad", [value], x.dtype);
      if (x.dtype === "bool" && value !== 0 && value !== 1)
        throw new ArgumentError(`pad: the value ${value} for a bool tensor must be 0 or 1`);
      if (Object.is(value, 0)) return padZeros(x, before, after);
    }
    return padAround(x, { before, after, mode, value });
  },
  { op: padAround.op },
);

interface RollAttrs {
  /** By axis, from 0 to its length less one. */
  readonly shifts: readonly number[];
}

/** How many elements stand in front of the one that comes first. */
const rotated = ({ shape }: Spec, { shifts }: RollAttrs) =>
  shape.map((length, axis) => (shifts[axis] === 0 ? 0 : length - shifts[axis]));

const rollAxes: OpFunction<[x: Tensor, shifts: readonly number[]], Tensor> = defineOp({
  name: "roll",
  accuracy: { ulp: 0 },
  saves: {},
  call: (x: Tensor, shifts: readonly number[]) => ({
    inputs: [x],
    attrs: {
      shifts: x.shape.map((length, axis) => (length === 0 ? 0 : ((shifts[axis] % length) + length) % length)),
    },
  }),
  infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
  kernels: ({ inputs: [x], outputs: [out], attrs, profile }) =>
    padKernels(out, padAxes(x, out, rotated(x, attrs)), "wrap", 0, profile),
  variants: ({ inputs: [x], outputs: [out], attrs, profile }) =>
    padVariants(out, padAxes(x, out, rotated(x, attrs)), "wrap", profile),
  reference: ([x], attrs: RollAttrs, [out]) => padReference(x, out, rotated(x, attrs), "wrap"),
  vjp: ({ grad, attrs: { shifts } }) => [
    rollAxes(
      grad(),
      shifts.map((shift) => -shift),
    ),
  ],
  samples: [
    { inputs: [{ shape: [3, 5] }], attrs: { shifts: [0, 2] } },
    { inputs: [{ shape: [3, 8] }], attrs: { shifts: [2, 0] } },
    { inputs: [{ shape: [4, 3, 2] }], attrs: { shifts: [1, 0, 1] } },
  ],
});

/**
 * The elements moved by `shift` places along axes, those that fall off one end coming in at the other. Without axes the
 * tensor is rolled as one long row, as NumPy does; with several, one shift for all or one each.
 *
 * @throws ArgumentError for shifts that are not whole numbers, or not as many as axes
 */
export const roll: OpFunction<
  [x: Tensor, shift: number | readonly number[], axes?: number | readonly number[]],
  Tensor
> = Object.assign(
  (x: Tensor, shift: number | readonly number[], axes?: number | readonly number[]): Tensor => {
    checkTensor("roll", x);
    checkNumbers("roll", "the shift", shift);
    if (axes !== undefined) checkNumbers("roll", "axes", axes);
    if (axes === undefined && typeof shift === "number")
      return tidy(() => reshape(roll(reshape(x, [sizeOf(x.shape)]), shift, 0), x.shape));
    const along = (axes === undefined ? [] : typeof axes === "number" ? [axes] : axes).map((axis) =>
      normalizeAxis("roll", axis, x.shape.length),
    );
    const by = typeof shift === "number" ? along.map(() => shift) : shift;
    if (by.length !== along.length || !by.every(Number.isInteger)) {
      throw new ArgumentError(
        `roll: shifts [${by}] along axes [${along}]; there must be a whole number for each axis`,
      );
    }
    const shifts = x.shape.map(() => 0);
    // An axis that is named twice moves twice.
    along.forEach((axis, k) => {
      shifts[axis] += by[k];
    });
    return rollAxes(x, shifts);
  },
  { op: rollAxes.op },
);

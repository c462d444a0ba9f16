// Kernels and reference loops of padding: how an output is filled from an input that covers a part of it, and what
// stands outside. Which ops are made of them, this file does not know.

import padSource from "../../../shaders/pad.wgsl";
import { sizeOf, stridesOf } from "../../base/shape.ts";
import type { Variants } from "../../kernel/kernel.ts";
import { type AdapterProfile, input, type KernelPlan, output, type Spec } from "../../kernel/kernel.ts";
import type { ReferenceTensor } from "../../kernel/kernel-op.ts";
import {
  copyShaders,
  copySources,
  copyVariants,
  elementsPerUnit,
  type UnitBytes,
  unitOf,
  variedCopy,
} from "./copying.ts";
import { eachPosition } from "./strided.ts";

const padShaders = copyShaders("pad", padSource);
/** What the family of pads depends on. */
export const padSources = copySources(padShaders);

/** What stands where the input does not reach, along an axis that has n elements there. */
export type Outside = "fill" | "edge" | "reflect" | "symmetric" | "wrap";

/** The `position` of pad.wgsl: `axis.y` is n, `axis.z` what stands before (for wrap, taken away). */
const positionCode: Record<Exclude<Outside, "fill">, string> = {
  edge: "return Places(clamp(Signed(p) - i32(axis.z), Signed(0), Signed(i32(axis.y) - 1)));",
  // Both mirrors at once: |q| folds at the first element, n - 1 - |n - 1 - q| at the last.
  reflect: "let last = i32(axis.y) - 1;\n  return Places(last - abs(last - abs(Signed(p) - i32(axis.z))));",
  // The same with the outermost elements seen twice: q and -1 - q are one, and so are q and 2n - 1 - q.
  symmetric:
    "let q = Signed(p) - i32(axis.z);\n  let folded = select(q, Signed(-1) - q, q < Signed(0));\n" +
    "  let beyond = Signed(2 * i32(axis.y) - 1) - folded;\n  return Places(min(folded, beyond));",
  wrap: "return (p + axis.z) % axis.y;",
};

/** The same on the host. */
const positions: Record<Exclude<Outside, "fill">, (p: number, n: number, before: number) => number> = {
  edge: (p, n, before) => Math.min(Math.max(p - before, 0), n - 1),
  reflect: (p, n, before) => n - 1 - Math.abs(n - 1 - Math.abs(p - before)),
  symmetric: (p, n, before) => {
    const folded = p < before ? before - p - 1 : p - before;
    return folded < n ? folded : 2 * n - 1 - folded;
  },
  wrap: (p, n, before) => (p + before) % n,
};

interface PadAxis {
  /** Lengths of the output and of the input. */
  to: number;
  from: number;
  readonly before: number;
  readonly step: number;
}

/** Axes innermost first, neighbours that nothing happens to as one. */
export function padAxes(x: Spec, out: Spec, before: readonly number[], steps?: readonly number[]): PadAxis[] {
  const isSame = ({ to, from, before, step }: PadAxis) => to === from && before === 0 && step === 1;
  const axes: PadAxis[] = [];
  for (let k = x.shape.length - 1; k >= 0; k--) {
    const axis = { to: out.shape[k], from: x.shape[k], before: before[k], step: steps?.[k] ?? 1 };
    const inner = axes.at(-1);
    if (inner !== undefined && isSame(axis) && isSame(inner)) {
      inner.to *= axis.to;
      inner.from *= axis.from;
    } else axes.push(axis);
  }
  return axes.length === 0 ? [{ to: 1, from: 1, before: 0, step: 1 }] : axes;
}

/** Whole vec4s move where a row's elements stay side by side. */
function unitFor(out: Spec, [row]: readonly PadAxis[], outside: Outside): UnitBytes {
  const isRun = row.step === 1 && (outside === "fill" || (row.to === row.from && row.before === 0));
  return unitOf(out.dtype, isRun ? [row.from, row.to, row.before] : [1]);
}

export function padVariants(
  out: Spec,
  axes: readonly PadAxis[],
  outside: Outside,
  profile: AdapterProfile,
): Variants | undefined {
  const unit = unitFor(out, axes, outside);
  return copyVariants("pad", unit, axes[0].to / elementsPerUnit(out.dtype, unit), profile);
}

export function padKernels(
  out: Spec,
  axes: readonly PadAxis[],
  outside: Outside,
  fill: number,
  profile: AdapterProfile,
): KernelPlan {
  const length = sizeOf(out.shape);
  if (length === 0) return { calls: [] };
  const unit = unitFor(out, axes, outside);
  const per = elementsPerUnit(out.dtype, unit);
  const words = axes.flatMap(({ to, from, before, step }, i) =>
    i === 0 ? [to / per, from / per, before / per, step] : [to, from, before, step],
  );
  const functions =
    outside === "fill"
      ? undefined
      : { position: `fn position(p: Places, axis: vec4u) -> Places {\n  ${positionCode[outside]}\n}` };
  return {
    calls: [
      variedCopy({
        shaders: padShaders,
        variants: copyVariants("pad", unit, axes[0].to / per, profile),
        single: { Places: "u32", Signed: "i32" },
        profile,
        unit,
        length: length / per,
        words: [axes.length, fill, 0, 0, 0, ...words, ...new Array<number>(24 - words.length).fill(0)],
        operands: [input(0), output(0)],
        hasNone: true,
        noneByte: "(sizes.fill & 255u)",
        functions,
        consts: { has_steps: `${axes.some(({ step }) => step !== 1)}` },
      }),
    ],
  };
}

export function padReference(
  x: ReferenceTensor,
  out: ReferenceTensor,
  before: readonly number[],
  outside: Exclude<Outside, "fill">,
): void {
  const strides = stridesOf(x.shape);
  eachPosition(out.shape, stridesOf(out.shape), 0, (flat) => {
    let rest = flat;
    let at = 0;
    for (let axis = out.shape.length - 1; axis >= 0; axis--) {
      const p = rest % out.shape[axis];
      rest = (rest - p) / out.shape[axis];
      at += positions[outside](p, x.shape[axis], before[axis]) * strides[axis];
    }
    out.data[flat] = x.data[at];
  });
}

/** The input's elements `steps` apart from `before` on, `fill` everywhere else. */
export function placeInto(
  x: ReferenceTensor,
  out: ReferenceTensor,
  before: readonly number[],
  steps: readonly number[],
  fill: number,
): void {
  out.data.fill(fill);
  const strides = stridesOf(out.shape);
  const start = before.reduce((sum, count, axis) => sum + count * strides[axis], 0);
  eachPosition(
    x.shape,
    strides.map((stride, axis) => stride * steps[axis]),
    start,
    (from, to) => {
      out.data[to] = x.data[from];
    },
  );
}

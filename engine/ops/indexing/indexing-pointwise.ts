// gather and dynamicSlice as pointwise expressions that index their input, so that jit can fuse them with the ops that
// follow. gather.ts and dynamic-slice.ts have the ops' own kernels.

import type { DType } from "../../base/dtype.ts";
import { sizeOf } from "../../base/shape.ts";
import type { Spec } from "../../kernel/kernel.ts";
import type { Pointwise } from "../../kernel/kernel-op.ts";
import { registerTypes, scalarTypes, vectorTypes } from "../pointwise/pointwise-code.ts";

const innerOf = (x: Spec) => sizeOf(x.shape.slice(1));

/** Four lanes of a register, each by its own code. */
const lanes = (dtype: DType, code: (lane: string) => string) =>
  `${registerTypes[dtype]}(${["x", "y", "z", "w"].map(code).join(", ")})`;

/** One element of a raw binding of `dtype`, by a u32 index. */
function elementCode(dtype: DType, name: string, index: string): string {
  return dtype === "u8"
    ? `((${name}[(${index}) >> 2u] >> (((${index}) & 3u) * 8u)) & 255u)`
    : `${name}[${index}]`;
}

/** Gather along the first axis: rows of whole vec4s, or single elements. */
export const gatherPointwise: Pointwise<{ axis: number }> = {
  applies({ axis }, [x]) {
    const inner = innerOf(x);
    return axis === 0 && x.dtype !== "bool" && x.shape[0] > 0 && (inner === 1 || inner % 4 === 0);
  },
  rawInputs(_, [x, indices]) {
    if (innerOf(x) === 1) return [`array<${scalarTypes[x.dtype]}>`, undefined];
    return [`array<${vectorTypes[x.dtype]}>`, `array<${scalarTypes[indices.dtype]}>`];
  },
  expression(_, [x]) {
    const rows = x.shape[0];
    const inner = innerOf(x);
    const zero = `${registerTypes[x.dtype]}()`;
    if (inner === 1) {
      const values = lanes(x.dtype, (lane) =>
        elementCode(x.dtype, "$a", `min(u32(b.${lane}), ${rows - 1}u)`),
      );
      return `select(${zero}, ${values}, vec4u(b) < vec4u(${rows}u))`;
    }
    const width = inner / 4;
    const row = `u32($b[i / ${width}u])`;
    const word = `$a[min(${row}, ${rows - 1}u) * ${width}u + i % ${width}u]`;
    const value = x.dtype === "u8" ? `(vec4u(${word}) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u)` : word;
    return `select(${zero}, ${value}, ${row} < ${rows}u)`;
  },
};

/** A window of a vector whose start is read on the device. */
export const dynamicSlicePointwise: Pointwise<{ size: number }> = {
  applies: (_, [x]) => x.shape.length === 1 && x.dtype !== "bool" && x.dtype !== "u8",
  rawInputs: (_, [x, start]) => [`array<${scalarTypes[x.dtype]}>`, `array<${scalarTypes[start.dtype]}>`],
  expression({ size }, [x, start]) {
    const last = x.shape[0] - size;
    const first = start.dtype === "i32" ? `u32(clamp($b[0], 0i, ${last}i))` : `min($b[0], ${last}u)`;
    // The last vec4 may reach past the window, never past the vector.
    const values = ["0u", "1u", "2u", "3u"].map(
      (lane) => `$a[min(${first} + i * 4u + ${lane}, ${x.shape[0] - 1}u)]`,
    );
    return `${registerTypes[x.dtype]}(${values.join(", ")})`;
  },
};

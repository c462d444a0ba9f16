// The recurrent kernel bound as uniforms, part by part. On lavapipe a load from a storage buffer costs a branch for each
// lane, one from a uniform none; but of a uniform no more than 64 KB can be bound.

import type { HookBinding, Operand, UniformPart } from "../../kernel/kernel.ts";

const mostBytes = 65536;
/** Beyond this the kernel's text grows with the parts. */
const mostParts = 4;

/** Rows of the recurrent kernel [units, units] of vec4s. */
interface Rows {
  readonly first: number;
  readonly end: number;
}

/** What a kernel has in place of one storage buffer for all of u. */
export interface KernelParts {
  /** In place of u. */
  readonly operand: Operand;
  /** Behind all other operands. */
  readonly operands: readonly Operand[];
  readonly bindings: readonly HookBinding[];
  readonly products: string;
}

/** An even number of rows each: products take two at a time. Undefined where there would be too many. */
function partsOf(units: number): Rows[] | undefined {
  const rows = Math.floor(mostBytes / (16 * units) / 2) * 2;
  const count = Math.ceil(units / rows);
  if (count > mostParts) return undefined;
  return Array.from({ length: count }, (_, k) => ({
    first: k * rows,
    end: Math.min(units, (k + 1) * rows),
  }));
}

/** Rows that the loop takes at a time, and where what it loads of them lies, with the first at `i`. */
const loops = {
  forward: {
    step: "2u",
    places: [
      ["p", "i"],
      ["q", "i + units"],
      ["r", "i + lanes"],
      ["t", "i + units + lanes"],
    ],
  },
  gradient: {
    step: "sizes.one",
    places: [
      ["p", "i"],
      ["q", "i + 1u"],
      ["r", "i + 2u"],
      ["t", "i + 3u"],
    ],
  },
} as const;

/**
 * @param u the operand at binding 2
 * @param next the first binding that is free
 */
export function kernelParts(
  kind: "forward" | "gradient",
  u: Operand,
  units: number,
  next: number,
): KernelParts | undefined {
  const parts = partsOf(units);
  if (parts === undefined) return undefined;
  const bytes = ({ first, end }: Rows): UniformPart => ({
    offset: 16 * units * first,
    size: 16 * units * (end - first),
  });
  const [operand, ...operands] = parts.map((rows) => ({ ...u, part: bytes(rows) }));
  const nameOf = (k: number) => (k === 0 ? "u" : `u_${k}`);
  const bindings = parts.map(({ first, end }, k): HookBinding => {
    const type = `array<vec4f, ${units * (end - first)}>`;
    return { name: nameOf(k), binding: k === 0 ? 2 : next + k - 1, access: "uniform", type };
  });
  const { step, places } = loops[kind];
  const loads = (k: number) =>
    places.map(([name, place]) => `${name} = ${nameOf(k)}[${place}];`).join("\n      ");
  const cases = parts.map((_, k) => {
    const label = k === parts.length - 1 ? "default" : `case ${k}u`;
    return `${label}: {
      ${loads(k)}
    }`;
  });
  const rows = parts[0].end;
  // One loop that chooses the part: with a loop for each, the kernel takes twice as long to compile.
  const products = `fn products(at: vec2u, unit: u32) -> Sums {
  let units = sizes.units;
  var sums = Sums();
  for (var k = 0u; k < units; k += ${step}) {
    let i = k % ${rows}u * units + unit;
    var p = vec4f();
    var q = vec4f();
    var r = vec4f();
    var t = vec4f();
    switch (k / ${rows}u) {
    ${cases.join("\n    ")}
    }
    multiply(&sums, at, k, p, q, r, t);
  }
  return sums;
}`;
  return { operand, operands, bindings, products };
}

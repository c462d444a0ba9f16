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
  /** The function of that name. */
  readonly weights: string;
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

/** Where what a round of the product loads of the kernel lies, with the first at `i`. */
const places = {
  forward: ["i", "i + units", "i + lanes", "i + units + lanes"],
  gradient: ["i", "i + 1u", "i + 2u", "i + 3u"],
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
  const cases = parts.map((_, k) => {
    const label = k === parts.length - 1 ? "default" : `case ${k}u`;
    const loads = places[kind].map((place) => `${nameOf(k)}[${place}]`);
    return `${label}: { found = Weights(${loads.join(", ")}); }`;
  });
  const rows = parts[0].end;
  // The product's one loop chooses the part: with a loop for each, the kernel takes twice as long to compile.
  const weights = `fn weights(k: u32, unit: u32) -> Weights {
  let units = sizes.units;
  let i = k % ${rows}u * units + unit;
  var found = Weights();
  switch (k / ${rows}u) {
    ${cases.join("\n    ")}
  }
  return found;
}`;
  return { operand, operands, bindings, weights };
}

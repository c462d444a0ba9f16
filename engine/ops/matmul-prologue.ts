// Pointwise work at the start of products: what is multiplied is computed as it is read, and never stored. Knows the
// matmul kernels by the one function through which each operand is read, and by the type of its elements.

import type { DType } from "../dtype.ts";
import type { HookBinding, Spec } from "../kernel.ts";
import type { PrologueSite } from "../op.ts";
import { sizeOf } from "../shape.ts";
import type { Reading } from "./matmul-readings.ts";
import { chainCode, registerTypes, scalarTypes } from "./pointwise-code.ts";

/** Operations on an element, over all tiles that compute it anew, beyond which a kernel of its own costs less. */
const mostWork = 16;

/** @param tiles how often each element of the operand is read */
export function operandSite(operand: 0 | 1, tiles: number): PrologueSite {
  const name = operand === 0 ? "a" : "b";
  return {
    input: operand,
    knowsElement: false,
    mostWork: Math.floor(mostWork / Math.max(1, tiles)),
    attach(plan, chain, inputOperands) {
      const [call, ...others] = plan.calls;
      const reading = readingOf(call.hooks!.aliases![operand === 0 ? "AElement" : "BElement"]);
      const operands = [...call.operands];
      const bindings: HookBinding[] = [...(call.hooks?.bindings ?? [])];
      const loads: Load[] = chain.inputs.map((spec, k) => {
        // The first takes the place of the operand that is computed now, the others come last.
        const place = k === 0 ? operand : operands.length;
        const binding = k === 0 ? name : `${name}_source${k}`;
        operands[place] = inputOperands[k];
        const isScalar = sizeOf(spec.shape) === 1 && sizeOf(chain.target.shape) !== 1;
        const load = isScalar ? scalarLoad(spec, binding) : loads4[reading](spec, binding);
        bindings.push({ name: binding, binding: place + 1, access: "read", type: `array<${load.type}>` });
        return load;
      });
      const { lines, values, helpers } = chainCode(
        chain.steps,
        chain.inputs.map((_, k) => `x${k}`),
      );
      const parameters = chain.inputs.map((spec, k) => `x${k}: ${registerTypes[spec.dtype]}`);
      const value = values[chain.inputs.length + chain.outputs[0].step];
      const computed = `fn computed_${name}(${parameters.join(", ")}) -> vec4f {
  ${[...lines, `return ${value};`].join("\n  ")}
}`;
      const functions = {
        ...call.hooks?.functions,
        ...helpers,
        [`computed_${name}`]: computed,
        [`load_${name}`]: `fn load_${name}(address: vec4u, k: u32) -> Pair {
  ${places[reading](name)}
  ${loads.flatMap(({ code }) => code).join("\n  ")}
  return Pair(computed_${name}(${loads.map(({ first }) => first).join(", ")}), computed_${name}(${loads.map(({ second }) => second).join(", ")}));
}`,
        // A number that only the run knows keeps NaN and infinities out of constant expressions.
        ...(computed.includes("non_finite(")
          ? {
              non_finite: "fn non_finite(bits: u32) -> u32 {\n  return select(bits, 0u, sizes.one != 1u);\n}",
            }
          : {}),
      };
      return {
        ...plan,
        calls: [{ ...call, hooks: { ...call.hooks, bindings, functions }, operands }, ...others],
      };
    },
  };
}

const readingOf = (element: string): Reading =>
  element === "vec2f" ? "pairs" : element === "vec4f" ? "fours" : "any";

/** How a source of the chain is read at k and at k + 1, each as a register. */
interface Load {
  /** Of the binding's elements. */
  readonly type: string;
  /** Statements. */
  readonly code: readonly string[];
  readonly first: string;
  readonly second: string;
}

/** The indices that a reading needs, from `address` and `k` as in the kernels. */
const places: Record<Reading, (name: "a" | "b") => string> = {
  pairs: () => "let at = address + k / 2u;",
  fours: (name) => {
    const step = `(sizes.${name === "a" ? "m" : "n"} / 4u)`;
    return `let p = address.x + k * ${step};
  let q = address.x + min(k + 1u, sizes.k - 1u) * ${step};`;
  },
  any: (name) => `let p = address + k * sizes.${name}_k;
  let q = address + min(k + 1u, sizes.k - 1u) * sizes.${name}_k;`,
};

const four = (code: (lane: string) => string): string => ["x", "y", "z", "w"].map(code).join(", ");

/** A register of what the binding holds: masks are words of 0 or 1 there. */
const register = (dtype: DType, code: string): string => (dtype === "bool" ? `(${code} != vec4u())` : code);

const loads4: Record<Reading, (spec: Spec, binding: string) => Load> = {
  pairs({ dtype }, binding) {
    const [first, second] = [`${binding}_first`, `${binding}_second`];
    if (dtype === "u8") {
      return {
        type: "u32",
        code: [
          `let ${binding}_bytes = vec4u(${four((lane) => `${binding}[at.${lane} >> 1u]`)}) >> ((at & vec4u(1u)) * 16u);`,
          `let ${first} = ${binding}_bytes & vec4u(255u);`,
          `let ${second} = (${binding}_bytes >> vec4u(8u)) & vec4u(255u);`,
        ],
        first,
        second,
      };
    }
    const scalar = scalarTypes[dtype];
    const pair = (lane: string) => `${binding}_${lane}`;
    const both = (half: string) =>
      register(dtype, `vec4<${scalar}>(${four((lane) => `${pair(lane)}.${half}`)})`);
    return {
      type: `vec2<${scalar}>`,
      code: [
        ...["x", "y", "z", "w"].map((lane) => `let ${pair(lane)} = ${binding}[at.${lane}];`),
        `let ${first} = ${both("x")};`,
        `let ${second} = ${both("y")};`,
      ],
      first,
      second,
    };
  },
  fours({ dtype }, binding) {
    const at = (index: string) =>
      dtype === "u8"
        ? `((vec4u(${binding}[${index}]) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u))`
        : register(dtype, `${binding}[${index}]`);
    const type = dtype === "u8" ? "u32" : `vec4<${scalarTypes[dtype]}>`;
    return { type, code: [], first: at("p"), second: at("q") };
  },
  any({ dtype }, binding) {
    const at = (index: string) =>
      dtype === "u8"
        ? `((vec4u(${four((lane) => `${binding}[${index}.${lane} >> 2u]`)}) >> ((${index} & vec4u(3u)) * 8u)) & vec4u(255u))`
        : register(dtype, `vec4<${scalarTypes[dtype]}>(${four((lane) => `${binding}[${index}.${lane}]`)})`);
    return { type: scalarTypes[dtype], code: [], first: at("p"), second: at("q") };
  },
};

function scalarLoad({ dtype }: Spec, binding: string): Load {
  const code =
    dtype === "u8"
      ? `vec4u(${binding}[0] & 255u)`
      : register(dtype, `vec4<${scalarTypes[dtype]}>(${binding}[0])`);
  return { type: scalarTypes[dtype], code: [], first: code, second: code };
}

// Pointwise work at the start of products: what is multiplied is computed as it is read, and never stored. Knows the
// matmul kernels by the one function through which each operand is read, and by the type of its elements.

import { sizeOf } from "../../base/shape.ts";
import type { HookBinding, Spec } from "../../kernel/kernel.ts";
import type { PrologueSite } from "../../kernel/kernel-op.ts";
import { chainCode, registerTypes, scalarTypes } from "../pointwise/pointwise-code.ts";
import { elementTypes, type Load, loadFunction, loads4, type Reading, register } from "./readings.ts";

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
        [`computed_${name}`]: computed,
        [`load_${name}`]: loadFunction(
          name,
          reading,
          loads.flatMap(({ code }) => code),
          `Pair(computed_${name}(${loads.map(({ first }) => first).join(", ")}), computed_${name}(${loads.map(({ second }) => second).join(", ")}))`,
        ),
        // A number that only the run knows keeps NaN and infinities out of constant expressions.
        ...(computed.includes("non_finite(")
          ? {
              non_finite: "fn non_finite(bits: u32) -> u32 {\n  return select(bits, 1u, sizes.one != 1u);\n}",
            }
          : {}),
      };
      return {
        ...plan,
        calls: [
          {
            ...call,
            hooks: {
              ...call.hooks,
              bindings,
              functions,
              helpers: { ...call.hooks?.helpers, ...helpers },
            },
            operands,
          },
          ...others,
        ],
      };
    },
  };
}

const readingOf = (element: string): Reading =>
  (Object.keys(elementTypes) as Reading[]).find((reading) => elementTypes[reading] === element)!;

function scalarLoad({ dtype }: Spec, binding: string): Load {
  const code =
    dtype === "u8"
      ? `vec4u(${binding}[0] & 255u)`
      : register(dtype, `vec4<${scalarTypes[dtype]}>(${binding}[0])`);
  return { type: scalarTypes[dtype], code: [], first: code, second: code };
}

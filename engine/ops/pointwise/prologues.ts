// Pointwise work at the start of reductions: what is reduced is computed as it is read, and never stored.

import type { HookBinding, KernelCall } from "../../kernel/kernel.ts";
import type { PrologueSite } from "../../kernel/kernel-op.ts";
import { chainFunction } from "./pointwise-code.ts";

/** For kernels that read in0 four elements at a time by `load4(i)` and single ones by `load1(i)`. */
export const readingSite = (load4Parameters: string): PrologueSite =>
  siteOf(0, (computed) => ({
    load4: `fn load4(${load4Parameters}) -> Vector {\n  return ${computed("i >> 2u")};\n}`,
    load1: `fn load1(i: u32) -> Value {\n  return ${computed("i >> 2u")}[i & 3u];\n}`,
  }));

/** For kernels that read the f32 elements of an input one by one, by a function of that name. */
export const elementSite = (which: number, name: string): PrologueSite =>
  siteOf(which, (computed) => ({
    [name]: `fn ${name}(i: u32) -> f32 {\n  return ${computed("i >> 2u")}[i & 3u];\n}`,
  }));

/** @param functions those that read the input, made of an expression of the vec4 of a number */
function siteOf(
  which: number,
  functions: (computed: (index: string) => string) => Record<string, string>,
): PrologueSite {
  return {
    input: which,
    knowsElement: true,
    mostWork: Number.POSITIVE_INFINITY,
    attach(plan, chain, inputOperands) {
      const [call, ...others] = plan.calls;
      const { code, types, helpers } = chainFunction("computed", chain, "source");
      const operands = [...call.operands];
      const bindings: HookBinding[] = [...(call.hooks?.bindings ?? [])].filter(({ name }) => name !== "in0");
      const own = operands.findIndex(({ role, index }) => role === "input" && index === which);
      // The first takes the place of the input that is computed now, the others come last.
      inputOperands.forEach((operand, k) => {
        const place = k === 0 ? own : operands.length;
        operands[place] = operand;
        bindings.push({ name: `source${k}`, binding: place + 1, access: "read", type: types[k] });
      });
      // Masks are registers of booleans in a chain and words of 0 or 1 in the kernel.
      const computed = (index: string) =>
        chain.outputs[0].dtype === "bool"
          ? `select(vec4u(), vec4u(1u), computed(${index}))`
          : `computed(${index})`;
      const next: KernelCall = {
        ...call,
        hooks: {
          ...call.hooks,
          bindings,
          functions: {
            ...call.hooks?.functions,
            ...functions(computed),
            computed: code,
            ...(code.includes("non_finite(")
              ? { non_finite: "fn non_finite(bits: u32) -> u32 {\n  return bits | sizes.zero;\n}" }
              : {}),
          },
          helpers: { ...call.hooks?.helpers, ...helpers },
        },
        operands,
      };
      return { ...plan, calls: [next, ...others] };
    },
  };
}

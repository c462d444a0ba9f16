// How kernels add up many terms: plainly where they are few enough, else with what rounding loses kept beside the total.

import source from "../../shaders/long-sum.wgsl";

export const longSumSource: string = source;

/**
 * Terms from which on a kernel adds with compensation. In one f32 accumulator errors grow with their number, to 2e-5 of
 * the sum here and 2e-4 at 10^5; shorter sums stay as fast as they can be.
 */
export const manyTerms = 10_241;

/** The types of `long-sum.wgsl` for terms of another type than vec4f. */
export const termAliases = (term: "f32" | "vec4f"): Record<"Term" | "TermBits", string> => ({
  Term: term,
  TermBits: term === "f32" ? "u32" : "vec4u",
});

/** The functions of `long-sum.wgsl` for sums that lose too little to care. */
export const plainSums: Readonly<Record<"joined" | "settled", string>> = {
  joined:
    "fn joined(sum: LongSum, block: Term, zero: u32) -> LongSum {\n  return LongSum(sum.total + block, sum.lost);\n}",
  settled: "fn settled(sum: LongSum) -> Term {\n  return sum.total;\n}",
};

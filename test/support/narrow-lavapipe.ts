// lavapipe at half its width: how `npm test` runs most files of test/gpu on it, other ones each day.

import fs from "node:fs";
import path from "node:path";
import { type AdapterChoice, cacheDir, root } from "../../scripts/setup.mjs";
import { isDue } from "./sampled.ts";

const bits = "128";

/**
 * Vectors of 128 bits, which Mesa takes by itself on CPUs that have no longer ones (ARM, x86 without AVX): subgroups have
 * 4 lanes instead of 8, and shaders compile in half the time. What Mesa caches on disk it finds again without regard to the
 * width, so that programs of one width would be run at the other: hence a folder of its own.
 */
export const narrowLavapipe = {
  LP_NATIVE_VECTOR_WIDTH: bits,
  MESA_SHADER_CACHE_DIR: path.join(process.env.MESA_SHADER_CACHE_DIR ?? cacheDir, `lavapipe-${bits}-bits`),
};

/** Whether this is lavapipe at more than that width. */
export const isWideLavapipe = ({ name, probe }: AdapterChoice): boolean =>
  name === "lavapipe" && Number(probe.info.subgroupMinSize) > 4;

/**
 * Of so many files one has the adapter as it is. No factor in common with the parts that files take of their cases: each
 * case has its turn at either width.
 */
export const wideParts = 5;

/** Every day at full width: of kernels that exist for subgroups of 8 lanes only, as those of recurrences, and what counts them. */
export const alwaysWide: readonly string[] = ["kernel-families", "recurrence", "reference-nets"];

/** The files of test/gpu that a day's run has at full width, or those that it has not. */
export function gpuFiles(width: "wide" | "narrow", day = process.env.GRADGPU_TEST_SAMPLE): string[] {
  const all = fs
    .readdirSync(path.join(root, "test", "gpu"))
    .filter((name) => name.endsWith(".test.ts"))
    .sort();
  return all
    .filter(
      (name, i) =>
        (isDue(i, wideParts, day) || alwaysWide.includes(name.replace(".test.ts", ""))) ===
        (width === "wide"),
    )
    .map((name) => `test/gpu/${name}`);
}

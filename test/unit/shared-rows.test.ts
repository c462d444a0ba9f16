// How kernels of rows are cut: threads that share a row, and loads that each has on their way together.

import { expect, it } from "vitest";
import { gpuProfile } from "../../bench/gpu-report/planning.ts";
import { shader } from "../../engine/kernel/kernel.ts";
import { specialize } from "../../engine/kernel/specialize.ts";
import { rowHooks } from "../../engine/ops/reduce/shared-rows.ts";
import ownRowsSource from "../../shaders/own-rows.wgsl";
import softmaxSource from "../../shaders/softmax.wgsl";

const software = { ...gpuProfile, isSoftware: true };
/** Variants of which the favourite is asked for. */
const variantsWith = (isShared: boolean) => ({
  family: "softmax",
  problem: undefined,
  names: isShared ? ["shared-row"] : ["own-row"],
});
const constsOf = (isShared: boolean, steps: number, width: 1 | 4, profile = gpuProfile, rows = 16) =>
  Object.values(rowHooks(variantsWith(isShared), 64, { rows, steps, width }, {}, profile).consts);

it.each([
  ["a software adapter, whatever the row", constsOf(true, 16384, 4, software), ["256u", "256u", "1u"]],
  ["a vec4 for each of a workgroup's threads", constsOf(true, 64, 4), ["64u", "64u", "1u"]],
  [
    "the same of many rows: two of them at once",
    constsOf(true, 64, 4, gpuProfile, 1024),
    ["64u", "32u", "2u"],
  ],
  ["short rows: four of 64 elements at once", constsOf(true, 16, 4, gpuProfile, 1024), ["64u", "16u", "1u"]],
  ["75 vec4s: two for each thread", constsOf(true, 75, 4), ["64u", "64u", "2u"]],
  ["ten elements: five for each of two threads", constsOf(true, 10, 1), ["64u", "2u", "5u"]],
  ["a row of 1000", constsOf(true, 250, 4, gpuProfile, 16), ["64u", "64u", "4u"]],
  ["1000s of them, of which SIMDs hold many", constsOf(true, 250, 4, gpuProfile, 1024), ["64u", "64u", "2u"]],
  ["a long row, shared by more threads", constsOf(true, 16384, 4), ["256u", "256u", "4u"]],
  ["a long row of single elements", constsOf(true, 65536, 1), ["256u", "256u", "8u"]],
  ["ten elements of one thread, of which eight would leave six", constsOf(false, 10, 1), ["64u", "1u", "4u"]],
])("%s", (_, found, wanted) => {
  expect(found).toEqual(wanted);
});

it("leaves no loop over the loads where there is one, which SwiftShader would take twice as long with", () => {
  const rows = shader("softmax", `${ownRowsSource}\n${softmaxSource}`);
  const text = (profile: typeof gpuProfile) => {
    const { consts, functions } = rowHooks(
      variantsWith(true),
      64,
      { rows: 16, steps: 16384, width: 4 },
      {},
      profile,
    );
    return specialize(rows, { consts, functions });
  };
  expect(text(software)).not.toMatch(/ahead < AHEAD/);
  expect(text(software).match(/const ahead = 0u/g)?.length).toBe(
    text(gpuProfile).match(/ahead < AHEAD/g)?.length,
  );
});

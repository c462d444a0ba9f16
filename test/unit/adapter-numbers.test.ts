// How workgroups are cut on software adapters and on GPUs.

import { expect, it } from "vitest";
import { numbersOf, workgroupFor } from "../../engine/kernel/adapter-numbers.ts";
import type { AdapterProfile } from "../../engine/kernel/kernel.ts";

const adapter = (isSoftware: boolean) => ({ isSoftware }) as AdapterProfile;

it("workgroups of software adapters are small while few threads are needed, those of GPUs never", () => {
  const sizes = (isSoftware: boolean) =>
    [1, 8, 512, 513, 100_000].map((threads) => workgroupFor(threads, adapter(isSoftware)));
  expect(sizes(true)).toEqual([8, 8, 8, 64, 64]);
  expect(sizes(false)).toEqual([64, 64, 64, 64, 64]);
});

it("only software adapters compile slowly, and only GPUs share tiles and rows", () => {
  const traits = (isSoftware: boolean) => {
    const { compilesSlowly, sharesTiles, sharesRows, prefersOneKernel } = numbersOf(adapter(isSoftware));
    return { compilesSlowly, sharesTiles, sharesRows, prefersOneKernel };
  };
  expect(traits(true)).toEqual({
    compilesSlowly: true,
    sharesTiles: false,
    sharesRows: false,
    prefersOneKernel: true,
  });
  expect(traits(false)).toEqual({
    compilesSlowly: false,
    sharesTiles: true,
    sharesRows: true,
    prefersOneKernel: false,
  });
});

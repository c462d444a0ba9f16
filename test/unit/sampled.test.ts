// Which of the long tests a run of `npm test` takes.

import fs from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { hostFiles, isDue } from "../support/sampled.ts";

const root = path.resolve(import.meta.dirname, "../..");

it("the samples of as many days as there are parts have each case once, and without one all are run", () => {
  for (let place = 0; place < 10; place++)
    for (const parts of [3, 8]) {
      const days = Array.from({ length: parts }, (_, day) => String(20_000 + day));
      expect(days.filter((day) => isDue(place, parts, day))).toHaveLength(1);
    }
  if (process.env.GRADGPU_TEST_SAMPLE === undefined)
    expect([0, 1, 2].every((place) => isDue(place))).toBe(true);
});

it("files that are sampled on other adapters than the first are there", () => {
  expect(new Set(hostFiles).size).toBe(hostFiles.length);
  const gone = hostFiles.filter((name) => !fs.existsSync(path.join(root, "test", "gpu", `${name}.test.ts`)));
  expect(gone).toEqual([]);
});

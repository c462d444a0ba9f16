// Which of the long tests a run of `npm test` takes.

import fs from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { alwaysWide, gpuFiles, wideParts } from "../support/narrow-lavapipe.ts";
import { hostFiles, hostParts, isDue, isDueHere } from "../support/sampled.ts";

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

it("a day has each case on an adapter: on the first where it is not the others' turn, on all without a sample", () => {
  const days = ["20000", "20001", "20002"];
  for (let place = 0; place < 10; place++) {
    for (const day of days) {
      expect(isDueHere(place, 3, "first", day)).toBe(!isDueHere(place, 3, "other", day));
      expect(isDueHere(place, 3, "only", day)).toBe(true);
    }
    expect(days.filter((day) => isDueHere(place, 3, "other", day))).toHaveLength(1);
    if (process.env.GRADGPU_TEST_SAMPLE === undefined)
      for (const role of ["only", "first", "other"] as const) expect(isDueHere(place, 3, role)).toBe(true);
  }
});

it("files that are sampled on other adapters than the first are there", () => {
  expect(new Set(hostFiles).size).toBe(hostFiles.length);
  const gone = hostFiles.filter((name) => !fs.existsSync(path.join(root, "test", "gpu", `${name}.test.ts`)));
  expect(gone).toEqual([]);
});

it.each([
  ["is run on other adapters", hostParts],
  ["has lavapipe at full width", wideParts],
])("days on which a file %s have each of its cases in turn", (_, fileParts) => {
  const days = Array.from({ length: 12 * fileParts }, (_, day) => String(20_000 + day));
  for (let file = 0; file < fileParts; file++) {
    const due = days.filter((day) => isDue(file, fileParts, day));
    for (const parts of [2, 3, 4, 6])
      for (let place = 0; place < parts; place++)
        expect(due.filter((day) => isDue(place, parts, day))).not.toHaveLength(0);
  }
});

it("a day has each file of test/gpu on lavapipe once, and so many days have each at full width once, or each day", () => {
  const all = fs.readdirSync(path.join(root, "test/gpu")).filter((name) => name.endsWith(".test.ts"));
  const files = all.map((name) => `test/gpu/${name}`).sort();
  const days = Array.from({ length: wideParts }, (_, day) => String(20_000 + day));
  for (const day of days)
    expect([...gpuFiles("wide", day), ...gpuFiles("narrow", day)].sort()).toEqual(files);
  const always = alwaysWide.map((name) => `test/gpu/${name}.test.ts`);
  for (const file of files) {
    const wide = days.filter((day) => gpuFiles("wide", day).includes(file));
    expect(wide, file).toHaveLength(always.includes(file) ? wideParts : 1);
  }
  expect(files).toEqual(expect.arrayContaining(always));
});

// The faults of `npm run mutants` keep up with the code: who changes a line that one of them replaces, changes the fault.

import { describe, expect, it } from "vitest";
import { type Fault, staleFaults } from "../mutants/stale.mjs";

describe("faults that the tests must notice", () => {
  it("each replace a text that stands in its file once, and name tests that are there", () => {
    expect(staleFaults().map(({ fault, why }) => `test/mutants/faults: ${fault.name}: ${why}`)).toEqual([]);
  });

  it("are told with the remedy where they do not", () => {
    const tests = [{ kind: "unit", file: "mutants" }];
    const fault: Fault = { name: "a#1", file: "package.json", text: '"name": "gradgpu"', with: "", tests };
    const whyNot = (change: Partial<Fault>) => staleFaults([{ ...fault, ...change }]).map(({ why }) => why);
    expect(whyNot({})).toEqual([]);
    expect(whyNot({ text: "nowhere" })).toEqual([
      'its text must stand there once, but does 0 times: "nowhere"; write the same mistake for the code as it is now, or drop the line where that job is gone',
    ]);
    expect(whyNot({ text: "gradgpu" })[0]).toMatch(/once, but does \d+ times: "gradgpu"; write/);
    expect(whyNot({ file: "engine/gone.ts" })[0]).toMatch(/once, but does 0 times/);
    expect(whyNot({ tests: [{ kind: "gpu", file: "gone" }] })).toEqual([
      "there is no test/gpu/gone.test.ts; name the tests that should notice it",
    ]);
  });
});

// docs/ops.md is what npm run op-table makes of the ops, their sources, what conformance measured, and what examples print.

import fs from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { opExamples } from "../support/op-examples.ts";
import { opTable } from "../support/op-table.ts";

const root = path.resolve(import.meta.dirname, "../..");

describe("docs/ops.md", () => {
  let page: string;
  beforeAll(async () => {
    page = await opTable(root);
  });

  it("is what the sources say and the examples print; npm run op-table writes it anew", () => {
    expect(fs.readFileSync(path.join(root, "docs/ops.md"), "utf8")).toBe(page);
  });

  it("has each op once, with a declaration, an accuracy and an example of its own", () => {
    const names = [...page.matchAll(/^### `(\w+)`$/gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(150);
    expect([...names].sort()).toEqual(Object.keys(opExamples).sort());
    for (const [i, section] of page.split(/^### /m).slice(1).entries()) {
      expect(section).toMatch(new RegExp(`^\`${names[i]}\\(.*\\): [^\\]]+.*\`$`, "m"));
      expect(section).toMatch(/^(Error: |Made of other ops)/m);
      expect(section).toMatch(new RegExp(`^await print\\(.*\\b${names[i]}\\(.*\\n// Tensor\\(`, "m"));
      // What an example shows is a result, not what went wrong.
      expect(section.match(/^\/\/ /m)).not.toBeNull();
    }
  });
});

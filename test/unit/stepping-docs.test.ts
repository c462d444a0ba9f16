// The programs of docs/stepping.md run as they stand, and say what the page says.

import { describe, expect, it } from "vitest";
import { blocksOf, runSnippet as run } from "../support/doc-snippets.ts";

const blocks = blocksOf("docs/stepping.md");
/** The rest are a test and a loop of a debugging session. */
const programs = blocks.filter(({ kind, code }) => kind === "ts" && /^await init\(/m.test(code));
const shown = (kind: string) => blocks.filter((block) => block.kind === kind).map(({ code }) => code);

describe("docs/stepping.md", () => {
  it("has programs", () => expect(programs).toHaveLength(3));

  it("a loop prints the steps that the page shows", async () => {
    expect(await run(programs[0].code)).toBe(shown("text")[0]);
  });

  it("a model and a loss become the diagrams that the page shows", async () => {
    const printed = await run(programs[1].code);
    expect(printed).toContain(shown("mermaid")[0]);
    expect(printed).toContain("digraph {");
  });

  it("a model's steps become a page", async () => {
    expect(await run(programs[2].code)).toBe("7 ops\n");
  });
});

// What the package exports, as its users' compilers see it: every change of it is a line in test/public-api.txt, and
// one in CHANGELOG.md. `npx vitest run --project unit public-api -u` writes the file anew.

import { expect, it } from "vitest";
import { emittedDeclarations, publicApi } from "../support/declarations.ts";

it("is what test/public-api.txt says", async () => {
  const { folder, mistakes } = await emittedDeclarations();
  expect(mistakes).toEqual([]);
  const api = publicApi(folder);
  for (const name of ["relu", "Tensor", "init"]) expect(api).toMatch(new RegExp(`^${name}: `, "m"));
  // Internals of the engine are no part of it.
  for (const name of ["kindOf", "checkOptions", "sumCalls", "rowNormSources"])
    expect(api).not.toMatch(new RegExp(`^${name}: `, "m"));
  await expect(api).toMatchFileSnapshot("../public-api.txt");
});

// What bundles for pages take in the place of what only Node has, by the field "browser" of package.json: pairs that can
// stand for each other.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const { browser } = JSON.parse(readFileSync("package.json", "utf8")) as { browser: Record<string, string> };
const sourceOf = (shipped: string) => shipped.replace(/^\.\/dist\/(.*)\.js$/, "$1.ts");

describe("what pages take in place of Node's", () => {
  it.each(Object.entries(browser).map(([own, other]) => [sourceOf(own), sourceOf(other)]))(
    "%s and %s offer the same",
    (own, other) => {
      expect(other).toBe(own.replace(/\.ts$/, ".browser.ts"));
      expect([own, other].map((file) => existsSync(file))).toEqual([true, true]);
      const [inNode, inPage] = [own, other].map(exportsOf);
      expect(inPage).not.toEqual([]);
      expect(inNode).toEqual(expect.arrayContaining(inPage));
      // What others import from the one they find in the other.
      expect(inPage).toEqual(expect.arrayContaining(inNode.filter((name) => isImported(own, name))));
    },
  );
});

/** The names of the values that a file exports. */
function exportsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const declared = text.matchAll(/^export (?:async )?(?:const|function\*?|class) (\w+)/gm);
  const listed = text.matchAll(/^export \{([^}]*)\}/gm);
  return [
    ...[...declared].map(([, name]) => name),
    ...[...listed].flatMap(([, names]) => names.split(",").map((one) => one.trim().split(" ").at(-1) ?? "")),
  ];
}

/** Whether another module of the library imports the name from the file. */
function isImported(file: string, name: string): boolean {
  const base = file.split("/").at(-1);
  return importers.some(({ path, text }) =>
    [...text.matchAll(/import (?!type\b)\{([^}]*)\} from "([^"]+)"/g)].some(
      ([, names, from]) =>
        path !== file &&
        from.endsWith(`/${base}`) &&
        names.split(",").some((one) => one.trim().split(" ")[0] === name),
    ),
  );
}

const importers = ["engine/backend", "nn/training"].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => ({ path: `${folder}/${name}`, text: readFileSync(`${folder}/${name}`, "utf8") })),
);

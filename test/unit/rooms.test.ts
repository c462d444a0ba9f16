// Each folder says what lies in it, and what the pages of the repository point to is there.

import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const ignored = new Set(["node_modules", "dist", "out", ".git"]);

const entriesOf = (folder: string) => fs.readdirSync(path.join(root, folder), { withFileTypes: true });

/** Folders up to that depth, as paths from the root. */
const foldersBelow = (folder: string, depth: number): string[] => [
  folder,
  ...(depth === 0
    ? []
    : entriesOf(folder)
        .filter((entry) => entry.isDirectory())
        .flatMap(({ name }) => foldersBelow(path.posix.join(folder, name), depth - 1))),
];

const houses = ["bench", "data", "engine", "examples", "nn", "optim", "scripts", "shaders", "site", "test"];
/** Too small for a page of its own: the one of the folder above tells of it. */
const toldAbove = new Set(["examples/support"]);

const pagesIn = (folder: string): string[] =>
  entriesOf(folder).flatMap((entry) => {
    const file = path.posix.join(folder, entry.name);
    if (entry.isDirectory()) return ignored.has(entry.name) ? [] : pagesIn(file);
    return file.endsWith(".md") ? [file] : [];
  });

describe("a folder", () => {
  const folders = houses
    .flatMap((house) => foldersBelow(house, 1))
    .filter((folder) => !toldAbove.has(folder));

  it.each(folders)("%s has a README", (folder) => {
    const file = path.join(root, folder, "README.md");
    expect(fs.existsSync(file), `${folder}/README.md: a few lines on what lies there`).toBe(true);
    expect(fs.readFileSync(file, "utf8").startsWith(`# ${folder}\n`)).toBe(true);
  });
});

const sourcesIn = (folder: string): string[] =>
  entriesOf(folder).flatMap((entry) => {
    const file = path.posix.join(folder, entry.name);
    if (entry.isDirectory()) return ignored.has(entry.name) ? [] : sourcesIn(file);
    return /\.(?:tsx?|mjs|wgsl)$/.test(file) && !file.endsWith(".d.ts") ? [file] : [];
  });

describe("a source file", () => {
  it("says what it holds in one or two lines at its top", () => {
    const wrong = houses.flatMap(sourcesIn).filter((file) => {
      const [header] = /^(?:\/\/(?!\/).*\n)*/.exec(
        fs.readFileSync(path.join(root, file), "utf8").replace(/^#!.*\n/, ""),
      )!;
      const lines = header.split("\n").length - 1;
      return lines < 1 || lines > 2;
    });
    expect(wrong).toEqual([]);
  });

  it("of a test changes the environment's variables, and never replaces the object that holds them", () => {
    // vi.stubEnv() deletes from the object that was there first: of another it could take nothing away, for this
    // file or for those that share its process.
    const wrong = sourcesIn("test").filter((file) =>
      /\bprocess\.env\s*=(?!=)/.test(fs.readFileSync(path.join(root, file), "utf8")),
    );
    expect(wrong).toEqual([]);
  });
});

describe("a FinalizationRegistry", () => {
  it("is made where a module begins, and lives as long: one that V8 collects may silence all others", () => {
    const wrong = houses.flatMap(sourcesIn).filter((file) => {
      const code = fs.readFileSync(path.join(root, file), "utf8").replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, "");
      const made = code.match(/new FinalizationRegistry\b/g)?.length ?? 0;
      const lasting = code.match(/^(?:export )?const \w+ = new FinalizationRegistry\b/gm)?.length ?? 0;
      return made > lasting;
    });
    expect(wrong.filter((file) => !file.endsWith("rooms.test.ts"))).toEqual([]);
  });
});

describe("a page", () => {
  it.each(pagesIn("."))("%s links to files that are there", (page) => {
    const text = fs.readFileSync(path.join(root, page), "utf8").replace(/```[\s\S]*?```/g, "");
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target.split("#")[0]);
    const missing = targets
      .filter((target) => target !== "" && !/^[a-z]+:/.test(target))
      .filter((target) => !fs.existsSync(path.join(root, path.dirname(page), target)));
    expect(missing).toEqual([]);
  });

  it.each(pagesIn("."))("%s names files that are there", (page) => {
    const text = fs.readFileSync(path.join(root, page), "utf8");
    const named = [
      ...text.matchAll(
        /`((?:engine|nn|optim|data|bench|test|shaders|scripts)\/[\w./-]+\.(?:ts|mjs|wgsl|txt))`/g,
      ),
    ];
    const missing = named
      .map(([, file]) => file)
      .filter((file) => !/[A-Z]{4}/.test(file) && !fs.existsSync(path.join(root, file)));
    expect(missing).toEqual([]);
  });
});

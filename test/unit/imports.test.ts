// What may import what: rooms stand on floors, and every import, types included, goes to the own room or to a lower
// floor. The floors are those that docs/architecture.md draws.

import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import {
  circlesOf,
  codeOf,
  filesOf,
  floorsOf,
  type Import,
  importsOf,
  roomOf,
  root,
} from "../support/floors.ts";

const page = fs.readFileSync(path.join(root, "docs/architecture.md"), "utf8");
const floors = floorsOf(page);
const library = ["engine", "optim", "data", "nn"];
const parts = [...library, "bench", "site"];
const show = ({ file, target }: Import) => `${file} imports ${target}`;

const isOwn = ({ target }: Import) => fs.existsSync(path.join(root, target.split("/")[0]));

describe("the floors of docs/architecture.md", () => {
  it("hold every source file", () => {
    expect(floors.size).toBeGreaterThan(25);
    expect(parts.flatMap(filesOf).filter((file) => roomOf(file, floors) === undefined)).toEqual([]);
  });

  it("name only rooms that exist", () => {
    expect([...floors.keys()].filter((room) => !fs.existsSync(path.join(root, room)))).toEqual([]);
  });
});

describe("imports", () => {
  it.each(parts)("%s: each goes to the own room or a lower floor", (part) => {
    const wrong = filesOf(part)
      .flatMap(importsOf)
      .filter(isOwn)
      .filter(({ file, target }) => {
        const [from, to] = [roomOf(file, floors), roomOf(target, floors)];
        if (from === undefined || to === undefined) return !target.startsWith("scripts/");
        return from !== to && floors.get(to)! >= floors.get(from)!;
      });
    expect(wrong.map(show)).toEqual([]);
  });

  it("make no circle, types included", () => {
    expect(circlesOf(parts.flatMap(filesOf))).toEqual([]);
  });

  it("optim, nn and data see the faces of the engine only, examples the public ones", () => {
    const faces = ["engine/index.ts", "engine/internal.ts", "engine/inspect/index.ts"];
    // A module that only throws needs no more than the errors.
    const allowed = [...faces, "engine/base/errors.ts"];
    const wrong = ["optim", "nn", "data"]
      .flatMap(filesOf)
      .flatMap(importsOf)
      .filter(({ target }) => target.startsWith("engine/") && !allowed.includes(target));
    const examples = filesOf("examples")
      .flatMap(importsOf)
      .filter(({ target }) => target.startsWith("engine/"))
      .filter(({ target }) => !["engine/index.ts", "engine/inspect/index.ts"].includes(target));
    expect([...wrong, ...examples].map(show)).toEqual([]);
  });

  it("the site imports the package by its names, as a user's page does", () => {
    const wrong = filesOf("site")
      .flatMap(importsOf)
      .filter(({ target }) => isOwn({ file: "", target }) && !target.startsWith("site/"));
    expect(wrong.map(show)).toEqual([]);
  });

  it("relative ones name files that exist", () => {
    const wrong = [...parts, "examples"]
      .flatMap(filesOf)
      .flatMap(importsOf)
      .filter(({ target }) => /^(shaders|engine|optim|data|nn|bench|examples|site)\//.test(target))
      .filter(({ target }) => !fs.existsSync(path.join(root, target)));
    expect(wrong.map(show)).toEqual([]);
  });

  it("only engine/backend/webgpu mentions GPU types", () => {
    const mentions = library
      .flatMap(filesOf)
      .filter((file) => !file.startsWith("engine/backend/webgpu/"))
      .filter((file) => /\bGPU[A-Z]\w+\b|\bnavigator\.gpu\b/.test(codeOf(file)));
    expect(mentions).toEqual([]);
  });

  it("engine, optim and nn import no package, but for Dawn where an adapter is opened", () => {
    const wrong = ["engine", "optim", "nn"]
      .flatMap(filesOf)
      .flatMap(importsOf)
      .filter(({ target }) => !fs.existsSync(path.join(root, target)))
      .filter(({ file, target }) => !(target === "webgpu" && file.startsWith("engine/backend/webgpu/")));
    expect(wrong.map(show)).toEqual([]);
  });
});

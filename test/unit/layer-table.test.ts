// docs/layers.md is what npm run layer-table makes of the sources, and its tables of names fit what there is.

import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { differences, kerasNames, otherNames } from "../support/keras-names.ts";
import { layerTable } from "../support/layer-table.ts";

const root = path.resolve(import.meta.dirname, "../..");
const page = layerTable(root);
const named = [...page.matchAll(/^\| `(\w+)/gm)].map(([, name]) => name);

describe("docs/layers.md", () => {
  it("is what the sources say; npm run layer-table writes it anew", () => {
    expect(fs.readFileSync(path.join(root, "docs/layers.md"), "utf8")).toBe(page);
  });

  it("has what programs use", () => {
    for (const name of [
      "Dense",
      "TextVectorization",
      "relu",
      "huber",
      "auc",
      "Adam",
      "cosineDecay",
      "zeros",
      "l2",
      "maxNorm",
    ])
      expect(named).toContain(name);
    expect(named.length).toBeGreaterThan(150);
    for (const frame of ["Layer", "Model", "Sequential", "Optimizer"]) expect(named).not.toContain(frame);
  });

  it("tells no differences of what is gone, and no names that Keras has not", () => {
    const told = [differences, otherNames].flatMap((table) => Object.values(table).flatMap(Object.keys));
    expect(told.filter((name) => !named.includes(name))).toEqual([]);
    const theirs = Object.values(kerasNames).flat() as string[];
    expect(
      Object.values(otherNames)
        .flatMap(Object.values)
        .filter((name) => !theirs.includes(name)),
    ).toEqual([]);
  });

  it("says what a cell can hold: a row has four", () => {
    const rows = page.split("\n").filter((line) => line.startsWith("| "));
    expect(rows.filter((row) => row.split(/(?<!\\)\|/).length !== 6)).toEqual([]);
  });
});

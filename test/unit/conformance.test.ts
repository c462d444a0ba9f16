// docs/conformance.md is up to date: every op stands on it, measured on each adapter, and nothing on it has failed.

import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { stated } from "../conformance/limits.ts";
import { hasFailed, pageOf } from "../conformance/page.ts";
import type { Measured, Row } from "../conformance/row.ts";
import { sweep } from "../conformance/sweep.ts";
import { allOps, isDifferentiable } from "../support/op-cases.ts";

const docs = path.resolve(import.meta.dirname, "../../docs");
const remedy = "run npm run conformance";
const measured = fs
  .readdirSync(path.join(docs, "conformance"))
  .filter((file) => file.endsWith(".json"))
  .sort()
  .map((file) => JSON.parse(fs.readFileSync(path.join(docs, "conformance", file), "utf8")) as Measured);
const ops = allOps();

describe("docs/conformance.md", () => {
  it("lists every op, and none that is gone", () => {
    const page = fs.readFileSync(path.join(docs, "conformance.md"), "utf8");
    const listed = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    const names = ops.map((op) => op.name);
    expect(
      names.filter((name) => !listed.includes(name)),
      `ops that are missing: ${remedy}`,
    ).toEqual([]);
    expect(
      listed.filter((name) => !names.includes(name)),
      `ops that are gone: ${remedy}`,
    ).toEqual([]);
  });

  it("is what its measurements say", () => {
    const known = new Set(ops.map((op) => op.name));
    const current = measured.map((one) => ({ ...one, rows: one.rows.filter((row) => known.has(row.op)) }));
    expect(fs.readFileSync(path.join(docs, "conformance.md"), "utf8") === pageOf(current), remedy).toBe(true);
  });

  it.each(measured.map((one) => [one.name, one] as const))("has no failure on %s", (_, { rows }) => {
    expect(rows.filter(hasFailed).map((row) => row.op)).toEqual([]);
  });

  it.each(measured.map((one) => [one.name, one] as const))("has every gradient on %s", (_, { rows }) => {
    const byName = new Map(rows.map((row) => [row.op, row]));
    const wrong = ops.filter((op) => {
      const cell = byName.get(op.name)?.gradient;
      const isNone = cell?.startsWith("none: ") === true && cell !== "none: no f32 input";
      return cell !== undefined && isNone === isDifferentiable(op);
    });
    expect(
      wrong.map((op) => op.name),
      remedy,
    ).toEqual([]);
  });

  it("states limits of ops that there are", () => {
    const names = new Set(ops.map((op) => op.name));
    expect(stated().filter(([op]) => !names.has(op))).toEqual([]);
  });
});

describe("pageOf", () => {
  const row: Row = {
    op: "exp",
    forward: "pass",
    gradient: "pass",
    second: "pass",
    error: 2.5,
    unit: "ULP",
    bound: "4 ULP",
    accuracy: "pass",
    special: "limit: flushes",
    shapes: "FAIL: [3]: off",
  };

  it("merges adapters, numbers notes and counts failures", () => {
    const other = { ...row, forward: "FAIL: no", error: 5, accuracy: "FAIL: 5 against 4" };
    const page = pageOf([
      { name: "one", adapter: "A", driver: "1", rows: [row] },
      { name: "two", adapter: "B", driver: "", rows: [other] },
    ]);
    expect(page).toContain(
      "| `exp` | one: pass; two: FAIL (1) | pass | pass | 2.50 ULP (4 ULP) | 5.00 ULP (4 ULP) **FAIL (2)** | limit (3) | FAIL (4) |",
    );
    expect(page).toContain("1 ops, 2 rows with a failure.");
    expect(page).toContain("3. flushes");
  });

  it("says where an op was not measured", () => {
    const page = pageOf([
      { name: "one", adapter: "A", driver: "1", rows: [row] },
      { name: "two", adapter: "B", driver: "", rows: [] },
    ]);
    expect(page).toContain("one: pass; two: not measured");
  });
});

describe("sweep", () => {
  it("covers its domain, subnormals left out", () => {
    const all = sweep(undefined, 4096, 1);
    expect(all.some((x) => Math.abs(x) > 1e30) && all.some((x) => Math.abs(x) < 1e-30 && x !== 0)).toBe(true);
    expect(all.every((x) => x === Math.fround(x) && (x === 0 || Math.abs(x) >= 2 ** -126))).toBe(true);
    const some = sweep([0.25, 3], 4096, 2);
    expect(Math.min(...some)).toBeGreaterThanOrEqual(0.25);
    expect(Math.max(...some)).toBeLessThanOrEqual(3);
    expect(new Set(some).size).toBeGreaterThan(3000);
  });
});

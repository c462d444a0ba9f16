// Lessons in their quick form against the numbers of docs/lessons.

import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { lessons } from "../../examples/lessons/all.ts";
import { adapters } from "../../scripts/setup.mjs";
import { sampled } from "../support/sampled.ts";

const root = path.resolve(import.meta.dirname, "../..");
const names = sampled(lessons, 32).map(({ name }) => name);

type Numbers = Readonly<Record<string, readonly (number | string)[]>>;
interface Kept {
  readonly device: string;
  readonly claims: readonly { says: string; verdict: string; isExact?: true; numbers?: Numbers }[];
}

/**
 * Equal where they are exact. Else kernels that round otherwise than those of the day on which the page was made lead a
 * training elsewhere, by about as much as another seed would; counts of epochs and the like by a few.
 */
function isNear(a: number | string, b: number | string): boolean {
  if (typeof a === "string" || typeof b === "string") return true; // NaN, Infinity: what diverges does so in many ways
  const difference = Math.abs(a - b);
  if (Number.isInteger(a) && Number.isInteger(b)) return difference <= Math.max(3, 0.3 * Math.abs(a));
  return difference <= 0.05 + 0.3 * Math.max(Math.abs(a), Math.abs(b));
}

// Without an adapter the forms are others.
it.skipIf(adapters().length === 0)(
  `${names.join(", ")} give what their pages say`,
  async () => {
    const out = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-lessons-"));
    try {
      const args = ["scripts/run.mjs", "examples/lessons/frame/main.ts", ...names, "--quick", "--out", out];
      await promisify(execFile)(process.execPath, args, { cwd: root, maxBuffer: 2 ** 26 });
      const wrong: string[] = [];
      for (const name of names) {
        const page = `docs/lessons/numbers/${name}.json`;
        const kept: Kept = JSON.parse(fs.readFileSync(path.join(root, page), "utf8"));
        const now: Kept = JSON.parse(fs.readFileSync(path.join(out, name, "claims.json"), "utf8"));
        expect(now.claims.map(({ says }) => says)).toEqual(kept.claims.map(({ says }) => says));
        const isSameDevice = now.device === kept.device;
        for (const [i, { says, verdict, isExact, numbers }] of now.claims.entries()) {
          const before = kept.claims[i];
          if (verdict === "not measured") wrong.push(`${name}: "${says}" was not measured`);
          if (
            isExact &&
            (verdict !== before.verdict || JSON.stringify(numbers) !== JSON.stringify(before.numbers))
          )
            wrong.push(`${name}: "${says}": ${JSON.stringify(numbers)}, ${verdict}`);
          if (isExact || !isSameDevice) continue;
          for (const [key, values] of Object.entries(numbers ?? {})) {
            const old = before.numbers?.[key] ?? [];
            if (values.length !== old.length || !values.every((value, k) => isNear(value, old[k])))
              wrong.push(`${name}: "${says}": ${key} is ${values.join(", ")}, ${page} has ${old.join(", ")}`);
          }
        }
      }
      // Where kernels have changed: npm run lesson -- NAME --quick --docs
      expect(wrong).toEqual([]);
    } finally {
      fs.rmSync(out, { recursive: true });
    }
  },
  1_200_000,
);

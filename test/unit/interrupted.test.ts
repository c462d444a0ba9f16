// Training that ends in one process and goes on in another from what docs/training.md says to keep: when that is as if
// it had not been interrupted.

import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { adapterEnv, root } from "../../scripts/setup.mjs";

const run = promisify(execFile);
const hasAdapter = adapterEnv().GRADGPU_ADAPTER !== "none";
let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-interrupted-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

interface Losses {
  readonly whole: readonly number[];
  readonly first: readonly number[];
  readonly goneOn: readonly number[];
}

/** What the fixture prints of each way, in two processes: in the second it goes on. */
async function trained(kind: string, ...ways: string[]): Promise<Record<string, Losses>> {
  const program = path.join(root, "test", "fixtures", "interrupted.ts");
  const found: Record<string, Losses> = {};
  for (const part of ["first", "second"]) {
    const args = [path.join(root, "scripts", "run.mjs"), program, part, kind, folder, ...ways];
    const { stdout } = await run(process.execPath, args, { cwd: root });
    for (const line of stdout.trim().split("\n")) {
      const { way, ...losses } = JSON.parse(line);
      found[way] = { ...found[way], ...losses };
    }
  }
  expect(Object.keys(found)).toEqual(ways);
  return found;
}

/** The last three of six epochs: of training that was not interrupted, and of such that went on in another process. */
function lastOf({ whole, first, goneOn }: Losses): Pick<Losses, "whole" | "goneOn"> {
  expect(whole).toHaveLength(6);
  expect(first).toEqual(whole.slice(0, 3));
  expect(goneOn).toHaveLength(3);
  return { whole: whole.slice(3), goneOn };
}

describe("training that goes on in another process", () => {
  it.skipIf(!hasAdapter)("is as if it had not been interrupted, in order and without Dropout", async () => {
    const { whole, goneOn } = lastOf((await trained("webgpu", "in-order"))["in-order"]);
    expect(goneOn).toEqual(whole);
  });

  describe("on the CPU reference", () => {
    let found: Record<string, Losses>;
    beforeAll(async () => {
      found = await trained("cpu", "in-order", "shuffle", "dropout");
    });

    it("is so to the digits of f32, in which weights are kept", () => {
      const { whole, goneOn } = lastOf(found["in-order"]);
      goneOn.forEach((loss, epoch) => {
        expect(Math.abs(loss / whole[epoch] - 1)).toBeLessThan(1e-5);
      });
    });

    it.each(["shuffle", "dropout"])("has other numbers with %s, whose state is not kept", (way) => {
      const { whole, goneOn } = lastOf(found[way]);
      goneOn.forEach((loss, epoch) => {
        expect(Math.abs(loss / whole[epoch] - 1)).toBeGreaterThan(1e-4);
        // It does go on, and does not begin anew.
        expect(loss).toBeLessThan(2 * whole[epoch]);
        expect(loss).toBeGreaterThan(whole[epoch] / 2);
      });
    });
  });
});

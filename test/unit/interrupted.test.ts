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

/** The losses of the epochs that a process of its own trains. */
async function lossesOf(part: string, kind: string, way: string): Promise<number[]> {
  const program = path.join(root, "test", "fixtures", "interrupted.ts");
  const file = path.join(folder, `${kind}-${way}.json`);
  const args = [path.join(root, "scripts", "run.mjs"), program, part, kind, way, file];
  const { stdout } = await run(process.execPath, args, { cwd: root });
  return JSON.parse(stdout);
}

/** The last three of six epochs: of training that was not interrupted, and of such that went on in another process. */
async function lastOf(kind: string, way: string): Promise<{ whole: number[]; goneOn: number[] }> {
  const whole = await lossesOf("whole", kind, way);
  expect(await lossesOf("first", kind, way)).toEqual(whole.slice(0, 3));
  const goneOn = await lossesOf("second", kind, way);
  expect(goneOn).toHaveLength(3);
  return { whole: whole.slice(3), goneOn };
}

describe("training that goes on in another process", () => {
  it.skipIf(!hasAdapter)("is as if it had not been interrupted, in order and without Dropout", async () => {
    const { whole, goneOn } = await lastOf("webgpu", "in-order");
    expect(goneOn).toEqual(whole);
  });

  it("is so on the CPU reference to the digits of f32, in which weights are kept", async () => {
    const { whole, goneOn } = await lastOf("cpu", "in-order");
    goneOn.forEach((loss, epoch) => {
      expect(Math.abs(loss / whole[epoch] - 1)).toBeLessThan(1e-5);
    });
  });

  it.each(["shuffle", "dropout"])("has other numbers with %s, whose state is not kept", async (way) => {
    const { whole, goneOn } = await lastOf("cpu", way);
    goneOn.forEach((loss, epoch) => {
      expect(Math.abs(loss / whole[epoch] - 1)).toBeGreaterThan(1e-4);
      // It does go on, and does not begin anew.
      expect(loss).toBeLessThan(2 * whole[epoch]);
      expect(loss).toBeGreaterThan(whole[epoch] / 2);
    });
  });
});

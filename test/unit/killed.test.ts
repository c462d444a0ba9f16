// A run of fit that is killed at 12 random moments, in npm test at 4, others each day; its files are small. test/soak/kills.mjs does so
// 200 times.

import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { adapterEnv, root } from "../../scripts/setup.mjs";

/** One a day: kernels of another way would be made ready for two more runs that are not killed. */
const ways = ["shuffled", "stream", "schedule", "generator"];

const hasAdapter = adapterEnv().GRADGPU_ADAPTER !== "none";

describe("a run that is killed", () => {
  it.skipIf(!hasAdapter)(
    "goes on each time, and ends as one that was not",
    async () => {
      const { GRADGPU_TEST_SAMPLE: sample } = process.env;
      const day = Number(sample ?? 0);
      const kills = sample === undefined ? 12 : 4;
      const seed = String(1 + 997 * day);
      const small = ["--units", "8", "--epochs", "8", "--wait", "10", "--ways", ways[day % ways.length]];
      const args = ["--kills", String(kills), "--seed", seed, ...small];
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [path.join(root, "test", "soak", "kills.mjs"), ...args],
        { cwd: root },
      );
      expect(stdout).toMatch(
        new RegExp(`^${kills} kills over \\d+ runs, all went on and ended as undisturbed`, "m"),
      );
    },
    600_000,
  );
});

// A run of fit that is killed at 20 random moments, the files of which are small; test/soak/kills.mjs does so 200 times.

import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { adapterEnv, root } from "../../scripts/setup.mjs";

const hasAdapter = adapterEnv().GRADGPU_ADAPTER !== "none";

describe("a run that is killed", () => {
  it.skipIf(!hasAdapter)(
    "goes on each time, and ends as one that was not",
    async () => {
      const args = [
        "test/soak/kills.mjs",
        "--kills",
        "20",
        "--units",
        "8",
        "--epochs",
        "20",
        "--wait",
        "20",
        "--ways",
        "shuffled",
      ];
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [path.join(root, "test", "soak", "kills.mjs"), ...args],
        { cwd: root },
      );
      expect(stdout).toMatch(/^20 kills over \d+ runs, all went on and ended as undisturbed/m);
    },
    600_000,
  );
});

// What waits for objects that the collector takes, in a process of its own: were it lost, all that run there would lose it.

import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, it } from "vitest";
import { root } from "../../scripts/setup.mjs";

it("goes on where a device is collected while finalizers of its bind groups are due", () => {
  const fixture = path.join(root, "test", "fixtures", "lost-finalizers.ts");
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [path.join(root, "scripts", "run.mjs"), fixture],
    { cwd: root, encoding: "utf8", timeout: 100_000 },
  );
  expect({ stdout, stderr, status }).toEqual({ stdout: "finalizers run", stderr: "", status: 0 });
}, 120_000);

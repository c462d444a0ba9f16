// What waits for objects that the collector takes: it holds none of them.

import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, it } from "vitest";
import { grad, init, mul, sum, tensor, variable } from "../../engine/index.ts";
import { root } from "../../scripts/setup.mjs";
import { collectGarbage } from "../support/garbage.ts";

it("holds no device that was closed, nor the numbers that the device keeps for later calls", async () => {
  // A function of its own: a frame that is still running may hold what it made.
  const openAndClose = async () => {
    const device = await init({ device: "cpu" });
    const w = variable([1, 2], { name: "w" });
    const x = tensor([3, 4]);
    const [slope] = grad((x) => sum(mul(x, mul(w, 2))))(x);
    expect([...(await slope.data())]).toEqual([2, 4]);
    device.dispose();
    return [device, device.backend, w, x].map((made) => new WeakRef<object>(made));
  };
  const made = await openAndClose();
  await collectGarbage();
  expect(made.map((reference) => reference.deref())).toEqual(made.map(() => undefined));
});

// In a process of its own: were they lost, all that run there would lose them.
it("goes on where a device is collected while finalizers of its bind groups are due", () => {
  const fixture = path.join(root, "test", "fixtures", "lost-finalizers.ts");
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [path.join(root, "scripts", "run.mjs"), fixture],
    { cwd: root, encoding: "utf8", timeout: 100_000 },
  );
  expect({ stdout, stderr, status }).toEqual({ stdout: "finalizers run", stderr: "", status: 0 });
}, 120_000);

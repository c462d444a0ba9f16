// A child process that takes the first training step of the net it is sent, tells what it cost, and ends.

import { init } from "../../engine/index.ts";
import type { NetSpec } from "../cases/nets.ts";
import { takeFirstStep } from "../cases/training.ts";
import type { ColdReply } from "./process.ts";

process.once("message", async (net: NetSpec) => {
  let reply: ColdReply;
  try {
    const device = await init({ device: "webgpu", seed: 1 });
    reply = { step: await takeFirstStep(net, device) };
    device.dispose();
  } catch (error) {
    reply = { error: error instanceof Error ? error.message : String(error) };
  }
  process.send!(reply, () => process.disconnect());
});
// Whoever asked is gone, or has its answer.
process.on("disconnect", () => process.exit());

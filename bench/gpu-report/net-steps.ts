// The training steps of the reference nets as jit plans them for a GPU.

import { jit, setDevice, type Tensor } from "../../engine/index.ts";
import type { Program } from "../../engine/jit/jitted.ts";
import type { AdapterProfile } from "../../engine/kernel/kernel.ts";
import type { NetSpec } from "../cases/nets.ts";
import { disposeAll, makeTrainer, rowsOf } from "../cases/training.ts";
import type { Planned } from "./fusions.ts";
import { planningDevice } from "./planning.ts";

/** Hands the traced training step of a net to `use`, while what it holds is there. */
export async function withStep<T>(
  net: NetSpec,
  profile: AdapterProfile,
  use: (program: Program, planned: Planned) => T,
): Promise<T> {
  const device = planningDevice(profile, () => {});
  setDevice(device);
  const { x, y } = rowsOf(net, device, 1);
  const { model, trainer } = makeTrainer(net);
  const step = jit((inputs: Tensor, labels: Tensor) => trainer.trainStep(inputs, labels));
  try {
    await step(x, y);
    const [program] = step.programs.values();
    return use(program, { graph: program.graph, layout: device.backend, profile });
  } finally {
    disposeAll([step, trainer, model, x, y, device]);
  }
}

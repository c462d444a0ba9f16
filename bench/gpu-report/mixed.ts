// node scripts/run.mjs bench/gpu-report/mixed.ts: training steps with and without mixedPrecision as jit plans them for navi31: memory
// between kernels, bytes that kernels bind, and the bound on their time. docs/optimizers.md has its table.

import type { Plan } from "../../engine/backend/program.ts";
import { jit, setDevice, type Tensor } from "../../engine/index.ts";
import { Adam, mixedPrecision, withLossScaling } from "../../optim/index.ts";
import { buildModel } from "../cases/net-models.ts";
import { netNamed } from "../cases/nets.ts";
import { rowsOf as dataOf } from "../cases/training.ts";
import { gpus } from "./gpus.ts";
import { casesOf, type KernelCase } from "./kernels.ts";
import { planningDevice, profileOf } from "./planning.ts";
import { build, rowsOf, stepOf } from "./report.ts";

const gpu = gpus.find(({ name }) => name === "navi31")!;

/** The plans of a step, and its kernels as cases of `group`. */
async function stepCases(name: string, wrap: typeof mixedPrecision, group: string) {
  const plans: Plan[] = [];
  const device = planningDevice(profileOf(gpu), (plan) => plans.push(plan));
  setDevice(device);
  const net = netNamed(name);
  const { x, y } = dataOf(net, device, 1);
  const model = buildModel(net);
  model.compile({ optimizer: wrap(new Adam()), loss: "sparseCategoricalCrossentropy" });
  const trainer = model.makeTrainer();
  trainer.prepare();
  const step = jit((inputs: Tensor, labels: Tensor) => trainer.trainStep(inputs, labels));
  await step(x, y);
  for (const each of [step, trainer, model, x, y]) each.dispose();
  device.dispose();
  const slots = plans.flatMap((plan) => plan.slots).reduce((sum, { bytes }) => sum + bytes, 0);
  return { slots, cases: plans.flatMap((plan) => casesOf(group, plan)) };
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;
const bound = (cases: readonly KernelCase[]) =>
  cases.reduce((sum, { work }) => sum + work.bytesRead + work.bytesWritten, 0);

for (const name of ["N1", "N2", "N5", "N7"]) {
  const plain = await stepCases(name, withLossScaling, "plain");
  const mixed = await stepCases(name, mixedPrecision, "mixed");
  const rows = rowsOf([await build(gpu, [...plain.cases, ...mixed.cases])]);
  const [before, after] = ["plain", "mixed"].map((group) => {
    const { microseconds, overheadMicroseconds } = stepOf(
      rows.filter((row) => row.group === group),
      gpu.name,
    );
    return (microseconds - overheadMicroseconds).toFixed(0);
  });
  const spills = rows.filter((row) => row.on[gpu.name].spills > 0).length;
  const pairs = [
    [megabytes(plain.slots), megabytes(mixed.slots)],
    [megabytes(bound(plain.cases)), megabytes(bound(mixed.cases))],
    [`${before} us`, `${after} us`],
  ];
  process.stdout.write(
    `| ${name} | ${pairs.map((pair) => pair.join(" | ")).join(" | ")} |${spills > 0 ? ` ${spills} spill` : ""}\n`,
  );
}

// Training steps of the reference nets on the device at hand, and beside them PyTorch's, eager and as CUDA graphs, where
// Python has it.

import { nets } from "../cases/nets.ts";
import { trainingBench } from "../cases/training.ts";
import { openTorch } from "../peers/torch.ts";
import { runCases } from "../run-cases.ts";
import { median } from "../statistics.ts";
import type { IsOver } from "./families.ts";

export interface Stepped {
  readonly net: string;
  /** Milliseconds a step by who takes it; what failed has a reason instead. */
  readonly ms: Record<string, number | string>;
}

/** Nets that a software adapter steps through in milliseconds. */
const small = ["N1", "N3"];
const namesOf = (isSmall: boolean) =>
  nets.map(({ name }) => name).filter((name) => !isSmall || small.includes(name));

export async function stepNets(isSmall: boolean, isOver: IsOver): Promise<Stepped[]> {
  const found: Stepped[] = [];
  for (const net of namesOf(isSmall)) {
    if (isOver()) break;
    const cases = trainingBench.filter(({ name, phase }) => name === `train/${net}` && phase === "step");
    const { rows, skipped } = await runCases(cases, "webgpu", { isQuick: true });
    const ours = rows[0]?.medianMs ?? skipped[0]?.reason ?? "not timed";
    found.push({ net, ms: { gradgpu: ours } });
  }
  return found;
}

const samples = 5;
const sampleMs = 100;

/** Adds PyTorch's times, by "torch-cuda" and "torch-cuda-graph"; where there is no CUDA, "torch-cpu" alone. */
export async function stepTorch(steps: readonly Stepped[], isOver: IsOver): Promise<string> {
  const said: string[] = [];
  for (const mode of ["cuda", "cuda-graph", "cpu"]) {
    if (mode === "cpu" && said.some((line) => line.startsWith("torch-cuda: "))) continue;
    try {
      const torch = await openTorch({ env: { ...process.env, GRADGPU_TORCH: mode }, limitMs: 60_000 });
      try {
        const { version, adapter } = await torch.call({ call: "open", backend: "torch-cpu", packages: "" });
        said.push(`torch-${mode}: ${version}, ${adapter}`);
        for (const { net: name, ms } of steps) {
          if (isOver()) break;
          const net = nets.find((each) => each.name === name)!;
          ms[`torch-${mode}`] = await timeTorch(torch, net).catch((error: Error) => error.message);
        }
      } finally {
        await torch.close();
      }
    } catch (error) {
      said.push(`no torch-${mode}: ${(error as Error).message}`);
    }
  }
  return said.join("\n");
}

async function timeTorch(
  torch: Awaited<ReturnType<typeof openTorch>>,
  net: (typeof nets)[number],
): Promise<number> {
  await torch.call({ call: "prepare", work: { kind: "net", net } });
  const sample = (runs: number) => torch.call({ call: "sample", runs, readsEach: false });
  await sample(3);
  const runs = Math.max(1, Math.min(1000, Math.round(sampleMs / ((await sample(3)) / 3))));
  const found: number[] = [];
  for (let i = 0; i < samples; i++) found.push((await sample(runs)) / runs);
  await torch.call({ call: "release" });
  return median(found);
}

// The first training step of a process that finds no compiled shader anywhere: each sample is a process of its own with
// an empty cache directory.

import type { BenchCase, Measurement, MeasureOptions } from "../bench-case.ts";
import { firstStep } from "../cold/process.ts";
import { median, summarise } from "../statistics.ts";
import { type NetSpec, nets } from "./nets.ts";
import type { FirstStep } from "./training.ts";

const samples = 3;

async function measureCold(net: NetSpec, { isQuick }: MeasureOptions): Promise<Measurement> {
  const steps: FirstStep[] = [];
  for (let i = 0; i < (isQuick ? 1 : samples); i++) steps.push(await firstStep(net));
  const middle = (field: keyof FirstStep) => median(steps.map((step) => step[field]));
  return {
    ...summarise(steps.map(({ ms }) => ms)),
    iterations: 1,
    dispatches: middle("dispatches"),
    submits: middle("submits"),
    compiledPipelines: middle("compiledPipelines"),
    compileMs: middle("compileMs"),
  };
}

export const coldBench: readonly BenchCase[] = nets.map((net) => ({
  name: `train/${net.name}`,
  phase: "cold",
  batchSize: net.batchSize,
  spec: { kind: "net", net: net },
  isQuick: net.name === "N1",
  prepare: () => {
    throw new Error("a cold start is measured by a process of its own");
  },
  measure: (_, options) => measureCold(net, options),
  skip: { cpu: "the reference compiles nothing: every step is like the first" },
}));

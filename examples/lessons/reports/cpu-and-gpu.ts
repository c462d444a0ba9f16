// How far the CPU reference and WebGPU agree.

import { cpuAndGpu, nets } from "../cpu-and-gpu.ts";
import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, most, numberOf, numbersOf, show } from "../frame/measured.ts";

const namesOf = (run: Run) => Object.keys(nets).filter((name) => run.kept.has(`${name} on cpu`));
const hasBoth = (run: Run) => run.kept.has(`${namesOf(run)[0]} on webgpu`);
const difference = (run: Run, name: string) => {
  const [cpu, gpu] = [numbersOf(run, `${name} on cpu`), numbersOf(run, `${name} on webgpu`)];
  return most(cpu.map((loss, i) => Math.abs(gpu[i] / loss - 1)));
};

export default lesson({
  name: "cpu-and-gpu",
  title: "CPU and GPU: the same numbers",
  korean: "CPU, GPU 실습코드",
  notes: ["000"],
  topic: "Batches, memory and devices",
  about: `
Note 000's notebooks come for the CPU and for the GPU. Here the same program runs on both: the float64 CPU reference, which is exact and
slow, and WebGPU in float32. The same seed gives the same weights, the same dropout masks and the same order of samples on both, so the
losses of the first 20 steps can be compared one by one. Later, tiny differences grow: training is chaotic.`,
  sizes: {
    quick: { batch: 16, nets: 2 },
    usual: { batch: 32, nets: 3 },
    full: { batch: 100, nets: 3 },
    cpu: { batch: 8, nets: 1 },
  },
  seeds: { quick: 1, usual: 1, full: 1, cpu: 1 },
  parts: () => 1,
  program: cpuAndGpu,
  machine: ["gpu", "cpu", "ratio"],
  claims: [
    {
      note: "000",
      says: "A network trains to the same numbers on CPU and GPU.",
      judge: (runs) =>
        hasBoth(runs[0])
          ? bySeed(runs, {
              measure: (run) => ({ worst: most(namesOf(run).map((name) => difference(run, name))) }),
              isTrue: ({ worst }) => worst < 1e-3,
              tell: () =>
                `over 20 steps the losses differ by at most ${namesOf(runs[0])
                  .map((name) => `${show(difference(runs[0], name))} (${name})`)
                  .join(", ")}, relatively`,
            })
          : { verdict: "not applicable", measured: "this device is the CPU reference itself" },
    },
    {
      note: "000",
      says: "The GPU is faster.",
      judge: (runs) =>
        hasBoth(runs[0])
          ? bySeed(runs, {
              measure: (run) => {
                const [name] = namesOf(run).slice(-1);
                const [cpu, gpu] = [
                  numberOf(run, `${name} on cpu: seconds`),
                  numberOf(run, `${name} on webgpu: seconds`),
                ];
                return { cpu, gpu, ratio: cpu / gpu };
              },
              isTrue: ({ ratio }) => ratio > 1,
              tell: (text) =>
                `20 steps of the last network took ${text("cpu")} s on the CPU reference, ${text("gpu")} s on WebGPU, kernels compiled within`,
              range:
                "The CPU reference is made to check numbers by, not for speed. A software adapter is a CPU, too.",
            })
          : { verdict: "not applicable", measured: "this device is the CPU reference itself" },
    },
  ],
  figures: [
    ([run]) => ({
      name: "losses",
      title: "The first 20 steps on both devices",
      caption: "Losses of the first 20 steps on the CPU reference (solid) and on WebGPU (dashed).",
      panels: [
        {
          kind: "lines",
          title: "Training loss",
          x: { label: "step" },
          y: { label: "cross-entropy (nats per image)" },
          series: namesOf(run).flatMap((name) => [
            { name: `${name}, CPU`, y: numbersOf(run, `${name} on cpu`) },
            ...(hasBoth(run)
              ? [{ name: `${name}, WebGPU`, y: numbersOf(run, `${name} on webgpu`), isDashed: true }]
              : []),
          ]),
        },
      ],
    }),
  ],
});

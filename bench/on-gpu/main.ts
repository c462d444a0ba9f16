// npm run on-gpu: all that a machine with a GPU is asked, in less than six minutes: whether every variant of every kernel is
// right, how fast each is, and how long training steps take beside PyTorch's.

import fs from "node:fs";
import { parseArgs } from "node:util";
import { dispose, init } from "../../engine/index.ts";
import { checkFamilies, timeFamilies } from "./families.ts";
import { stepNets, stepTorch } from "./nets.ts";
import { type OnGpu, renderText } from "./text.ts";

const usage = `npm run on-gpu -- [--small] [--out STEM]

  --small      sizes that a software adapter computes in a few milliseconds
  --out STEM   where STEM.json and STEM.txt go (default on-gpu)
`;

/** Seconds that each part may take; what is left over then is left out, and JSON and text have what there is. */
const budgets = { correctness: 80, kernels: 120, nets: 80, torch: 60 };

const { values } = parseArgs({
  options: {
    small: { type: "boolean", default: false },
    out: { type: "string", default: "on-gpu" },
    help: { type: "boolean", default: false },
  },
});
const say = (text: string) => process.stderr.write(`${text}\n`);

async function main(): Promise<void> {
  const device = await init({ device: "webgpu", autotune: false });
  const { info } = device;
  const seconds: Record<string, number> = {};
  const part = async <T>(
    name: keyof typeof budgets,
    work: (isOver: () => boolean) => Promise<T>,
  ): Promise<T> => {
    say(`${name} ...`);
    const started = performance.now();
    const taken = () => (performance.now() - started) / 1000;
    try {
      return await work(() => taken() > budgets[name]);
    } finally {
      seconds[name] = Math.round(taken() * 10) / 10;
    }
  };
  const checked = await part("correctness", (isOver) => checkFamilies(device, isOver));
  const timed = await part("kernels", (isOver) => timeFamilies(device, values.small, isOver));
  dispose();
  const steps = await part("nets", (isOver) => stepNets(values.small, isOver));
  const torch = await part("torch", (isOver) => stepTorch(steps, isOver));
  const run: OnGpu = {
    date: new Date().toISOString().slice(0, 10),
    device: info,
    isSmall: values.small,
    seconds,
    checked,
    timed,
    steps,
    torch,
  };
  fs.writeFileSync(`${values.out}.json`, `${JSON.stringify(run, null, 1)}\n`);
  fs.writeFileSync(`${values.out}.txt`, renderText(run));
  process.stdout.write(renderText(run));
  say(`${values.out}.json and ${values.out}.txt`);
  if (checked.some(({ fault }) => fault !== undefined)) process.exitCode = 1;
}

if (values.help) process.stdout.write(usage);
else await main();

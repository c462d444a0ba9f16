// What saving costs: N2 with its optimizer's state in a file, next to a plain write and flush of as many bytes.

import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Device } from "../../engine/index.ts";
import { modelBytes, saveModel } from "../../nn/index.ts";
import type { BenchCase, Prepared } from "../bench-case.ts";
import { nets } from "./nets.ts";
import { disposeAll, makeTrainer } from "./training.ts";

const net = nets.find(({ name }) => name === "N2")!;

async function prepare(_: Device, isPlain: boolean): Promise<Prepared> {
  const { model, trainer } = makeTrainer(net);
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), "gradgpu-bench-"));
  const place = path.join(folder, "file");
  const bytes = await modelBytes(model);
  const plainly = async () => {
    const file = await fs.open(place, "w");
    await file.write(bytes);
    await file.sync();
    await file.close();
  };
  return {
    run: isPlain ? plainly : () => saveModel(model, place),
    work: { dispatches: 0, submits: 0 },
    dispose() {
      disposeAll([trainer, model]);
      void fs.rm(folder, { recursive: true });
    },
  };
}

export const savingBench: readonly BenchCase[] = [
  { name: "save/N2", phase: "step", prepare: (device) => prepare(device, false) },
  { name: "save/N2-plain-write", phase: "step", prepare: (device) => prepare(device, true) },
];

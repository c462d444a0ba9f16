// Run by kills.mjs, which kills it: trains with checkpoints every two steps, and writes what it came to. Each stage of writing
// is noted in a file, and waits as long as it is told.

import fs from "node:fs";
import { setTimeout } from "node:timers/promises";
import { init } from "../../engine/index.ts";
import { checkpoint } from "../../nn/index.ts";
import { stages } from "../../nn/state/file-store.ts";
import { modelOf, numbersOf, train, type Way } from "../fixtures/resumed-run.ts";

const [way, file, resultFile, stageFile, units, epochs, waitMs] = process.argv.slice(2);
stages.at = async (stage) => {
  fs.writeFileSync(stageFile, stage);
  if (Number(waitMs) > 0 && stage !== "end") await setTimeout(Math.random() * Number(waitMs));
};
await init({ seed: 5 });
const model = modelOf(way as Way, Number(units));
const history = await train(model, way as Way, {
  epochs: Number(epochs),
  resume: file === "" ? undefined : checkpoint(file, { steps: 2 }),
});
fs.writeFileSync(`${resultFile}.part`, JSON.stringify(await numbersOf(model, history)));
fs.renameSync(`${resultFile}.part`, resultFile);
process.exit(0);

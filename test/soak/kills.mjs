// node test/soak/kills.mjs [--kills 200 --units 110000 --epochs 6 --wait 40 --seed 1]: kills -9 a run of
// fit at random moments; it must go on each time, and end as a run that nobody killed. Ends with code 1 where it does not.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { bundle } from "../../scripts/run.mjs";
import { adapterEnv, root } from "../../scripts/setup.mjs";

const { values: options } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    /** Of the hidden layer: 110000 make a file of 28 MB. */
    units: { type: "string", default: "110000" },
    epochs: { type: "string", default: "6" },
    /** Milliseconds that each stage of writing waits at most, so that kills come there. */
    wait: { type: "string", default: "40" },
    seed: { type: "string", default: "1" },
    ways: { type: "string", default: "shuffled,layers,schedule,plateau,stream,generator" },
  },
});
const wanted = Number(options.kills);
const chosen = options.ways.split(",");
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-kills-"));
const program = await bundle(path.join(root, "test", "soak", "killed-run.ts"));
const [file, result, stage] = ["run.safetensors", "result.json", "stage"].map((name) =>
  path.join(folder, name),
);

let state = Number(options.seed);
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};

/** Starts a run; kills it so long after it has begun to write. Gives how long it ran, and whether it ended by itself. */
async function start(way, place, killAfterMs) {
  fs.rmSync(stage, { force: true });
  const began = performance.now();
  const wait = place === "" ? "0" : options.wait;
  const args = [program, way, place, result, stage, options.units, options.epochs, wait];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...adapterEnv() },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let text = "";
  child.stderr.on("data", (part) => {
    text += part;
  });
  let beginsAt = 0;
  let timer;
  const watch = setInterval(() => {
    if (!fs.existsSync(stage)) return;
    clearInterval(watch);
    beginsAt = performance.now() - began;
    if (killAfterMs !== undefined) timer = setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  }, 5);
  const [code, signal] = await new Promise((resolve) => child.on("close", (...ended) => resolve(ended)));
  clearInterval(watch);
  clearTimeout(timer);
  if (signal !== "SIGKILL" && code !== 0) {
    throw new Error(`${way}: ended with ${code ?? signal}\n${text.slice(-2000)}`);
  }
  return { writesMs: performance.now() - began - beginsAt, isKilled: signal === "SIGKILL" };
}

const digest = () => createHash("sha256").update(fs.readFileSync(result)).digest("hex");
/** What a run comes to that nobody kills, and for how long it trains and writes checkpoints. */
async function undisturbed(way) {
  await start(way, "");
  const expected = digest();
  fs.rmSync(result);
  const { writesMs } = await start(way, file);
  if (digest() !== expected) throw new Error(`${way}: with checkpoints it ends otherwise`);
  bytes = Math.max(bytes, fs.statSync(file).size);
  fs.rmSync(file);
  fs.rmSync(result);
  return { expected, writesMs };
}

const known = {};
const at = {};
let [kills, runs, bytes] = [0, 0, 0];
try {
  for (let i = 0; kills < wanted; i++) {
    const way = chosen[i % chosen.length];
    known[way] ??= await undisturbed(way);
    const { expected, writesMs } = known[way];
    // Soon after it has begun, so that a run is killed several times; late enough for some to get on, however slow the machine.
    for (let hasEnded = false; !hasEnded; ) {
      const killAfter = kills < wanted ? random() * writesMs * 0.25 : undefined;
      const run = await start(way, file, killAfter);
      hasEnded = !run.isKilled;
      if (hasEnded) break;
      kills++;
      if (kills % 10 === 0) console.log(`${kills} kills`);
      const found = fs.existsSync(stage) ? fs.readFileSync(stage, "utf8") || "end" : "before the first";
      at[found] = (at[found] ?? 0) + 1;
    }
    runs++;
    if (digest() !== expected) throw new Error(`${way}: after kills it ends otherwise`);
    fs.rmSync(file, { force: true });
    fs.rmSync(result);
    console.log(`${way}: ended as the undisturbed run; ${kills} kills so far`);
  }
  const inWriting = ["open", "write", "flush", "read", "rename"].reduce(
    (sum, name) => sum + (at[name] ?? 0),
    0,
  );
  console.log(
    `${kills} kills over ${runs} runs, all went on and ended as undisturbed; files of up to ${(bytes / 2 ** 20).toFixed(1)} MiB; ${inWriting} kills while a file was written (${Object.entries(
      at,
    )
      .map(([name, count]) => `${name} ${count}`)
      .join(", ")})`,
  );
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}

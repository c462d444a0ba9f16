// temp
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { init, dispose, device } from "../engine/index.ts";
import { modelBytes } from "../nn/index.ts";
import { modelParts } from "../nn/state/saved-model.ts";
import { stateOf } from "../nn/state/model-state.ts";
import { partsOf } from "../nn/state/files.ts";
import { Verifier } from "../nn/state/safetensors.ts";
import { storeOf } from "../nn/state/store.ts";
import { stages } from "../nn/state/file-store.ts";
import { nets } from "../bench/cases/nets.ts";
import { makeTrainer } from "../bench/cases/training.ts";
await init();
const net = nets.find(({ name }) => name === "N2")!;
const { model } = makeTrainer(net);
const folder = await fs.mkdtemp(path.join(os.tmpdir(), "gradgpu-bench-"));
const place = path.join(folder, "file");
const bytes = await modelBytes(model as never);
console.log("bytes", bytes.length, [...(model as any).variables()].length, os.tmpdir());
const sums: Record<string, number[]> = {};
const add = (n: string, ms: number) => (sums[n] ??= []).push(ms);
const time = async <T>(n: string, fn: () => Promise<T> | T) => { const s = performance.now(); const r = await fn(); add(n, performance.now() - s); return r; };
let last = 0; let lastName = "";
stages.at = (name) => { const now = performance.now(); if (lastName && lastName !== "end") add(`stage ${lastName}`, now - last); last = now; lastName = name; };
for (let i = 0; i < 40; i++) {
  await time("plain", async () => { const file = await fs.open(place, "w"); await file.write(bytes); await file.sync(); await file.close(); });
  await time("whole", async () => {
    const { tensors } = await time("read state", () => stateOf(model as never));
    const parts = await time("encode+digest", () => partsOf("model", tensors));
    const verifier = new Verifier(parts);
    let v = 0;
    await time("store.write", () => storeOf("x", place).write(parts.parts, { update: (b) => { const s = performance.now(); verifier.update(b); v += performance.now() - s; }, end() { if (!verifier.isRight()) throw new Error(); } }));
    add("verify sum", v);
  });
}
for (const [n, v] of Object.entries(sums)) { v.sort((a, b) => a - b); console.log(n.padEnd(20), "min", v[0].toFixed(2), "median", v[v.length >> 1].toFixed(2), "n", v.length); }
dispose();

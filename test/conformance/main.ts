// npm run conformance, inside: `measure NAME FILE [op ...]` measures on this process's adapter and writes JSON;
// `page FILE ...` writes docs/conformance.md from such files. scripts/conformance.mjs calls it once an adapter.

import fs from "node:fs";
import path from "node:path";
import { init } from "../../engine/index.ts";
import { allOps } from "../support/op-cases.ts";
import { measureOp } from "./measure.ts";
import { hasFailed, pageOf } from "./page.ts";
import { cellNames, type Measured, type Row } from "./row.ts";

const [command, ...args] = process.argv.slice(2);
if (command === "measure") await measure(args[0], args[1], args.slice(2));
else if (command === "page") page(args[0], args.slice(1));
else throw new Error("usage: measure NAME FILE [op ...] | page PAGE FILE ...");

async function measure(name: string, file: string, only: readonly string[]): Promise<void> {
  const pair = {
    reference: await init({ device: "cpu", seed: 1 }),
    gpu: await init({ device: "webgpu", seed: 1 }),
  };
  const ops = allOps().filter((op) => only.length === 0 || only.includes(op.name));
  const rows: Row[] = [];
  const started = performance.now();
  for (const op of ops) {
    const row = await measureOp(op, pair);
    rows.push(row);
    for (const cell of cellNames) {
      if (row[cell].startsWith("FAIL")) process.stdout.write(`${name}: ${op.name}, ${cell}: ${row[cell]}\n`);
    }
  }
  const { adapter, driver } = pair.gpu.info;
  const measured: Measured = { name, adapter, driver, rows: rows.sort((a, b) => (a.op < b.op ? -1 : 1)) };
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, textOf(measured));
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  process.stdout.write(
    `${name}: ${rows.length} ops in ${seconds} s, ${rows.filter(hasFailed).length} with a failure\n`,
  );
  pair.gpu.dispose();
  pair.reference.dispose();
}

/** JSON with a line a row, so that a changed number is a changed line. */
function textOf({ rows, ...rest }: Measured): string {
  const head = JSON.stringify(rest).slice(0, -1);
  return `${head},"rows":[\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]}\n`;
}

function page(target: string, files: readonly string[]): void {
  const all = files.map((file) => JSON.parse(fs.readFileSync(file, "utf8")) as Measured);
  // Ops that are gone do not stay on the page.
  const known = new Set(allOps().map((op) => op.name));
  const current = all.map((one) => ({ ...one, rows: one.rows.filter((row) => known.has(row.op)) }));
  fs.writeFileSync(target, pageOf(current));
  if (current.some(({ rows }) => rows.some(hasFailed))) process.exitCode = 1;
}

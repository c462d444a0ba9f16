// npm run gpu-report: compiles the kernels for GPUs that need not be there, and writes docs/gpu.md and docs/gpu.json.

import fs from "node:fs";
import { compileFor, MissingCompiler } from "./compile.ts";
import { type Gpu, gpus } from "./gpus.ts";
import { familyCases, netCases } from "./kernels.ts";
import type { Compiled } from "./log.ts";
import { renderData, renderPage } from "./page.ts";
import { ordersOf, rowsOf } from "./report.ts";

const page = "docs/gpu.md";
const data = "docs/gpu.json";
const say = (line: string) => process.stderr.write(`${line}\n`);

async function main(): Promise<void> {
  say("planning the reference nets and the families of kernels ...");
  const [nets, families] = [await netCases(), familyCases()];
  const cases = [...nets, ...families];
  const { orders, nameOf } = ordersOf(cases);
  const compiled = new Map<Gpu, Map<string, Compiled>>();
  for (const gpu of gpus) {
    say(`compiling ${orders.length} kernels for ${gpu.name} (${gpu.architecture}) ...`);
    compiled.set(gpu, await compileFor(gpu, orders));
  }
  const [netRows, familyRows] = [nets, families].map((some) => rowsOf(some, nameOf, compiled));
  fs.writeFileSync(page, renderPage(gpus, "RADV", netRows, familyRows));
  fs.writeFileSync(data, renderData([...netRows, ...familyRows]));
  const spilled = [...netRows, ...familyRows].filter((row) =>
    Object.values(row.on).some(({ spills }) => spills > 0),
  );
  for (const { group, name } of spilled) say(`spills registers: ${group}, ${name}`);
  say(
    `${page} and ${data}: ${cases.length} kernels, ${orders.length} of them different, on ${gpus.length} GPUs`,
  );
}

try {
  await main();
} catch (error) {
  if (!(error instanceof MissingCompiler)) throw error;
  say(`gpu-report: skipped. ${error.message}`);
}

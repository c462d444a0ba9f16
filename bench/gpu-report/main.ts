// npm run gpu-report: compiles the kernels for GPUs that need not be there, and writes docs/gpu.md and docs/gpu.json.

import fs from "node:fs";
import { nets } from "../cases/nets.ts";
import { MissingCompiler } from "./compile.ts";
import { type FusionSummary, summaryOf } from "./fusion-page.ts";
import { type FusedSteps, fusedSteps, fusionsOn } from "./fusion-times.ts";
import { gpus } from "./gpus.ts";
import { familyCases, matrixCases, netCases } from "./kernels.ts";
import { renderData, renderPage } from "./page.ts";
import { matrixProfileOf, profileOf } from "./planning.ts";
import { type Build, build, type Row, rowsOf } from "./report.ts";

const page = "docs/gpu.md";
const data = "docs/gpu.json";
const say = (line: string) => process.stderr.write(`${line}\n`);

async function main(): Promise<void> {
  const builds: Build[] = [];
  const fusions: FusionSummary[] = [];
  const planned = new Map<string, FusedSteps>();
  for (const gpu of gpus) {
    const profile = profileOf(gpu);
    const cases = [...(await netCases(profile)), ...familyCases(profile)];
    const key = JSON.stringify(profile);
    const steps = planned.get(key) ?? (await fusedSteps(profile));
    planned.set(key, steps);
    const all = [...cases, ...steps.cases];
    say(`compiling ${all.length} kernels for ${gpu.name} (${gpu.architecture}) ...`);
    const { compiled } = await build(gpu, all);
    builds.push({ gpu, cases, compiled });
    const printed = builds.filter((each) => each.gpu.isDisassembled).at(-1)?.compiled;
    const own = (code: string) => compiled.get(code)!;
    fusions.push(...fusionsOn(gpu, steps, own, (code) => printed?.get(code) ?? own(code)).map(summaryOf));
  }
  const rows = rowsOf(builds);
  const withUnits = gpus.filter(({ matrixUnit }) => matrixUnit !== undefined);
  const matrixRows: Row[] = [];
  for (const gpu of withUnits)
    matrixRows.push(...rowsOf([await build(gpu, matrixCases(matrixProfileOf(gpu)))]));
  const isOfNet = ({ group }: Row) => nets.some(({ name }) => name === group);
  const netRows = rows.filter(isOfNet);
  const familyRows = rows.filter((row) => !isOfNet(row));
  const recorded = renderData([...rows, ...matrixRows], fusions);
  fs.writeFileSync(data, recorded);
  // The page says of fusions what the data does, digit by digit: a test holds them to each other.
  const { fusions: asRecorded } = JSON.parse(recorded);
  fs.writeFileSync(page, renderPage(gpus, "RADV", netRows, familyRows, matrixRows, asRecorded));
  const spilled = [...rows, ...matrixRows].filter((row) =>
    Object.values(row.on).some(({ spills }) => spills > 0),
  );
  for (const { group, name } of spilled) say(`spills registers: ${group}, ${name}`);
  say(`${page} and ${data}: ${builds[0].cases.length} kernels on ${gpus.length} GPUs`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof MissingCompiler)) throw error;
  say(`gpu-report: skipped. ${error.message}`);
}

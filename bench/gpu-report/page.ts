// The report as docs/gpu.md, and as data beside it.

import { barrierMicroseconds, dispatchMicroseconds } from "../../engine/inspect/gpus.ts";
import { type FusionSummary, fusionLines } from "./fusion-page.ts";
import { goalLines } from "./goals.ts";
import { type Gpu, singleIssuePeak } from "./gpus.ts";
import { loadMicroseconds } from "./model.ts";
import { type Row, stepOf } from "./report.ts";
import { groupsOf, short, table } from "./tables.ts";

/** A figure on each GPU, said once where all agree. */
function across(row: Row, of: (figures: Row["on"][string]) => string): string {
  const values = Object.values(row.on).map(of);
  return new Set(values).size === 1 ? values[0] : values.join(" / ");
}

const columns = [
  "kernel",
  "shader",
  "registers",
  "subgroups a SIMD",
  "workgroup memory",
  "multiply-adds an instruction",
  "multiply-adds a dword",
  "16-byte loads",
  "microseconds",
  "bound by",
];

const cells = (row: Row, of = ""): string[] => [
  `${of}${row.name}${row.times > 1 ? ` (${row.times} times)` : ""}`,
  row.shader,
  across(row, ({ registers, spills }) => `${registers}${spills > 0 ? `, **${spills} spilled**` : ""}`),
  across(row, ({ waves, lanes }) => `${waves}${lanes === 32 ? " of 32" : ""}`),
  across(row, ({ sharedBytes }) => String(sharedBytes)),
  across(row, ({ fmaShare }) => short(fmaShare)),
  across(row, ({ fmasPerSharedDword }) => short(fmasPerSharedDword)),
  across(row, ({ loadsInFlight }) => short(loadsInFlight)),
  across(row, ({ microseconds }) => short(microseconds)),
  across(row, ({ binds }) => binds),
];

const intro = (gpus: readonly Gpu[], compiler: string): string => `# Kernels on GPUs that the compiler knows

\`npm run gpu-report\` writes this page. It has Mesa's compiler for AMD GPUs (${compiler}) compile every kernel for four
GPUs, none of which need be there, and reads registers, spills, occupancy and machine code. Nothing is computed: a time
below is a lower bound from bytes, instructions and workgroup memory, and no measurement.

${table(
  ["GPU", "architecture", "as in", "compute units", "GHz", "GB/s", "f32 TFLOP/s, single issue"],
  gpus.map((gpu) => [
    gpu.name,
    gpu.architecture,
    gpu.card,
    String(gpu.computeUnits),
    String(gpu.ghz),
    String(gpu.memoryGBs),
    ((2 * singleIssuePeak(gpu)) / 1e12).toFixed(1),
  ]),
).join("\n")}

How to read it:

- Where GPUs differ, figures stand in the order of this table, separated by slashes.
- **registers**: vector registers a thread. **subgroups a SIMD**: how many subgroups of 64 lanes a SIMD can hold at once
  with them (the most is 10 on GCN 5 and 16 on RDNA); "of 32" where subgroups have 32 lanes.
- **multiply-adds an instruction**: of the vector instructions issued in the hottest loop. **a dword**: for each dword that
  the loop reads from workgroup memory; below 4 that memory is the limit. **16-byte loads**: how many a thread asks for in
  one round of the loop.
- **microseconds**: the largest of the times for the bytes, for the instructions issued (with the last round of workgroups,
  which keeps compute units waiting), for workgroup memory, and for latency: a round of a loop that loads from memory lasts
  ${loadMicroseconds} microseconds at least (assumed). How often a loop goes round follows from the size of the problem. Caches and
  clocks that fall under load are not modelled, nor what rows read twice cost. Where one kernel takes a recurrent layer through all
  its steps, the rounds of all steps count, one behind the other; the gates and barriers between them count once only.
- ${gpus.at(-1)!.name}'s machine code can't be printed by this Mesa: its loops are taken to be those of the GPU before it.
`;

/** The page. */
export function renderPage(
  gpus: readonly Gpu[],
  compiler: string,
  nets: readonly Row[],
  families: readonly Row[],
  matrices: readonly Row[],
  fusions: readonly FusionSummary[],
): string {
  const steps = [...groupsOf(nets)].map(([net, rows]) => {
    const on = gpus.map(({ name }) => stepOf(rows, name));
    return [
      net,
      String(on[0].dispatches),
      ...on.map(
        ({ microseconds, floorMicroseconds }) => `${short(microseconds)} (${short(floorMicroseconds)})`,
      ),
    ];
  });
  const lines = [
    intro(gpus, compiler),
    "## Training steps",
    "",
    `Microseconds a step at least, with ${dispatchMicroseconds} for each dispatch and ${barrierMicroseconds} for the barrier behind it (assumed); in brackets the same if only bytes counted.`,
    "",
    ...table(["net", "dispatches", ...gpus.map(({ name }) => name)], steps),
    "",
    ...goalLines(gpus, nets, families, matrices),
    ...fusionLines(gpus, fusions),
    "## Kernels of the training steps",
    "",
    ...[...groupsOf(nets)].flatMap(([net, rows]) => [
      `### ${net}`,
      "",
      ...table(
        columns,
        [...rows].sort(byTime).map((row) => cells(row)),
      ),
      "",
    ]),
    "## Kernels in variants",
    "",
    ...[...groupsOf([...families, ...matrices])].flatMap(([group, rows]) => [
      `### ${group}`,
      "",
      ...table(
        columns,
        rows.map((row) => cells(row)),
      ),
      "",
    ]),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

const byTime = (a: Row, b: Row): number => timeOf(b) - timeOf(a);
const timeOf = (row: Row): number =>
  row.times * Object.values(row.on).reduce((total, { microseconds }) => total + microseconds, 0);

/** What `docs/gpu.json` has of a kernel on a GPU, in this order. */
export const figureNames = [
  "registers",
  "spills",
  "waves",
  "lanes",
  "sharedBytes",
  "fmaShare",
  "fmasPerSharedDword",
  "loadsInFlight",
  "microseconds",
  "binds",
] as const;

/** Figures to three digits, which is more than they are worth. */
const rounded = (value: unknown) =>
  typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(3)) : (value ?? null);

/** The rows as JSON, a line each; figures stand in lists, in the order of `figures`. Then the fusions, a line for a net and GPU. */
export function renderData(rows: readonly Row[], fusions: readonly FusionSummary[]): string {
  const lines = rows.map(({ group, name, shader, times, on }) => {
    const figures = Object.entries(on).map(([gpu, all]) => [
      gpu,
      figureNames.map((each) => rounded(all[each])),
    ]);
    return JSON.stringify({ group, name, shader, times, ...Object.fromEntries(figures) });
  });
  const ofFusions = fusions.map((each) => JSON.stringify(each, (_, value) => rounded(value)));
  return `{"figures": ${JSON.stringify(figureNames)},\n"kernels": [\n${lines.join(",\n")}\n],\n"fusions": [\n${ofFusions.join(",\n")}\n]}\n`;
}

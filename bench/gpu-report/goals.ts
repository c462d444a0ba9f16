// What kernels and steps are meant to reach by the report's model, whether they do, and where most is left.

import { type Gpu, publishedPeak, singleIssuePeak } from "./gpus.ts";
import { loadMicroseconds } from "./model.ts";
import { type Row, stepOf } from "./report.ts";
import { groupsOf, short, table } from "./tables.ts";

/** Nets whose steps are to take at most so many times what bytes, multiply-adds and dispatches take at the GPU's peaks. */
const boundNets = ["N1", "N2", "N3", "N4", "N7"];
const mostTimes = 2;
const explained = 5;

interface Goal {
  readonly what: string;
  readonly wanted: string;
  readonly found: string;
  readonly isHeld: boolean;
}

const percent = (share: number) => `${Math.round(100 * share)} %`;
const verdict = ({ isHeld }: Goal) => (isHeld ? "held" : "**not held**");

/** Of rows of the same kernel in variants, the one that takes least. */
const fastest = (rows: readonly Row[], gpu: string): Row | undefined =>
  [...rows].sort((a, b) => a.on[gpu].microseconds - b.on[gpu].microseconds)[0];

function productGoal(
  gpu: Gpu,
  families: readonly Row[],
  size: number,
  peak: "single" | "published",
  least: number,
): Goal {
  const name = `matmul ${size}x${size} ${size}x${size}`;
  const row = fastest(
    families.filter((each) => each.name === name),
    gpu.name,
  );
  const seconds = (row?.on[gpu.name].microseconds ?? Number.POSITIVE_INFINITY) * 1e-6;
  const share = size ** 3 / seconds / (peak === "single" ? singleIssuePeak(gpu) : publishedPeak(gpu));
  return {
    what: `f32, ${size} cubed (${row?.group.split("/")[1]}): of the ${peak === "single" ? "peak with single issue" : "published peak"}`,
    wanted: `at least ${percent(least)}`,
    found: percent(share),
    isHeld: share >= least,
  };
}

function matrixGoal(gpu: Gpu, matrices: readonly Row[], least: number): Goal {
  const row = fastest(
    matrices.filter(({ name }) => name === "matmul 4096x4096 4096x4096"),
    gpu.name,
  );
  const { matrixShare = 0, microseconds = 0 } = row?.on[gpu.name] ?? {};
  return {
    what: `f16, 4096 cubed (${row?.group.split("/")[1]}, ${short(microseconds)} microseconds): clocks of matrix instructions among those of its loop`,
    wanted: `at least ${percent(least)}`,
    found: percent(matrixShare),
    isHeld: matrixShare >= least,
  };
}

function netGoals(gpus: readonly Gpu[], nets: readonly Row[]): Goal[] {
  return [...groupsOf(nets)]
    .filter(([net]) => boundNets.includes(net))
    .map(([net, rows]) => {
      const ratios = gpus.map(({ name }) => {
        const { microseconds, goalMicroseconds } = stepOf(rows, name);
        return microseconds / goalMicroseconds;
      });
      return {
        what: `${net}: its step, as a multiple of what bytes, multiply-adds and dispatches take one after the other`,
        wanted: `at most ${mostTimes}`,
        found: ratios.map((ratio) => ratio.toFixed(2)).join(" / "),
        isHeld: ratios.every((ratio) => ratio <= mostTimes),
      };
    });
}

/** Where a kernel's time goes beyond bytes and multiply-adds at their peaks. */
function reasonOf({ on }: Row, gpu: string): string {
  const { binds, microseconds, fmaShare, fmasPerSharedDword, matrixShare } = on[gpu];
  if (binds === "latency")
    return `loads that wait for each other, ${Math.round(microseconds / loadMicroseconds)} times ${loadMicroseconds} microseconds`;
  if (binds === "workgroup memory")
    return fmasPerSharedDword === undefined
      ? "workgroup memory, by which threads share what they found"
      : `workgroup memory: ${short(fmasPerSharedDword)} multiply-adds a dword`;
  if (binds === "issue" && matrixShare === undefined)
    return fmaShare === undefined
      ? "instructions other than multiply-adds"
      : `${short(fmaShare)} multiply-adds an instruction, and the last round of workgroups`;
  return binds;
}

function gapLines(gpu: Gpu, nets: readonly Row[]): string[] {
  const gapOf = ({ on, times }: Row) => {
    const { microseconds, floorMicroseconds, arithmeticMicroseconds } = on[gpu.name];
    return times * (microseconds - Math.max(floorMicroseconds, arithmeticMicroseconds));
  };
  const largest = nets
    .filter(({ group }) => boundNets.includes(group))
    .sort((a, b) => gapOf(b) - gapOf(a))
    .slice(0, explained);
  return table(
    ["net", "kernel", "microseconds", "more than the larger floor by", "where they go"],
    largest.map((row) => [
      row.group,
      `${row.name}${row.times > 1 ? ` (${row.times} times)` : ""}, ${row.shader}`,
      short(row.times * row.on[gpu.name].microseconds),
      short(gapOf(row)),
      reasonOf(row, gpu.name),
    ]),
  );
}

/** The section of the page. */
export function goalLines(
  gpus: readonly Gpu[],
  nets: readonly Row[],
  families: readonly Row[],
  matrices: readonly Row[],
): string[] {
  const navi31 = gpus.find(({ name }) => name === "navi31")!;
  const all = [...nets, ...families, ...matrices];
  const spills = all.filter(({ on }) => Object.values(on).some((figures) => figures.spills > 0)).length;
  const goals: Goal[] = [
    {
      what: "kernels that spill registers, on any GPU",
      wanted: "none",
      found: String(spills),
      isHeld: spills === 0,
    },
    productGoal(navi31, families, 4096, "single", 0.7),
    productGoal(navi31, families, 4096, "published", 0.55),
    productGoal(navi31, families, 1024, "single", 0.6),
    matrixGoal(navi31, matrices, 0.5),
    ...netGoals(gpus, nets),
  ];
  return [
    "## What was to be reached",
    "",
    "By this page's model; products on navi31, steps on each GPU in the order above.",
    "",
    ...table(
      ["what", "wanted", "found", ""],
      goals.map((goal) => [goal.what, goal.wanted, goal.found, verdict(goal)]),
    ),
    "",
    `Of these nets' kernels, those on ${navi31.name} that lie farthest above the larger of their floors, bytes and multiply-adds at its peaks:`,
    "",
    ...gapLines(navi31, nets),
    "",
  ];
}

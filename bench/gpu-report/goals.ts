// What kernels and steps are meant to reach by the report's model, whether they do, and where most is left.

import { barrierMicroseconds, dispatchMicroseconds } from "../../engine/inspect/gpus.ts";
import { type Gpu, publishedPeak, singleIssuePeak } from "./gpus.ts";
import { loadMicroseconds } from "./model.ts";
import { type Row, stepOf } from "./report.ts";
import { groupsOf, short, table } from "./tables.ts";

/** Nets whose steps are to take at most so many times what bytes, multiply-adds and dispatches take at the GPU's peaks. */
const boundNets = ["N1", "N2", "N3", "N4", "N7"];
const mostTimes = 2;
const explained = 5;

/** "held" is counted in what the compiler made; a bound on a time can only exclude, or leave open. */
type Verdict = "held" | "not excluded" | "**not held**" | "can't tell" | "no goal";

interface Goal {
  readonly what: string;
  readonly wanted: string;
  readonly found: string;
  readonly verdict: Verdict;
}

const percent = (share: number) => `${Math.round(100 * share)} %`;
const counted = (isHeld: boolean): Verdict => (isHeld ? "held" : "**not held**");
const bounded = (isOpen: boolean): Verdict => (isOpen ? "not excluded" : "**not held**");

/** Of rows of the same kernel in variants, the one that takes least. */
const fastest = (rows: readonly Row[], gpu: string): Row | undefined =>
  [...rows].sort((a, b) => a.on[gpu].microseconds - b.on[gpu].microseconds)[0];

/** A product's share of the published peak at most, which judges it, and the multiple of the rate with single issue. */
function productGoals(
  gpu: Gpu,
  families: readonly Row[],
  size: number,
  least: { readonly published?: number; readonly single: number },
): Goal[] {
  const name = `matmul ${size}x${size} ${size}x${size}`;
  const row = fastest(
    families.filter((each) => each.name === name),
    gpu.name,
  );
  const seconds = (row?.on[gpu.name].microseconds ?? Number.POSITIVE_INFINITY) * 1e-6;
  const rate = size ** 3 / seconds;
  const share = rate / publishedPeak(gpu);
  const multiple = rate / singleIssuePeak(gpu);
  const wanted = least.published ?? least.single / gpu.issue;
  const which = `f32, ${size} cubed (${row?.group.split("/")[1]})`;
  return [
    {
      what: `${which}: of the published peak`,
      wanted: `at least ${percent(wanted)}${least.published === undefined ? ` (${percent(least.single)} with single issue)` : ""}`,
      found: `at most ${percent(share)}`,
      verdict: bounded(share >= wanted),
    },
    {
      what: `${which}: as a multiple of the rate with single issue, of which ${gpu.issue} is the most`,
      wanted: `at least ${least.single.toFixed(2)}`,
      found: `at most ${multiple.toFixed(2)}`,
      // Two instructions at once exceed it easily: the line above is what can fail.
      verdict: gpu.issue > 1 && multiple >= least.single ? "can't tell" : bounded(multiple >= least.single),
    },
  ];
}

function matrixGoal(gpu: Gpu, matrices: readonly Row[], least: number): Goal {
  const row = fastest(
    matrices.filter(({ name }) => name === "matmul 4096x4096 4096x4096"),
    gpu.name,
  );
  const { matrixShare = 0, microseconds = 0 } = row?.on[gpu.name] ?? {};
  return {
    what: `f16, 4096 cubed (${row?.group.split("/")[1]}, ${short(microseconds)} microseconds at least): matrix instructions, of the clocks in which its loop issues vector instructions`,
    wanted: `at least ${percent(least)}`,
    found: percent(matrixShare),
    verdict: counted(matrixShare >= least),
  };
}

/** By net, how many times its floors a step takes at least: their sum, which the goal is about, and harder ones. */
function netLines(gpus: readonly Gpu[], nets: readonly Row[]): string[] {
  const lines = [...groupsOf(nets)].map(([net, rows]) => {
    const steps = gpus.map(({ name }) => stepOf(rows, name));
    const ratios = (of: (step: (typeof steps)[number]) => number) =>
      steps.map((step) => of(step).toFixed(2)).join(" / ");
    const isOpen = steps.every(
      ({ microseconds, goalMicroseconds }) => microseconds <= mostTimes * goalMicroseconds,
    );
    return [
      net,
      ratios(({ microseconds, goalMicroseconds }) => microseconds / goalMicroseconds),
      ratios(({ microseconds, largerMicroseconds }) => microseconds / largerMicroseconds),
      ratios(
        ({ microseconds, largerMicroseconds, overheadMicroseconds: overhead }) =>
          (microseconds - overhead) / (largerMicroseconds - overhead),
      ),
      boundNets.includes(net) ? bounded(isOpen) : "no goal",
    ];
  });
  return table(
    [
      "net",
      `both floors' sum (at most ${mostTimes})`,
      "each kernel's larger floor",
      "the same without dispatches",
      "",
    ],
    lines,
  );
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
      verdict: counted(spills === 0),
    },
    ...productGoals(navi31, families, 4096, { published: 0.55, single: 0.7 }),
    ...productGoals(navi31, families, 1024, { single: 0.6 }),
    matrixGoal(navi31, matrices, 0.5),
  ];
  return [
    "## What was to be reached",
    "",
    `Times of this page are lower bounds, so rates are upper ones: a goal that they meet is not excluded, and only a GPU can tell whether it is held. "Held" stands where something is counted in the machine code. Where a GPU issues two instructions at once, as ${navi31.name} may, the rate with single issue is one that can't fail: the share of the published peak is what judges.`,
    "",
    `Products on ${navi31.name}:`,
    "",
    ...table(
      ["what", "wanted", "found", ""],
      goals.map((goal) => [goal.what, goal.wanted, goal.found, goal.verdict]),
    ),
    "",
    `Steps, on each GPU in the order above: how many times their floors they take at least. Floors are what a kernel's bytes and its multiply-adds take at the GPU's peaks, ${dispatchMicroseconds + barrierMicroseconds} microseconds a dispatch included. The goal is about the sum of both, which can be more than a step takes, because a kernel may move bytes while it computes; the larger of both, kernel by kernel, is the harder measure, and without dispatches it is about the kernels alone.`,
    "",
    ...netLines(gpus, nets),
    "",
    `Of the kernels of ${boundNets.slice(0, -1).join(", ")} and ${boundNets.at(-1)}, those on ${navi31.name} that lie farthest above the larger of their floors, bytes and multiply-adds at its peaks:`,
    "",
    ...gapLines(navi31, nets),
    "",
  ];
}

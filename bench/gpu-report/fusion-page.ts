// The report's part about fusions: a table of nets, those fusions that the bound would rather have apart, and the data.

import type { FusionsOn, Refusal, Saving } from "./fusion-times.ts";
import type { Gpu } from "./gpus.ts";
import { short, table } from "./tables.ts";

/** Microseconds that a fusion may cost by the bound, which counts no caches and guesses 5 for a dispatch. */
export const mostFusionCost = 0.5;

/** What counts as no difference, in microseconds: a hundredth of a dispatch. */
const noDifference = 0.05;

/** A net's fusions on a GPU in short: what `docs/gpu.json` keeps. */
export interface FusionSummary {
  readonly net: string;
  readonly gpu: string;
  readonly dispatches: number;
  readonly unfusedDispatches: number;
  /** Microseconds of a step, and what all fusions save together. */
  readonly microseconds: number;
  readonly saved: number;
  readonly fusions: number;
  /** Fusions that save more than nothing. */
  readonly pay: number;
  readonly least: Saving;
  /** Fusions without which the step would take less, the dearest first. */
  readonly cost: readonly Saving[];
  /** Pairs that only a rule about cost keeps apart, and those of them that would save something as one, the most first. */
  readonly refused: number;
  readonly wouldSave: readonly Refusal[];
  /** Microseconds that the best of them would save; less than nothing where it would cost, null where there is none. */
  readonly bestRefused: number | null;
}

export function summaryOf(on: FusionsOn): FusionSummary {
  const { net, gpu, dispatches, unfusedDispatches, microseconds, unfusedMicroseconds, savings, refusals } =
    on;
  const sorted = [...savings].sort((a, b) => a.microseconds - b.microseconds);
  const best = [...refusals].sort((a, b) => b.microseconds - a.microseconds);
  return {
    net,
    gpu,
    dispatches,
    unfusedDispatches,
    microseconds,
    saved: unfusedMicroseconds - microseconds,
    fusions: savings.length,
    pay: savings.filter((saving) => saving.microseconds > noDifference).length,
    least: sorted[0],
    cost: sorted.filter((saving) => saving.microseconds < -noDifference),
    refused: best.length,
    wouldSave: best.filter((refusal) => refusal.microseconds > noDifference),
    bestRefused: best[0]?.microseconds ?? null,
  };
}

const signed = (microseconds: number) =>
  Math.abs(microseconds) < noDifference
    ? "0"
    : `${microseconds < 0 ? "-" : ""}${short(Math.abs(microseconds))}`;

/** Values on each GPU, said once where all agree. */
const across = (values: readonly string[]) => (new Set(values).size === 1 ? values[0] : values.join(" / "));

export function fusionLines(gpus: readonly Gpu[], summaries: readonly FusionSummary[]): string[] {
  const byNet = new Map<string, FusionSummary[]>();
  for (const each of summaries) byNet.set(each.net, [...(byNet.get(each.net) ?? []), each]);
  const rows = [...byNet].map(([net, on]) => [
    net,
    across(on.map(({ unfusedDispatches }) => String(unfusedDispatches))),
    across(on.map(({ dispatches }) => String(dispatches))),
    across(on.map(({ saved }) => short(saved))),
    across(on.map(({ fusions }) => String(fusions))),
    across(on.map(({ pay }) => String(pay))),
    across(on.map(({ cost }) => String(cost.length))),
    across(on.map(({ least }) => signed(least.microseconds))),
  ]);
  return [
    "## Fusions",
    "",
    "jit puts nodes that could have kernels of their own into one. For each such fusion the step is planned once more, with the two nodes",
    "in different kernels and all else fused as far as it then can be, and both plans are compiled and bounded: the kernels,",
    "and the assumed costs of dispatches and of the barriers that the plan needs. What the step would take more without a fusion, the fusion saves.",
    `A change of less than ${noDifference} microseconds counts as none. GPUs stand in the order of the table above (${gpus.map(({ name }) => name).join(" / ")}).`,
    "",
    ...table(
      [
        "net",
        "dispatches unfused",
        "fused",
        "all fusions save, microseconds",
        "fusions",
        "pay",
        "cost",
        "least saving, microseconds",
      ],
      rows,
    ),
    "",
    ...costLines(summaries),
    ...refusalLines(byNet),
  ];
}

/** What rules about cost refuse, and whether a step would take less with it. */
function refusalLines(byNet: ReadonlyMap<string, readonly FusionSummary[]>): string[] {
  const rows = [...byNet].map(([net, on]) => [
    net,
    across(on.map(({ refused }) => String(refused))),
    across(on.map(({ wouldSave }) => String(wouldSave.length))),
    across(on.map(({ bestRefused }) => (bestRefused === null ? "" : signed(bestRefused)))),
  ]);
  const lines = [...byNet.values()]
    .flat()
    .flatMap(({ net, gpu, wouldSave }) =>
      wouldSave.map(
        (each) => `- ${net} on ${gpu}, ${each.rule}: ${each.name} would save ${short(each.microseconds)}.`,
      ),
    );
  return [
    "Rules about cost keep other pairs apart, though one kernel would be right: a value of few elements would be computed again for each",
    "of many (`again`), an operand by many tiles (`tiles`), a mask would be kept instead of computed where it is read (`mask`), chains that",
    "share a dispatch are both large (`large`). For each such pair the step is planned once more without the rule. Pairs that something else keeps apart as well are left out, as all of `again` and `large` are in these nets:",
    "the value is needed elsewhere too, or one depends on the other.",
    "",
    ...table(
      ["net", "refused by such a rule alone", "would save", "the best would save, microseconds"],
      rows,
    ),
    "",
    ...(lines.length === 0 ? [] : [...lines, ""]),
  ];
}

/** The fusions that cost, with the reason as the bound sees it. */
function costLines(summaries: readonly FusionSummary[]): string[] {
  const found = new Map<string, { row: string[]; times: number }>();
  for (const { net, gpu, cost } of summaries)
    for (const saving of cost) {
      const row = [
        net,
        gpu,
        saving.pass,
        saving.name,
        short(-saving.microseconds),
        String(-saving.dispatches),
        short(-saving.inKernels),
      ];
      const key = row.join("|");
      found.set(key, { row, times: (found.get(key)?.times ?? 0) + 1 });
    }
  if (found.size === 0) return ["No step would take less without one of its fusions.", ""];
  return [
    `Fusions without which a step would take less. More than ${mostFusionCost} microseconds is mended: a test`,
    "holds what is recorded to it.",
    "",
    ...table(
      ["net", "GPU", "fusion", "of", "costs, microseconds", "dispatches more", "in kernels"],
      [...found.values()].map(({ row, times }) =>
        times === 1 ? row : row.map((cell, i) => (i === 3 ? `${cell} (${times} times)` : cell)),
      ),
    ),
    "",
  ];
}

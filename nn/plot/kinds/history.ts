// plotHistory: the curves of a run of fit, training beside validation, and where the validation loss turns.

import { ArgumentError } from "../../../engine/index.ts";
import { checkOptions, kindOf, type OptionNames } from "../../../engine/internal.ts";
import { type Curves, type History, trainingName, validationName } from "../../training/history.ts";
import { Chart } from "../chart.ts";
import type { Panel } from "../panel.ts";
import { type LineSeries, linePanel, type Mark } from "./lines.ts";

export interface PlotHistoryOptions {
  title?: string;
  subtitle?: string;
  /** Which curves, a panel each; default the loss and all metrics. */
  names?: readonly string[];
  /** Names of axes with units, by the curves' names: { loss: "cross-entropy (nats per image)" }. */
  labels?: Readonly<Record<string, string>>;
  /** What the validation data are called; default "validation". */
  validation?: string;
  /** Whether losses lie on a logarithmic axis; default false. */
  isLog?: boolean;
  /** Whether the epoch of the least validation loss is marked; default true. */
  marksTurn?: boolean;
}

const plotHistoryOptions: OptionNames<PlotHistoryOptions> = {
  title: true,
  subtitle: true,
  names: true,
  labels: true,
  validation: true,
  isLog: true,
  marksTurn: true,
};

/** Runs by their names, to be laid over each other. */
export type HistoryLike = Pick<History, "history"> | Curves;

/**
 * The curves of one run of `fit`, or of several by their names: loss and each metric in a panel of its own, validation dashed,
 * and a mark at the epoch from which the validation loss does not fall any more.
 *
 *     const history = await model.fit(x, y, { epochs: 20, validationSplit: 0.2 });
 *     await plotHistory(history).save("curves.svg");
 *     plotHistory({ "no dropout": plain, "dropout 0.5": dropped }, { names: ["loss"] });
 *
 * @throws ArgumentError for what is no history, and names that it has not
 */
export function plotHistory(
  history: HistoryLike | Readonly<Record<string, HistoryLike>>,
  options: PlotHistoryOptions = {},
): Chart {
  checkOptions("plotHistory", options, plotHistoryOptions);
  const runs = runsOf(history);
  const all = [...new Set(runs.flatMap(([, curves]) => Object.keys(curves)))];
  const isHeld = (name: string) =>
    runs.some(([, curves]) => trainingName(name, curves as never) !== undefined);
  const names = options.names ?? all.filter((name) => !isHeld(name) && isNumeric(runs, name));
  if (!Array.isArray(names) || names.length === 0)
    throw new ArgumentError('plotHistory: names must list curves, as in ["loss", "accuracy"]');
  for (const name of names) {
    if (!all.includes(name))
      throw new ArgumentError(`plotHistory: there is no curve "${name}"; there are ${all.join(", ")}`);
  }
  const { title, subtitle } = options;
  return new Chart({ title, subtitle, panels: names.map((name) => panelOf(name, runs, options)) });
}

type Runs = [name: string, curves: Readonly<Record<string, readonly number[]>>][];

function runsOf(given: unknown): Runs {
  const single = curvesOf(given);
  if (single !== undefined) return [["", single]];
  if (typeof given === "object" && given !== null) {
    const runs = Object.entries(given).map(([name, one]) => [name, curvesOf(one)] as const);
    if (runs.length > 0 && runs.every(([, curves]) => curves !== undefined)) return runs as unknown as Runs;
  }
  throw new ArgumentError(
    `plotHistory: the first argument must be a History, as fit gives it, or several by their names, got ${kindOf(given)}`,
  );
}

function curvesOf(given: unknown): Runs[number][1] | undefined {
  const held = (given as { history?: unknown } | null | undefined)?.history;
  const curves = Array.isArray((held as Curves | undefined)?.loss) ? held : given;
  const isOne = typeof curves === "object" && curves !== null && Array.isArray((curves as Curves).loss);
  return isOne ? (curves as Runs[number][1]) : undefined;
}

/** Metrics that give arrays have no curve. */
const isNumeric = (runs: Runs, name: string): boolean =>
  runs.every(([, curves]) => (curves[name] ?? []).every((value) => typeof value === "number"));

function panelOf(name: string, runs: Runs, options: PlotHistoryOptions): Panel {
  const { labels = {}, validation = "validation", isLog = false, marksTurn = true } = options;
  const held = validationName(name);
  const isSingle = runs.length === 1 && runs[0][0] === "";
  const series = runs.flatMap(([run, curves], i): LineSeries[] => {
    const full = (part: string) => (isSingle ? part : `${run}, ${part}`);
    const made: LineSeries[] = [];
    if (curves[name] !== undefined) made.push({ name: full("training"), y: curves[name], colour: i });
    if (curves[held] !== undefined) {
      const colour = isSingle ? 1 : i;
      made.push({ name: full(validation), y: curves[held], colour, line: "dashed" });
    }
    return made;
  });
  const isLoss = /loss$/i.test(name);
  const marks = isLoss && marksTurn ? runs.flatMap(([run, curves]) => turnOf(run, curves[held])) : [];
  return {
    ...linePanel("plotHistory", {
      xLabel: "epoch",
      yLabel: labels[name] ?? "",
      series,
      yScale: isLog && isLoss ? "log" : "linear",
      marks,
    }),
    title: titleOf(name),
  };
}

/** Where the curve is least, if it rises after that. */
function turnOf(run: string, curve: readonly number[] | undefined): Mark[] {
  if (curve === undefined) return [];
  const finite = curve.filter((value) => Number.isFinite(value));
  const at = curve.indexOf(Math.min(...finite));
  if (at < 0 || at === curve.length - 1) return [];
  return [{ x: at + 1, y: curve[at], label: `${run === "" ? "" : `${run}: `}least at epoch ${at + 1}` }];
}

/** `topKCategoricalAccuracy` as words. */
const titleOf = (name: string): string => {
  const words = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
};

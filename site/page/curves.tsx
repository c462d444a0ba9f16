// Live curves: loss, and the metric, of training and of validation; other runs below them.

import { useEffect, useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { EpochPoint, ListedRun } from "../runs/kept-runs.ts";
import { dataSpecs, type Setup } from "../setup/setup.ts";
import { metricOf, optimizerLabels } from "../setup/training.ts";
import { useTheme } from "./canvas.ts";
import { Panel } from "./fields.tsx";
import { count, percent, short } from "./format.ts";
import { palette } from "./paint.ts";
import { specOfState } from "./state.ts";
import { useStore } from "./use-store.ts";

/** Points of a curve that are drawn: a screen has no more columns. */
const most = 800;

/** A kept run whose curves lie over this one's. */
export interface OtherRun {
  readonly run: ListedRun;
  /** Its place among the colours of runs. */
  readonly color: number;
}

export function CurvesPanel({ others }: { others: readonly OtherRun[] }) {
  const { state } = useStore("setup", "own", "history");
  const { loss } = state.setup;
  const metric = metricOf(state.setup.metric, specOfState(state).task);
  const { label, isShare } = metric;
  // Numbers of another loss or metric would lie over these as if they were the same.
  const ofLoss = useMemo(() => others.filter(({ run }) => run.setup.loss === loss), [others, loss]);
  const unit = metric.hasUnit === true ? unitOf(state.setup, state.own?.target?.name) : "";
  const ofMetric = useMemo(
    () =>
      others.filter(
        ({ run }) =>
          metricOf(run.setup.metric, run.task) === metric &&
          (metric.hasUnit !== true || unitOf(run.setup, run.own?.target) === unit),
      ),
    [others, metric, unit],
  );
  return (
    <Panel title="Curves" className="panel-curves">
      <Plot
        title="Loss"
        leftOut={leftOut(others.length - ofLoss.length, "loss")}
        history={state.history}
        others={ofLoss}
        names={["loss", "valLoss"]}
        isShare={false}
      />
      <Plot
        title={label}
        leftOut={leftOut(
          others.length - ofMetric.length,
          metric.hasUnit === true ? "metric or unit" : "metric",
        )}
        history={state.history}
        others={ofMetric}
        names={["metric", "valMetric"]}
        isShare={isShare}
      />
      <ul class="legend">
        <li>
          <span class="stroke stroke-train" /> training
        </li>
        <li>
          <span class="stroke stroke-validation" /> validation
        </li>
        {others.map(({ run, color }) => (
          <li key={run.name}>
            <RunStroke color={color} /> {runLabel(run)}, validation
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** What errors are told in: that of the column that is learnt, where a file of the user's own has one. */
const unitOf = ({ data }: Setup, target: string | undefined): string =>
  data === "csv" ? `of ${target ?? "an unknown column"}` : "";

/** The line by which a kept run is known. */
export const RunStroke = ({ color }: { color: number }) => (
  <span class="stroke stroke-other" style={{ borderColor: `var(--run-${color + 1})` }} aria-hidden="true" />
);

export const runLabel = ({ setup, epoch }: ListedRun): string =>
  `${dataSpecs[setup.data].label}, ${optimizerLabels[setup.optimizer]} ${short(setup.learningRate)}, seed ${setup.seed}, ${count(epoch)} epochs`;

const leftOut = (runs: number, what: string): string =>
  runs === 0 ? "" : ` (${runs === 1 ? "a kept run" : `${runs} kept runs`} of another ${what} left out)`;

interface PlotProps {
  readonly title: string;
  readonly leftOut: string;
  readonly history: readonly EpochPoint[];
  readonly others: readonly OtherRun[];
  readonly names: readonly [training: keyof EpochPoint, validation: keyof EpochPoint];
  readonly isShare: boolean;
}

function Plot({ title, leftOut, history, others, names, isShare }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const theme = useTheme();
  const colors = others.map(({ color }) => color);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const made = new uPlot(
      optionsOf(element.clientWidth, isShare, colors),
      [[], ...Array.from({ length: 2 + others.length }, () => [])] as uPlot.AlignedData,
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: 150 }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [theme, isShare, colors.join()]);
  useEffect(() => {
    plot.current?.setData(dataOf(history, others, names));
  }, [history, others, names[0], theme]);
  const last = history.at(-1);
  const said = (name: keyof EpochPoint) => {
    const value = last?.[name];
    return value === undefined ? "none" : isShare ? percent(value) : short(value);
  };
  const told =
    last === undefined
      ? "no epoch yet"
      : `${said(names[0])} of training, ${said(names[1])} of validation after epoch ${count(last.epoch)}`;
  return (
    <figure class="plot">
      <figcaption>
        {title}
        {leftOut}
      </figcaption>
      <div ref={place} class="plot-area" role="img" aria-label={`${title} by epoch: ${told}`} />
    </figure>
  );
}

function optionsOf(width: number, isShare: boolean, others: readonly number[]): uPlot.Options {
  const colors = palette();
  const style = getComputedStyle(document.documentElement);
  const font = `11px ${style.getPropertyValue("--font") || "sans-serif"}`;
  const axis: uPlot.Axis = {
    stroke: colors.muted,
    grid: { stroke: colors.line, width: 1 },
    ticks: { stroke: colors.line, width: 1, size: 4 },
    font,
    gap: 4,
  };
  const line = (stroke: string, width: number, dash?: number[]): uPlot.Series => ({
    stroke,
    width,
    dash,
    // A line of one point is none.
    points: { show: (plot) => plot.data[0].length < 15, size: 5, fill: stroke },
    spanGaps: true,
  });
  return {
    width,
    height: 150,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 8, 0, 0],
    scales: {
      x: { time: false, range: (_plot, _low, high) => [0, Math.max(5, high)] },
      y: isShare ? { range: [0, 1] } : {},
    },
    axes: [
      {
        ...axis,
        size: 24,
        space: 60,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 1e5],
      },
      {
        ...axis,
        size: 46,
        space: 28,
        values: (_plot, values) =>
          values.map((value) => (isShare ? `${Math.round(100 * value)} %` : short(value))),
      },
    ],
    series: [
      {},
      line(colors.ink, 1.4),
      line(`rgb(${colors.high.join(" ")})`, 2),
      ...others.map((color) => line(colors.runs[color], 1.5, [5, 3])),
    ],
  };
}

function dataOf(
  history: readonly EpochPoint[],
  others: readonly OtherRun[],
  names: PlotProps["names"],
): uPlot.AlignedData {
  const longest = Math.max(history.length, ...others.map(({ run }) => run.history.length));
  const stride = Math.max(1, Math.ceil(longest / most));
  const places = Array.from({ length: Math.ceil(longest / stride) }, (_, i) =>
    Math.min(longest - 1, (i + 1) * stride - 1),
  );
  const values = (points: readonly EpochPoint[], name: keyof EpochPoint) =>
    places.map((place) => {
      const value = points[place]?.[name];
      return value !== undefined && Number.isFinite(value) ? value : null;
    });
  return [
    places.map((place) => place + 1),
    values(history, names[0]),
    values(history, names[1]),
    ...others.map(({ run }) => values(run.history, names[1])),
  ];
}

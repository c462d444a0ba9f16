// Live curves: loss, and the metric, of training and of validation; other runs below them.

import { useEffect, useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { EpochPoint, ListedRun } from "../runs/kept-runs.ts";
import { metricOf } from "../setup/training.ts";
import { useTheme } from "./canvas.ts";
import { Panel } from "./fields.tsx";
import { palette } from "./paint.ts";
import { specOfState } from "./state.ts";
import { useStore } from "./use-store.ts";

/** Points of a curve that are drawn: a screen has no more columns. */
const most = 800;

export type OtherRun = Pick<ListedRun, "name" | "setup" | "task" | "history">;

export function CurvesPanel({ others }: { others: readonly OtherRun[] }) {
  const { state } = useStore("setup", "own", "history");
  const metric = metricOf(state.setup.metric, specOfState(state).task);
  const { label, isShare } = metric;
  const alike = useMemo(
    () => others.filter(({ setup, task }) => metricOf(setup.metric, task) === metric),
    [others, metric],
  );
  return (
    <Panel title="Curves" className="panel-curves">
      <Plot
        title="Loss"
        history={state.history}
        others={others}
        names={["loss", "valLoss"]}
        isShare={false}
      />
      <Plot
        title={label}
        history={state.history}
        others={alike}
        names={["metric", "valMetric"]}
        isShare={isShare}
      />
      <p class="legend">
        <span class="stroke stroke-train" /> training
        <span class="stroke stroke-validation" /> validation
        {others.length > 0 && (
          <>
            <span class="stroke stroke-other" /> kept runs, validation
          </>
        )}
      </p>
    </Panel>
  );
}

interface PlotProps {
  readonly title: string;
  readonly history: readonly EpochPoint[];
  readonly others: readonly OtherRun[];
  readonly names: readonly [training: keyof EpochPoint, validation: keyof EpochPoint];
  readonly isShare: boolean;
}

function Plot({ title, history, others, names, isShare }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const theme = useTheme();
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const made = new uPlot(
      optionsOf(element.clientWidth, isShare, others.length),
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
  }, [theme, isShare, others.length]);
  useEffect(() => {
    plot.current?.setData(dataOf(history, others, names));
  }, [history, others, names[0], theme]);
  const last = history.at(-1);
  const told =
    last === undefined ? "no epoch yet" : `${last[names[0]]} of training, ${last[names[1]]} of validation`;
  return (
    <figure class="plot">
      <figcaption>{title}</figcaption>
      <div ref={place} class="plot-area" role="img" aria-label={`${title} by epoch: ${told}`} />
    </figure>
  );
}

function optionsOf(width: number, isShare: boolean, others: number): uPlot.Options {
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
          values.map((value) =>
            isShare ? `${Math.round(100 * value)} %` : String(Number(value.toPrecision(3))),
          ),
      },
    ],
    series: [
      {},
      line(colors.ink, 1.4),
      line(`rgb(${colors.high.join(" ")})`, 2),
      ...Array.from({ length: others }, () => line(colors.muted, 1.2, [4, 3])),
    ],
  };
}

function dataOf(
  history: readonly EpochPoint[],
  others: readonly OtherRun[],
  names: PlotProps["names"],
): uPlot.AlignedData {
  const longest = Math.max(history.length, ...others.map((run) => run.history.length));
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
    ...others.map((run) => values(run.history, names[1])),
  ];
}

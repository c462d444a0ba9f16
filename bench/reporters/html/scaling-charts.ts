// How the cost of a step grows: charts made from rows. One without anything to show is undefined.

import { familyOf, peerBackends, type Row } from "../../bench-case.ts";
import { axisStyle, type Chart, line, text } from "./draw.ts";
import { backendColours, backendTitles } from "./palette.ts";
import { decadeAbove, decadeBelow, legend, legendHeight, rangeAround, short } from "./parts.ts";

/** The ends of an axis that has room around its points are no round numbers. */
const roundLabels = { showMinLabel: false, showMaxLabel: false };

const mebibytes = (row: Row) => (row.peakBytes === undefined ? Number.NaN : row.peakBytes / 2 ** 20);

/** What a step costs as one thing grows: time on the left, ours and the peers', and our memory on the right. */
export function scalingChart(rows: readonly Row[], family: string, axis: string): Chart | undefined {
  const points = rows
    .filter((row) => familyOf(row.case) === family && row.at !== undefined)
    .sort((a, b) => a.at! - b.at!);
  const of = (backend: Row["backend"]) => points.filter((row) => row.backend === backend);
  const ours = of("webgpu");
  if (ours.length < 2) return undefined;
  const isAlone = points.length === ours.length;
  const names = { ms: isAlone ? "milliseconds a step" : "gradgpu, milliseconds", mebibytes: "peak MiB" };
  const [times, sizes] = [points.map((row) => row.medianMs), ours.map(mebibytes).filter(Number.isFinite)];
  const decades = (values: readonly number[]) =>
    values.length === 0
      ? {}
      : { min: decadeBelow(Math.min(...values)), max: decadeAbove(Math.max(...values)) };
  const timed = peerBackends.filter((backend) => of(backend).length > 0);
  const shown = [names.ms, ...timed.map((backend) => backendTitles[backend]), names.mebibytes];
  return {
    label: `Milliseconds and memory of a training step by ${axis}`,
    height: (canvas) => 230 + legendHeight(shown, canvas),
    option: (canvas) => ({
      legend: legend(shown),
      grid: { left: 52, right: 52, top: legendHeight(shown, canvas) + 10, bottom: 46 },
      xAxis: {
        ...axisStyle,
        type: "log",
        ...rangeAround(points.map((row) => row.at!)),
        name: axis,
        nameLocation: "middle",
        nameGap: 28,
        axisLabel: { ...text, formatter: short, ...roundLabels },
        splitLine: { show: false },
      },
      yAxis: [times, sizes].map((values, index) => ({
        ...axisStyle,
        type: "log" as const,
        ...decades(values),
        axisLabel: { ...text, formatter: short },
        splitLine: { show: index === 0, lineStyle: { color: line } },
      })),
      series: [
        {
          type: "line" as const,
          name: names.ms,
          color: "var(--ours)",
          symbol: "circle",
          symbolSize: 8,
          lineStyle: { width: 2.5 },
          data: ours.map((row) => [row.at, row.medianMs]),
        },
        ...timed.map((backend) => ({
          type: "line" as const,
          name: backendTitles[backend],
          color: backendColours[backend],
          symbol: "circle",
          symbolSize: 5,
          lineStyle: { width: 1 },
          data: of(backend).map((row) => [row.at, row.medianMs]),
        })),
        {
          type: "line" as const,
          name: names.mebibytes,
          yAxisIndex: 1,
          color: "var(--ours)",
          symbol: "emptyCircle",
          symbolSize: 8,
          lineStyle: { width: 2, type: "dashed" as const },
          data: ours.map((row) => [row.at, mebibytes(row)]),
        },
      ],
    }),
  };
}

/** The time of a step over very many of them. */
export function steadyChart(rows: readonly Row[]): Chart | undefined {
  const row = rows.find((each) => each.backend === "webgpu" && familyOf(each.case) === "steady");
  if (row === undefined || row.timesMs.length === 0) return undefined;
  return {
    label: "Milliseconds a step over very many steps",
    height: () => 220,
    option: () => ({
      grid: { left: 52, right: 24, top: 30, bottom: 46 },
      xAxis: {
        ...axisStyle,
        type: "value",
        name: "steps taken",
        nameLocation: "middle",
        nameGap: 28,
        max: (row.timesMs.length + 0.5) * row.iterations,
        axisLabel: { ...text, formatter: short, ...roundLabels },
        splitLine: { show: false },
      },
      yAxis: { ...axisStyle, type: "value", name: "ms a step", min: 0 },
      series: [
        {
          type: "line" as const,
          color: "var(--ours)",
          symbolSize: 6,
          data: row.timesMs.map((ms, i) => [(i + 1) * row.iterations, ms]),
        },
      ],
    }),
  };
}

// The report's charts, each from rows. A chart without anything to show is undefined.

import type { AdapterPeaks } from "../../../engine/index.ts";
import type { BackendName, Phase, Row } from "../../bench-case.ts";
import { familyOf, peerBackends } from "../../bench-case.ts";
import { counted, cutInside } from "../columns.ts";
import { meetings } from "../ratios.ts";
import { showMs, trim } from "../table.ts";
import { axisStyle, type Canvas, type Chart, ink, line, page, text } from "./draw.ts";
import { backendColours, backendTitles, familyColours, familySymbols } from "./palette.ts";
import { decadeAbove, decadeBelow, legend, legendHeight, short } from "./parts.ts";

/** Training steps a second: a panel for each net, a bar for each backend. */
export function trainingChart(rows: readonly Row[]): Chart | undefined {
  const steps = rows.filter((row) => row.phase === "step" && /^train\//.test(row.case));
  const cases = [...new Set(steps.map((row) => row.case))];
  if (cases.length === 0) return undefined;
  const order: readonly BackendName[] = ["webgpu", ...peerBackends, "cpu"];
  const panels = cases.map((name) => ({
    name,
    rows: order.flatMap((backend) =>
      steps.filter((row) => row.case === name && row.backend === backend).slice(0, 1),
    ),
  }));
  const tallest = Math.max(...panels.map((panel) => panel.rows.length));
  const panelHeight = 34 + 24 * tallest;
  const places = ({ width, isNarrow }: Canvas) => {
    const columns = isNarrow ? 1 : 2;
    const each = width / columns;
    return panels.map((_, i) => ({
      x: (i % columns) * each,
      y: Math.floor(i / columns) * panelHeight,
      width: each,
    }));
  };
  const labelWidth = 158;
  return {
    label: "Training steps a second by network and backend",
    height: ({ isNarrow }) => panelHeight * (isNarrow ? panels.length : Math.ceil(panels.length / 2)),
    option: (canvas) => ({
      title: places(canvas).map(({ x, y }, i) => ({
        text: panels[i].name.replace("train/", ""),
        left: x,
        top: y + 2,
        padding: 0,
        textStyle: { ...text, color: ink, fontSize: 14, fontWeight: "bold" as const },
      })),
      grid: places(canvas).map(({ x, y, width }, i) => ({
        left: x + labelWidth,
        width: width - labelWidth - 64,
        top: y + 24,
        height: 24 * panels[i].rows.length,
      })),
      xAxis: panels.map((_, i) => ({ type: "value" as const, gridIndex: i, show: false, min: 0 })),
      yAxis: panels.map((panel, i) => ({
        ...axisStyle,
        type: "category" as const,
        gridIndex: i,
        inverse: true,
        data: panel.rows.map((row) => backendTitles[row.backend]),
        axisLine: { show: true, lineStyle: { color: line } },
        axisLabel: { ...text, color: ink, interval: 0 },
      })),
      series: panels.map((panel, i) => ({
        type: "bar" as const,
        xAxisIndex: i,
        yAxisIndex: i,
        barWidth: 14,
        data: panel.rows.map((row) => ({
          value: 1000 / row.medianMs,
          itemStyle: { color: backendColours[row.backend] },
        })),
        label: {
          ...text,
          show: true,
          position: "right" as const,
          color: ink,
          formatter: ({ dataIndex }: { dataIndex: number }) => {
            const { medianMs, readsEach } = panel.rows[dataIndex];
            return `${trim(1000 / medianMs)}${readsEach ? "*" : ""}`;
          },
        },
      })),
    }),
  };
}

/** How many times as fast ours is as each peer in the cases of these phases, on a logarithmic axis with a line at 1. */
export function ratioChart(rows: readonly Row[], phases: readonly Phase[]): Chart | undefined {
  const all = meetings(rows).filter(({ ours }) => phases.includes(ours.phase));
  if (all.length === 0) return undefined;
  const shown = peerBackends.filter((backend) =>
    all.some(({ theirs }) => theirs.some((row) => row.backend === backend)),
  );
  const names = shown.map((backend) => backendTitles[backend]);
  const ratios = all.flatMap(({ ours, theirs }) => theirs.map((row) => row.medianMs / ours.medianMs));
  const labels = all.map(({ ours }) => ours.case);
  return {
    label: "How many times as fast gradgpu on WebGPU is as each peer, by case",
    height: (canvas) => 50 + legendHeight(names, canvas) + all.length * 21,
    option: (canvas) => ({
      legend: legend(names),
      grid: {
        left: canvas.isNarrow ? 168 : 270,
        right: 30,
        top: legendHeight(names, canvas),
        bottom: 44,
      },
      xAxis: {
        ...axisStyle,
        type: "log",
        min: decadeBelow(Math.min(1, ...ratios)),
        max: decadeAbove(Math.max(1, ...ratios)),
        name: "peer's time / ours",
        nameLocation: "middle",
        nameGap: 28,
        axisLabel: {
          ...text,
          fontSize: canvas.isNarrow ? 10 : 12,
          formatter: (value: number) => `${value}x`,
        },
      },
      yAxis: {
        ...axisStyle,
        type: "category",
        inverse: true,
        data: labels,
        splitLine: { show: true, lineStyle: { color: line } },
        axisLabel: {
          ...text,
          color: ink,
          interval: 0,
          fontSize: canvas.isNarrow ? 10 : 12,
          formatter: (name: string) => cutInside(name, canvas.isNarrow ? 25 : 38),
        },
      },
      series: shown.map((backend, i) => ({
        type: "scatter" as const,
        name: backendTitles[backend],
        color: backendColours[backend],
        symbolSize: 9,
        data: all.flatMap(({ ours, theirs }) => {
          const row = theirs.find((each) => each.backend === backend);
          return row === undefined ? [] : [[row.medianMs / ours.medianMs, ours.case]];
        }),
        ...(i > 0
          ? {}
          : {
              markLine: {
                silent: true,
                symbol: "none",
                lineStyle: { color: ink, type: "solid" as const, width: 1.5 },
                label: { show: false },
                data: [{ xAxis: 1 }],
              },
            }),
      })),
    }),
  };
}

/** Rows whose operations and bytes are known, under what the adapter can do: copy rate and FMA peak. */
export function rooflineChart(rows: readonly Row[], peaks: AdapterPeaks | undefined): Chart | undefined {
  const known = rows.filter((row) => row.backend === "webgpu" && row.flops && row.bytes && row.gflops);
  if (peaks === undefined || known.length === 0) return undefined;
  const families = [...new Set(known.map((row) => familyOf(row.case)))];
  const point = (row: Row) => [row.flops! / row.bytes!, row.gflops!, row.case, row.phase];
  const intensities = known.map((row) => row.flops! / row.bytes!);
  const [low, high] = [decadeBelow(Math.min(...intensities)), decadeAbove(Math.max(...intensities))];
  const ridge = peaks.fmaGflops / peaks.copyGBs;
  /** Where the slope is written on. */
  const slopeAt = low ** 0.3 * Math.min(ridge, high) ** 0.7;
  const rates = known.map((row) => row.gflops!);
  const [bottom, top] = [decadeBelow(Math.min(...rates)), decadeAbove(Math.max(peaks.fmaGflops, ...rates))];
  return {
    label: "Roofline: GFLOP/s by operations a byte, under the adapter's copy rate and FMA peak",
    height: (canvas) => legendHeight(families, canvas) + (canvas.isNarrow ? 340 : 440),
    option: (canvas) => ({
      legend: legend(families),
      grid: { left: 56, right: 24, top: legendHeight(families, canvas) + 26, bottom: 48 },
      xAxis: {
        ...axisStyle,
        type: "log",
        min: low,
        max: high,
        name: "operations a byte",
        nameLocation: "middle",
        nameGap: 28,
        axisLabel: { ...text, formatter: short },
      },
      yAxis: {
        ...axisStyle,
        type: "log",
        min: bottom,
        max: top,
        name: "GFLOP/s",
        axisLabel: { ...text, formatter: short },
      },
      series: [
        {
          type: "line" as const,
          symbol: "none",
          silent: true,
          lineStyle: { color: ink, width: 2 },
          data: [
            [low, low * peaks.copyGBs],
            [ridge, peaks.fmaGflops],
            [high, peaks.fmaGflops],
          ],
          markPoint: {
            symbol: "circle",
            symbolSize: 1,
            label: { ...text, color: ink, show: true },
            data: [
              {
                name: "peak",
                coord: [canvas.isNarrow ? high : Math.sqrt(ridge * high), peaks.fmaGflops],
                value: `FMA peak ${trim(peaks.fmaGflops)} GFLOP/s`,
                // Ends with the line: there is no room beyond it on a phone.
                label: canvas.isNarrow
                  ? { position: "left" as const, distance: 0, offset: [0, -12] }
                  : { position: "top" as const, distance: 6 },
              },
              {
                name: "copy",
                coord: [slopeAt, slopeAt * peaks.copyGBs],
                value: `copy ${trim(peaks.copyGBs)} GB/s`,
                // Above the slope, where no points are, and as far up as the axis of a phone wants.
                label: { position: "left" as const, distance: 10, offset: [0, -8] },
              },
            ],
          },
        },
        ...families.map((family, i) => ({
          type: "scatter" as const,
          name: family,
          color: familyColours[i % familyColours.length],
          // Colours and symbols repeat, but no pair of them does.
          symbol: familySymbols[(i + Math.floor(i / familyColours.length)) % familySymbols.length],
          symbolSize: canvas.isNarrow ? 7 : 9,
          itemStyle: { opacity: 0.85, borderColor: page, borderWidth: 0.5 },
          data: known.filter((row) => familyOf(row.case) === family).map(point),
        })),
      ],
    }),
  };
}

/** Seconds of the first step from an empty shader cache; of ours, how much of it is compiling. */
export function coldChart(rows: readonly Row[]): Chart | undefined {
  const cold = rows.filter((row) => row.phase === "cold").sort((a, b) => a.case.localeCompare(b.case));
  if (cold.length === 0) return undefined;
  const label = (row: Row) => `${row.case.replace("train/", "")}  ${backendTitles[row.backend]}`;
  const told = (row: Row) =>
    `${showMs(row.medianMs)} ms${row.compiledPipelines === undefined ? "" : `, ${counted(row.compiledPipelines, "pipeline")}`}`;
  const bars = (
    name: string,
    value: (row: Row) => number,
    colour: (row: Row) => string,
    isLast: boolean,
    isNarrow: boolean,
  ) => ({
    type: "bar" as const,
    name,
    stack: "step",
    barWidth: 13,
    data: cold.map((row) => ({ value: value(row) / 1000, itemStyle: { color: colour(row) } })),
    label: {
      ...text,
      show: isLast,
      position: "right" as const,
      color: ink,
      fontSize: isNarrow ? 10 : 12,
      formatter: ({ dataIndex }: { dataIndex: number }) => told(cold[dataIndex]),
    },
  });
  return {
    label: "Seconds of the first training step from an empty shader cache",
    height: () => 60 + cold.length * 26,
    option: (canvas) => ({
      grid: { left: canvas.isNarrow ? 130 : 190, right: canvas.isNarrow ? 140 : 160, top: 8, bottom: 44 },
      xAxis: {
        ...axisStyle,
        type: "value",
        name: "seconds",
        nameLocation: "middle",
        nameGap: 26,
        splitNumber: canvas.isNarrow ? 3 : 5,
      },
      yAxis: {
        ...axisStyle,
        type: "category",
        inverse: true,
        data: cold.map(label),
        axisLabel: { ...text, color: ink, interval: 0, fontSize: canvas.isNarrow ? 10 : 12 },
      },
      series: [
        bars(
          "compiling",
          (row) => row.compileMs ?? 0,
          () => "var(--ours)",
          false,
          canvas.isNarrow,
        ),
        bars(
          "the rest",
          (row) => row.medianMs - (row.compileMs ?? 0),
          (row) => (row.backend === "webgpu" ? "var(--ours-soft)" : backendColours[row.backend]),
          true,
          canvas.isNarrow,
        ),
      ],
    }),
  };
}

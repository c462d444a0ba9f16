// Line charts: one or several series, spreads over runs as bands, marks at places of note.

import { ArgumentError, ShapeError } from "../../../engine/index.ts";
import { checkOptions, choiceOf, kindOf, type OptionNames } from "../../../engine/internal.ts";
import { drawAxes, innerBox } from "../axes.ts";
import { Chart } from "../chart.ts";
import { listOf, type Numbers, numbersOf, rowsOfNumbers, textOf } from "../data.ts";
import { dashes } from "../legend.ts";
import { type Box, type LegendItem, type Panel, plotHeight } from "../panel.ts";
import { type Scale, type ScaleKind, scaleOf } from "../scale.ts";
import { numberText, textGraphic, widthOf } from "../text.ts";
import { colourOf, sizes, type Theme } from "../theme.ts";

export interface LineSeries {
  name: string;
  /** Where its points lie; default the chart's `x`. */
  x?: Numbers;
  /** One value a point. What is not finite is left out, and the line breaks there. */
  y?: Numbers;
  /** Instead of `y`, one row of values a run: the line is their mean, a band behind it reaches from least to largest. */
  runs?: readonly Numbers[];
  /** With `runs`, what the band shows: "range" (the default), or "deviation", one standard deviation to either side. */
  spread?: "range" | "deviation";
  /** A band of one's own behind the line. */
  band?: { readonly low: Numbers; readonly high: Numbers };
  /** "solid" (the default), "dashed", "dotted", or "none" for points alone. */
  line?: "solid" | "dashed" | "dotted" | "none";
  /** Whether the points are marked; default where there are at most 30 of them. */
  markers?: boolean;
  /** Which colour of the theme's, from 0; default its place among the series. Series that belong together share one. */
  colour?: number;
}

/** A place of note. */
export interface Mark {
  x: number;
  /** With it a point is marked, without it an upright line. */
  y?: number;
  label: string;
}

export interface LineChartOptions {
  title?: string;
  /** A smaller line below the title. */
  subtitle?: string;
  /** What stands on the axes, with units: "epoch", "loss (nats per sample)". */
  xLabel?: string;
  yLabel?: string;
  /** Where the points lie; default 1, 2, 3, ... */
  x?: Numbers;
  series: readonly LineSeries[];
  /** "linear" (the default) or "log", which leaves out what is not above 0. */
  xScale?: ScaleKind;
  yScale?: ScaleKind;
  /** Ends of the axes; default those of the data. */
  xMin?: number;
  xMax?: number;
  yMin?: number;
  yMax?: number;
  marks?: readonly Mark[];
  /** How ticks are written; default as few digits as tell them apart. */
  formatX?: (value: number) => string;
  formatY?: (value: number) => string;
}

const lineChartOptions: OptionNames<LineChartOptions> = {
  title: true,
  subtitle: true,
  xLabel: true,
  yLabel: true,
  x: true,
  series: true,
  xScale: true,
  yScale: true,
  xMin: true,
  xMax: true,
  yMin: true,
  yMax: true,
  marks: true,
  formatX: true,
  formatY: true,
};

const seriesOptions: OptionNames<LineSeries> = {
  name: true,
  x: true,
  y: true,
  runs: true,
  spread: true,
  band: true,
  line: true,
  markers: true,
  colour: true,
};

const lineKinds = ["solid", "dashed", "dotted", "none"] as const;

/** A series, checked. */
interface Line {
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly low: readonly number[] | undefined;
  readonly high: readonly number[] | undefined;
  readonly line: (typeof lineKinds)[number];
  readonly hasMarkers: boolean;
  readonly colour: number;
}

/**
 * Lines over a pair of axes.
 *
 *     lineChart({
 *       title: "Three rates", xLabel: "step", yLabel: "loss (nats)", yScale: "log",
 *       series: [{ name: "0.1", y: fast }, { name: "0.001", runs: [seed1, seed2, seed3] }],
 *     })
 *
 * @throws ArgumentError or ShapeError for data that make no lines
 */
export function lineChart(options: LineChartOptions): Chart {
  const what = "lineChart";
  checkOptions(what, options, lineChartOptions);
  const { title, subtitle } = options;
  return new Chart({ title, subtitle, panels: [linePanel(what, options)] });
}

/** The panel of {@link lineChart}, without its title. */
export function linePanel(what: string, options: LineChartOptions): Panel {
  const shared = options.x === undefined ? undefined : numbersOf(what, "x", options.x);
  const lines = listOf<LineSeries>(what, "series", options.series).map((series, i) =>
    lineOf(what, series, i, shared),
  );
  if (lines.length === 0) throw new ArgumentError(`${what}: series is empty; give one at least`);
  const marks = (options.marks ?? []).map((mark, i) => markOf(what, mark, i));
  const { xScale, yScale, xMin, xMax, yMin, yMax, xLabel, yLabel, formatX, formatY } = options;
  const xs = lines.flatMap(({ x }) => x);
  const scales = (width: number, height: number) => ({
    x: scaleOf({
      what: `${what}: x`,
      kind: xScale,
      values: [...xs, ...marks.map(({ x }) => x)],
      min: xMin,
      max: xMax,
      ticks: Math.max(3, Math.min(10, width / 75)),
      isTight: true,
      isWhole: xs.every(Number.isInteger),
      format: formatX,
    }),
    y: scaleOf({
      what: `${what}: y`,
      kind: yScale,
      values: lines.flatMap(({ y, low, high }) => [...y, ...(low ?? []), ...(high ?? [])]),
      min: yMin,
      max: yMax,
      ticks: Math.max(3, Math.min(7, height / 50)),
      format: formatY,
    }),
  });
  // What is wrong with the axes is told at once.
  scales(800, 400);
  return {
    label: `Lines of ${yLabel || "values"} over ${xLabel || "their number"}: ${lines.map(({ name }) => name).join(", ")}`,
    legend: (theme) => lines.filter(({ name }) => name !== "").map((line) => itemOf(line, theme)),
    height: plotHeight,
    draw(box, theme, index) {
      const bare = { ...scales(box.width, box.height), xLabel, yLabel };
      const words = placeMarks(marks, bare.x, innerBox(box, bare));
      const axes = { ...bare, head: words.rows * markRow };
      const frame = drawAxes(box, theme, index, axes);
      const inner = innerBox(box, axes);
      const series = lines.flatMap((line) => seriesOf(line, axes, index, theme));
      const { graphic, series: marked } = drawMarks(words, axes, inner, index, theme);
      return { ...frame, graphic: [...frame.graphic, ...graphic], series: [...series, ...marked] };
    },
  };
}

function lineOf(what: string, series: LineSeries, i: number, shared: number[] | undefined): Line {
  const name = `series[${i}]`;
  checkOptions(`${what}: ${name}`, series ?? null, seriesOptions);
  const { y: given, runs, spread = "range", band, line = "solid", colour = i } = series;
  if ((given === undefined) === (runs === undefined))
    throw new ArgumentError(`${what}: ${name} must have either y, its values, or runs, rows of values`);
  let [low, high]: (number[] | undefined)[] = [];
  let y: number[];
  if (runs !== undefined) {
    const rows = rowsOfNumbers(what, `${name}.runs`, runs);
    choiceOf("spread", spread, ["range", "deviation"]);
    y = rows[0].map((_, k) => mean(rows.map((row) => row[k])));
    const spreads = rows[0].map((_, k) =>
      spreadOf(
        rows.map((row) => row[k]),
        spread,
      ),
    );
    if (rows.length > 1) [low, high] = [spreads.map(([least]) => least), spreads.map(([, most]) => most)];
  } else y = numbersOf(what, `${name}.y`, given);
  if (band !== undefined) {
    low = numbersOf(what, `${name}.band.low`, band.low, y.length);
    high = numbersOf(what, `${name}.band.high`, band.high, y.length);
  }
  const x =
    series.x === undefined ? (shared ?? y.map((_, k) => k + 1)) : numbersOf(what, `${name}.x`, series.x);
  if (x.length < y.length) {
    throw new ShapeError(
      `${what}: ${name} has ${y.length} values for ${x.length} places in x; each value needs a place`,
    );
  }
  if (typeof colour !== "number" || !(colour >= 0))
    throw new ArgumentError(
      `${what}: ${name}.colour must be a colour's number, from 0, got ${kindOf(colour)}`,
    );
  return {
    name: textOf(what, `${name}.name`, series.name),
    x: x.slice(0, y.length),
    y,
    low,
    high,
    line: choiceOf("line", line, lineKinds),
    hasMarkers: line === "none" || (series.markers ?? y.length <= 30),
    colour,
  };
}

function markOf(what: string, { x, y, label }: Mark, i: number): Mark {
  for (const [name, value] of [["x", x] as const, ["y", y] as const]) {
    if (name === "y" && value === undefined) continue;
    if (typeof value !== "number" || !Number.isFinite(value))
      throw new ArgumentError(`${what}: marks[${i}].${name} must be a finite number, got ${kindOf(value)}`);
  }
  return { x, y, label: textOf(what, `marks[${i}].label`, label) };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function spreadOf(values: readonly number[], spread: "range" | "deviation"): [number, number] {
  if (spread === "range") return [Math.min(...values), Math.max(...values)];
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  const deviation = Math.sqrt(squares / Math.max(1, values.length - 1));
  return [middle - deviation, middle + deviation];
}

const itemOf = ({ name, line, colour }: Line, theme: Theme): LegendItem => ({
  name,
  colour: colourOf(theme, colour),
  mark: line === "none" ? "point" : line === "solid" ? "line" : line,
});

function seriesOf(line: Line, { x, y }: { x: Scale; y: Scale }, index: number, theme: Theme): object[] {
  const color = colourOf(theme, line.colour);
  const common = { xAxisIndex: index, yAxisIndex: index, emphasis: { disabled: true } };
  const made: object[] = [];
  if (line.low !== undefined && line.high !== undefined) {
    const points = line.x.map((at, i) => [x.to(at), y.to(line.low![i]), y.to(line.high![i])]);
    made.push({ ...common, ...bandSeries(points, color, y.min) });
  }
  const points = line.y.map((value, i) => {
    const point = [x.to(line.x[i]), y.to(value)];
    return point.every(Number.isFinite) ? point : [point[0], "-"];
  });
  const type = line.line === "none" ? "scatter" : "line";
  made.push({
    ...common,
    type,
    name: line.name,
    data: points,
    color,
    clip: true,
    z: 3,
    lineStyle: {
      color,
      width: 2.25,
      type: line.line === "solid" || line.line === "none" ? "solid" : dashes[line.line],
      cap: "butt",
      join: "round",
    },
    showSymbol: line.hasMarkers,
    symbol: "circle",
    symbolSize: line.line === "none" ? 7 : 5.5,
    itemStyle:
      line.line === "none"
        ? { opacity: 0.85 }
        : { color: line.line === "solid" ? color : theme.page, borderColor: color, borderWidth: 1.5 },
    tooltip: { formatter: ({ value }: { value: number[] }) => tip(line.name, value, x, y) },
  });
  return made;
}

/** What a point says, as HTML. */
function tip(name: string, [at, value]: readonly number[], x: Scale, y: Scale): string {
  const shown = (of: number, scale: Scale) =>
    numberText(Number((scale.kind === "log" ? 10 ** of : of).toPrecision(4)));
  const safe = name.replace(/[&<>]/g, (mark) => `&#${mark.charCodeAt(0)};`);
  return `${safe}<br>${shown(at, x)}: <b>${shown(value, y)}</b>`;
}

/** A band as one area: up along its high edge, back along its low one. Where a point is missing it breaks. */
function bandSeries(points: readonly number[][], color: string, floor: number): object {
  const parts: number[][][] = [[]];
  for (const [at, low, high] of points) {
    if (!Number.isFinite(at) || !Number.isFinite(high)) parts.push([]);
    else parts.at(-1)?.push([at, Number.isFinite(low) ? low : floor, high]);
  }
  const data = parts.filter((part) => part.length > 1);
  return {
    type: "custom",
    silent: true,
    clip: true,
    z: 1,
    tooltip: { show: false },
    data: data.map((_, i) => [i]),
    encode: { x: -1, y: -1 },
    renderItem: (params: { dataIndex: number; coordSys: object }, api: { coord(at: number[]): number[] }) => {
      const part = data[params.dataIndex];
      const up = part.map(([at, , high]) => api.coord([at, high]));
      const back = part.map(([at, low]) => api.coord([at, low])).reverse();
      return { type: "polygon", shape: { points: [...up, ...back] }, style: { fill: color, opacity: 0.18 } };
    },
  };
}

/** A mark's place in pixels, with its words in a row above the plot. */
interface PlacedMark {
  readonly mark: Mark;
  readonly x: number;
  readonly left: number;
  readonly row: number;
}

const markRow = 18;

/** Words in as few rows as keep them apart. */
function placeMarks(marks: readonly Mark[], x: Scale, inner: Box): { placed: PlacedMark[]; rows: number } {
  const placed: (PlacedMark & { right: number })[] = [];
  for (const mark of marks) {
    const at = x.to(mark.x);
    if (!(at >= x.min && at <= x.max)) continue;
    const px = inner.left + ((at - x.min) / (x.max - x.min)) * inner.width;
    const wide = widthOf(mark.label, sizes.label);
    const left = Math.max(inner.left, Math.min(px - 3, inner.left + inner.width - wide));
    let row = 0;
    while (placed.some((one) => one.row === row && one.left < left + wide + 8 && one.right > left - 8)) row++;
    placed.push({ mark, x: px, left, right: left + wide, row });
  }
  return { placed, rows: Math.max(0, ...placed.map(({ row }) => row + 1)) };
}

/** Upright lines up to their words, and rings around points. */
function drawMarks(
  { placed, rows }: ReturnType<typeof placeMarks>,
  { x, y }: { x: Scale; y: Scale },
  inner: Box,
  index: number,
  theme: Theme,
): { graphic: object[]; series: object[] } {
  const graphic = placed.flatMap(({ mark, x: px, left, row }) => {
    const top = inner.top - (rows - row) * markRow + markRow / 2 - 2;
    const style = { text: mark.label, size: sizes.label, colour: theme.ink };
    return [
      {
        type: "line",
        silent: true,
        z: 1,
        shape: { x1: px, y1: top + 9, x2: px, y2: inner.top + inner.height },
        style: { stroke: theme.axis, lineWidth: 1.25, lineDash: [4, 4] },
      },
      textGraphic({ x: left, y: top, ...style }),
    ];
  });
  const rings = placed
    .filter(({ mark }) => mark.y !== undefined && Number.isFinite(y.to(mark.y)))
    .map(({ mark }) => [x.to(mark.x), y.to(mark.y as number)]);
  const ring = {
    type: "scatter",
    xAxisIndex: index,
    yAxisIndex: index,
    silent: true,
    data: rings,
    symbol: "circle",
    symbolSize: 13,
    z: 5,
    itemStyle: { color: "transparent", borderColor: theme.ink, borderWidth: 2 },
    tooltip: { show: false },
  };
  return { graphic, series: rings.length === 0 ? [] : [ring] };
}

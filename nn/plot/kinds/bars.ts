// Bars: values of categories, side by side in groups, upright or lying; and histograms, bars without gaps over an axis.

import { ArgumentError } from "../../../engine/index.ts";
import { atLeastOne, checkOptions, type OptionNames } from "../../../engine/internal.ts";
import { drawAxes, innerBox } from "../axes.ts";
import { Chart } from "../chart.ts";
import { listOf, type Numbers, namesOf, numbersOf, textOf } from "../data.ts";
import { type Panel, plotHeight } from "../panel.ts";
import { type Scale, type ScaleKind, scaleOf } from "../scale.ts";
import { fitted, numberText, textGraphic, widthOf } from "../text.ts";
import { colourOf, sizes } from "../theme.ts";

export interface BarSeries {
  name: string;
  /** One for each category. What is not finite has no bar. */
  values: Numbers;
  /** Ends of a whisker on each bar, as least and largest over seeds. */
  range?: { readonly low: Numbers; readonly high: Numbers };
  /** Which colour of the theme's, from 0; default its place among the series. */
  colour?: number;
}

export interface BarChartOptions {
  title?: string;
  subtitle?: string;
  /** What each place along the axis is. */
  categories: readonly string[];
  series: readonly BarSeries[];
  /** What the categories are. */
  categoryLabel?: string;
  /** What the bars' lengths are, with their unit. */
  valueLabel?: string;
  /** "linear" (the default), or "log", on which bars begin at the axis' end. */
  valueScale?: ScaleKind;
  valueMin?: number;
  valueMax?: number;
  /** Whether each bar has its number; default with at most 12 bars. */
  showsValues?: boolean;
  formatValue?: (value: number) => string;
}

const barChartOptions: OptionNames<BarChartOptions> = {
  title: true,
  subtitle: true,
  categories: true,
  series: true,
  categoryLabel: true,
  valueLabel: true,
  valueScale: true,
  valueMin: true,
  valueMax: true,
  showsValues: true,
  formatValue: true,
};

const barSeriesOptions: OptionNames<BarSeries> = { name: true, values: true, range: true, colour: true };

interface Bars {
  readonly name: string;
  readonly values: readonly number[];
  readonly low: readonly number[] | undefined;
  readonly high: readonly number[] | undefined;
  readonly colour: number;
}

/**
 * Bars, one for each category and series. They lie where the categories' names need the room.
 *
 *     barChart({
 *       title: "Gradient by layer", valueLabel: "norm of the gradient", valueScale: "log",
 *       categories: ["dense", "dense_1", "dense_2"], series: [{ name: "sigmoid", values: [1e-6, 1e-4, 1e-2] }],
 *     })
 *
 * @throws ArgumentError or ShapeError for data that make no bars
 */
export function barChart(options: BarChartOptions): Chart {
  const what = "barChart";
  checkOptions(what, options, barChartOptions);
  const names = listOf<unknown>(what, "categories", options.categories);
  const categories = namesOf(what, "categories", names, names.length);
  if (categories.length === 0) throw new ArgumentError(`${what}: categories is empty; give one at least`);
  const series = listOf<BarSeries>(what, "series", options.series).map((one, i): Bars => {
    const name = `series[${i}]`;
    checkOptions(`${what}: ${name}`, one ?? null, barSeriesOptions);
    const numbers = (part: string, values: unknown) =>
      numbersOf(what, `${name}.${part}`, values, categories.length);
    return {
      name: textOf(what, `${name}.name`, one.name),
      values: numbers("values", one.values),
      low: one.range && numbers("range.low", one.range.low),
      high: one.range && numbers("range.high", one.range.high),
      colour: one.colour ?? i,
    };
  });
  if (series.length === 0) throw new ArgumentError(`${what}: series is empty; give one at least`);
  const { title, subtitle } = options;
  return new Chart({ title, subtitle, panels: [barPanel(what, categories, series, options)] });
}

function barPanel(
  what: string,
  categories: readonly string[],
  series: readonly Bars[],
  options: BarChartOptions,
): Panel {
  const { valueScale = "linear", valueMin, valueMax, valueLabel, categoryLabel, formatValue } = options;
  const count = categories.length * series.length;
  const showsValues = options.showsValues ?? count <= 12;
  const values = series.flatMap((one) => [...one.values, ...(one.low ?? []), ...(one.high ?? [])]);
  const valueAxis = (ticks: number) =>
    scaleOf({
      what: `${what}: values`,
      kind: valueScale,
      values:
        valueScale === "log"
          ? values
          : [...values, ...(showsValues ? values.map((one) => one * 1.08) : []), 0],
      min: valueMin,
      max: valueMax,
      ticks,
      format: formatValue,
      room: 0.3,
    });
  valueAxis(5);
  const text = (amount: number) =>
    Number.isFinite(amount) ? (formatValue ?? numberText)(Number(amount.toPrecision(3))) : "no value";
  const lies = (width: number) => {
    const room = (width - 60) / categories.length - 8;
    return categories.some((name) => widthOf(name, sizes.tick) > room);
  };
  const band = 10 + 20 * Math.min(series.length, 4);
  return {
    label: `Bars of ${valueLabel || "values"}: ${categories
      .map((name, k) => `${name} ${series.map((one) => text(one.values[k])).join(" and ")}`)
      .join(", ")}`,
    legend: (theme) =>
      series
        .filter(({ name }) => name !== "" && series.length > 1)
        .map(({ name, colour }) => ({ name, colour: colourOf(theme, colour), mark: "box" as const })),
    height: (width) => (lies(width) ? categories.length * band + 70 : plotHeight(width)),
    draw(box, theme, index) {
      const isLying = lies(box.width);
      const value = valueAxis(isLying ? Math.max(3, box.width / 100) : Math.max(3, box.height / 55));
      const across = categoryScale(categories, isLying ? box.width * 0.4 : Infinity, isLying);
      const axes = isLying
        ? { x: value, y: across, xLabel: valueLabel, yLabel: categoryLabel }
        : { x: across, y: value, xLabel: categoryLabel, yLabel: valueLabel };
      // Beside the longest bar there is room for its number.
      const longest = showsValues ? Math.max(0, ...values.map((one) => widthOf(text(one), sizes.tick))) : 0;
      const room = isLying ? { ...box, width: box.width - Math.max(0, longest - 4) } : box;
      const frame = drawAxes(room, theme, index, { ...axes, gridLines: isLying ? "upright" : "across" });
      const inner = innerBox(room, axes);
      const scaleTo = (at: number, scale: Scale) => (at - scale.min) / (scale.max - scale.min);
      const place = (category: number, amount: number): [number, number] => {
        const v = Math.min(1, Math.max(0, scaleTo(value.to(amount), value)));
        const c = scaleTo(isLying ? -category : category, across);
        return isLying
          ? [inner.left + v * inner.width, inner.top + (1 - c) * inner.height]
          : [inner.left + c * inner.width, inner.top + (1 - v) * inner.height];
      };
      const slot = (isLying ? inner.height : inner.width) / categories.length;
      const thick = Math.min(56, (slot * 0.72) / series.length);
      const start = valueScale === "log" ? 10 ** value.min : Math.max(value.min, Math.min(0, value.max));
      const graphic = series.flatMap((one, s) =>
        categories.flatMap((_, k) => {
          const amount = one.values[k];
          if (!Number.isFinite(value.to(amount))) return [];
          const shift = (s - (series.length - 1) / 2) * thick;
          const [from, to] = [place(k, start), place(k, amount)];
          const bar = isLying
            ? {
                x: Math.min(from[0], to[0]),
                y: to[1] + shift - thick / 2 + 1,
                width: Math.abs(to[0] - from[0]),
                height: thick - 2,
              }
            : {
                x: to[0] + shift - thick / 2 + 1,
                y: Math.min(from[1], to[1]),
                width: thick - 2,
                height: Math.abs(to[1] - from[1]),
              };
          const made: object[] = [
            {
              type: "rect",
              silent: true,
              z: 2,
              shape: { ...bar, r: 2 },
              style: { fill: colourOf(theme, one.colour) },
            },
          ];
          let end = to;
          if (one.low !== undefined && one.high !== undefined) {
            const [low, high] = [place(k, one.low[k]), place(k, one.high[k])];
            made.push(...whisker(low, high, shift, isLying, theme.ink));
            end = amount >= 0 ? high : low;
          }
          if (showsValues) {
            const label = text(amount);
            const isNegative = amount < 0 && valueScale !== "log";
            const wide = widthOf(label, sizes.tick);
            // What is wider than its bar goes out to the side where no other bar of the group stands.
            const over = Math.max(0, wide - thick);
            const outward = series.length === 1 ? 0 : s === 0 ? -1 : s === series.length - 1 ? 1 : undefined;
            const spare = (slot - thick * series.length) / (series.length === 1 ? 1 : 2);
            const fits = isLying
              ? end[0] + 6 + wide <= box.left + box.width
              : over === 0 || (outward !== undefined && over <= spare);
            if (fits)
              made.push(
                textGraphic({
                  x: isLying ? end[0] + (isNegative ? -6 : 6) : end[0] + shift + ((outward ?? 0) * over) / 2,
                  y: isLying ? end[1] + shift : end[1] + (isNegative ? 10 : -10),
                  text: label,
                  size: sizes.tick,
                  colour: theme.ink,
                  align: isLying ? (isNegative ? "right" : "left") : "center",
                }),
              );
          }
          return made;
        }),
      );
      return { ...frame, graphic: [...frame.graphic, ...graphic] };
    },
  };
}

/** Categories at 0, 1, 2, ...; lying ones from the top down. */
function categoryScale(names: readonly string[], room: number, isLying: boolean): Scale {
  const ticks = names.map((name, i) => ({ at: isLying ? -i : i, label: fitted(name, room, sizes.tick) }));
  const [min, max] = isLying ? [-(names.length - 0.5), 0.5] : [-0.5, names.length - 0.5];
  return { kind: "linear", min, max, ticks: isLying ? ticks.toReversed() : ticks, to: (value) => value };
}

function whisker(
  [lowX, lowY]: [number, number],
  [highX, highY]: [number, number],
  shift: number,
  isLying: boolean,
  stroke: string,
): object[] {
  const [dx, dy] = isLying ? [0, shift] : [shift, 0];
  const [cx, cy] = isLying ? [0, 4] : [4, 0];
  const lines = [
    [lowX + dx, lowY + dy, highX + dx, highY + dy],
    [lowX + dx - cx, lowY + dy - cy, lowX + dx + cx, lowY + dy + cy],
    [highX + dx - cx, highY + dy - cy, highX + dx + cx, highY + dy + cy],
  ];
  return lines.map(([x1, y1, x2, y2]) => ({
    type: "line",
    silent: true,
    z: 3,
    shape: { x1, y1, x2, y2 },
    style: { stroke, lineWidth: 1.5 },
  }));
}

export interface HistogramSeries {
  name: string;
  values: Numbers;
  /** Which colour of the theme's, from 0; default its place among the series. */
  colour?: number;
}

export interface HistogramChartOptions {
  title?: string;
  subtitle?: string;
  /** Values of one kind, or several kinds that are laid over each other. */
  values?: Numbers;
  series?: readonly HistogramSeries[];
  /** What the values are, with their unit. */
  xLabel?: string;
  /** Default "share of values". */
  yLabel?: string;
  /** How many; default 40. */
  bins?: number;
  xMin?: number;
  xMax?: number;
  yScale?: ScaleKind;
  yMax?: number;
}

const histogramOptions: OptionNames<HistogramChartOptions> = {
  title: true,
  subtitle: true,
  values: true,
  series: true,
  xLabel: true,
  yLabel: true,
  bins: true,
  xMin: true,
  xMax: true,
  yScale: true,
  yMax: true,
};

/**
 * How values are spread: the share of them that lies in each of some bins of equal width. What is not finite, and what lies
 * beyond `xMin` and `xMax`, is counted in no bin.
 *
 *     histogram({ title: "tanh after normal(1)", xLabel: "activation", values: activations });
 *
 * @throws ArgumentError or ShapeError for what are no values
 */
export function histogram(options: HistogramChartOptions): Chart {
  const what = "histogram";
  checkOptions(what, options, histogramOptions);
  const { title, subtitle, values, bins = 40 } = options;
  if ((values === undefined) === (options.series === undefined))
    throw new ArgumentError(`${what}: give either values, or series, a list of { name, values }`);
  atLeastOne(what, "bins", bins);
  const series = (
    values === undefined ? listOf<HistogramSeries>(what, "series", options.series) : [{ name: "", values }]
  ).map((one, i) => {
    checkOptions(`${what}: series[${i}]`, one ?? null, { name: true, values: true, colour: true });
    return {
      name: textOf(what, `series[${i}].name`, one.name),
      values: numbersOf(what, values === undefined ? `series[${i}].values` : "values", one.values),
      colour: (one as HistogramSeries).colour ?? i,
    };
  });
  return new Chart({ title, subtitle, panels: [histogramPanel(what, series, bins, options)] });
}

function histogramPanel(
  what: string,
  series: readonly { name: string; values: readonly number[]; colour: number }[],
  bins: number,
  { xLabel, yLabel = "share of values", xMin, xMax, yScale, yMax }: HistogramChartOptions,
): Panel {
  const all = series.flatMap(({ values }) => values);
  const across = (ticks: number) =>
    scaleOf({ what: `${what}: x`, values: all, min: xMin, max: xMax, ticks, isTight: true });
  const { min, max } = across(6);
  const counted = series.map(({ values }) => sharesOf(values, min, max, bins));
  const upright = (ticks: number) =>
    scaleOf({
      what: `${what}: y`,
      kind: yScale,
      values: yScale === "log" ? counted.flat() : [...counted.flat(), 0],
      max: yMax,
      ticks,
    });
  upright(5);
  return {
    label: `How ${xLabel || "values"} are spread, from ${numberText(min)} to ${numberText(max)}`,
    legend: (theme) =>
      series
        .filter(({ name }) => name !== "")
        .map(({ name, colour }) => ({ name, colour: colourOf(theme, colour), mark: "box" as const })),
    height: (width) => plotHeight(width),
    draw(box, theme, index) {
      const axes = {
        x: across(Math.max(3, Math.min(8, box.width / 70))),
        y: upright(Math.max(3, box.height / 60)),
        xLabel,
        yLabel,
      };
      const frame = drawAxes(box, theme, index, axes);
      const { x, y } = axes;
      const made = counted.map((shares, s) => ({
        type: "custom",
        name: series[s].name,
        xAxisIndex: index,
        yAxisIndex: index,
        silent: true,
        clip: true,
        z: 2,
        encode: { x: 0, y: 1 },
        data: shares.map((share, i) => [x.min + ((i + 0.5) / bins) * (x.max - x.min), y.to(share)]),
        renderItem: ({ dataIndex }: { dataIndex: number }, api: { coord(at: number[]): number[] }) => {
          const share = y.to(shares[dataIndex]);
          if (!Number.isFinite(share) || share <= y.min) return undefined;
          const at = (k: number) => x.min + (k / bins) * (x.max - x.min);
          const [left, top] = api.coord([at(dataIndex), share]);
          const [right, bottom] = api.coord([at(dataIndex + 1), y.min]);
          const color = colourOf(theme, series[s].colour);
          return {
            type: "rect",
            shape: { x: left, y: top, width: Math.max(0.5, right - left - 0.6), height: bottom - top },
            style: { fill: color, opacity: series.length > 1 ? 0.6 : 0.9 },
          };
        },
      }));
      return { ...frame, series: made };
    },
  };
}

function sharesOf(values: readonly number[], min: number, max: number, bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  let total = 0;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    total++;
    const at = Math.floor(((value - min) / (max - min)) * bins);
    if (value >= min && value <= max) counts[Math.min(bins - 1, at)]++;
  }
  return counts.map((count) => count / Math.max(1, total));
}

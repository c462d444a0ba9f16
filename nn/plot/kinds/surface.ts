// Surfaces over two axes: the height of a function in colours and level lines, with paths on it; and the regions of a plane
// that a classifier decides for, with samples on them.

import { ArgumentError, ShapeError } from "../../../engine/index.ts";
import { atLeastOne, checkOptions, kindOf, type OptionNames } from "../../../engine/internal.ts";
import { drawAxes, innerBox } from "../axes.ts";
import { Chart } from "../chart.ts";
import { colourBarHeight, drawColourBar } from "../colour-bar.ts";
import { hexRgb, mixed, type Rgb, rgbOf } from "../colours.ts";
import { levelLines } from "../contours.ts";
import { listOf, type Numbers, numbersOf, textOf } from "../data.ts";
import type { Box, LegendItem, Panel } from "../panel.ts";
import { rasterGraphic } from "../raster.ts";
import { type Scale, scaleOf } from "../scale.ts";
import { colourOf, type Theme } from "../theme.ts";

/** From and to where an axis goes. */
export type Range = readonly [from: number, to: number];

export interface SurfacePath {
  name: string;
  /** Its points in their order: [x, y] each. */
  points: readonly (readonly [number, number])[];
  /** Which colour of the theme's, from 0; default its place among the paths. */
  colour?: number;
}

export interface SurfaceOptions {
  title?: string;
  subtitle?: string;
  x: Range;
  y: Range;
  xLabel?: string;
  yLabel?: string;
  /** The function's value at a place. */
  height: (x: number, y: number) => number;
  /** What the height is, with its unit. */
  heightLabel?: string;
  /** Whether levels lie evenly in the logarithm of the height above its least, as the valleys of losses want it; default false. */
  isLog?: boolean;
  /** Lines of equal height; default 14. */
  levels?: number;
  /** Drawn over it, from a ring to a dot. */
  paths?: readonly SurfacePath[];
}

const surfaceOptions: OptionNames<SurfaceOptions> = {
  title: true,
  subtitle: true,
  x: true,
  y: true,
  xLabel: true,
  yLabel: true,
  height: true,
  heightLabel: true,
  isLog: true,
  levels: true,
  paths: true,
};

/** Places along each axis at which functions are asked. */
const places = 121;

/**
 * A function of two variables as a map: colours, lines of equal height, and paths over it, as optimizers take them.
 *
 *     surface({
 *       title: "A ravine", x: [-2, 2], y: [-1, 3], height: (x, y) => (1 - x) ** 2 + 100 * (y - x * x) ** 2, isLog: true,
 *       paths: [{ name: "Adam", points: visited }],
 *     })
 *
 * @throws ArgumentError for ranges and functions that are none
 */
export function surface(options: SurfaceOptions): Chart {
  const what = "surface";
  checkOptions(what, options, surfaceOptions);
  const { title, subtitle, height, isLog = false, levels = 14, heightLabel } = options;
  if (typeof height !== "function")
    throw new ArgumentError(`${what}: height must be a function of x and y, got ${kindOf(height)}`);
  atLeastOne(what, "levels", levels);
  const [xs, ys] = [rangeOf(what, "x", options.x), rangeOf(what, "y", options.y)];
  const heights = gridOf(xs, ys, (x, y) => {
    const value = height(x, y);
    if (typeof value === "number") return value;
    throw new ArgumentError(`${what}: height(${x}, ${y}) must be a number, got ${kindOf(value)}`);
  });
  const paths = (options.paths === undefined ? [] : listOf<SurfacePath>(what, "paths", options.paths)).map(
    (path, i) => {
      checkOptions(`${what}: paths[${i}]`, path ?? null, { name: true, points: true, colour: true });
      const points = listOf<Numbers>(what, `paths[${i}].points`, path.points).map((point, k) =>
        numbersOf(what, `paths[${i}].points[${k}]`, point, 2),
      );
      return { name: textOf(what, `paths[${i}].name`, path.name), points, colour: path.colour ?? i };
    },
  );
  const finite = heights.filter(Number.isFinite);
  const [least, most] = finite.reduce(
    ([a, b], value) => [Math.min(a, value), Math.max(b, value)],
    [Infinity, -Infinity],
  );
  const span = most - least;
  // A ten-thousandth of the range is where the logarithm begins.
  const rise = (value: number) =>
    isLog ? Math.log1p(((value - least) / span) * 1e4) / Math.log1p(1e4) : (value - least) / span;
  const shares = heights.map((value) => (span > 0 ? rise(value) : 0));
  const panel = planePanel({
    what,
    xs,
    ys,
    label: `The height of ${heightLabel || "a function"} over ${options.xLabel || "x"} and ${options.yLabel || "y"}${
      paths.length > 0 ? `, with the paths of ${paths.map(({ name }) => name).join(", ")}` : ""
    }`,
    xLabel: options.xLabel,
    yLabel: options.yLabel,
    legend: (theme) =>
      paths
        .filter(({ name }) => name !== "")
        .map(({ name, colour }) => ({ name, colour: pathColour(theme, colour), mark: "line" })),
    colourAt: (i, theme) => heightColour(shares[i], theme),
    below: isLog ? 0 : colourBarHeight + (heightLabel ? 18 : 0),
    draw(inner, { x, y }, index, theme, box) {
      const at = ([px, py]: readonly number[]) => [
        inner.left + ((px - x.min) / (x.max - x.min)) * inner.width,
        inner.top + (1 - (py - y.min) / (y.max - y.min)) * inner.height,
      ];
      const step = (range: Range, i: number) => range[0] + (i / (places - 1)) * (range[1] - range[0]);
      const lines = Array.from({ length: levels }, (_, k) => (k + 0.5) / levels).flatMap((level) =>
        levelLines(shares, places, places, level).map((line) => ({
          type: "polyline",
          silent: true,
          z: 1,
          shape: { points: line.map(([i, k]) => at([step(xs, i), step(ys, k)])) },
          style: { stroke: theme.muted, lineWidth: 1, opacity: 0.45, fill: "none" },
        })),
      );
      const bar = isLog
        ? []
        : drawColourBar(
            { left: box.left, top: inner.top + inner.height + 48, width: box.width },
            { colourAt: (share) => heightColour(share, theme), range: [least, most], label: heightLabel },
            theme,
          );
      const series = paths.flatMap(({ points, colour, name }) =>
        pathSeries(points, pathColour(theme, colour), name, index, theme),
      );
      return { graphic: [...lines, ...bar], series };
    },
  });
  return new Chart({ title, subtitle, panels: [panel] });
}

/** Faint, so that paths stand out. */
const heightColour = (share: number, theme: Theme): Rgb =>
  mixed(rgbOf("height", 0.25 + 0.75 * share, theme), hexRgb(theme.page), theme.name === "dark" ? 0.55 : 0.4);

/** The map itself is blue to yellow: paths begin with red. */
const pathColour = (theme: Theme, colour: number): string =>
  colourOf(theme, [1, 3, 2, 0, 4, 5, 6, 7][colour % 8]);

function pathSeries(
  points: readonly number[][],
  color: string,
  name: string,
  index: number,
  theme: Theme,
): object[] {
  const common = { xAxisIndex: index, yAxisIndex: index, emphasis: { disabled: true }, silent: true };
  const data = points.filter((point) => point.every(Number.isFinite));
  if (data.length === 0) return [];
  return [
    {
      ...common,
      type: "line",
      data,
      clip: true,
      z: 4,
      lineStyle: { color: theme.page, width: 4.5, opacity: 0.7 },
      showSymbol: false,
    },
    {
      ...common,
      type: "line",
      name,
      data,
      clip: true,
      z: 5,
      lineStyle: { color, width: 2.25, join: "round" },
      showSymbol: data.length <= 60,
      symbol: "circle",
      symbolSize: 4,
      itemStyle: { color },
    },
    {
      ...common,
      type: "scatter",
      clip: true,
      z: 6,
      data: [
        {
          value: data[0],
          symbolSize: 11,
          itemStyle: { color: theme.page, borderColor: color, borderWidth: 2.25 },
        },
        {
          value: data.at(-1),
          symbolSize: 11,
          itemStyle: { color, borderColor: theme.page, borderWidth: 1.5 },
        },
      ],
    },
  ];
}

export interface DecisionBoundaryOptions {
  title?: string;
  subtitle?: string;
  x: Range;
  y: Range;
  xLabel?: string;
  yLabel?: string;
  /**
   * Which class each of some places gets, a number from 0 each; or, of two classes, the share of the second from 0 to 1. It is
   * asked once for all places of the picture: `async (points) => argMax of model.predict(points)`.
   */
  predict: (points: [number, number][]) => Numbers | Promise<Numbers>;
  /** What `predict` gives: "classes" (the default) or "probability". */
  gives?: "classes" | "probability";
  /** Samples drawn on it, and their classes. */
  points?: readonly (readonly [number, number])[];
  labels?: Numbers;
  /** Names of the classes, in their order; default their numbers. */
  classes?: readonly string[];
}

const decisionOptions: OptionNames<DecisionBoundaryOptions> = {
  title: true,
  subtitle: true,
  x: true,
  y: true,
  xLabel: true,
  yLabel: true,
  predict: true,
  gives: true,
  points: true,
  labels: true,
  classes: true,
};

/**
 * What a classifier of two features decides, as regions of the plane, with samples on them.
 *
 *     const chart = await decisionBoundary({
 *       title: "Two moons", x: [-2, 3], y: [-1.5, 2], points, labels,
 *       gives: "probability", predict: async (places) => (await model.predict(places)).data(),
 *     });
 *
 * @throws ArgumentError or ShapeError for what `predict` gives and is no class of each place
 */
export async function decisionBoundary(options: DecisionBoundaryOptions): Promise<Chart> {
  const what = "decisionBoundary";
  checkOptions(what, options, decisionOptions);
  const { title, subtitle, predict, gives = "classes" } = options;
  if (typeof predict !== "function")
    throw new ArgumentError(`${what}: predict must be a function of places, got ${kindOf(predict)}`);
  if (gives !== "classes" && gives !== "probability")
    throw new ArgumentError(`${what}: gives must be "classes" or "probability", got ${kindOf(gives)}`);
  const [xs, ys] = [rangeOf(what, "x", options.x), rangeOf(what, "y", options.y)];
  const asked: [number, number][] = [];
  gridOf(xs, ys, (x, y) => asked.push([x, y]));
  const found = numbersOf(what, "what predict gives", await predict(asked), asked.length);
  const points = (options.points ?? []).map((point, i) => numbersOf(what, `points[${i}]`, point, 2));
  const labels = numbersOf(what, "labels", options.labels ?? points.map(() => 0), points.length);
  const count =
    gives === "probability"
      ? 2
      : 1 + Math.max(0, ...[...found, ...labels].filter(Number.isFinite).map(Math.round));
  for (const [i, label] of labels.entries()) {
    if (!Number.isInteger(label) || label < 0 || label >= count)
      throw new ArgumentError(`${what}: labels[${i}] must be a class from 0 to ${count - 1}, got ${label}`);
  }
  const classes = options.classes ?? Array.from({ length: count }, (_, i) => `class ${i}`);
  if (classes.length < count)
    throw new ShapeError(`${what}: classes has ${classes.length} names; there are ${count} classes`);
  const shareOf = (i: number, c: number) => {
    if (gives === "probability") return c === 1 ? found[i] : 1 - found[i];
    return Math.round(found[i]) === c ? 1 : 0;
  };
  const panel = planePanel({
    what,
    xs,
    ys,
    label: `Regions of ${classes.slice(0, count).join(", ")} over ${options.xLabel || "x"} and ${options.yLabel || "y"}`,
    xLabel: options.xLabel,
    yLabel: options.yLabel,
    legend: (theme) =>
      classes.slice(0, count).map((name, c) => ({
        name,
        colour: colourOf(theme, c),
        mark: points.length > 0 ? symbols[c % symbols.length].mark : "box",
      })),
    colourAt(i, theme) {
      const page = hexRgb(theme.page);
      const parts = Array.from(
        { length: count },
        (_, c) => [shareOf(i, c), hexRgb(colourOf(theme, c))] as const,
      );
      const blend = [0, 1, 2].map((k) =>
        Math.round(parts.reduce((sum, [share, rgb]) => sum + Math.min(1, Math.max(0, share)) * rgb[k], 0)),
      ) as unknown as Rgb;
      return mixed(blend, page, theme.name === "dark" ? 0.42 : 0.3);
    },
    below: 0,
    draw(inner, { x, y }, index, theme) {
      const step = (range: Range, i: number) => range[0] + (i / (places - 1)) * (range[1] - range[0]);
      const at = (i: number, k: number) => [
        inner.left + ((step(xs, i) - x.min) / (x.max - x.min)) * inner.width,
        inner.top + (1 - (step(ys, k) - y.min) / (y.max - y.min)) * inner.height,
      ];
      // Of two classes one line is the boundary of both.
      const edges = (count === 2 ? [1] : Array.from({ length: count }, (_, c) => c)).flatMap((c) => {
        const sharp = Array.from({ length: places * places }, (_, i) => shareOf(i, c));
        // Classes change from one place to the next: softened, their edges are lines and no stairs.
        const shares = gives === "classes" ? softened(sharp) : sharp;
        return levelLines(shares, places, places, 0.5).map((line) => ({
          type: "polyline",
          silent: true,
          z: 1,
          shape: { points: line.map(([i, k]) => at(i, k)) },
          style: { stroke: theme.ink, lineWidth: 1.5, opacity: 0.75, fill: "none" },
        }));
      });
      const series = classes.slice(0, count).map((name, c) => ({
        type: "scatter",
        name,
        xAxisIndex: index,
        yAxisIndex: index,
        clip: true,
        silent: true,
        z: 5,
        symbol: symbols[c % symbols.length].symbol,
        symbolSize: points.length > 400 ? 5 : 7.5,
        data: points.filter((_, i) => labels[i] === c),
        itemStyle: { color: colourOf(theme, c), borderColor: theme.page, borderWidth: 1 },
      }));
      return { graphic: edges, series: series.filter(({ data }) => data.length > 0) };
    },
  });
  return new Chart({ title, subtitle, panels: [panel] });
}

/** Each place the mean of itself and those around it. */
function softened(values: readonly number[]): number[] {
  return values.map((_, n) => {
    const [x, y] = [n % places, Math.floor(n / places)];
    let [sum, count] = [0, 0];
    for (let k = Math.max(0, y - 2); k <= Math.min(places - 1, y + 2); k++) {
      for (let i = Math.max(0, x - 2); i <= Math.min(places - 1, x + 2); i++) {
        sum += values[k * places + i];
        count++;
      }
    }
    return sum / count;
  });
}

/** Classes differ by their marks, too. */
const symbols = [
  { symbol: "circle", mark: "point" },
  { symbol: "triangle", mark: "triangle" },
  { symbol: "rect", mark: "box" },
  { symbol: "diamond", mark: "diamond" },
] as const;

interface Plane {
  readonly what: string;
  readonly xs: Range;
  readonly ys: Range;
  readonly label: string;
  readonly xLabel?: string;
  readonly yLabel?: string;
  legend(theme: Theme): readonly LegendItem[];
  /** Of place `i`, counted along x first, from the least y. */
  colourAt(i: number, theme: Theme): Rgb;
  /** Pixels below the axis' name. */
  readonly below: number;
  draw(
    inner: Box,
    scales: { x: Scale; y: Scale },
    index: number,
    theme: Theme,
    box: Box,
  ): { graphic: readonly object[]; series: readonly object[] };
}

/** A plane painted place by place, with axes around it. */
function planePanel(plane: Plane): Panel {
  const { what, xs, ys, label, xLabel, yLabel, below } = plane;
  return {
    label,
    legend: (theme) => plane.legend(theme),
    height: (width) => Math.round(Math.min(460, Math.max(260, width * 0.82))) + below,
    maxWidth: 760,
    async draw(box, theme, index) {
      const axes = {
        x: scaleOf({
          what,
          values: xs,
          min: xs[0],
          max: xs[1],
          ticks: Math.max(3, Math.min(8, box.width / 80)),
          isTight: true,
        }),
        y: scaleOf({
          what,
          values: ys,
          min: ys[0],
          max: ys[1],
          ticks: Math.max(3, Math.min(8, box.height / 60)),
          isTight: true,
        }),
        xLabel,
        yLabel,
        gridLines: "none" as const,
      };
      const upper = { ...box, height: box.height - below };
      const frame = drawAxes(upper, theme, index, axes);
      const inner = innerBox(upper, axes);
      const pixels = new Uint8Array(3 * places * places);
      for (let k = 0; k < places; k++) {
        // Pictures begin at the top.
        for (let i = 0; i < places; i++)
          pixels.set(plane.colourAt((places - 1 - k) * places + i, theme), 3 * (k * places + i));
      }
      const raster = { pixels, width: places, height: places, channels: 3 };
      const drawn = plane.draw(inner, axes, index, theme, box);
      const background = await rasterGraphic(raster, inner, -1);
      return { ...frame, graphic: [background, ...frame.graphic, ...drawn.graphic], series: drawn.series };
    },
  };
}

function rangeOf(what: string, name: string, range: unknown): Range {
  const [from, to] = numbersOf(what, name, range, 2);
  if (Number.isFinite(from) && Number.isFinite(to) && from < to) return [from, to];
  throw new ArgumentError(`${what}: ${name} must go from a number to a larger one, got ${from} to ${to}`);
}

/** Values at the places of the picture, along x first. */
function gridOf(xs: Range, ys: Range, at: (x: number, y: number) => number): number[] {
  const step = (range: Range, i: number) => range[0] + (i / (places - 1)) * (range[1] - range[0]);
  return Array.from({ length: places * places }, (_, n) =>
    at(step(xs, n % places), step(ys, Math.floor(n / places))),
  );
}

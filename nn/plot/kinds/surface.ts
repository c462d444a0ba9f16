// The height of a function of two variables as a map: colours, level lines, and paths over it.

import { ArgumentError } from "../../../engine/index.ts";
import { atLeastOne, checkOptions, kindOf, type OptionNames } from "../../../engine/internal.ts";
import { Chart } from "../chart.ts";
import { colourBarHeight, drawColourBar } from "../colour-bar.ts";
import { hexRgb, mixed, type Rgb, rgbOf } from "../colours.ts";
import { listOf, type Numbers, numbersOf, textOf } from "../data.ts";
import { colourOf, type Theme } from "../theme.ts";
import { gridOf, levelGraphics, type PlaneOptions, planeOptions, planePanel, rangeOf } from "./plane.ts";

export interface SurfacePath {
  name: string;
  /** Its points in their order: [x, y] each. */
  points: readonly (readonly [number, number])[];
  /** Which colour of the theme's, from 0; default its place among the paths. */
  colour?: number;
}

export interface SurfaceOptions extends PlaneOptions {
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
  ...planeOptions,
  height: true,
  heightLabel: true,
  isLog: true,
  levels: true,
  paths: true,
};

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
      const style = { stroke: theme.muted, lineWidth: 1, opacity: 0.45 };
      const lines = Array.from({ length: levels }, (_, k) => (k + 0.5) / levels).flatMap((level) =>
        levelGraphics(shares, level, style, { inner, xs, ys, x, y }),
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

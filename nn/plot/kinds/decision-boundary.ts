// The regions of a plane that a classifier decides for, with samples on them.

import { ArgumentError, ShapeError } from "../../../engine/index.ts";
import { checkOptions, kindOf, type OptionNames } from "../../../engine/internal.ts";
import { Chart } from "../chart.ts";
import { hexRgb, mixed, type Rgb } from "../colours.ts";
import { type Numbers, numbersOf } from "../data.ts";
import { colourOf } from "../theme.ts";
import {
  gridOf,
  levelGraphics,
  type PlaneOptions,
  places,
  planeOptions,
  planePanel,
  rangeOf,
} from "./plane.ts";

export interface DecisionBoundaryOptions extends PlaneOptions {
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
  ...planeOptions,
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
      // Of two classes one line is the boundary of both.
      const edges = (count === 2 ? [1] : Array.from({ length: count }, (_, c) => c)).flatMap((c) => {
        const sharp = Array.from({ length: places * places }, (_, i) => shareOf(i, c));
        // Classes change from one place to the next: softened, their edges are lines and no stairs.
        const shares = gives === "classes" ? softened(sharp) : sharp;
        const style = { stroke: theme.ink, lineWidth: 1.5, opacity: 0.75 };
        return levelGraphics(shares, 0.5, style, { inner, xs, ys, x, y });
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

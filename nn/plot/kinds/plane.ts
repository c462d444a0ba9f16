// A plane of two axes, painted place by place: what maps of functions and of classifiers have in common.

import { ArgumentError } from "../../../engine/index.ts";
import type { OptionNames } from "../../../engine/internal.ts";
import { drawAxes, innerBox } from "../axes.ts";
import type { Rgb } from "../colours.ts";
import { levelLines } from "../contours.ts";
import { numbersOf } from "../data.ts";
import type { Box, LegendItem, Panel } from "../panel.ts";
import { rasterGraphic } from "../raster.ts";
import { type Scale, scaleOf } from "../scale.ts";
import type { Theme } from "../theme.ts";

/** From and to where an axis goes. */
export type Range = readonly [from: number, to: number];

/** What every picture of a plane takes. */
export interface PlaneOptions {
  title?: string;
  subtitle?: string;
  x: Range;
  y: Range;
  xLabel?: string;
  yLabel?: string;
}

export const planeOptions: OptionNames<PlaneOptions> = {
  title: true,
  subtitle: true,
  x: true,
  y: true,
  xLabel: true,
  yLabel: true,
};

/** Places along each axis at which functions are asked. */
export const places = 121;

export interface Plane {
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
export function planePanel(plane: Plane): Panel {
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

export function rangeOf(what: string, name: string, range: unknown): Range {
  const [from, to] = numbersOf(what, name, range, 2);
  if (Number.isFinite(from) && Number.isFinite(to) && from < to) return [from, to];
  throw new ArgumentError(`${what}: ${name} must go from a number to a larger one, got ${from} to ${to}`);
}

/** Values at the places of the picture, along x first. */
export function gridOf(xs: Range, ys: Range, at: (x: number, y: number) => number): number[] {
  return Array.from({ length: places * places }, (_, n) =>
    at(valueAt(xs, n % places), valueAt(ys, Math.floor(n / places))),
  );
}

const valueAt = ([from, to]: Range, place: number) => from + (place / (places - 1)) * (to - from);

/** Lines where values, given for each place, cross a level. */
export function levelGraphics(
  values: readonly number[],
  level: number,
  style: object,
  { inner, xs, ys, x, y }: { inner: Box; xs: Range; ys: Range; x: Scale; y: Scale },
): object[] {
  const pixel = ([i, k]: readonly number[]) => [
    inner.left + ((valueAt(xs, i) - x.min) / (x.max - x.min)) * inner.width,
    inner.top + (1 - (valueAt(ys, k) - y.min) / (y.max - y.min)) * inner.height,
  ];
  return levelLines(values, places, places, level).map((line) => ({
    type: "polyline",
    silent: true,
    z: 1,
    shape: { points: line.map(pixel) },
    style: { ...style, fill: "none" },
  }));
}

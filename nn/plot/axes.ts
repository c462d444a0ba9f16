// Axes of a panel: margins by the width of the labels, ticks where the scales have them, names with their units.

import type { Box, Drawing } from "./panel.ts";
import type { Scale } from "./scale.ts";
import { linesOf, textGraphic, widthOf } from "./text.ts";
import { fontFamily, sizes, type Theme } from "./theme.ts";

export interface Axes {
  readonly x: Scale;
  readonly y: Scale;
  readonly xLabel?: string;
  readonly yLabel?: string;
  /** Whether lines lead from the ticks through the plot: across for y, upright for x. Default across. */
  readonly gridLines?: "across" | "upright" | "none";
  /** Pixels kept free above the plot. */
  readonly head?: number;
}

/** The part of the box that values are drawn in. */
export function innerBox(box: Box, { x, y, xLabel, yLabel, head = 0 }: Axes): Box {
  const yWidth = Math.max(0, ...y.ticks.map(({ label }) => widthOf(label, sizes.tick)));
  const [first, last] = [x.ticks[0], x.ticks.at(-1)];
  const half = (tick: Scale["ticks"][number] | undefined) =>
    tick === undefined ? 0 : widthOf(tick.label, sizes.tick) / 2;
  const share = (tick: Scale["ticks"][number] | undefined) =>
    tick === undefined ? 0 : (tick.at - x.min) / (x.max - x.min);
  const left = Math.ceil(Math.max(yWidth + 10, half(first) - share(first) * box.width));
  const right = Math.ceil(Math.max(8, half(last) - (1 - share(last)) * box.width + 2));
  const top = head + (yLabel === undefined || yLabel === "" ? 10 : 14 + yLines(yLabel, box).length * 17);
  const bottom = 22 + (xLabel === undefined || xLabel === "" ? 0 : 22);
  return {
    left: box.left + left,
    top: box.top + top,
    width: box.width - left - right,
    height: box.height - top - bottom,
  };
}

const yLines = (label: string, box: Box): string[] => linesOf(label, box.width, sizes.label);

/** Grid, axes and their names for a box. */
export function drawAxes(
  box: Box,
  theme: Theme,
  index: number,
  axes: Axes,
): Required<Omit<Drawing, "series">> {
  const inner = innerBox(box, axes);
  const { xLabel, yLabel, gridLines = "across" } = axes;
  const graphic: object[] = gridLines === "none" ? [] : linesThrough(inner, axes, gridLines, theme);
  if (yLabel !== undefined && yLabel !== "") {
    yLines(yLabel, box).forEach((text, i) => {
      graphic.push(
        textGraphic({ x: box.left, y: box.top + 8 + i * 17, text, size: sizes.label, colour: theme.muted }),
      );
    });
  }
  if (xLabel !== undefined && xLabel !== "") {
    graphic.push(
      textGraphic({
        x: inner.left + inner.width / 2,
        y: inner.top + inner.height + 35,
        text: xLabel,
        size: sizes.label,
        colour: theme.muted,
        align: "center",
      }),
    );
  }
  return {
    grid: { ...inner, containLabel: false, outerBoundsMode: "none" },
    xAxis: axisOf(axes.x, index, theme),
    yAxis: { ...axisOf(axes.y, index, theme), axisTick: { show: false } },
    graphic,
  };
}

function axisOf(scale: Scale, gridIndex: number, theme: Theme): object {
  const customValues = scale.ticks.map(({ at }) => at);
  const labels = new Map(scale.ticks.map(({ at, label }) => [at, label]));
  return {
    type: "value",
    gridIndex,
    min: scale.min,
    max: scale.max,
    // Without one ECharts looks for nice ends within ours, and fails where rounding puts its ends outside.
    interval: scale.max - scale.min,
    axisLabel: {
      customValues,
      formatter: (value: number) => labels.get(value) ?? "",
      color: theme.muted,
      fontSize: sizes.tick,
      fontFamily,
      margin: 8,
      hideOverlap: false,
    },
    axisTick: { show: true, customValues, length: 4, lineStyle: { color: theme.axis } },
    axisLine: { show: true, onZero: false, lineStyle: { color: theme.axis } },
    splitLine: { show: false },
    axisPointer: { label: { show: false } },
  };
}

/** ECharts would lead them from ticks of its own. */
function linesThrough(inner: Box, { x, y }: Axes, which: "across" | "upright", theme: Theme): object[] {
  const scale = which === "across" ? y : x;
  return scale.ticks.map(({ at }) => {
    const share = (at - scale.min) / (scale.max - scale.min);
    const [px, py] = [inner.left + share * inner.width, inner.top + (1 - share) * inner.height];
    const shape =
      which === "across"
        ? { x1: inner.left, y1: py, x2: inner.left + inner.width, y2: py }
        : { x1: px, y1: inner.top, x2: px, y2: inner.top + inner.height };
    return { type: "line", silent: true, z: -1, shape, style: { stroke: theme.grid, lineWidth: 1 } };
  });
}

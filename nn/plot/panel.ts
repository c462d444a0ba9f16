// Panel: one pair of axes, or one picture, of a chart; what each kind of chart makes, and the layout places.

import type { Theme } from "./theme.ts";

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** How a thing is shown in the legend. */
export interface LegendItem {
  readonly name: string;
  readonly colour: string;
  readonly mark: "line" | "dashed" | "dotted" | "box" | "point" | "triangle" | "diamond";
}

/** Parts of an option of ECharts. */
export interface Drawing {
  readonly grid?: object;
  readonly xAxis?: object;
  readonly yAxis?: object;
  readonly series?: readonly object[];
  readonly graphic?: readonly object[];
}

export interface Panel {
  readonly title?: string;
  /** Said to those who can't see it. */
  readonly label: string;
  legend?(theme: Theme): readonly LegendItem[];
  /** Pixels below title and legend. */
  height(width: number): number;
  /** Widest that it gets, where more would not help. */
  readonly maxWidth?: number;
  /** @param axes the number of its grid and axes in the option */
  draw(box: Box, theme: Theme, axes: number): Drawing | Promise<Drawing>;
}

/** The height of axes of a width: less flat on phones. */
export const plotHeight = (width: number): number =>
  Math.round(Math.min(420, Math.max(230, width * (width < 460 ? 0.68 : 0.56))));

// Pictures of lessons as data: what draws them stands in draw.ts.

export interface Axis {
  /** With its unit. */
  readonly label: string;
  readonly isLog?: boolean;
  readonly low?: number;
  readonly high?: number;
}

export interface Series {
  readonly name: string;
  readonly y: readonly number[];
  /** Default 1, 2, 3, ... */
  readonly x?: readonly number[];
  readonly isDashed?: boolean;
  /** Points alone, without a line. */
  readonly isDots?: boolean;
}

/** A line across a panel of lines, at a place of the x axis. */
export interface Mark {
  readonly x: number;
  readonly text: string;
}

export interface LinesPanel {
  readonly kind: "lines";
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  readonly marks?: readonly Mark[];
}

export interface BarsPanel {
  readonly kind: "bars";
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly categories: readonly string[];
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
}

export interface HistogramPanel {
  readonly kind: "histogram";
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly values: readonly number[];
  readonly bins?: number;
}

export interface ImagesPanel {
  readonly kind: "images";
  readonly title: string;
  readonly columns: number;
  readonly images: readonly {
    readonly caption: string;
    /** Row by row, from 0 to 1. */
    readonly pixels: readonly number[];
    readonly rows: number;
  }[];
}

/** Paths over the level lines of a function of two variables. */
export interface SurfacePanel {
  readonly kind: "surface";
  readonly title: string;
  readonly x: Axis & { readonly low: number; readonly high: number };
  readonly y: Axis & { readonly low: number; readonly high: number };
  readonly height: (x: number, y: number) => number;
  readonly paths: readonly { readonly name: string; readonly points: readonly (readonly number[])[] }[];
}

/** Boxes and arrows; an arrow from a box to itself goes back to it. */
export interface DiagramPanel {
  readonly kind: "diagram";
  readonly title: string;
  readonly nodes: readonly {
    readonly id: string;
    readonly label: readonly string[];
    readonly kind?: "input" | "variable" | "op" | "output";
  }[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly label?: string }[];
}

export type Panel = DiagramPanel | LinesPanel | BarsPanel | HistogramPanel | ImagesPanel | SurfacePanel;

export interface Figure {
  /** The stem of its files. */
  readonly name: string;
  readonly title: string;
  /** What one sees, in a sentence or two. */
  readonly caption: string;
  readonly panels: readonly Panel[];
  /** Panels side by side; default 2. */
  readonly columns?: number;
}

/** A panel of histories: the training loss of each and, dashed, the validation loss. */
export function lossPanel(
  title: string,
  histories: readonly { name: string; curves: Readonly<Record<string, readonly number[]>> }[],
  what: { readonly metric?: string; readonly label?: string; readonly marks?: readonly Mark[] } = {},
): LinesPanel {
  const metric = what.metric ?? "loss";
  const held = `val${metric[0].toUpperCase()}${metric.slice(1)}`;
  return {
    kind: "lines",
    title,
    x: { label: "epoch" },
    y: { label: what.label ?? "cross-entropy (nats per image)" },
    series: histories.flatMap(({ name, curves }) => [
      { name: `${name}, training`, y: curves[metric] },
      ...(curves[held] ? [{ name: `${name}, validation`, y: curves[held], isDashed: true }] : []),
    ]),
    ...(what.marks ? { marks: what.marks } : {}),
  };
}

export const histogramPanel = (
  title: string,
  label: string,
  values: readonly number[],
  bins = 30,
): HistogramPanel => ({
  kind: "histogram",
  title,
  x: { label },
  y: { label: "share" },
  values,
  bins,
});

// Draws a lesson's figures into its folder: wide and for phones, light and dark, as SVG, and wide as PNG.

import {
  barChart,
  type Chart,
  diagram,
  figure as figureOf,
  histogram,
  imageGrid,
  lineChart,
  surface,
} from "gradgpu/plot";
import type {
  Axis,
  BarsPanel,
  Figure,
  HistogramPanel,
  ImagesPanel,
  LinesPanel,
  Panel,
  SurfacePanel,
} from "./figure.ts";

/** Pixels of a picture beside a page's text, and of one on a phone. */
const widths = { wide: 1000, phone: 390 } as const;
const themes = ["light", "dark"] as const;

const scale = ({ isLog }: Axis) => (isLog ? ("log" as const) : ("linear" as const));

function linesChart({ title, x, y, series, marks }: LinesPanel): Chart {
  // A training line and the dashed validation line that follows it share a colour.
  let colour = -1;
  return lineChart({
    title,
    xLabel: x.label,
    yLabel: y.label,
    xScale: scale(x),
    yScale: scale(y),
    ...ends("x", x),
    ...ends("y", y),
    series: series.map((one, i) => {
      const follows =
        one.isDashed === true && i > 0 && series[i - 1].isDashed !== true && series.length % 2 === 0;
      if (!follows) colour++;
      return {
        name: one.name,
        x: one.x ?? one.y.map((_, k) => k + 1),
        y: one.y,
        colour,
        line: one.isDots ? ("none" as const) : one.isDashed ? ("dashed" as const) : ("solid" as const),
      };
    }),
    marks: (marks ?? []).map((mark) => ({ x: mark.x, label: mark.text })),
  });
}

const ends = (axis: "x" | "y", { low, high }: Axis) => ({
  ...(low === undefined ? {} : { [`${axis}Min`]: low }),
  ...(high === undefined ? {} : { [`${axis}Max`]: high }),
});

const barsChart = ({ title, x, y, categories, series }: BarsPanel): Chart =>
  barChart({
    title,
    categoryLabel: x.label,
    valueLabel: y.label,
    valueScale: scale(y),
    ...(y.low === undefined ? {} : { valueMin: y.low }),
    ...(y.high === undefined ? {} : { valueMax: y.high }),
    categories,
    series,
  });

const histogramChart = ({ title, x, values, bins }: HistogramPanel): Chart =>
  histogram({ title, xLabel: x.label, yLabel: "share of units", values, bins });

const imagesChart = ({ title, images, columns }: ImagesPanel): Chart =>
  imageGrid({
    title,
    columns,
    images: images.map(({ caption, pixels, rows }) => ({
      caption,
      pixels,
      width: pixels.length / rows,
      height: rows,
    })),
  });

const surfaceChart = ({ title, x, y, height, paths }: SurfacePanel): Chart =>
  surface({
    title,
    x: [x.low, x.high],
    y: [y.low, y.high],
    xLabel: x.label,
    yLabel: y.label,
    height,
    isLog: true,
    paths: paths.map(({ name, points }) => ({
      name,
      points: points.map(([px, py]) => [px, py] as const),
    })),
  });

function chartOf(panel: Panel): Chart {
  if (panel.kind === "lines") return linesChart(panel);
  if (panel.kind === "diagram")
    return diagram({ title: panel.title, nodes: panel.nodes, edges: panel.edges });
  if (panel.kind === "bars") return barsChart(panel);
  if (panel.kind === "histogram") return histogramChart(panel);
  return panel.kind === "images" ? imagesChart(panel) : surfaceChart(panel);
}

const whole = ({ title, panels, columns }: Figure): Chart =>
  figureOf({ title, charts: panels.map(chartOf), columns: columns ?? Math.min(panels.length, 2) });

/** Writes the figure's files, and gives their names. */
export async function drawFigure(folder: string, figure: Figure): Promise<string[]> {
  const chart = whole(figure);
  const files: string[] = [];
  for (const theme of themes) {
    for (const [size, width] of Object.entries(widths)) {
      files.push(`${figure.name}-${size}-${theme}.svg`);
      await chart.save(`${folder}/${files.at(-1)}`, { width, theme });
    }
    files.push(`${figure.name}-${theme}.png`);
    await chart.save(`${folder}/${files.at(-1)}`, { width: widths.wide, theme, scale: 1.5 });
  }
  return files;
}

/** The figure as SVG for docs/lessons: one width that serves pages and phones. */
export const docsSvg = (figure: Figure, theme: "light" | "dark"): Promise<string> =>
  whole(figure).toSvg({ width: 680, theme });

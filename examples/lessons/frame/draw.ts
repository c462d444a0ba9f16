// Draws a lesson's figures into its folder, as SVG and PNG.

import path from "node:path";
import { figure as chartsTogether, lineChart } from "../../../plot/index.ts";
import type { Figure } from "./figure.ts";

/** Writes the figure's files beside each other, and gives their names. */
export async function drawFigure(folder: string, figure: Figure): Promise<string[]> {
  const panels = figure.panels.filter((panel) => panel.kind === "lines");
  if (panels.length === 0) return [];
  const charts = panels.map(({ title, x, y, series }) =>
    lineChart({
      title,
      xLabel: x.label,
      yLabel: y.label,
      series: series.map((one) => ({ name: one.name, y: one.y, line: one.isDashed ? "dashed" : "solid" })),
    }),
  );
  const chart = chartsTogether({ title: figure.title, charts });
  const files = [".svg", ".png"].map((ending) => `${folder}/${figure.name}${ending}`);
  for (const file of files) await chart.save(file, { width: 560 * Math.min(2, charts.length) });
  return files.map((file) => path.basename(file));
}

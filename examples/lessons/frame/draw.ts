// Draws a lesson's figures into its folder, as SVG and PNG.

import path from "node:path";
import { writeFigure } from "../../support/plot.ts";
import type { Figure } from "./figure.ts";

/** Writes the figure's files beside each other, and gives their names. */
export async function drawFigure(folder: string, figure: Figure): Promise<string[]> {
  const panels = figure.panels.filter((panel) => panel.kind === "lines");
  if (panels.length === 0) return [];
  const { svg, png } = await writeFigure(`${folder}/${figure.name}`, {
    title: figure.title,
    panels: panels.map(({ title, x, y, series }) => ({
      title,
      xLabel: x.label,
      yLabel: y.label,
      series: series.map((one) => ({ name: one.name, values: one.y, isDashed: one.isDashed })),
    })),
  });
  return [svg, png].map((file) => path.basename(file));
}

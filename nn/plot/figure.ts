// Figures: several charts in one picture.

import { ArgumentError } from "../../engine/index.ts";
import { atLeastOne, checkOptions, kindOf, type OptionNames } from "../../engine/internal.ts";
import { Chart } from "./chart.ts";
import { listOf } from "./data.ts";

export interface FigureOptions {
  title?: string;
  subtitle?: string;
  /** Their titles stand above them, their subtitles are left out. */
  charts: readonly Chart[];
  /** Charts side by side at most; default 3, and fewer where the width gives each less than 320 pixels. */
  columns?: number;
}

const figureOptions: OptionNames<FigureOptions> = {
  title: true,
  subtitle: true,
  charts: true,
  columns: true,
};

/**
 * Several charts as one, side by side or below each other as the width allows. A legend that is the same for all of them
 * stands once, at the top.
 *
 *     figure({ title: "Three initializers", charts: [histogram(...), histogram(...), histogram(...)] })
 *
 * @throws ArgumentError for what are no charts
 */
export function figure(options: FigureOptions): Chart {
  checkOptions("figure", options, figureOptions);
  const { title, subtitle, columns } = options;
  if (columns !== undefined) atLeastOne("figure", "columns", columns);
  const charts = listOf<Chart>("figure", "charts", options.charts);
  if (charts.length === 0) throw new ArgumentError("figure: charts is empty; give one at least");
  const panels = charts.flatMap((chart, i) => {
    if (!(chart instanceof Chart))
      throw new ArgumentError(
        `figure: charts[${i}] must be a chart, as lineChart gives it, got ${kindOf(chart)}`,
      );
    const { content } = chart;
    return content.panels.map((panel) =>
      content.panels.length === 1 ? { ...panel, title: content.title ?? panel.title } : panel,
    );
  });
  return new Chart({ title, subtitle, panels, columns });
}

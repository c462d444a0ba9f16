// Pictures of training, `gradgpu/plot`: drawn by the optional package echarts, as SVG, PNG or in a page.

export { type OptionalPackage, usePackage } from "../data/sources/packages.ts";
export { Chart, type DrawOptions, type PngOptions } from "./chart.ts";
export type { Numbers } from "./data.ts";
export { type FigureOptions, figure } from "./figure.ts";
export {
  type BarChartOptions,
  type BarSeries,
  barChart,
  type HistogramChartOptions,
  type HistogramSeries,
  histogram,
} from "./kinds/bars.ts";
export { type HistoryLike, type PlotHistoryOptions, plotHistory } from "./kinds/history.ts";
export { type LineChartOptions, type LineSeries, lineChart, type Mark } from "./kinds/lines.ts";
export type { ScaleKind } from "./scale.ts";
export { type SparklineOptions, sparkline } from "./sparkline.ts";
export type { ThemeName } from "./theme.ts";

// Pictures of training, `gradgpu/plot`: drawn by the optional package echarts, as SVG, PNG or in a page.

export { type OptionalPackage, usePackage } from "../../data/sources/packages.ts";
export { Chart, type DrawOptions, type PngOptions } from "./chart.ts";
export type { ColourScale } from "./colours.ts";
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
export { type ActivationCurve, type ActivationCurvesOptions, activationCurves } from "./kinds/curves.ts";
export { type DecisionBoundaryOptions, decisionBoundary } from "./kinds/decision-boundary.ts";
export { type DiagramArrow, type DiagramBox, type DiagramChartOptions, diagram } from "./kinds/diagram.ts";
export {
  type ConfusionMatrixOptions,
  confusionMatrix,
  type HeatMapOptions,
  heatMap,
} from "./kinds/heat-map.ts";
export { type HistoryLike, type PlotHistoryOptions, plotHistory } from "./kinds/history.ts";
export { type GridImage, type ImageGridOptions, imageGrid } from "./kinds/images.ts";
export { type LineChartOptions, type LineSeries, lineChart, type Mark } from "./kinds/lines.ts";
export type { PlaneOptions, Range } from "./kinds/plane.ts";
export { type SurfaceOptions, type SurfacePath, surface } from "./kinds/surface.ts";
export type { ScaleKind } from "./scale.ts";
export type { ShownChart, ShowOptions } from "./show.ts";
export { type SparklineOptions, sparkline } from "./sparkline.ts";
export type { ThemeName } from "./theme.ts";

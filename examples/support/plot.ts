// Line charts as SVG, and as PNG made from it with a font that npm brings, since a bare machine has none.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { Resvg } from "@resvg/resvg-js";
import * as echarts from "echarts";
import { writeWhole } from "../../scripts/output-files.mjs";

export interface Series {
  name: string;
  /** One value for each of the panel's x positions; what is not finite is left out. */
  values: readonly number[];
  isDashed?: boolean;
}

/** One pair of axes. */
export interface Panel {
  title: string;
  /** What stands on the x axis, with its unit. */
  xLabel: string;
  /** What stands on the y axis, with its unit. */
  yLabel: string;
  /** Where the values lie; default 1, 2, 3, ... */
  x?: readonly number[];
  series: readonly Series[];
  /** How y is written along its axis; default: as few digits as tell the ticks apart. */
  formatY?: (value: number) => string;
}

export interface Figure {
  title: string;
  /** Side by side. */
  panels: readonly Panel[];
  /** Of one panel, in pixels. */
  width?: number;
  height?: number;
}

const font = "DejaVu Sans";
const ink = "#1f2933";
const faint = "#d9dee4";
/** Blue, orange, green, purple: told apart by all common kinds of colour vision. */
const colours = ["#0072b2", "#d55e00", "#009e73", "#8a5fb0"];

/** Space around a panel's axes, for labels, titles and the legend. */
const margin = { left: 86, right: 28, top: 104, bottom: 64 };

/** The figure as SVG text. */
export function renderSvg({ title, panels, width = 560, height = 420 }: Figure): string {
  const total = width * panels.length;
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: total, height });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: "#ffffff",
      textStyle: { fontFamily: `${font}, sans-serif`, color: ink },
      title: [
        heading(title, total / 2, 16, 18),
        ...panels.map((panel, i) => heading(panel.title, (i + 0.5) * width, 50, 14)),
      ],
      legend: panels.map((panel, i) => ({
        data: panel.series.map((series) => seriesName(i, series)),
        formatter: (name: string) => name.slice(name.indexOf(":") + 1),
        left: i * width + margin.left,
        width: width - margin.left - margin.right,
        top: 74,
        itemGap: 22,
        itemWidth: 28,
        textStyle: { fontSize: 13, color: ink, fontFamily: `${font}, sans-serif` },
      })),
      grid: panels.map((_, i) => ({
        left: i * width + margin.left,
        width: width - margin.left - margin.right,
        top: margin.top,
        bottom: margin.bottom,
      })),
      xAxis: panels.map((panel, i) => ({
        ...axis(i, panel.xLabel, 34),
        ...range(positions(panel)),
        minInterval: 1,
        splitLine: { show: false },
        axisTick: { show: true },
      })),
      yAxis: panels.map((panel, i) => ({
        ...axis(i, panel.yLabel, 62),
        scale: true,
        axisLabel: { ...label, formatter: panel.formatY },
      })),
      series: panels.flatMap((panel, i) =>
        panel.series.map((series, k) => line(panel, i, series, colours[k % colours.length])),
      ),
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

/** The SVG as PNG bytes, `scale` pixels to one of the SVG's. */
export function renderPng(svg: string, scale = 2): Uint8Array {
  const image = new Resvg(svg, {
    fitTo: { mode: "zoom", value: scale },
    font: { fontFiles: fontFiles(), defaultFontFamily: font, loadSystemFonts: false },
  });
  return image.render().asPng();
}

/** Writes `stem`.svg and `stem`.png, making the directory, and gives both names. */
export async function writeFigure(stem: string, figure: Figure): Promise<{ svg: string; png: string }> {
  const svg = renderSvg(figure);
  await writeWhole(`${stem}.svg`, svg);
  await writeWhole(`${stem}.png`, renderPng(svg));
  return { svg: `${stem}.svg`, png: `${stem}.png` };
}

const label = { color: ink, fontSize: 12, fontFamily: `${font}, sans-serif` };

const heading = (text: string, centre: number, top: number, fontSize: number) => ({
  text,
  left: centre,
  top,
  textAlign: "center" as const,
  textStyle: { fontSize, fontWeight: "bold" as const, color: ink, fontFamily: `${font}, sans-serif` },
});

const axis = (gridIndex: number, name: string, nameGap: number) => ({
  type: "value" as const,
  gridIndex,
  name,
  nameLocation: "middle" as const,
  nameGap,
  nameTextStyle: { ...label, fontSize: 13 },
  axisLabel: label,
  axisLine: { show: true, onZero: false, lineStyle: { color: ink } },
  splitLine: { lineStyle: { color: faint } },
});

/** Legends tell series apart by name alone, so the name carries its panel's number. */
const seriesName = (panel: number, series: Series) => `${panel}:${series.name}`;

const positions = (panel: Panel): readonly number[] =>
  panel.x ??
  Array.from({ length: Math.max(0, ...panel.series.map((s) => s.values.length)) }, (_, i) => i + 1);

/** The x axis ends at the data; a single point stands in the middle. */
function range(x: readonly number[]) {
  const [low, high] = [Math.min(...x), Math.max(...x)];
  return x.length === 0 ? {} : low === high ? { min: low - 1, max: high + 1 } : { min: low, max: high };
}

function line(panel: Panel, index: number, series: Series, color: string) {
  const x = positions(panel);
  const points = series.values
    .map((y, i) => [x[i], y])
    .filter((point) => point.every((value) => Number.isFinite(value)));
  return {
    type: "line" as const,
    name: seriesName(index, series),
    xAxisIndex: index,
    yAxisIndex: index,
    data: points,
    color,
    lineStyle: { width: 2.5, type: series.isDashed ? ("dashed" as const) : ("solid" as const) },
    symbol: series.isDashed ? "emptyCircle" : "circle",
    symbolSize: points.length > 60 ? 0 : 7,
  };
}

/** DejaVu Sans from npm, as seen from here or from the working directory (this file may run bundled). */
function fontFiles(): string[] {
  for (const from of [import.meta.url, pathToFileURL(`${process.cwd()}/`)]) {
    try {
      const home = path.dirname(createRequire(from).resolve("dejavu-fonts-ttf/package.json"));
      const files = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((name) => path.join(home, "ttf", name));
      if (files.every((file) => existsSync(file))) return files;
    } catch {
      // look in the next place
    }
  }
  throw new Error("the font DejaVu Sans is missing; it comes with: npm install dejavu-fonts-ttf");
}

// The layout of a chart: title, panels side by side or below each other as the width allows, a legend above each panel.

import { drawLegend, legendHeight } from "./legend.ts";
import type { Box, Drawing, LegendItem, Panel } from "./panel.ts";
import { linesOf, textGraphic } from "./text.ts";
import { fontFamily, sizes, type Theme } from "./theme.ts";

export interface ChartContent {
  readonly title?: string;
  readonly subtitle?: string;
  readonly panels: readonly Panel[];
  /** Panels side by side at most; default as many as find 320 pixels. */
  readonly columns?: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** For ECharts. */
  readonly option: Record<string, unknown>;
}

const gap = { column: 36, row: 28 };
const leastPanel = 320;

export async function layout(
  content: ChartContent,
  { width, height, theme }: { width: number; height?: number; theme: Theme },
): Promise<Layout> {
  const margin = width < 500 ? 14 : 22;
  const inside = width - 2 * margin;
  const graphic: object[] = [];
  let top = margin;
  top += drawHeading(content, { left: margin, top, width: inside }, theme, graphic);

  const rows = rowsOf(content, inside);
  const legends = content.panels.map(({ legend }, i) => legend?.call(content.panels[i], theme) ?? []);
  const isShared = content.panels.length > 1 && legends.every((items) => isSame(items, legends[0]));
  if (isShared && legends[0].length > 0) {
    graphic.push(...drawLegend(legends[0], { left: margin, top, width: inside }, theme));
    top += legendHeight(legends[0], inside) + 8;
  }

  const drawings: Drawing[] = [];
  let number = 0;
  // What a given height leaves for the plots themselves, shared by the rows.
  const heads = rows.map(({ panels, width: wide }, r) => {
    const first = rows.slice(0, r).reduce((sum, row) => sum + row.panels.length, 0);
    return Math.max(...panels.map((panel, k) => headHeight(panel, isShared ? [] : legends[first + k], wide)));
  });
  const others = top + margin + sum(heads) + gap.row * (rows.length - 1);
  for (const [r, row] of rows.entries()) {
    const natural = Math.max(
      ...row.panels.map((panel) => panel.height(Math.min(row.width, panel.maxWidth ?? row.width))),
    );
    const plot = height === undefined ? natural : Math.max(80, (height - others) / rows.length);
    for (const [k, panel] of row.panels.entries()) {
      const left = margin + k * (row.width + gap.column);
      const legend = isShared ? [] : legends[number];
      number++;
      let y = top;
      for (const text of titleLines(panel, row.width)) {
        graphic.push(
          textGraphic({ x: left, y: y + 10, text, size: sizes.panel, colour: theme.ink, isBold: true }),
        );
        y += 20;
      }
      if (legend.length > 0) graphic.push(...drawLegend(legend, { left, top: y, width: row.width }, theme));
      const box: Box = {
        left,
        top: top + heads[r],
        width: Math.min(row.width, panel.maxWidth ?? row.width),
        height: plot,
      };
      const axes = drawings.filter(({ grid }) => grid !== undefined).length;
      drawings.push(await panel.draw(box, theme, axes));
    }
    top += heads[r] + plot + gap.row;
  }
  const used = height ?? Math.ceil(top - gap.row + margin);
  const all = <K extends keyof Drawing>(key: K) =>
    drawings.flatMap((drawing) => drawing[key] ?? []) as object[];
  const option = {
    animation: false,
    backgroundColor: theme.page,
    textStyle: { fontFamily, color: theme.ink },
    grid: all("grid"),
    xAxis: all("xAxis"),
    yAxis: all("yAxis"),
    series: all("series"),
    graphic: [...graphic, ...all("graphic")],
  };
  return { width, height: used, option };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Title and subtitle; the pixels that they take. */
function drawHeading(
  { title, subtitle }: ChartContent,
  { left, top, width }: { left: number; top: number; width: number },
  theme: Theme,
  graphic: object[],
): number {
  let y = top;
  const size = width < 480 ? sizes.title - 2 : sizes.title;
  for (const text of title === undefined || title === "" ? [] : linesOf(title, width, size, true)) {
    graphic.push(textGraphic({ x: left, y: y + size / 2 + 2, text, size, colour: theme.ink, isBold: true }));
    y += size + 6;
  }
  for (const text of subtitle === undefined || subtitle === ""
    ? []
    : linesOf(subtitle, width, sizes.subtitle)) {
    graphic.push(textGraphic({ x: left, y: y + 9, text, size: sizes.subtitle, colour: theme.muted }));
    y += 19;
  }
  return y === top ? 0 : y - top + 12;
}

interface Row {
  readonly panels: readonly Panel[];
  /** Of a column. */
  readonly width: number;
}

/** Rows of as equal length as can be. */
function rowsOf({ panels, columns }: ChartContent, width: number): Row[] {
  const fit = Math.max(1, Math.floor((width + gap.column) / (leastPanel + gap.column)));
  const most = Math.min(panels.length, fit, columns ?? 3);
  const count = Math.ceil(panels.length / most);
  const perRow = Math.ceil(panels.length / count);
  const wide = (width - gap.column * (perRow - 1)) / perRow;
  return Array.from({ length: count }, (_, r) => ({
    panels: panels.slice(r * perRow, (r + 1) * perRow),
    width: wide,
  }));
}

const titleLines = ({ title }: Panel, width: number): string[] =>
  title === undefined || title === "" ? [] : linesOf(title, width, sizes.panel, true);

const headHeight = (panel: Panel, legend: readonly LegendItem[], width: number): number => {
  const titles = titleLines(panel, width).length * 20;
  const rows = legendHeight(legend, width);
  return titles + rows + (titles + rows > 0 ? 6 : 0);
};

const isSame = (a: readonly LegendItem[], b: readonly LegendItem[]): boolean =>
  a.length === b.length &&
  a.every((item, i) => item.name === b[i].name && item.colour === b[i].colour && item.mark === b[i].mark);

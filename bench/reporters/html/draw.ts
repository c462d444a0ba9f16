// Draws one chart as SVG, twice: for a wide page and for a phone. Colours are the page's own custom properties, so
// that a chart follows its light and its dark scheme.

import * as echarts from "echarts";

/** What a chart may know of the page it stands on. */
export interface Canvas {
  readonly width: number;
  readonly isNarrow: boolean;
}

export interface Chart {
  /** Read to those who can't see it. */
  readonly label: string;
  height(canvas: Canvas): number;
  option(canvas: Canvas): echarts.EChartsOption;
}

export const ink = "var(--ink)";
export const muted = "var(--muted)";
export const line = "var(--line)";
export const page = "var(--page)";

const font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif";
const widths = { wide: 1000, narrow: 370 };

export const text = { color: muted, fontSize: 12, fontFamily: font };

/** An axis in the page's colours. */
export const axisStyle = {
  nameTextStyle: { ...text },
  axisLabel: { ...text },
  axisLine: { show: true, lineStyle: { color: muted } },
  axisTick: { show: false },
  splitLine: { lineStyle: { color: line } },
};

export function draw(chart: Chart): string {
  const versions = Object.entries(widths).map(([name, width]) => {
    const canvas = { width, isNarrow: name === "narrow" };
    return `<div class="chart ${name}" role="img" aria-label="${escapeHtml(chart.label)}">${toSvg(chart, canvas)}</div>`;
  });
  return versions.join("\n");
}

function toSvg(chart: Chart, canvas: Canvas): string {
  const size = { width: canvas.width, height: chart.height(canvas) };
  const made = echarts.init(null, null, { renderer: "svg", ssr: true, ...size });
  try {
    made.setOption({ animation: false, textStyle: { ...text, color: ink }, ...chart.option(canvas) });
    // ECharts fills hollow symbols with white, whatever the page is.
    return made.renderToSVGString().replaceAll('fill="#fff"', `fill="${page}"`);
  } finally {
    made.dispose();
  }
}

export const escapeHtml = (value: string) =>
  value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

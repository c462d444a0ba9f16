// How values are spread: a row a step, the last in front.

import { addChart, card, sight, sizes, style } from "./charts.js";
import { make, section, show } from "./elements.js";
import { charts, colourOf, data, nameOf } from "./state.js";

/** Densities over steps, the last in front. */
export function ridgeOption({ entries, run }, width) {
  const edges = entries.flatMap(({ buckets }) => buckets.filter(([, , count]) => count > 0));
  let low = Math.min(...edges.map(([left]) => left));
  let high = Math.max(...edges.map(([, right]) => right));
  if (!(low <= high)) [low, high] = [-1, 1];
  const thin = (high - low || Math.abs(high) || 1) / 200;
  const outlines = entries.map(({ buckets }) => outlineOf(buckets, thin));
  const peaks = outlines.map((outline) => Math.max(...outline.map(([, height]) => height), 1e-300));
  const tallest = Math.max(...peaks);
  // A row's peak shrinks less than it would in proportion: beside one spike the others would be flat.
  const scales = peaks.map((peak) => (peak / tallest) ** 0.35 / peak);
  const room = Math.max(2.2, entries.length / 6);
  const colour = colourOf(run);
  const count = entries.length;
  return {
    animation: false,
    grid: { left: 6, right: 14, top: 12, bottom: 4, containLabel: true },
    tooltip: { show: false },
    xAxis: {
      type: "value",
      min: low - 2 * thin,
      max: high + 2 * thin,
      splitNumber: width < 420 ? 3 : 5,
      axisLine: { onZero: false, lineStyle: { color: style("--line") } },
      axisTick: { show: false },
      axisLabel: { ...axisText(), formatter: (value) => (value < low || value > high ? "" : show(value)) },
      splitLine: { show: false },
    },
    yAxis: {
      type: "value",
      position: "right",
      min: 0,
      max: count - 1 + room,
      interval: 1,
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: {
        ...axisText(),
        formatter: (value) => {
          const i = count - 1 - value;
          const every = Math.ceil(count / 10);
          return Number.isInteger(i) && i >= 0 && i < count && value % every === 0
            ? String(entries[i].step)
            : "";
        },
      },
      splitLine: { show: false },
    },
    series: outlines.map((outline, i) => {
      const base = count - 1 - i;
      return {
        type: "line",
        silent: true,
        showSymbol: false,
        z: 2 + i,
        data: outline.map(([x, height]) => [x, base + room * height * scales[i]]),
        lineStyle: { width: 1.2, color: style("--card") },
        areaStyle: {
          origin: base,
          color: mix(colour, style("--card"), 0.35 + (0.65 * (i + 1)) / count),
          opacity: 1,
        },
      };
    }),
  };
}

/** Through the middles of the buckets, down to nothing on both sides; what has no width is a peak of its own. */
export function outlineOf(buckets, thin) {
  const filled = buckets.filter(([left, right, count]) => count > 0 || right > left);
  const total = filled.reduce((sum, [, , count]) => sum + count, 0);
  if (total === 0) return [];
  if (filled.every(([left, right]) => left === right)) {
    const [[at]] = filled;
    return [
      [at - thin, 0],
      [at, 1 / (2 * thin)],
      [at + thin, 0],
    ];
  }
  const points = filled.map(([left, right, count]) => [
    (left + right) / 2,
    count / total / Math.max(right - left, thin / 10),
  ]);
  return [[filled[0][0], 0], ...points, [filled.at(-1)[1], 0]];
}

/** Of two colours as #rrggbb, `share` of the first. */
export function mix(a, b, share) {
  const parts = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  const [one, other] = [parts(a), parts(b)];
  return `#${one
    .map((value, i) =>
      Math.round(value * share + other[i] * (1 - share))
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
}

export function histograms() {
  if (data.histograms.length === 0) return undefined;
  const having = [...new Set(data.histograms.flatMap(({ series }) => series.map(({ run }) => run)))].sort(
    (a, b) => a - b,
  );
  const cards = make("div", { class: "cards" });
  const fill = (run) => {
    for (let i = charts.length - 1; i >= 0; i--) {
      if (!cards.contains(charts[i].element)) continue;
      charts[i].made?.dispose();
      sight.unobserve(charts[i].element);
      sizes.unobserve(charts[i].element);
      charts.splice(i, 1);
    }
    cards.replaceChildren();
    for (const { tag, series } of data.histograms) {
      const one = series.find((entry) => entry.run === run);
      if (one === undefined) continue;
      const chart = make("div", { class: "chart" });
      cards.append(card(tag, chart));
      const [first, last] = [one.entries[0].step, one.entries.at(-1).step];
      addChart(
        chart,
        (width) => ridgeOption(one, width),
        `${tag}: how its values are spread at ${one.entries.length} steps, from ${first} to ${last}`,
      );
    }
  };
  fill(having[0]);
  const select = make(
    "select",
    { id: "histogram-run", onchange: () => fill(Number(select.value)) },
    having.map((run) => make("option", { value: run }, nameOf(run))),
  );
  const extra =
    having.length > 1
      ? make("div", { class: "field" }, make("label", { for: "histogram-run" }, "Run"), select)
      : make("p", { class: "soft" }, "One row a step, the last in front");
  return section("histograms", "Histograms", extra, cards);
}

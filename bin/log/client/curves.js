// Curves of several runs over each other, with the turning point of the validation loss.

import { addChart, card, style } from "./charts.js";
import { make, show, showSeconds } from "./elements.js";
import { colourOf, data, isDashed, isShown, keyOf, nameOf, runs, state } from "./state.js";

/** The mean that forgets by `weight`, started without a bias, as TensorBoard smooths. */
export function smoothed(values, weight) {
  let [mean, share] = [0, 0];
  return values.map((value) => {
    if (value === null) return null;
    mean = mean * weight + (1 - weight) * value;
    share = share * weight + (1 - weight);
    return mean / share;
  });
}

export const isLoss = (tag) => /loss|error|mse|mae/i.test(tag);

/** Where a curve is best, and whether it gets worse from there on. */
export function bestOf(tag, { steps, values }) {
  let at = -1;
  const isBetter = isLoss(tag) ? (a, b) => a < b : (a, b) => a > b;
  values.forEach((value, i) => {
    if (value !== null && (at < 0 || isBetter(value, values[at]))) at = i;
  });
  if (at < 0) return undefined;
  let last = values.length - 1;
  while (values[last] === null) last--;
  return { at, step: steps[at], value: values[at], turns: at < last, last: values[last] };
}

/** The turning point of a validation's loss. */
export const turnOf = (tag, series) =>
  isDashed(series.run) && isLoss(tag) ? bestOf(tag, series) : undefined;

export const xOf = (series) => {
  if (state.axis === "step") return series.steps;
  const first = firstSecond(series.run);
  return series.seconds.map((seconds) => seconds - first);
};

/** When the group of a run began. */
export const firsts = new Map();
export function firstSecond(run) {
  const { group } = runs[run];
  if (!firsts.has(group)) {
    const all = data.scalars.flatMap(({ series }) => series.filter((one) => runs[one.run].group === group));
    firsts.set(group, Math.min(...all.map(({ seconds }) => Math.min(...seconds.slice(0, 1)))));
  }
  return firsts.get(group);
}

export function curveOption({ tag, series }, width) {
  const shown = series.filter(isShown);
  const unit = /^(epoch_)/.test(tag) || data.isHistory ? "epoch" : "step";
  const list = [];
  const marked = shown.filter((one) => turnOf(tag, one)?.turns).length;
  for (const one of shown) {
    const x = xOf(one);
    const colour = colourOf(one.run);
    const line = (values, extra) => ({
      type: "line",
      name: nameOf(one.run),
      data: x.map((at, i) => [
        at,
        state.log && values[i] <= 0 ? null : values[i],
        one.steps[i],
        one.values[i],
      ]),
      showSymbol: one.values.length === 1,
      symbol: "circle",
      symbolSize: 6,
      connectNulls: false,
      color: colour,
      animation: false,
      ...extra,
    });
    const type = isDashed(one.run) ? [6, 4] : "solid";
    if (state.smoothing > 0) {
      list.push(
        line(one.values, {
          silent: true,
          lineStyle: { width: 1, opacity: 0.3 },
          z: 1,
          tooltip: { show: false },
        }),
      );
    }
    const values = state.smoothing > 0 ? smoothed(one.values, state.smoothing) : one.values;
    list.push(line(values, { lineStyle: { width: 2, type }, z: 3, id: `run ${one.run}` }));
    const turn = turnOf(tag, one);
    if (turn?.turns && !(state.log && turn.value <= 0)) {
      const text = marked < 3 ? `turns at ${turn.step}` : String(turn.step);
      list.push({
        type: "scatter",
        data: [[x[turn.at], turn.value]],
        symbolSize: 11,
        z: 5,
        silent: true,
        animation: false,
        itemStyle: { color: style("--card"), borderColor: colour, borderWidth: 3 },
        label: {
          show: marked <= 8,
          formatter: text,
          position: labelSide(x, turn.at),
          distance: 8,
          color: style("--text"),
          fontSize: 12,
          fontWeight: 600,
          backgroundColor: style("--card"),
          padding: [1, 4],
          borderRadius: 4,
        },
        labelLayout: { hideOverlap: true, moveOverlap: "shiftY" },
        tooltip: { show: false },
      });
    }
  }
  return {
    animation: false,
    grid: { left: 6, right: 14, top: 12, bottom: 4, containLabel: true },
    tooltip: {
      trigger: "axis",
      confine: true,
      backgroundColor: style("--card"),
      borderColor: style("--line"),
      textStyle: { color: style("--text") },
      axisPointer: { lineStyle: { color: style("--soft"), type: "dotted" } },
      formatter: (points) => tip(points, unit),
    },
    xAxis: {
      type: "value",
      min: "dataMin",
      splitNumber: width < 420 ? 4 : 6,
      minInterval: state.axis === "step" ? 1 : undefined,
      axisLine: { lineStyle: { color: style("--line") } },
      axisTick: { show: false },
      axisLabel: {
        ...axisText(),
        formatter: (value) => (state.axis === "step" ? shortNumber(value) : showSeconds(value)),
      },
      splitLine: { show: false },
    },
    yAxis: {
      type: state.log ? "log" : "value",
      scale: true,
      splitNumber: 5,
      axisLabel: { ...axisText(), formatter: (value) => show(value) },
      splitLine: { lineStyle: { color: style("--grid") } },
    },
    series: list,
  };
}

export const labelSide = (x, at) => {
  const share = (x[at] - x[0]) / (x.at(-1) - x[0] || 1);
  return share > 0.92 ? "left" : share < 0.08 ? "right" : "top";
};

export const shortNumber = (value) => {
  if (Math.abs(value) >= 1e6) return `${show(value / 1e6)}M`;
  return Math.abs(value) >= 1e4 ? `${show(value / 1e3)}k` : show(value);
};

export function tip(points, unit) {
  const byRun = new Map();
  for (const point of points) {
    const run = /^run (\d+)$/.exec(point.seriesId)?.[1];
    if (run !== undefined) byRun.set(Number(run), point.value);
  }
  if (byRun.size === 0) return "";
  const [[, [at, , step]]] = byRun;
  const head = state.axis === "step" ? `${unit} ${step}` : `${showSeconds(at)}, ${unit} ${step}`;
  return make(
    "div",
    { class: "tip" },
    make("div", {}, head),
    [...byRun].map(([run, [, value, , raw]]) => {
      const text = state.smoothing > 0 ? `${show(value)} (${show(raw)})` : show(raw);
      return make("div", {}, keyOf(run), nameOf(run), make("b", {}, text));
    }),
  );
}

export function curveCard(entry) {
  const { tag, series } = entry;
  const chart = make("div", { class: "chart" });
  const loss = isLoss(tag);
  const rows = series.map((one) => {
    const best = bestOf(tag, one);
    const turn = turnOf(tag, one);
    const note =
      turn === undefined ? [] : make("span", { class: "soft" }, turn.turns ? " turns" : " falling");
    return make(
      "tr",
      { "data-run": one.run },
      make("th", { scope: "row" }, keyOf(one.run), nameOf(one.run)),
      make("td", {}, show(best?.last)),
      make("td", {}, show(best?.value)),
      make("td", {}, best === undefined ? "–" : [String(best.step), note].flat()),
    );
  });
  addChart(chart, (width) => curveOption(entry, width), labelOf(entry));
  const thinned = series.some(({ points, values }) => points > values.length);
  return card(
    tag,
    chart,
    make(
      "div",
      { class: "scroll" },
      make(
        "table",
        {},
        make(
          "thead",
          {},
          make(
            "tr",
            {},
            ["Run", "Last", loss ? "Lowest" : "Highest", "At"].map((text) =>
              make("th", { scope: "col" }, text),
            ),
          ),
        ),
        make("tbody", {}, rows),
      ),
    ),
    thinned
      ? make(
          "p",
          { class: "soft" },
          `${Math.max(...series.map(({ points }) => points)).toLocaleString("en")} points; the least and largest of each part are drawn`,
        )
      : undefined,
  );
}

export const labelOf = ({ tag, series }) =>
  `${tag}: ${series
    .map((one) => {
      const best = bestOf(tag, one);
      return `${nameOf(one.run)} ends at ${show(best?.last)}`;
    })
    .join(", ")}`;

export const turnsAnywhere = () =>
  data.scalars.some(({ tag, series }) => series.some((one) => turnOf(tag, one)?.turns));

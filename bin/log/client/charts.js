// Charts: made when they come into sight, drawn again when what the reader chose changes.

import { make } from "./elements.js";
import { charts, colourOf, state } from "./state.js";

export const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const axisText = () => ({ color: style("--soft"), fontSize: 12, hideOverlap: true });

/** A chart that is made when it comes into sight. */
export const sight = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const chart = charts.find(({ element }) => element === target);
      chart.isInSight = isIntersecting;
      if (isIntersecting && chart.isStale) draw(chart);
    }
  },
  { rootMargin: "300px" },
);
export const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) charts.find(({ element }) => element === target)?.made?.resize();
});

export function addChart(element, option, label) {
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", label);
  charts.push({ element, option, isStale: true, isInSight: false, made: undefined });
  sight.observe(element);
  sizes.observe(element);
}

export function draw(chart) {
  chart.made ??= echarts.init(chart.element, null, { renderer: "canvas" });
  chart.made.setOption(chart.option(chart.element.clientWidth), true);
  chart.isStale = false;
}

export function redraw() {
  for (const chart of charts) {
    chart.isStale = true;
    if (chart.isInSight) draw(chart);
  }
  for (const key of document.querySelectorAll(".key[data-run]"))
    key.style.setProperty("--of-run", colourOf(Number(key.dataset.run)));
  for (const row of document.querySelectorAll("tr[data-run]"))
    row.hidden = state.hidden.has(Number(row.dataset.run));
}

export function card(tag, ...children) {
  const box = make("article", { class: "card" });
  const button = make(
    "button",
    {
      type: "button",
      "aria-pressed": "false",
      "aria-label": `${tag}: wide`,
      onclick: () => {
        const isWide = box.classList.toggle("wide");
        button.setAttribute("aria-pressed", String(isWide));
        button.textContent = isWide ? "Narrow" : "Widen";
      },
    },
    "Widen",
  );
  box.append(make("div", { class: "head" }, make("h3", {}, tag), button), ...children.filter(Boolean));
  return box;
}

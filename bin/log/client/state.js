// What the page shows, and what its reader chose: data, runs with their names and colours.

import { make } from "./elements.js";

export const data = JSON.parse(document.getElementById("data").textContent);
export const { runs, title } = data;
export const palettes = {
  light: ["#1f5fbf", "#d9480f", "#0b7f57", "#8a3ab9", "#a87400", "#0a7d91", "#c2255c", "#5c6370"],
  dark: ["#6ea8ff", "#ff9455", "#4fd19b", "#cf93f5", "#f0c04a", "#54cbe0", "#ff7fa8", "#b4bdc9"],
};
export const state = { smoothing: 0, axis: "step", log: false, theme: "auto", hidden: new Set() };
export const charts = [];

// Runs: a colour for each group, or each run where there is one group; what is no training is dashed.
export const groups = [...new Set(runs.map(({ group }) => group))];
export const isOne = groups.length === 1;
/** Those that have curves: others only hold hyper-parameters, say. */
export const drawn = [...new Set(data.scalars.flatMap(({ series }) => series.map(({ run }) => run)))].sort(
  (a, b) => a - b,
);
export const colourIndex = (run) => Math.max(0, isOne ? drawn.indexOf(run) : groups.indexOf(runs[run].group));
export const isDark = () => document.documentElement.dataset.theme === "dark";
export const colourOf = (run) => {
  const palette = palettes[isDark() ? "dark" : "light"];
  return palette[colourIndex(run) % palette.length];
};
export const isDashed = (run) => !["", "train"].includes(runs[run].part);
export const nameOf = (run) => {
  const { group, part, name } = runs[run];
  if (isOne) return part || group || title;
  return [group || title, part].filter(Boolean).join(" · ") || name;
};
export const groupName = (group) => group || title;
export const keyOf = (run) =>
  make("span", {
    class: isDashed(run) ? "key dashed" : "key",
    "data-run": run,
    style: `--of-run: ${colourOf(run)}`,
    "aria-hidden": "true",
  });
export const isShown = ({ run }) => !state.hidden.has(run);

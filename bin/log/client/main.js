// Puts the page together.

import { redraw } from "./charts.js";
import { curveCard, turnsAnywhere } from "./curves.js";
import { choice, make, section } from "./elements.js";
import { histograms } from "./histograms.js";
import { parameters } from "./parameters.js";
import { images, texts } from "./pictures.js";
import { data, drawn, groups, keyOf, nameOf, state, title } from "./state.js";

function applyTheme() {
  const wanted = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.theme = state.theme === "auto" ? wanted : state.theme;
}

function header() {
  const counts = [
    `${groups.length} ${groups.length === 1 ? "run" : "runs"}`,
    `${data.scalars.length} ${data.scalars.length === 1 ? "curve" : "curves"}`,
  ];
  if (data.histograms.length > 0)
    counts.push(`${data.histograms.length} ${data.histograms.length === 1 ? "histogram" : "histograms"}`);
  return make(
    "header",
    { class: "top" },
    make("div", {}, make("h1", {}, title), make("p", { class: "soft" }, counts.join(" · "))),
    choice(
      "Colours",
      [
        ["auto", "Auto"],
        ["light", "Light"],
        ["dark", "Dark"],
      ],
      () => state.theme,
      (theme) => {
        state.theme = theme;
        applyTheme();
        redraw();
      },
    ),
  );
}

function bar() {
  const shown = make("output", { for: "smoothing" }, "0");
  const slider = make("input", {
    type: "range",
    id: "smoothing",
    min: 0,
    max: 0.99,
    step: 0.01,
    value: 0,
    oninput: () => {
      state.smoothing = Number(slider.value);
      shown.textContent = String(state.smoothing);
      redraw();
    },
  });
  const options = (list, key) =>
    choice(
      ...list,
      () => state[key],
      (value) => {
        state[key] = value;
        redraw();
      },
    );
  return make(
    "div",
    { class: "bar", role: "toolbar", "aria-label": "How curves are drawn" },
    make(
      "div",
      {},
      make(
        "div",
        { class: "field smoothing" },
        make("label", { for: "smoothing" }, "Smoothing"),
        slider,
        shown,
      ),
      make(
        "div",
        { class: "field" },
        "Over",
        options(
          [
            "Axis",
            [
              ["step", "steps"],
              ["time", "time"],
            ],
          ],
          "axis",
        ),
      ),
      make(
        "div",
        { class: "field" },
        "Values",
        options(
          [
            "Scale",
            [
              [false, "linear"],
              [true, "log"],
            ],
          ],
          "log",
        ),
      ),
    ),
  );
}

function runList() {
  if (drawn.length < 2) return undefined;
  const buttons = drawn.map((run) =>
    make(
      "button",
      {
        type: "button",
        class: "run",
        "aria-pressed": "true",
        onclick: (event) => {
          const isHidden = !state.hidden.delete(run);
          if (isHidden) state.hidden.add(run);
          event.currentTarget.setAttribute("aria-pressed", String(!isHidden));
          redraw();
        },
      },
      keyOf(run),
      nameOf(run),
    ),
  );
  return make("div", { class: "runs", role: "group", "aria-label": "Runs to show" }, buttons);
}

applyTheme();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  applyTheme();
  redraw();
});
const curves =
  data.scalars.length === 0
    ? undefined
    : section(
        "curves",
        "Curves",
        turnsAnywhere()
          ? make(
              "p",
              { class: "soft" },
              "A ring marks where a validation loss is lowest; it rises from there on, as the run overfits",
            )
          : undefined,
        make("div", { class: "cards" }, data.scalars.map(curveCard)),
      );
const parts = [curves, parameters(), histograms(), images(), texts()].filter(Boolean);
const content = make(
  "main",
  {},
  runList(),
  data.notes.length > 0
    ? make(
        "div",
        { class: "notes", role: "note" },
        data.notes.map((note) => make("p", {}, note)),
      )
    : undefined,
  parts.length > 0 ? parts : make("p", { class: "soft" }, "Nothing was written to these files yet."),
  make("footer", { class: "soft" }, "Made by gradgpu log. Everything is in this file; it loads nothing."),
);
document.body.append(header(), bar(), content);

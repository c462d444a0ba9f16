// Images and text, a step at a time.

import { card } from "./charts.js";
import { make, section } from "./elements.js";
import { data, nameOf, runs } from "./state.js";

/** Something at one of several steps, which a slider chooses. */
export function stepCard(tag, run, entries, shownAt) {
  const place = make("div");
  const step = make("output", {}, "");
  const slider = make("input", {
    type: "range",
    min: 0,
    max: entries.length - 1,
    value: entries.length - 1,
    "aria-label": `${tag}: step`,
    oninput: () => fill(),
  });
  const fill = () => {
    const entry = entries[Number(slider.value)];
    step.textContent = String(entry.step);
    place.replaceChildren(shownAt(entry));
  };
  fill();
  const label = runs.length > 1 ? `${nameOf(run)}, step` : "step";
  return card(
    tag,
    place,
    make("div", { class: "field" }, label, entries.length > 1 ? slider : undefined, step),
  );
}

export function images() {
  if (data.images.length === 0) return undefined;
  const picture = (tag) => (entry) =>
    make(
      "div",
      { class: "pictures" },
      entry.images.map((src, i) => {
        // Small ones are enlarged by whole numbers.
        const factor = Math.max(1, Math.min(6, Math.floor(160 / Math.max(1, entry.width))));
        return make("img", {
          src,
          width: entry.width * factor,
          alt: `${tag}, step ${entry.step}, image ${i + 1}`,
        });
      }),
    );
  const cards = data.images.flatMap(({ tag, series }) =>
    series.map(({ run, entries }) => stepCard(tag, run, entries, picture(tag))),
  );
  return section("images", "Images", undefined, make("div", { class: "cards" }, cards));
}

export function texts() {
  if (data.texts.length === 0) return undefined;
  const written = ({ rows }) => {
    if (rows.length === 1 && rows[0].length === 1) return make("pre", { tabindex: "0" }, rows[0][0]);
    return make(
      "div",
      { class: "scroll", tabindex: "0" },
      make(
        "table",
        {},
        make(
          "tbody",
          {},
          rows.map((cells) =>
            make(
              "tr",
              {},
              cells.map((text) => make("td", { class: "cell" }, text)),
            ),
          ),
        ),
      ),
    );
  };
  const cards = data.texts.flatMap(({ tag, series }) =>
    series.map(({ run, entries }) => stepCard(tag, run, entries, written)),
  );
  return section("texts", "Text", undefined, make("div", { class: "cards" }, cards));
}

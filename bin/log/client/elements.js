// Elements, numbers as text, and controls.

/** An element with attributes and children; strings become text. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined));
  return element;
}

export const show = (value) => {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return String(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6))
    return value
      .toExponential(2)
      .replace(/\.?0+e/, "e")
      .replace("e+", "e");
  return String(Number(value.toPrecision(4)));
};

export const showSeconds = (seconds) => {
  if (seconds < 90) return `${show(Number(seconds.toFixed(1)))} s`;
  return seconds < 5400 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
};

export function choice(label, options, get, set) {
  const buttons = options.map(([value, text]) =>
    make(
      "button",
      {
        type: "button",
        "aria-pressed": String(get() === value),
        onclick: () => {
          set(value);
          buttons.forEach((button, i) => {
            button.setAttribute("aria-pressed", String(options[i][0] === value));
          });
        },
      },
      text,
    ),
  );
  return make("div", { class: "choice", role: "group", "aria-label": label }, buttons);
}

export function section(name, heading, extra, body) {
  return make(
    "section",
    { "aria-label": heading, id: name },
    make("div", { class: "section" }, make("h2", {}, heading), extra),
    body,
  );
}

// A chart in an element of a page: drawn for its width and the page's scheme, and drawn anew when they change.

import { ArgumentError } from "../../engine/index.ts";
import { aboveZero, checkOptions, kindOf, type OptionNames } from "../../engine/internal.ts";
import { type ChartContent, layout } from "./layout.ts";
import { type ECharts, echarts } from "./packages.ts";
import { type ThemeName, themeOf } from "./theme.ts";

export interface ShowOptions {
  /** In pixels; default what the chart needs at the element's width. */
  height?: number;
  /** "auto" (the default) for what the reader's system prefers. */
  theme?: ThemeName | "auto";
}

export interface ShownChart {
  /** Takes the chart out of the page. */
  dispose(): void;
}

const showOptions: OptionNames<ShowOptions> = { height: true, theme: true };

export async function showIn(
  element: HTMLElement,
  chart: { readonly content: ChartContent; readonly label: string },
  options: ShowOptions,
): Promise<ShownChart> {
  checkOptions("show", options, showOptions);
  if (typeof element?.appendChild !== "function")
    throw new ArgumentError(`show: the first argument must be an element of a page, got ${kindOf(element)}`);
  const { height, theme = "auto" } = options;
  if (height !== undefined) aboveZero("show", "height", height);
  if (theme !== "auto") themeOf(theme);
  const library = await echarts();
  const dark = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
  const holder = element.ownerDocument.createElement("div");
  holder.setAttribute("role", "img");
  holder.setAttribute("aria-label", chart.label);
  element.appendChild(holder);
  let instance: ECharts.Instance | undefined;
  let isGone = false;
  let drawing = 0;
  const draw = async () => {
    const mine = ++drawing;
    const width = Math.max(240, element.clientWidth);
    const name = theme === "auto" ? (dark?.matches ? "dark" : "light") : theme;
    const made = await layout(chart.content, { width, height, theme: themeOf(name) });
    // Another drawing may have begun meanwhile.
    if (isGone || mine !== drawing) return;
    const size = { width: made.width, height: made.height };
    holder.style.height = `${made.height}px`;
    if (instance === undefined) instance = library.init(holder, null, { renderer: "svg", ...size });
    else instance.resize(size);
    const tooltip = { trigger: "item", confine: true, transitionDuration: 0 };
    instance.setOption({ ...made.option, tooltip }, true);
  };
  await draw();
  let last = element.clientWidth;
  const again = () => void draw();
  const sizes = new ResizeObserver(() => {
    if (element.clientWidth === last) return;
    last = element.clientWidth;
    again();
  });
  sizes.observe(element);
  dark?.addEventListener("change", again);
  return {
    dispose() {
      isGone = true;
      sizes.disconnect();
      dark?.removeEventListener("change", again);
      instance?.dispose();
      holder.remove();
    },
  };
}

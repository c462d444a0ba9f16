// Chart: a picture that is described, and drawn when it is asked for: as SVG or PNG, into a file, into a page.

import { ArgumentError } from "../../engine/index.ts";
import { aboveZero, checkOptions, kindOf, type OptionNames } from "../../engine/internal.ts";
import { writeWhole } from "./files.ts";
import { type ChartContent, layout } from "./layout.ts";
import { echarts, pngOf } from "./packages.ts";
import { type ShownChart, type ShowOptions, showIn } from "./show.ts";
import { finished } from "./svg.ts";
import { type ThemeName, themeOf } from "./theme.ts";

export interface DrawOptions {
  /** In pixels; default 800. Charts are made for 320 and more. */
  width?: number;
  /** In pixels; default what the panels need at that width. */
  height?: number;
  /** "light" (the default) or "dark". */
  theme?: ThemeName;
}

export interface PngOptions extends DrawOptions {
  /** Pixels of the image for one of `width`; default 2. */
  scale?: number;
}

const drawOptions: OptionNames<DrawOptions> = { width: true, height: true, theme: true };
const pngOptions: OptionNames<PngOptions> = { ...drawOptions, scale: true };

/**
 * A chart, as the functions of `gradgpu/plot` give it. It holds the data and is drawn when it is asked for, by the npm package
 * echarts; PNGs need @resvg/resvg-js as well.
 *
 *     const chart = plotHistory(history);
 *     await chart.save("curves.svg");
 *     await chart.save("curves.png", { width: 390, theme: "dark" });
 */
export class Chart {
  /** @internal */
  readonly content: ChartContent;

  /** @internal */
  constructor(content: ChartContent) {
    this.content = content;
  }

  get title(): string {
    return this.content.title ?? this.content.panels[0]?.title ?? "";
  }

  /** What it shows, in a sentence or more, for those who can't see it. */
  get label(): string {
    const { title, subtitle, panels } = this.content;
    return [title, subtitle, ...panels.map((panel) => panel.label)]
      .filter((text) => text !== undefined && text !== "")
      .join(". ");
  }

  /**
   * As the text of an SVG file: the same every time.
   *
   * @throws DataError where echarts is not installed
   */
  async toSvg(options: DrawOptions = {}): Promise<string> {
    checkOptions("toSvg", options, drawOptions);
    const { width, height, option } = await layout(this.content, sizeOf("toSvg", options));
    const made = (await echarts()).init(null, null, { renderer: "svg", ssr: true, width, height });
    try {
      made.setOption(option);
      return finished(made.renderToSVGString({ useViewBox: true }), this.label);
    } finally {
      made.dispose();
    }
  }

  /**
   * As the bytes of a PNG file, in Node.
   *
   * @throws DataError where echarts, @resvg/resvg-js or every font is missing
   */
  async toPng(options: PngOptions = {}): Promise<Uint8Array> {
    checkOptions("toPng", options, pngOptions);
    const { scale = 2, ...drawing } = options;
    aboveZero("toPng", "scale", scale);
    return pngOf(await this.toSvg(drawing), scale);
  }

  /**
   * Draws it into an element of a page, as wide as that is, and anew when its width or the page's scheme changes. Points of
   * lines say their numbers under a pointer.
   *
   *     const shown = await chart.show(document.querySelector("#curves"));
   *     shown.dispose(); // takes it away again
   *
   * @throws ArgumentError for what is no element
   */
  show(element: HTMLElement, options: ShowOptions = {}): Promise<ShownChart> {
    return showIn(element, this, options);
  }

  /**
   * Writes it to a file, in Node, whose name ends with .svg or .png; makes its folder. The file appears whole or not at all.
   *
   * @throws ArgumentError for another ending, DataError where the file can't be written
   */
  async save(path: string, options: PngOptions = {}): Promise<void> {
    checkOptions("save", options, pngOptions);
    const ending = typeof path === "string" ? /\.(svg|png)$/i.exec(path)?.[1].toLowerCase() : undefined;
    if (ending === undefined) {
      throw new ArgumentError(
        `save: the path must end with .svg or .png, got ${typeof path === "string" ? JSON.stringify(path) : kindOf(path)}`,
      );
    }
    const { scale: _, ...drawing } = options;
    const bytes =
      ending === "svg" ? new TextEncoder().encode(await this.toSvg(drawing)) : await this.toPng(options);
    await writeWhole(path, bytes);
  }
}

/** @throws ArgumentError for sizes that are none */
export function sizeOf(what: string, { width = 800, height, theme = "light" }: DrawOptions) {
  aboveZero(what, "width", width);
  if (height !== undefined) aboveZero(what, "height", height);
  return { width, height, theme: themeOf(theme) };
}

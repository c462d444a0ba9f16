// The packages that draw: ECharts, resvg and its font, loaded when they are used.

import { optionalPackage } from "../../data/sources/packages.ts";
import { DataError } from "../../engine/index.ts";
import { importByName } from "../../engine/internal.ts";

/** What is used of ECharts. */
export interface ECharts {
  init(
    element: unknown,
    theme: unknown,
    options: { renderer: "svg"; ssr?: boolean; width?: number; height?: number },
  ): ECharts.Instance;
}

export namespace ECharts {
  export interface Instance {
    setOption(option: object, isNew?: boolean): void;
    resize(size: { width: number; height: number }): void;
    renderToSVGString(options?: { useViewBox?: boolean }): string;
    dispose(): void;
  }
}

export const echarts = (): Promise<ECharts> => optionalPackage<ECharts>("echarts", "drawing a chart");

interface Resvg {
  Resvg: new (
    svg: string,
    options: object,
  ) => { render(): { asPng(): Uint8Array }; getBBox(): object | undefined };
}

/** SVG as PNG bytes. @throws DataError where resvg or every font is missing */
export async function pngOf(svg: string, scale: number): Promise<Uint8Array> {
  const { Resvg } = await optionalPackage<Resvg>("@resvg/resvg-js", "a chart as PNG");
  const options = { fitTo: { mode: "zoom", value: scale }, font: await fonts(Resvg) };
  return new Resvg(svg, options).render().asPng();
}

let known: Promise<object> | undefined;

/** DejaVu Sans where npm brought it, so that pictures are the same everywhere; else the system's. */
function fonts(resvg: Resvg["Resvg"]): Promise<object> {
  known ??= findFonts(resvg);
  known.catch(() => {
    known = undefined;
  });
  return known;
}

/** What is used of Node's modules. */
interface NodeModule {
  createRequire(from: string): { resolve(name: string): string };
}
interface NodePath {
  dirname(file: string): string;
  join(...parts: string[]): string;
}

async function findFonts(Resvg: Resvg["Resvg"]): Promise<object> {
  const { createRequire } = await importByName<NodeModule>("node:module");
  const { existsSync } = await importByName<{ existsSync(file: string): boolean }>("node:fs");
  const { dirname, join } = await importByName<NodePath>("node:path");
  for (const from of [import.meta.url, join(process.cwd(), "package.json")]) {
    try {
      const home = dirname(createRequire(from).resolve("dejavu-fonts-ttf/package.json"));
      const fontFiles = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((name) => join(home, "ttf", name));
      if (fontFiles.every((file) => existsSync(file)))
        return { fontFiles, defaultFontFamily: "DejaVu Sans", loadSystemFonts: false };
    } catch {
      // Look in the next place.
    }
  }
  // A machine without fonts draws pictures without words, and says nothing.
  const font = { loadSystemFonts: true };
  const probe = `<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><text y="15" font-family="sans-serif">a</text></svg>`;
  if (new Resvg(probe, { font }).getBBox() !== undefined) return font;
  throw new DataError("a chart as PNG needs a font, and this machine has none: npm install dejavu-fonts-ttf");
}

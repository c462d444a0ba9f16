// A chart in a page: as wide as its element, drawn anew for another width and for the dark, told under a pointer, gone again.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../scripts/setup.mjs";
import { executable, launch } from "../support/chromium.ts";

const cache = path.join(root, "node_modules/.cache/gradgpu");

const program = `
import { lineChart, surface, usePackage } from "./nn/plot/index.ts";
usePackage("echarts", () => import("echarts"));
const lines = lineChart({
  title: "Rates", xLabel: "step", yLabel: "loss (nats)", yScale: "log",
  series: [{ name: "slow", y: [1, 0.5, 0.25, 0.125] }, { name: "fast", y: [1, 0.1, 0.01, 0.001], line: "dashed" }],
});
const map = surface({ title: "Bowl", x: [-1, 1], y: [-1, 1], height: (x, y) => x * x + y * y });
window.shown = [await lines.show(document.querySelector("#lines")), await map.show(document.querySelector("#map"))];
document.title = "drawn";
`;

describe.skipIf(executable === undefined)("a chart in a page", () => {
  let browser: Browser;
  const file = path.join(cache, `plot-page-${process.pid}.html`);
  beforeAll(async () => {
    fs.mkdirSync(cache, { recursive: true });
    const made = await build({
      stdin: { contents: program, resolveDir: root, loader: "ts" },
      bundle: true,
      write: false,
      format: "esm",
      target: "es2022",
      loader: { ".wgsl": "text" },
      logLevel: "silent",
    });
    const script = made.outputFiles[0].text.replaceAll("</script", "<\\/script");
    fs.writeFileSync(
      file,
      `<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark"><body style="margin:0"><div id="lines"></div><div id="map"></div><script type="module">${script}</script>`,
    );
    browser = await launch();
  });
  afterAll(async () => {
    await browser.close();
    fs.rmSync(file, { force: true });
  });

  it("follows its element's width and the scheme, and goes away", async () => {
    const page = await browser.newPage({ viewport: { width: 900, height: 900 } });
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(pathToFileURL(file).href);
    await page.waitForFunction(() => document.title === "drawn");
    const look = () =>
      page.evaluate(() => {
        const [lines, map] = ["#lines", "#map"].map(
          (id) => document.querySelector(`${id} svg`) as SVGElement,
        );
        const holder = document.querySelector("#lines > [role=img]") as HTMLElement;
        return {
          width: lines.getBoundingClientRect().width,
          height: lines.getBoundingClientRect().height,
          texts: [...lines.querySelectorAll("text")].map((text) => text.textContent),
          label: holder.getAttribute("aria-label"),
          image: map.querySelector("image")?.getBoundingClientRect().width ?? 0,
          background: lines.querySelector("rect")?.getAttribute("fill"),
        };
      });
    const wide = await look();
    expect(wide.width).toBe(900);
    expect(wide.texts).toEqual(expect.arrayContaining(["Rates", "slow", "fast", "step", "loss (nats)"]));
    expect(wide.label).toMatch(/^Rates\. Lines of loss/);
    expect(wide.background).toBe("#ffffff");
    expect(wide.image).toBeGreaterThan(600);

    await page.setViewportSize({ width: 390, height: 844 });
    await page.waitForFunction(
      () =>
        document.querySelector("#lines svg")?.getBoundingClientRect().width === 390 &&
        document.documentElement.scrollWidth === 390,
    );
    const narrow = await look();
    expect(narrow.image).toBeLessThan(390);
    expect(narrow.texts).toContain("loss (nats)");

    await page.emulateMedia({ colorScheme: "dark" });
    await page.waitForFunction(
      () => document.querySelector("#lines svg rect")?.getAttribute("fill") === "#14181d",
    );
    const point = await page.evaluate(() => {
      const marks = [...document.querySelectorAll("#lines svg path")].filter((mark) => {
        const { width, height } = mark.getBoundingClientRect();
        return width > 3 && width < 9 && Math.abs(width - height) < 1;
      });
      const { x, y, width, height } = marks[2].getBoundingClientRect();
      return { x: x + width / 2, y: y + height / 2 };
    });
    await page.mouse.move(point.x, point.y);
    await page.waitForFunction(() =>
      /(slow|fast)/.test(
        (document.querySelector("#lines div > div + div") as HTMLElement | null)?.textContent ?? "",
      ),
    );
    await page.evaluate(() => {
      for (const one of (window as unknown as { shown: { dispose(): void }[] }).shown) one.dispose();
    });
    expect(await page.evaluate(() => document.querySelectorAll("svg").length)).toBe(0);
    expect(errors).toEqual([]);
    await page.close();
  });
});

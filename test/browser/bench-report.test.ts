// The bench's report in Chromium, at the width of a desktop and of a phone: no figure lies beyond the edge.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allCases } from "../../bench/cases/all.ts";
import { readRuns } from "../../bench/read-runs.ts";
import type { Report } from "../../bench/report.ts";
import { renderHtml } from "../../bench/reporters/html/page.ts";
import { root } from "../../scripts/setup.mjs";
import { executable, launch } from "../support/chromium.ts";

const cache = path.join(root, "node_modules/.cache/gradgpu");
const results = path.join(root, "bench/results");

/** What is kept of one adapter's runs, as one: with peers and without, few rows a case and many, a long pattern. */
async function someRun(): Promise<Report> {
  const records = fs.readdirSync(results).filter((name) => name.endsWith(".json"));
  const runs = await readRuns(path.join(results, records.sort()[0]));
  const longest = runs.reduce((a, b) => (a.options.filter.length > b.options.filter.length ? a : b));
  const rows = runs.flatMap((run) => run.rows.filter((_, i) => run.rows.length < 100 || i % 5 === 0));
  return { ...longest, rows, skipped: runs.flatMap(({ skipped }) => skipped) };
}

describe.skipIf(executable === undefined)("the bench's report", () => {
  let browser: Browser;
  beforeAll(async () => {
    fs.mkdirSync(cache, { recursive: true });
    browser = await launch();
  });
  afterAll(() => browser.close());

  it.each([
    ["desktop", 1280, 900],
    ["phone", 390, 844],
  ])("shows every figure on a %s without scrolling sideways", async (device, width, height) => {
    const page = await browser.newPage({ viewport: { width, height } });
    const file = path.join(cache, `bench-report-${process.pid}-${device}.html`);
    fs.writeFileSync(file, renderHtml(await someRun(), allCases));
    try {
      await page.goto(pathToFileURL(file).href);
      const found = await page.evaluate(() => {
        for (const each of document.querySelectorAll("details")) each.open = true;
        const cells = [...document.querySelectorAll("td")].filter((cell) => cell.textContent !== "");
        const beyond = cells.filter((cell) => cell.getBoundingClientRect().right > innerWidth);
        return {
          page: document.documentElement.scrollWidth,
          cells: cells.length,
          beyond: beyond.map((cell) => cell.textContent),
        };
      });
      expect(found.page).toBeLessThanOrEqual(width);
      expect(found.cells).toBeGreaterThan(1000);
      expect(found.beyond).toEqual([]);
    } finally {
      fs.rmSync(file);
      await page.close();
    }
  });
});

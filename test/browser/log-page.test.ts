// The page of npx gradgpu log in Chromium: it loads nothing, fits phones and wide screens, goes by keys, and shows a log's text
// as text.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { log } from "../../bin/log/command.mjs";
import { createFileWriter, readEvents } from "../../nn/index.ts";
import { root } from "../../scripts/setup.mjs";
import { executable, launch } from "../support/chromium.ts";

const folder = path.join(root, "node_modules/.cache/gradgpu", `log-page-${process.pid}`);
const evil = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`;

async function writeLogs(): Promise<void> {
  for (const [run, turn] of [
    ["first", 5],
    ["second", 99],
  ] as const) {
    const [train, validation, whole] = ["train", "validation", ""].map((part) =>
      createFileWriter(path.join(folder, run), { folder: part }),
    );
    for (let i = 0; i < 12; i++) {
      train.scalar("epoch_loss", 1 / (i + 1), i);
      validation.scalar("epoch_loss", 1 / (i + 1) + 0.1 * Math.max(0, i - turn), i);
      train.histogram("dense/kernel", [-i, 0.5, 1, 1.5, 2 * i], i);
    }
    train.text(evil, evil, 0);
    train.scalar(`${evil} accuracy`, 1, 0);
    train.image("pixel", { data: [255], width: 1, height: 1 }, 0);
    whole.hparams({ rate: turn / 1000, [evil]: evil });
    await Promise.all([train, validation, whole].map((writer) => writer.close()));
  }
}

describe.skipIf(executable === undefined)("the page of gradgpu log", () => {
  let page: Page;
  let close: () => Promise<void>;
  const complaints: string[] = [];

  beforeAll(async () => {
    await writeLogs();
    expect(await log([folder, "--title", evil], { print: () => {}, readEvents })).toBe(0);
    const browser = await launch();
    close = () => browser.close();
    page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => complaints.push(message.text()));
    page.on("request", (request) => {
      if (!/^(file|data|blob):/.test(request.url())) complaints.push(request.url());
    });
    await page.goto(pathToFileURL(path.join(folder, "log.html")).href);
  });
  afterAll(async () => {
    await close?.();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it("draws its charts without a request, an error or foreign markup", async () => {
    await page.waitForSelector(".chart canvas");
    expect(await page.evaluate("window.pwned")).toBeUndefined();
    expect(await page.textContent("h1")).toBe(evil);
    expect(await page.locator("img").count()).toBe(2);
    expect(await page.locator("pre").first().textContent()).toBe(evil);
    expect(complaints).toEqual([]);
  });

  it("says where the validation loss turns", async () => {
    const rows = await page.locator("article").first().locator("tbody tr").allTextContents();
    expect(rows).toEqual([
      "first · train0.083330.0833311",
      "first · validation0.68330.16675 turns",
      "second · train0.083330.0833311",
      "second · validation0.083330.0833311 falling",
    ]);
    // 1 / (5 + 1), and 1 / 12 + 0.6 at the end.
  });

  it.each([390, 820, 1440])("fits a screen of %i pixels, light and dark", async (width) => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
      const shade = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
      await expect
        .poll(shade, { timeout: 60_000 })
        .toBe(colorScheme === "dark" ? "rgb(15, 18, 22)" : "rgb(246, 247, 249)");
    }
    expect(complaints).toEqual([]);
  });

  it("goes by keys: smoothing, scales, runs", async () => {
    await page.locator("#smoothing").focus();
    await page.keyboard.press("End");
    expect(await page.locator("output").first().textContent()).toBe("0.99");
    await page.getByRole("button", { name: "log", exact: true }).focus();
    await page.keyboard.press("Enter");
    const run = page.locator(".run").first();
    await run.focus();
    await page.keyboard.press("Space");
    expect(await run.getAttribute("aria-pressed")).toBe("false");
    expect(await page.locator("article").first().locator("tbody tr:visible").count()).toBe(3);
    await page.getByRole("button", { name: "rate" }).focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    const order = await page.locator(".parameters tbody th").allTextContents();
    expect(order).toEqual(["second", "first"]);
    expect(complaints).toEqual([]);
  });
});

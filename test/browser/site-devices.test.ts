// The site's playground on what there is: without WebGPU and storage, on a GPU, on a phone's screen, and on a device that is lost.

import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { executable } from "../support/chromium.ts";
import { isDue } from "../support/sampled.ts";
import { builtSite, hardlyAny, patience, SiteVisit } from "../support/site.ts";

describe.skipIf(executable === undefined)("the playground's devices", () => {
  let site: SiteVisit;

  beforeAll(async () => {
    site = await SiteVisit.begin((await builtSite()).out);
  });
  afterAll(() => site?.end());

  it("may be the CPU, without storage too: it trains, and says both", async () => {
    const plain = await site.browser.newPage();
    await plain.goto(
      `${site.url.replace("localhost", "plain.test")}playground.html#data=xor&n=40&layers=Dense(units:2)`,
    );
    await plain.waitForSelector(
      '.device:has-text("CPU reference, exact and slow: WebGPU needs https")',
      patience,
    );
    await plain.waitForSelector(".button.primary:not([disabled])", patience);
    await plain.click('button:has-text("Epoch") >> nth=0');
    await plain.waitForSelector('.problem:has-text("This run is not kept in the browser")', patience);
    expect(await plain.textContent('[data-number="Epoch"]')).toBe("1");
    await plain.close();
  });

  it("have their names, and leave a phone's width alone", async () => {
    const { page } = site;
    await page.setViewportSize({ width: 390, height: 844 });
    await site.open("playground.html#data=circles&layers=Dense(units:2)");
    await site.built();
    expect(await page.textContent(".device")).toMatch(/WebGPU: swiftshader/i);
    expect(await site.shifts()).toBeLessThan(hardlyAny);
    for (const tab of ["code", "runs", "layers"]) {
      await page.click(`#tab-${tab}`);
      const width = await page.evaluate("document.documentElement.scrollWidth");
      expect(width, tab).toBeLessThanOrEqual(390);
    }
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  it.runIf(isDue(1))(
    "may be lost: while it trains, and before a net is trained, tried or saved",
    async () => {
      const { page } = site;
      const worker = page.workers()[0];
      await worker.evaluate(`{
      const make = GPUDevice.prototype.createCommandEncoder;
      GPUDevice.prototype.createCommandEncoder = function (...options) {
        globalThis.device = this;
        return make.apply(this, options);
      };
    }`);
      await page.click('.button.primary:has-text("Train")');
      await site.reach("Epoch", 3);
      await worker.evaluate("device.destroy()");
      await site.reach("Epoch", (await site.number("Epoch")) + 5);
      await page.click('.button.primary:has-text("Pause")');
      await site.idle();
      const epoch = await site.number("Epoch");
      await page.click("#tab-runs");
      await page.waitForSelector(".runs .current", patience);
      await worker.evaluate("device.destroy()");
      await site.epoch(epoch + 1);
      await page.waitForSelector('.notice:has-text("The graphics device was lost")', patience);
      await page.click(".notice button");
      const steps = await site.number("Steps");
      await worker.evaluate("device.destroy()");
      const [download] = await Promise.all([
        page.waitForEvent("download", patience),
        page.click('button:has-text("Save the net")'),
      ]);
      await page.waitForSelector(`.notice:has-text("as it was at step ${steps}")`, patience);
      const buffer = fs.readFileSync(await download.path());
      await worker.evaluate("device.destroy()");
      const file = { name: "net.safetensors", mimeType: "application/octet-stream", buffer };
      await page.setInputFiles('input[aria-label="safetensors file"]', file);
      await page.waitForSelector('.notice:has-text("net.safetensors is loaded")', patience);
      await site.epoch(1);
      expect(await site.problems()).toEqual([]);
    },
  );

  it("has complained of nothing, and asked no other server", () => {
    expect(site.complaints).toEqual([]);
  });
});

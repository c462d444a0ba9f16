// The site's playground in Chromium: it trains, steps, shares a set-up, saves and loads a net, names a digit, and goes on in
// another tab.

import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { executable } from "../support/chromium.ts";
import { isDue } from "../support/sampled.ts";
import { builtSite, hardlyAny, patience, SiteVisit } from "../support/site.ts";

describe.skipIf(executable === undefined)("the playground", () => {
  let site: SiteVisit;
  /** A saved net, for points of two coordinates. */
  let savedNet: Buffer;

  beforeAll(async () => {
    site = await SiteVisit.begin((await builtSite()).out);
  });
  afterAll(() => site?.end());

  // The float64 reference is quicker to start than a software adapter, and the numbers are the same each time.
  it("trains the spiral to 95 %, pauses, and goes on where it was in another tab", async () => {
    await site.open("playground.html?device=cpu");
    await site.built();
    expect(await site.page.textContent(".device")).toContain("CPU reference");
    await site.train("Right", 95);
    const epoch = await site.number("Epoch");
    expect(epoch).toBeGreaterThan(5);
    // Those who hear the page are told where it stopped.
    expect(await site.page.textContent('.controls [role="status"]')).toMatch(
      new RegExp(`^Epoch ${epoch}, step \\d+: loss 0\\.\\d+, validation 0\\.\\d+, Right [\\d.]+ %\\.$`),
    );
    await site.page.waitForSelector(".look .histogram", patience);
    expect(await site.page.locator(".look").count()).toBe(3);
    expect(await site.page.locator(".unit").count()).toBeGreaterThan(0);
    await site.page.click("#tab-runs");
    await site.page.waitForSelector(".runs .current", patience);
    const place = site.page.url();
    // Another tab must not write to this one's run.
    const other = await site.newTab();
    await other.goto(place);
    await other.waitForSelector('.notice:has-text("goes on with a copy")', patience);
    await other.close();
    await site.page.close();
    site.page = await site.newTab();
    await site.page.goto(place);
    await site.page.waitForSelector('.notice:has-text("Went on with the kept run")', patience);
    await site.reach("Epoch", epoch, true);
    expect(await site.problems()).toEqual([]);
    // What is said of it takes no room from what stands there already.
    expect(await site.shifts()).toBeLessThan(hardlyAny);
    const names = await site.page
      .locator('.plot-area[role="img"]')
      .evaluateAll((plots) => plots.map((plot) => plot.getAttribute("aria-label")));
    const numbers = (form: string) => `${form} of training, ${form} of validation after epoch ${epoch}$`;
    expect(names).toEqual([
      expect.stringMatching(`^Loss by epoch: ${numbers("0\\.\\d+")}`),
      expect.stringMatching(`^Right by epoch: ${numbers("[\\d.]+ %")}`),
    ]);
  });

  it("takes single steps, and shows them op by op", async () => {
    await site.open("playground.html?device=cpu#data=xor&layers=Dense(units:3,activation:tanh)");
    await site.built();
    await site.page.click('button:has-text("Step") >> nth=0');
    await site.reach("Steps", 1, true);
    await site.page.click("#tab-steps");
    const frame = site.page.frameLocator("iframe.walk");
    await frame.locator("html.js #next").click(patience);
    expect(await frame.locator("article:not([hidden]) h2").textContent()).toMatch(/matmul/);
  });

  it("keeps a set-up in its address, and says what is wrong with a net", async () => {
    await site.open("playground.html?device=cpu#data=moons&layers=Dense(units:4)");
    await site.built();
    const { page } = site;
    await page.selectOption('select[aria-label="Add a layer"]', "Conv2D");
    await page.waitForSelector(".panel-model .problem", patience);
    expect(await page.textContent(".panel-model .problem")).toMatch(/Conv2D/);
    await page.click('button[aria-label$=", Conv2D"][aria-label^="Remove layer"]');
    await site.built();
    await page.selectOption('select[aria-label="Add a layer"]', "Dropout");
    await page.waitForFunction(
      "document.querySelectorAll('.layer:not(.layer-fixed):not(.layer-add)').length === 2",
    );
    const shared = page.url();
    expect(decodeURIComponent(shared)).toContain("layers=Dense(units:4)~Dropout");
    await site.open(shared.slice(site.url.length));
    await site.built();
    expect(await page.locator(".layer .layer-name").allTextContents()).toEqual([
      "Input",
      "Dense",
      "Dropout",
      "Dense",
    ]);
    await page.click("#tab-code");
    expect(await page.textContent("#code")).toContain("new Dropout(0.2)");
    await page.click('button:has-text("Keras")');
    expect(await page.textContent("#code")).toContain("layers.Dropout(0.2)");
  });

  it("saves a net as safetensors, loads it as a run of its own, and refuses what is none", async () => {
    const { page } = site;
    await site.epoch(1);
    await page.click("#tab-runs");
    const [download] = await Promise.all([
      page.waitForEvent("download", patience),
      page.click('button:has-text("Save the net")'),
    ]);
    savedNet = fs.readFileSync(await download.path());
    const header = JSON.parse(savedNet.subarray(8, 8 + Number(savedNet.readBigUInt64LE(0))).toString());
    expect(Object.keys(header)).toContain("model/dense/kernel");
    const chooser = 'input[aria-label="safetensors file"]';
    const file = { name: "net.safetensors", mimeType: "application/octet-stream", buffer: savedNet };
    await page.waitForSelector(".runs .current", patience);
    const runs = "document.querySelectorAll('.runs tbody tr').length";
    const before = (await page.evaluate(runs)) as number;
    await page.setInputFiles(chooser, file);
    await page.waitForSelector('.notice:has-text("net.safetensors")', patience);
    await site.epoch(1);
    await page.waitForFunction(`${runs} === ${before + 1}`, undefined, patience);
    await page.setInputFiles(chooser, { ...file, buffer: Buffer.from("<b>no</b>") });
    await site.problem("net.safetensors: has 9 bytes, too few");
    expect(await page.locator(".problems b").count()).toBe(0);
  });

  it("lays kept runs over this one, those of another loss over its metric alone", async () => {
    const { page } = site;
    await site.open("playground.html?device=cpu#data=moons&loss=meanSquaredError&layers=Dense(units:4)");
    await site.built();
    await site.epoch(1);
    await page.click("#tab-runs");
    await page.waitForSelector(".runs .current", patience);
    await page.locator(".compare input").first().check();
    await page.waitForSelector('.plot figcaption:has-text("Loss (a kept run of another loss left out)")');
    expect(await page.locator(".plot figcaption").allTextContents()).toContain("Right");
    expect(await page.locator(".legend .stroke-other").count()).toBe(1);
    // One that is gone is laid over nothing; it goes when the question is answered, and the focus stays in the table.
    const rows = page.locator(".runs tbody tr");
    const before = await rows.count();
    const row = rows.filter({ has: page.locator(".compare input:checked") });
    await row.locator('button:has-text("Remove")').click();
    expect(await rows.count()).toBe(before);
    await row.locator('button:has-text("Remove for good?")').click();
    await page.waitForFunction(
      `document.querySelectorAll(".runs tbody tr").length === ${before - 1}`,
      undefined,
      patience,
    );
    expect(await page.locator(".legend .stroke-other").count()).toBe(0);
    expect(await page.evaluate("document.activeElement.closest('.runs') !== null")).toBe(true);
  });

  it("offers to remove all but the latest of many runs, and one that is damaged", async () => {
    const { page } = site;
    await site.open("playground.html?device=cpu#data=xor&n=40&layers=Dense(units:2)");
    await site.built();
    await site.epoch(1);
    await page.click("#tab-runs");
    await page.waitForSelector(".runs .current", patience);
    expect(await page.locator('button:has-text("Remove all but")').count()).toBe(0);
    await page.evaluate(`(async () => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("gradgpu-playground");
      const [name] = (await Array.fromAsync(folder.keys())).filter((one) => one.endsWith(".run"));
      const bytes = await (await (await folder.getFileHandle(name)).getFile()).arrayBuffer();
      for (let i = 0; i <= 24; i++) {
        const file = await (await folder.getFileHandle("copy-" + i + ".run", { create: true })).createWritable();
        await file.write(i === 24 ? "damaged" : bytes);
        await file.close();
      }
    })()`);
    await site.epoch(2);
    const rows = page.locator(".runs tbody tr");
    const damaged = rows.filter({ hasText: "This run is damaged" });
    await damaged.waitFor(patience);
    expect(await site.seriousFaults()).toEqual([]);
    const before = await rows.count();
    await damaged.locator('button:has-text("Remove")').click();
    await damaged.locator('button:has-text("Remove for good?")').click();
    await damaged.waitFor({ state: "detached", ...patience });
    expect(await rows.count()).toBe(before - 1);
    await page.click('button:has-text("Remove all but the latest 20")');
    expect(await rows.count()).toBe(before - 1);
    await page.click(`button:has-text("Remove ${before - 21} runs for good?")`);
    await page.waitForFunction(
      `document.querySelectorAll(".runs tbody tr").length === 20`,
      undefined,
      patience,
    );
    expect(await page.locator(".runs .current").count()).toBe(1);
    expect(await page.locator('button:has-text("Remove all but")').count()).toBe(0);
    expect(await page.evaluate("document.activeElement.closest('.runs') !== null")).toBe(true);
    expect(await site.problems()).toEqual([]);
  });

  it("names a digit that is drawn", async () => {
    const { page } = site;
    await site.open("playground.html?device=cpu#data=mnist&n=600&lr=0.01&layers=Flatten~Dense(units:16)");
    await site.built();
    await site.train("Epoch", 5);
    await page.locator(".pad").scrollIntoViewIfNeeded();
    const box = (await page.locator(".pad").boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.53, box.y + box.height * 0.2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.5, { steps: 4 });
    await page.mouse.move(box.x + box.width * 0.47, box.y + box.height * 0.8, { steps: 4 });
    await page.mouse.up();
    await page.waitForSelector('.panel-draw .hint:has-text("The net says")', patience);
    expect(await page.textContent(".panel-draw .hint")).toMatch(/^The net says 1, /);
    // An image of one's own, dark on bright as on paper, is tried as well.
    await page.evaluate(`(async () => {
      const canvas = new OffscreenCanvas(84, 84);
      const context = canvas.getContext("2d");
      context.fillStyle = "white";
      context.fillRect(0, 0, 84, 84);
      context.fillStyle = "black";
      context.fillRect(38, 14, 9, 56);
      const data = new DataTransfer();
      data.items.add(new File([await canvas.convertToBlob()], "one.png"));
      document.querySelector(".panel-draw").dispatchEvent(
        new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    })()`);
    await page.waitForFunction(
      `document.querySelector(".panel-draw .pad").getContext("2d").getImageData(112, 112, 1, 1).data[0] > 200`,
      undefined,
      patience,
    );
    await page.waitForFunction(
      `/^The net says 1, /.test(document.querySelector(".panel-draw .hint").textContent)`,
      undefined,
      patience,
    );
    await page.setInputFiles('input[aria-label="Image to try"]', {
      name: "no.png",
      mimeType: "image/png",
      buffer: Buffer.from("<b>no</b>"),
    });
    await site.problem("no.png");
    await page.click('.problem:has-text("no.png") button');
    // A net for other data is refused, and this one stays.
    await page.click("#tab-runs");
    const file = { name: "points.safetensors", mimeType: "application/octet-stream", buffer: savedNet };
    await page.setInputFiles('input[aria-label="safetensors file"]', file);
    await site.problem("points.safetensors: its net takes samples of shape [2]");
    expect(await site.number("Epoch")).toBeGreaterThanOrEqual(5);
  });

  it.runIf(isDue(0))("calls pieces of clothing by the library's names", async () => {
    await site.open("playground.html?device=cpu#data=fashion&n=100&layers=Flatten");
    await site.page.waitForSelector('.share-name:has-text("Ankle boot")', patience);
  });

  it("stops with a sentence where the loss is no number, and keeps nothing of it", async () => {
    await site.open("playground.html?device=cpu#data=hills&n=40&opt=sgd&lr=100&layers=Dense(units:4)");
    await site.built();
    await site.page.click('.button.primary:has-text("Train")');
    await site.problem("Lower the learning rate");
    await site.idle();
    await site.page.reload();
    await site.built();
    expect(await site.number("Epoch")).toBe(0);
    expect(await site.problems()).toEqual([]);
  });

  it("has complained of nothing, and asked no other server", () => {
    expect(site.complaints).toEqual([]);
  });
});

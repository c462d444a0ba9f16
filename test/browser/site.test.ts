// The built site in Chromium, served from a subfolder: the playground trains, steps, shares, keeps, saves and loads; every
// page asks nobody else for anything, and axe finds nothing serious.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../scripts/setup.mjs";
import { buildSite } from "../../site/build/build.mjs";
import { writeOffline } from "../../site/build/offline.mjs";
import { serveFolder } from "../../site/build/serve.mjs";
import { contextWithKernels, executable, keepKernels, launchWithWebGpu } from "../support/chromium.ts";
import { isDue, sampled } from "../support/sampled.ts";

const out = path.join(root, "node_modules/.cache/gradgpu", `site-${process.pid}`);
const axeFile = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

interface AxeResult {
  readonly violations: readonly { id: string; impact: string; nodes: readonly { target: string[] }[] }[];
}

describe.skipIf(executable === undefined)("the site", () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let server: Awaited<ReturnType<typeof serveFolder>>;
  const complaints: string[] = [];
  let snippets: Awaited<ReturnType<typeof buildSite>>["snippets"];
  /** A saved net, for points of two coordinates. */
  let savedNet: Buffer;

  beforeAll(async () => {
    ({ snippets } = await buildSite(out));
    server = await serveFolder(out, 0, "/some/folder/");
    // A page that is neither of https nor of localhost: no WebGPU there, and no storage.
    browser = await launchWithWebGpu(["--host-resolver-rules=MAP plain.test localhost"]);
    context = await contextWithKernels(browser, server.url, {
      viewport: { width: 1280, height: 900 },
      reducedMotion: "reduce",
    });
    context.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(server.url) && !/^(data|blob):/.test(url)) complaints.push(`asked for ${url}`);
    });
    context.on("response", (response) => {
      if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
    });
    await context.addInitScript(`
      globalThis.shifts = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shifts += entry.value;
      }).observe({ type: "layout-shift", buffered: true });`);
    page = await newTab();
  });

  const newTab = async () => {
    const tab = await context.newPage();
    tab.on("pageerror", (error) => complaints.push(error.message));
    return tab;
  };
  /** How far things moved by themselves; what lies under it are digits that grow. */
  const shifts = () => page.evaluate("shifts") as Promise<number>;
  const hardlyAny = 0.001;

  afterAll(async () => {
    if (context !== undefined) await keepKernels(context);
    await browser?.close();
    await server?.close();
    fs.rmSync(out, { recursive: true, force: true });
  });

  /** Waiting ends when the machine is slow, not when the page hangs. */
  const patience = { timeout: 150_000 };
  const open = async (place: string) => {
    await page.goto("about:blank");
    await page.goto(server.url + place);
  };
  const built = () => page.waitForSelector('.tag:has-text("parameters")', patience);
  const number = async (name: string) =>
    Number.parseFloat(((await page.textContent(`[data-number="${name}"]`)) ?? "").replaceAll(",", ""));
  const idle = () => page.waitForSelector('.button.primary:not([disabled]):has-text("Train")', patience);
  const seriousFaults = async (rules?: string[]) => {
    await page.addScriptTag({ path: axeFile });
    const options = rules === undefined ? {} : { runOnly: rules };
    const { violations } = (await page.evaluate(`axe.run(${JSON.stringify(options)})`)) as AxeResult;
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
  };

  // The float64 reference is quicker to start than a software adapter, and the numbers are the same each time.
  it("trains the spiral to 95 %, pauses, and goes on where it was in another tab", async () => {
    await open("playground.html?device=cpu");
    await built();
    expect(await page.textContent(".device")).toContain("CPU reference");
    await page.click('.button.primary:has-text("Train")');
    await page.waitForFunction(
      `Number.parseFloat(document.querySelector('[data-number="Right"]')?.textContent ?? "") >= 95`,
      undefined,
      { ...patience, polling: 100 },
    );
    await page.click('.button.primary:has-text("Pause")');
    await idle();
    const epoch = await number("Epoch");
    expect(epoch).toBeGreaterThan(5);
    await page.waitForSelector(".look .histogram", patience);
    expect(await page.locator(".look").count()).toBe(3);
    expect(await page.locator(".unit").count()).toBeGreaterThan(0);
    await page.click("#tab-runs");
    await page.waitForSelector(".runs .current", patience);
    const place = page.url();
    await page.close();
    page = await newTab();
    await page.goto(place);
    await page.waitForSelector(".notice", patience);
    await page.waitForFunction(
      `document.querySelector('[data-number="Epoch"]')?.textContent === "${epoch}"`,
      undefined,
      patience,
    );
    expect(await page.locator(".problem").allTextContents()).toEqual([]);
  });

  it("takes single steps, and shows them op by op", async () => {
    await open("playground.html?device=cpu#data=xor&layers=Dense(units:3,activation:tanh)");
    await built();
    await page.click('button:has-text("Step") >> nth=0');
    await page.waitForFunction(
      `document.querySelector('[data-number="Steps"]').textContent === "1"`,
      undefined,
      patience,
    );
    await page.click("#tab-steps");
    const frame = page.frameLocator("iframe.walk");
    await frame.locator("#next").click(patience);
    expect(await frame.locator("article:not([hidden]) h2").textContent()).toMatch(/matmul/);
  });

  it("keeps a set-up in its address, and says what is wrong with a net", async () => {
    await open("playground.html?device=cpu#data=moons&layers=Dense(units:4)");
    await built();
    await page.selectOption('select[aria-label="Add a layer"]', "Conv2D");
    await page.waitForSelector(".panel-model .problem", patience);
    expect(await page.textContent(".panel-model .problem")).toMatch(/Conv2D/);
    await page.click('button[aria-label="Remove Conv2D"]');
    await built();
    await page.selectOption('select[aria-label="Add a layer"]', "Dropout");
    await page.waitForFunction(
      "document.querySelectorAll('.layer:not(.layer-fixed):not(.layer-add)').length === 2",
    );
    const shared = page.url();
    expect(decodeURIComponent(shared)).toContain("layers=Dense(units:4)~Dropout");
    await open(
      `${new URL(shared).pathname.replace("/some/folder/", "")}${new URL(shared).search}${new URL(shared).hash}`,
    );
    await built();
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

  it("saves a net as safetensors, loads it, and refuses what is none", async () => {
    await page.click('button:has-text("Epoch") >> nth=0');
    await page.waitForFunction(
      `document.querySelector('[data-number="Epoch"]').textContent === "1"`,
      undefined,
      patience,
    );
    await idle();
    await page.click("#tab-runs");
    const [download] = await Promise.all([
      page.waitForEvent("download", patience),
      page.click('button:has-text("Save the net")'),
    ]);
    const bytes = fs.readFileSync(await download.path());
    savedNet = bytes;
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString());
    expect(Object.keys(header)).toContain("model/dense/kernel");
    const file = { name: "net.safetensors", mimeType: "application/octet-stream", buffer: bytes };
    await page.setInputFiles('input[aria-label="safetensors file"]', file);
    await page.waitForSelector('.notice:has-text("net.safetensors")', patience);
    await page.setInputFiles('input[aria-label="safetensors file"]', {
      ...file,
      buffer: Buffer.from("<b>no</b>"),
    });
    await page.waitForSelector(".problems .problem", patience);
    expect(await page.locator(".problems b").count()).toBe(0);
  });

  it("takes a CSV file, and says what is wrong with another", async () => {
    const rows = Array.from(
      { length: 40 },
      (_, i) => `${Math.sin(i)},${Math.cos(i * 2)},${i % 2 ? "on" : "off"}`,
    );
    const file = (text: string) => ({ name: "own.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
    const chooser = 'input[aria-label="CSV file"]';
    const large = path.join(out, "large.csv");
    fs.closeSync(fs.openSync(large, "w"));
    fs.truncateSync(large, 300e6);
    await page.setInputFiles(chooser, large);
    await page.waitForSelector('.problems .problem:has-text("large.csv has 300 MB")', patience);
    fs.rmSync(large);
    const picture = {
      name: "picture.csv",
      mimeType: "text/csv",
      buffer: Buffer.from("iVBORw0KGgoAAAANSUhEUg", "base64"),
    };
    await page.setInputFiles(chooser, picture);
    await page.waitForSelector('.problems .problem:has-text("picture.csv is no text")', patience);
    await page.setInputFiles(chooser, file("a,b\n1,<img>\n"));
    await page.waitForSelector('.problems .problem:has-text("own.csv")', patience);
    expect(await page.locator(".problems img").count()).toBe(0);
    const header = "<img src=x onerror=hurt=1>,<script>hurt=1</script>,c";
    await page.setInputFiles(chooser, {
      ...file(`${header}\n${rows.join("\n")}`),
      name: "<img src=x onerror=hurt=1>.csv",
    });
    await page.waitForSelector('.hint:has-text("32 samples to train on")', patience);
    await page.click('button:has-text("Epoch") >> nth=0');
    await page.waitForFunction(
      `document.querySelector('[data-number="Epoch"]').textContent === "1"`,
      undefined,
      patience,
    );
    await idle();
    await page.fill("#trial", "0.5; none");
    await page.waitForSelector('.panel-try .field-problem:has-text("“none” is no number")', patience);
    await page.fill("#trial", "0.5, -0.5");
    await page.waitForSelector('.panel-try .hint:has-text("The net says")', patience);
    await page.click("#tab-runs");
    await page.waitForSelector(".runs .current", patience);
    expect(await page.evaluate("[typeof hurt, document.querySelectorAll('#playground img').length]")).toEqual(
      ["undefined", 0],
    );
    // Three classes have another loss than those that the address's data begin with.
    const kinds = ["red", "green", "blue"];
    const three = rows.map((row, i) => row.replace(/o(n|ff)$/, kinds[i % 3]));
    await page.setInputFiles(chooser, { ...file(three.join("\n")), name: "three.csv" });
    await page.waitForSelector('.own:has-text("three.csv")', patience);
    await built();
    await page.click('button:has-text("Epoch") >> nth=0');
    const atOne = () =>
      page.waitForFunction(
        `document.querySelector('[data-number="Epoch"]')?.textContent === "1"`,
        undefined,
        patience,
      );
    await atOne();
    await idle();
    await page.waitForSelector(".runs .current", patience);
    await page.reload();
    await page.waitForSelector('.own:has-text("three.csv")', patience);
    await atOne();
    expect(await page.locator(".problem").allTextContents()).toEqual([]);
  });

  it("takes images by class and texts, and has them again after a reload", async () => {
    const epoch = (value: number) =>
      page.waitForFunction(
        `document.querySelector('[data-number="Epoch"]')?.textContent === "${value}"`,
        undefined,
        patience,
      );
    await open("playground.html?device=cpu#data=images&layers=Flatten~Dense(units:4)");
    await page.selectOption('.panel:has-text("Your images") select', "16");
    await page.evaluate(`(async () => {
      const data = new DataTransfer();
      for (let i = 0; i < 12; i++) {
        const canvas = new OffscreenCanvas(20 + i, 24);
        const context = canvas.getContext("2d");
        context.fillStyle = i % 2 ? "red" : "blue";
        context.fillRect(0, 0, 99, 99);
        data.items.add(new File([await canvas.convertToBlob()], (i % 2 ? "red_" : "blue_") + i + ".png"));
      }
      const panel = [...document.querySelectorAll(".panel")].find((one) => one.textContent.includes("Your images"));
      panel.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    })()`);
    await page.waitForSelector('.own:has-text("12 images: blue, red")', patience);
    await page.waitForSelector('.hint:has-text("10 samples to train on")', patience);
    await page.click('button:has-text("Epoch") >> nth=0');
    await epoch(1);
    await idle();
    await page.evaluate(`(async () => {
      const canvas = new OffscreenCanvas(30, 30);
      const context = canvas.getContext("2d");
      context.fillStyle = "red";
      context.fillRect(0, 0, 30, 30);
      const data = new DataTransfer();
      data.items.add(new File([await canvas.convertToBlob()], "mine.png"));
      document.querySelector(".panel-try").dispatchEvent(
        new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    })()`);
    await page.waitForSelector('.panel-try .hint:has-text("The net says")', patience);
    expect(
      await page.evaluate(
        `[...document.querySelector(".seen").getContext("2d").getImageData(64, 64, 1, 1).data].slice(0, 3)`,
      ),
    ).toEqual([255, 0, 0]);
    await page.click("#tab-runs");
    await page.waitForSelector(".runs .current", patience);
    await page.reload();
    await page.waitForSelector('.own:has-text("12 images: blue, red")', patience);
    await epoch(1);
    await page.click('button:has-text("Epoch") >> nth=0');
    await epoch(2);
    await idle();
    const lines = Array.from(
      { length: 20 },
      (_, i) => `${i % 2 ? "spam" : "ham"}\t<b>${i % 2 ? "free" : "dear"}</b> ${i}`,
    );
    const file = { name: "texts.tsv", mimeType: "text/plain", buffer: Buffer.from(lines.join("\n")) };
    await page.setInputFiles('input[aria-label="Text file"]', file);
    await page.waitForSelector('.own:has-text("texts.tsv: ham, spam")', patience);
    await page.waitForSelector('.layer-name:has-text("Embedding")', patience);
    await page.waitForSelector('.hint:has-text("16 samples to train on")', patience);
    await built();
    await page.click('.button.primary:has-text("Train")');
    await page.waitForFunction(
      `Number(document.querySelector('[data-number="Epoch"]').textContent) >= 40`,
      undefined,
      { ...patience, polling: 100 },
    );
    await page.click('.button.primary:has-text("Pause")');
    await idle();
    await page.fill("#trial", "<b>free</b> <b>free</b> <b>free</b>");
    await page.waitForSelector('.panel-try .hint:has-text("The net says spam")', patience);
    expect(await page.locator(".problem").allTextContents()).toEqual([]);
  });

  it("names a digit that is drawn", async () => {
    await open("playground.html?device=cpu#data=mnist&n=600&lr=0.01&layers=Flatten~Dense(units:16)");
    await built();
    await page.click('.button.primary:has-text("Train")');
    await page.waitForFunction(
      `Number(document.querySelector('[data-number="Epoch"]')?.textContent) >= 5`,
      undefined,
      { ...patience, polling: 100 },
    );
    await page.click('.button.primary:has-text("Pause")');
    await idle();
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
    await page.waitForSelector('.problem:has-text("no.png")', patience);
    await page.click('.problem:has-text("no.png") button');
    // A net for other data is refused, and this one stays.
    await page.click("#tab-runs");
    const file = { name: "points.safetensors", mimeType: "application/octet-stream", buffer: savedNet };
    await page.setInputFiles('input[aria-label="safetensors file"]', file);
    await page.waitForSelector(
      '.problem:has-text("points.safetensors: its net takes samples of shape [2]")',
      patience,
    );
    expect(await number("Epoch")).toBeGreaterThanOrEqual(5);
  });

  it("stops with a sentence where the loss is no number, and keeps nothing of it", async () => {
    await open("playground.html?device=cpu#data=hills&n=40&opt=sgd&lr=100&layers=Dense(units:4)");
    await built();
    await page.click('.button.primary:has-text("Train")');
    await page.waitForSelector('.problem:has-text("Lower the learning rate")', patience);
    await idle();
    await page.reload();
    await built();
    expect(await number("Epoch")).toBe(0);
    expect(await page.locator(".problem").count()).toBe(0);
  });

  it("trains without WebGPU and without storage, and says both", async () => {
    const plain = await browser.newPage();
    await plain.goto(
      `${server.url.replace("localhost", "plain.test")}playground.html#data=xor&n=40&layers=Dense(units:2)`,
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

  it("names the GPU where there is one, and leaves a phone's width alone", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await open("playground.html#data=circles&layers=Dense(units:2)");
    await built();
    expect(await page.textContent(".device")).toMatch(/WebGPU: swiftshader/i);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(390);
    expect(await shifts()).toBeLessThan(hardlyAny);
    await open("docs/tensors.html");
    await page.waitForFunction("document.readyState === 'complete'");
    expect(await shifts()).toBe(0);
    await open("playground.html#data=circles&layers=Dense(units:2)");
    await built();
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  it.runIf(isDue(1))(
    "goes on where the graphics device is lost, while it trains and while it waits",
    async () => {
      const worker = page.workers()[0];
      await worker.evaluate(`{
      const make = GPUDevice.prototype.createCommandEncoder;
      GPUDevice.prototype.createCommandEncoder = function (...options) {
        globalThis.device = this;
        return make.apply(this, options);
      };
    }`);
      const reach = (epoch: number) =>
        page.waitForFunction(
          `Number(document.querySelector('[data-number="Epoch"]').textContent.replace(",", "")) >= ${epoch}`,
          undefined,
          patience,
        );
      await page.click('.button.primary:has-text("Train")');
      await reach(3);
      await worker.evaluate("device.destroy()");
      await reach((await number("Epoch")) + 5);
      await page.click('.button.primary:has-text("Pause")');
      await idle();
      const epoch = await number("Epoch");
      await page.click("#tab-runs");
      await page.waitForSelector(".runs .current", patience);
      await worker.evaluate("device.destroy()");
      await page.click('button:has-text("Epoch") >> nth=0');
      await page.waitForSelector('.notice:has-text("The graphics device was lost")', patience);
      await reach(epoch + 1);
      expect(await page.locator(".problem").allTextContents()).toEqual([]);
    },
  );

  it("has pages that search, and links that lead somewhere", async () => {
    await open("docs/training.html");
    await page.fill("#search", "dying relu");
    await page.waitForSelector("#found a", patience);
    expect(await page.locator("#found a").first().getAttribute("href")).toMatch(/dying-relu/);
    const missing: string[] = [];
    for (const name of fs
      .readdirSync(out, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".html"))) {
      const text = fs.readFileSync(path.join(out, name), "utf8");
      for (const [, target] of text.matchAll(/\s(?:href|src)="([^"#?]+)[^"]*"/g)) {
        if (/^(https?|data|mailto):/.test(target)) continue;
        if (!fs.existsSync(path.join(out, path.dirname(name), target))) missing.push(`${name}: ${target}`);
      }
    }
    expect(missing).toEqual([]);
  });

  it("runs the programs of the docs where they stand", async () => {
    // Those that say what a GPU's kernels are need one.
    const pages = ["autograd", "custom", "data", "diagnosis", "optimizers", "tensors", "training"];
    let ran = 0;
    for (const name of sampled(pages, pages.length)) {
      await open(`docs/${name}.html?device=cpu`);
      const programs = page.locator(".snippet");
      for (let i = 0; i < (await programs.count()); i++) {
        const program = programs.nth(i);
        const code = (await program.locator("pre").textContent()) as string;
        // It asks for the GPU.
        if (code.includes('"webgpu"')) continue;
        await program.locator("button").click();
        await page.waitForFunction(
          `document.querySelectorAll(".snippet")[${i}].dataset.state === "ended"`,
          undefined,
          patience,
        );
        expect(await program.locator(".snippet-state").textContent()).toMatch(/^It took/);
        const printed = ((await program.locator("output").textContent()) as string)
          .split("\n")
          .filter((text) => !text.startsWith("gradgpu: init: this browser offers no WebGPU"));
        const said = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map(([, text]) => text);
        if (said.length > 0) expect([name, i, printed]).toEqual([name, i, said]);
        ran++;
      }
    }
    expect(ran).toBeGreaterThan(0);
    expect(snippets.running).toBeGreaterThan(40);
    await open("docs/saving.html");
    expect(await page.locator(".snippet").count()).toBe(0);
  });

  it("ends a program that never does, and shows what it prints as text", async () => {
    // What a service worker has kept comes past the route.
    const own = await browser.newContext({ serviceWorkers: "block" });
    const tab = await own.newPage();
    await tab.route("**/programs/*.js", (route) =>
      route.fulfill({
        contentType: "text/javascript",
        body: 'console.log("<img src=x onerror=hurt=1>"); for (;;);',
      }),
    );
    await tab.goto(`${server.url}docs/jit.html?device=cpu`);
    const program = tab.locator(".snippet").first();
    await program.locator('button:has-text("Run")').click();
    await tab.waitForFunction(`document.querySelector(".snippet output").textContent !== ""`);
    expect(await program.locator("button").getAttribute("aria-label")).toMatch(/^Stop: ./);
    await program.locator('button:has-text("Stop")').click();
    expect(await program.locator(".snippet-state").textContent()).toBe("Stopped.");
    expect(await tab.locator("output img").count()).toBe(0);
    await own.close();
  });

  it.each([
    "playground.html?device=cpu",
    ...sampled([
      "index.html?device=cpu",
      "lessons/index.html",
      "docs/workers.html",
      "api/gradgpu-worker.html",
      "docs/ops.html",
      "docs/runtimes.html",
    ]),
  ])("%s has nothing that axe calls serious, light and dark, and stays where it is", async (place) => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await open(place);
      if (place.startsWith("playground")) await built();
      expect(await shifts()).toBeLessThan(hardlyAny);
      // The dark page differs by its colours alone.
      expect(await seriousFaults(colorScheme === "dark" ? ["color-contrast"] : undefined)).toEqual([]);
    }
    await page.emulateMedia({ colorScheme: null });
  });

  it("has a button for its theme", async () => {
    await open("docs/index.html");
    await page.click("#theme");
    await page.click("#theme");
    expect(await page.getAttribute("html", "data-theme")).toBe("dark");
    await page.reload();
    expect(await page.getAttribute("html", "data-theme")).toBe("dark");
    await page.click("#theme");
    expect(await page.getAttribute("html", "data-theme")).toBeNull();
  });

  it.runIf(isDue(2))(
    "opens and trains without a network, and takes a newer build at the visit after",
    async () => {
      const { port } = new URL(server.url);
      const first = "playground.html?device=cpu#data=xor&n=40&layers=Dense(units:2)";
      await open(first);
      await page.evaluate("navigator.serviceWorker.ready.then(() => undefined)");
      await page.waitForFunction("navigator.serviceWorker.controller !== null", undefined, patience);
      await server.close();
      try {
        await open(first);
        await built();
        await page.click('button:has-text("Epoch") >> nth=0');
        await page.waitForFunction(
          `document.querySelector('[data-number="Epoch"]').textContent === "1"`,
          undefined,
          patience,
        );
        await open("docs/");
        await page.fill("#search", "dying relu");
        await page.waitForSelector("#found a", patience);
        const file = path.join(out, "lessons", "index.html");
        fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace("<title>", "<title>Newer "));
        writeOffline(out);
      } finally {
        server = await serveFolder(out, Number(port), "/some/folder/");
      }
      await open("lessons/index.html");
      expect(await page.title()).not.toContain("Newer");
      await page.click(".newer button", patience);
      await page.waitForFunction("document.title.startsWith('Newer')", undefined, patience);
      expect(await page.evaluate("caches.keys().then((names) => names.length)")).toBeLessThanOrEqual(2);
    },
  );

  it("has complained of nothing, and asked no other server", () => {
    expect(complaints).toEqual([]);
  });
});

// The stepper's page in Chromium: it loads nothing, steps by buttons, keys, slider and address, and shows the numbers
// of the worked example (E10) as they become known.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { init, matmul, mul, sigmoid, square, sub, sum, Tape, tensor, variable } from "../../engine/index.ts";
import { recordSteps, stepperPage } from "../../engine/inspect/index.ts";
import { root } from "../../scripts/setup.mjs";
import { executable, launch } from "../support/chromium.ts";

const file = path.join(root, "node_modules/.cache/gradgpu", `stepper-${process.pid}.html`);

const w1 = {
  name: "W1",
  after: [0.29959556, 0.39964496, 0.24919112, 0.34928991],
  formula: "{w} − 0.5 · {g}",
};

async function lesson(alsoUpdated: (typeof w1)[] = []): Promise<string> {
  const device = await init({ device: "cpu" });
  const x = tensor([[0.1, 0.2]]);
  const t = tensor([[0.4, 0.6]]);
  const W1 = variable([0.3, 0.4, 0.25, 0.35], { shape: [2, 2], name: "W1" });
  const W2 = variable([0.45, 0.7, 0.4, 0.6], { shape: [2, 2], name: "W2" });
  const tape = new Tape({ retain: true });
  const made = tape.record(() => {
    const h = sigmoid(matmul(x, W1));
    const o = sigmoid(matmul(h, W2));
    return { h, o, E: sum(mul(square(sub(t, o)), 0.5)) };
  });
  const recording = await recordSteps(tape.name({ x, t, ...made }), made.E);
  device.dispose();
  return stepperPage(recording, {
    title: "Worked example",
    updates: [
      { name: "W2", after: [0.43703857, 0.69629578, 0.38685205, 0.59624247], formula: "{w} − 0.5 · {g}" },
      ...alsoUpdated,
    ],
  });
}

describe.skipIf(executable === undefined)("the stepper", () => {
  let page: Page;
  let close: () => Promise<void>;
  const complaints: string[] = [];

  beforeAll(async () => {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, await lesson());
    const browser = await launch();
    close = () => browser.close();
    page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      if (!request.url().startsWith("file:") && !request.url().startsWith("data:"))
        complaints.push(request.url());
    });
  });

  afterAll(async () => {
    await close?.();
    fs.rmSync(file, { force: true });
  });

  const open = async (hash = "") => {
    await page.goto("about:blank");
    await page.goto(pathToFileURL(file).href + hash);
  };
  const heading = () => page.textContent("article:not([hidden]) h2");
  /** The numbers of a box that are visible. */
  const shown = (name: string) =>
    page.evaluate(
      `[...[...document.querySelectorAll(".box")].find((box) => box.querySelector(".name").textContent === ${JSON.stringify(name)}).querySelectorAll("[data-since]")].filter((text) => getComputedStyle(text).display !== "none").map((text) => text.textContent)`,
    ) as Promise<string[]>;

  it("goes on and back by buttons, keys, slider, chips and address", async () => {
    await open();
    expect(await heading()).toBe("Worked example");
    await page.click("#next");
    expect(await heading()).toBe("matmul₀ = matmul(x, W₁)");
    await page.keyboard.press("ArrowRight");
    expect(await heading()).toBe("h = sigmoid(matmul₀)");
    await page.keyboard.press("ArrowLeft");
    await page.click("#back");
    expect(await heading()).toBe("Worked example");
    expect(await page.isDisabled("#back")).toBe(true);
    await page.fill("#at", "17");
    expect(await heading()).toBe("Back through matmul₀ = matmul(x, W₁)");
    await page.keyboard.press("End");
    expect(await heading()).toBe("Update W₂");
    expect(await page.isDisabled("#next")).toBe(true);
    expect(page.url()).toMatch(/#18$/);
    // Played from its end, it begins anew, goes on by itself, and stops when somebody steps.
    await page.click("#play");
    await page.waitForFunction(`document.getElementById("count").textContent.startsWith("1 /")`);
    expect(await page.textContent("#play")).toBe("Pause");
    await page.click("#next");
    expect(await page.textContent("#play")).toBe("Play");
    await open("#play");
    expect(await page.textContent("#play")).toBe("Pause");
    await page.waitForFunction(`document.getElementById("count").textContent.startsWith("1 /")`);
    await page.emulateMedia({ reducedMotion: "reduce" });
    await open("#play");
    expect(await page.textContent("#play")).toBe("Play");
    await page.emulateMedia({ reducedMotion: null });
    await page.click("nav button[data-phase=backward]");
    expect(await heading()).toBe("Start from the loss: ∂E/∂E = 1");
    await open("#15");
    expect(await heading()).toBe("Back through matmul₂ = matmul(h, W₂)");
    expect(complaints).toEqual([]);
  });

  it("shows numbers from the step on that computes them", async () => {
    await open("#1");
    expect(await shown("h")).toEqual([]);
    await open("#2");
    expect(await shown("h")).toEqual(["0.52, 0.5275"]);
    await open("#14");
    expect(await shown("W₂")).toEqual(["0.45, 0.7 | 0.4, 0.6"]);
    await open("#15");
    expect(await shown("W₂")).toEqual(["0.45, 0.7 | 0.4, 0.6", "∂0.026, 0.0074 | 0.026, 0.0075"]);
    const line = await page.textContent("article:not([hidden]) .lines li");
    expect(line?.replaceAll("\u00a0", " ")).toBe(
      "∂E/∂h[0] = ∂E/∂matmul₂[0] · W₂[0,0] + ∂E/∂matmul₂[1] · W₂[0,1] = 0.0498527 · 0.45 + 0.0142473 · 0.7 = 0.0324068",
    );
    await open("#18");
    expect(await shown("W₂")).toEqual(["0.437, 0.6963 | 0.3869, 0.5962", "∂0.026, 0.0074 | 0.026, 0.0075"]);
  });

  it("lights up the op, and the arrows that a gradient runs along", async () => {
    await open("#13");
    expect(await heading()).toBe("Back through sub₄ = sub(t, o)");
    expect(await page.locator(".box.current").count()).toBe(1);
    expect(await page.textContent(".box.current .name")).toBe("sub₄");
    // To o, and not to t, whose gradient nobody asked for.
    expect(await page.locator(".edge.backward").count()).toBe(1);
    await open("#5");
    expect(await page.locator(".edge.forward").count()).toBe(2);
  });

  it("keeps the current box in sight and nothing wider than the phone", async () => {
    // Scrolling at once instead of smoothly.
    await page.emulateMedia({ reducedMotion: "reduce" });
    for (const step of [1, 8, 12, 17]) {
      await open(`#${step}`);
      const box = (await page.locator(".box.current").boundingBox())!;
      const drawing = (await page.locator(".drawing").boundingBox())!;
      expect(box.y, `step ${step}`).toBeGreaterThanOrEqual(drawing.y);
      expect(box.y + box.height, `step ${step}`).toBeLessThanOrEqual(drawing.y + drawing.height);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(390);
    }
  });

  it("has the whole graph in view at 1280 x 900, and shows what an update changed", async () => {
    const wide = await page
      .context()
      .browser()!
      .newPage({ viewport: { width: 1280, height: 900 } });
    await wide.setContent(await lesson([w1]));
    await wide.keyboard.press("End");
    const footer = (await wide.locator("footer").boundingBox())!;
    const boxes = await wide.locator("[data-box] rect").all();
    expect(boxes).toHaveLength(12);
    for (const box of boxes) {
      const { y, height } = (await box.boundingBox())!;
      expect(y).toBeGreaterThan(0);
      expect(y + height).toBeLessThan(footer.y);
    }
    const first = wide.locator('[data-box="value W1"]');
    expect(await first.locator("text.updated").textContent()).toBe("0.2996, 0.3996 | 0.2492, 0.3493");
    const [text, frame] = [
      await first.locator("text.updated").boundingBox(),
      await first.locator("rect").boundingBox(),
    ];
    expect(text!.x + text!.width).toBeLessThan(frame!.x + frame!.width);
    await wide.close();
  });
});

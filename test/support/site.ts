// The built site in Chromium, served from a subfolder, and a visitor of it: what tests of its pages do over and over.

import { createRequire } from "node:module";
import path from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { buildSite } from "../../site/build/build.mjs";
import { serveFolder } from "../../site/build/serve.mjs";
import { contextWithKernels, keepKernels, launchWithWebGpu } from "./chromium.ts";
import { onceARun } from "./once.ts";

/** Waiting ends when the machine is slow, not when the page hangs. */
export const patience = { timeout: 150_000 };
/** Of what a page moves by itself: digits that grow. */
export const hardlyAny = 0.001;
const prefix = "/some/folder/";
const axeFile = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

interface AxeResult {
  readonly violations: readonly { id: string; impact: string; nodes: readonly { target: string[] }[] }[];
}

export interface BuiltSite {
  readonly out: string;
  /** Programs of the docs that its pages run. */
  readonly running: number;
}

export const builtSite = (): Promise<BuiltSite> =>
  onceARun("site", async (folder) => {
    const out = path.join(folder, "site");
    const { snippets } = await buildSite(out);
    return { out, running: snippets.running };
  });

export class SiteVisit {
  readonly browser: Browser;
  readonly context: BrowserContext;
  readonly url: string;
  /** What no page may do: errors, answers that fail, questions to other servers. */
  readonly complaints: string[] = [];
  #server: Awaited<ReturnType<typeof serveFolder>>;
  readonly #out: string;
  page!: Page;

  private constructor(
    out: string,
    server: Awaited<ReturnType<typeof serveFolder>>,
    browser: Browser,
    context: BrowserContext,
  ) {
    [this.#out, this.#server, this.browser, this.context] = [out, server, browser, context];
    this.url = server.url;
  }

  static async begin(out: string): Promise<SiteVisit> {
    const server = await serveFolder(out, 0, prefix);
    // A page that is neither of https nor of localhost: no WebGPU there, and no storage.
    const browser = await launchWithWebGpu(["--host-resolver-rules=MAP plain.test localhost"]);
    const context = await contextWithKernels(browser, server.url, {
      viewport: { width: 1280, height: 900 },
      reducedMotion: "reduce",
    });
    const visit = new SiteVisit(out, server, browser, context);
    context.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(server.url) && !/^(data|blob):/.test(url))
        visit.complaints.push(`asked for ${url}`);
    });
    context.on("response", (response) => {
      if (response.status() >= 400) visit.complaints.push(`${response.status()} ${response.url()}`);
    });
    await context.addInitScript(`
      globalThis.shifts = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shifts += entry.value;
      }).observe({ type: "layout-shift", buffered: true });`);
    visit.page = await visit.newTab();
    return visit;
  }

  async end(): Promise<void> {
    await keepKernels(this.context);
    await this.browser.close();
    await this.#server.close();
  }

  async newTab(): Promise<Page> {
    const tab = await this.context.newPage();
    tab.on("pageerror", (error) => this.complaints.push(error.message));
    return tab;
  }

  /** The server is gone while it runs. */
  async withoutNetwork(act: () => Promise<void>): Promise<void> {
    await this.#server.close();
    try {
      await act();
    } finally {
      this.#server = await serveFolder(this.#out, Number(new URL(this.url).port), prefix);
    }
  }

  async open(place: string): Promise<void> {
    await this.page.goto("about:blank");
    await this.page.goto(this.url + place);
  }

  /** The net stands. */
  async built(): Promise<void> {
    await this.page.waitForSelector('.tag:has-text("parameters")', patience);
  }

  async idle(): Promise<void> {
    await this.page.waitForSelector('.button.primary:not([disabled]):has-text("Train")', patience);
  }

  async number(name: string): Promise<number> {
    const text = (await this.page.textContent(`[data-number="${name}"]`)) ?? "";
    return Number.parseFloat(text.replaceAll(",", ""));
  }

  /** Waits for a number of the bar: at least so much, or just so much. */
  async reach(name: string, value: number, isExact = false): Promise<void> {
    await this.page.waitForFunction(
      `(() => {
        const text = document.querySelector('[data-number="${name}"]')?.textContent ?? "";
        const value = Number.parseFloat(text.replaceAll(",", ""));
        return ${isExact ? "value ===" : "value >="} ${value};
      })()`,
      undefined,
      { ...patience, polling: 100 },
    );
  }

  /** One epoch, to the end of it. */
  async epoch(number: number): Promise<void> {
    await this.page.click('button:has-text("Epoch") >> nth=0');
    await this.reach("Epoch", number, true);
    await this.idle();
  }

  async train(name: string, least: number): Promise<void> {
    await this.page.click('.button.primary:has-text("Train")');
    await this.reach(name, least);
    await this.page.click('.button.primary:has-text("Pause")');
    await this.idle();
  }

  async problems(): Promise<string[]> {
    return this.page.locator(".problem").allTextContents();
  }

  async problem(text: string): Promise<void> {
    await this.page.waitForSelector(`.problem:has-text(${JSON.stringify(text)})`, patience);
  }

  /** How far things moved by themselves. */
  async shifts(): Promise<number> {
    return (await this.page.evaluate("shifts")) as number;
  }

  async seriousFaults(rules?: string[]): Promise<string[]> {
    if (!(await this.page.evaluate("'axe' in globalThis"))) await this.page.addScriptTag({ path: axeFile });
    const options = rules === undefined ? {} : { runOnly: rules };
    const { violations } = (await this.page.evaluate(`axe.run(${JSON.stringify(options)})`)) as AxeResult;
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
  }
}

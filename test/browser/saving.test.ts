// Models and runs kept in pages, in IndexedDB and in the origin's private files, in Chromium on the CPU reference.

import { build } from "esbuild";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../scripts/setup.mjs";
import { executable, launch } from "../support/chromium.ts";

/** What the page has as `gradgpu`. */
async function script(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { init } from "./engine/index.ts"; export * from "./nn/index.ts";`,
      resolveDir: root,
    },
    bundle: true,
    format: "iife",
    globalName: "gradgpu",
    loader: { ".wgsl": "text" },
    write: false,
  });
  return outputFiles[0].text;
}

describe.skipIf(executable === undefined)("a page", () => {
  let page: Page;
  let close: () => Promise<void>;

  beforeAll(async () => {
    const browser = await launch();
    close = () => browser.close();
    page = await browser.newPage();
    // OPFS and locks are had in secure contexts only; nothing is asked of a server.
    await page.route("http://localhost/**", (route) =>
      route.fulfill({ contentType: "text/html", body: "<!doctype html><title>page</title>" }),
    );
    await page.goto("http://localhost/");
    await page.addScriptTag({ content: await script() });
    await page.evaluate(`(async () => {
      const { init, Dense, Input, Sequential } = gradgpu;
      await init({ device: "cpu", seed: 1 });
      globalThis.make = () => new Sequential([new Input([2]), new Dense(3), new Dense(1)])
        .compile({ optimizer: "adam", loss: "mse" });
      globalThis.fit = (model, options) => model.fit([[0, 1], [1, 0], [1, 1]], [[1], [0], [1]], { verbose: 0, ...options });
    })()`);
  });
  afterAll(() => close?.());

  it.each(["indexeddb://models/a", "opfs://models/deep/a"])("keeps models and runs at %s", async (place) => {
    const found = (await page.evaluate(`(async (place) => {
      const { saveModel, loadModel, checkpoint } = gradgpu;
      const model = make();
      await fit(model, { epochs: 2 });
      const missing = await loadModel(place).catch((error) => error.message);
      await saveModel(make(), place);
      await saveModel(model, place);
      const again = await loadModel(place);
      const plain = async (model) => JSON.stringify((await model.getWeights()).map(({ values }) => [...values]));
      const run = place + "-run";
      let second;
      const other = {
        onEpochBegin: (epoch) => {
          if (epoch === 0) second = fit(make(), { resume: checkpoint(run) }).catch((error) => error.message);
        },
      };
      const trained = make();
      const first = await fit(trained, { epochs: 3, callbacks: other, resume: checkpoint(run, { steps: 1 }) });
      // It is over: the same again trains no more.
      const resumed = await fit(make(), { epochs: 3, resume: checkpoint(run) }).catch((error) => error.message);
      return {
        missing, isSame: (await plain(model)) === (await plain(again)), second: await second,
        first: first.history.loss, resumed: resumed.history?.loss ?? resumed,
        path: await saveModel(model, "a.safetensors").catch((error) => error.message),
      };
    })(${JSON.stringify(place)})`)) as Record<string, unknown>;
    expect(found.missing).toMatch(/there is nothing at (indexeddb|opfs):/);
    expect(found.isSame).toBe(true);
    expect(found.second).toMatch(/another run of this site writes there/);
    expect(found.first).toHaveLength(3);
    expect(found.resumed).toEqual(found.first);
    expect(found.path).toMatch(/is a path, and there are no files here; use "indexeddb:\/\/a.safetensors"/);
  });
});

// Event files of a page in Chromium: in a folder that it may write to (the origin's private one), and as a download.

import { build } from "esbuild";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../scripts/setup.mjs";
import { executable, launch } from "../support/chromium.ts";
import { eventsIn, summariesIn } from "../support/event-reader.ts";

/** What the page has as `logs`. */
async function script(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { createFileWriter } from "./nn/logs/event-writer.ts"; export { LogDownload } from "./nn/logs/log-files.ts";`,
      resolveDir: root,
    },
    bundle: true,
    format: "iife",
    globalName: "logs",
    loader: { ".wgsl": "text" },
    write: false,
  });
  return outputFiles[0].text;
}

describe.skipIf(executable === undefined)("event files of a page", () => {
  let page: Page;
  let close: () => Promise<void>;

  beforeAll(async () => {
    const browser = await launch();
    close = () => browser.close();
    page = await browser.newPage({ acceptDownloads: true });
    // Folders are had in secure contexts only; nothing is asked of a server.
    await page.route("http://localhost/**", (route) =>
      route.fulfill({ contentType: "text/html", body: "<!doctype html><title>page</title>" }),
    );
    await page.goto("http://localhost/");
    await page.addScriptTag({ content: await script() });
  });
  afterAll(() => close?.());

  it("grow in a folder", async () => {
    const [path, before, bytes] = (await page.evaluate(`(async () => {
      const folder = await navigator.storage.getDirectory();
      const writer = logs.createFileWriter(folder, { folder: "run/train" });
      await writer.scalar("loss", 0.5, 1);
      await writer.flush();
      const size = async () => {
        const run = await (await folder.getDirectoryHandle("run")).getDirectoryHandle("train");
        const file = await run.getFileHandle(writer.path.split("/").at(-1));
        return file.getFile();
      };
      const before = (await size()).size;
      writer.image("pixels", { data: [0, 128, 255, 7], width: 2, height: 2 }, 2);
      writer.histogram("numbers", [1, 2, 3], 2);
      await writer.close();
      return [writer.path, before, [...new Uint8Array(await (await size()).arrayBuffer())]];
    })()`)) as [string, number, number[]];
    expect(path).toMatch(/^run\/train\/events\.out\.tfevents\.\d+\.localhost\.0\.\d+\.v2$/);
    expect(bytes.length).toBeGreaterThan(before);
    const found = summariesIn(eventsIn(Uint8Array.from(bytes)));
    expect(found.map(({ tag, plugin, step }) => [tag, plugin, step]).sort()).toEqual([
      ["loss", "scalars", 1],
      ["numbers", "histograms", 2],
      ["pixels", "images", 2],
    ]);
  });

  it("are saved as an archive", async () => {
    const waiting = page.waitForEvent("download");
    await page.evaluate(`(async () => {
      const download = new logs.LogDownload();
      const writer = logs.createFileWriter(download, { folder: "train" });
      await writer.scalar("loss", 0.5, 1);
      await writer.close();
      download.save("run.tar");
    })()`);
    const saved = await waiting;
    expect(saved.suggestedFilename()).toBe("run.tar");
    const chunks: Buffer[] = [];
    for await (const chunk of await saved.createReadStream()) chunks.push(chunk as Buffer);
    const archive = Buffer.concat(chunks);
    expect(archive.subarray(0, 20).toString()).toBe("events.out.tfevents.");
    const size = Number.parseInt(archive.subarray(124, 135).toString(), 8);
    expect(summariesIn(eventsIn(archive.subarray(512, 512 + size)))).toHaveLength(1);
  });
});

// The loaders of gradgpu/data in Chromium: npy, npz, CSV, text and images from files that a server has.

import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { build } from "esbuild";
import { strToU8, zipSync } from "fflate";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../scripts/setup.mjs";
import { executable, launch } from "../support/chromium.ts";

interface NumpyFile {
  readonly npy: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: readonly string[];
}

/** As numpy wrote it: test/fixtures/numpy-files.py. */
const { arrays } = JSON.parse(
  fs.readFileSync(path.join(root, "test", "fixtures", "numpy-files.json"), "utf8"),
) as { arrays: readonly NumpyFile[] };
const written = arrays.find(({ dtype, shape }) => dtype === "int32" && shape.length > 1) as NumpyFile;
const npy = Buffer.from(written.npy, "base64");
const csv = 'x,name,y\n1,"a, b",0.5\n2,c,-3\n';
/** Red and blue: a 2 x 2 image each. */
const pictures = { "red/1.png": [255, 0, 0], "blue/1.png": [0, 0, 255] } as const;

const page = `
import { imageFolder, readCsv, readNpy, readNpz, readText, usePackage } from "./data/index.ts";
usePackage("csv-parse", () => import("csv-parse/browser/esm"));
usePackage("fflate", () => import("fflate"));
globalThis.data = { imageFolder, readCsv, readNpy, readNpz, readText };
`;

describe.skipIf(executable === undefined)("in Chromium", () => {
  let browser: Browser;
  let server: http.Server;
  let opened: Page;

  beforeAll(async () => {
    const { outputFiles } = await build({
      stdin: { contents: page, resolveDir: root },
      bundle: true,
      format: "esm",
      loader: { ".wgsl": "text" },
      external: ["node:*"],
      write: false,
      logLevel: "silent",
    });
    const files: Record<string, string | Uint8Array> = {
      "/page.js": outputFiles[0].text,
      "/a.npy": npy,
      "/a.npz": zipSync({ "a.npy": npy, "b.npy": npy }),
      "/a.csv": csv,
      "/a.txt": strToU8("Grüße\n"),
    };
    for (const [name, [r, g, b]] of Object.entries(pictures))
      files[`/${name}`] = await sharp({
        create: { width: 2, height: 2, channels: 3, background: { r, g, b } },
      })
        .png()
        .toBuffer();
    server = http.createServer(({ url }, response) => {
      const content = files[url ?? ""];
      if (url === "/")
        response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>page</title>");
      else if (content === undefined) response.writeHead(404).end();
      else
        response
          .writeHead(200, { "content-type": url?.endsWith(".js") ? "text/javascript" : "" })
          .end(content);
    });
    await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
    browser = await launch();
    opened = await browser.newPage();
    await opened.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
    await opened.addScriptTag({ url: "/page.js", type: "module" });
    await opened.waitForFunction("globalThis.data !== undefined");
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  const inPage = <T>(code: string) => opened.evaluate(`(async () => { ${code} })()`) as Promise<T>;

  it("reads arrays of numpy's", async () => {
    const found = await inPage<{ shape: number[]; values: number[] }[]>(`
      const single = await data.readNpy("/a.npy");
      const several = await data.readNpz("/a.npz");
      const two = several instanceof Map ? [...several.values()] : Object.values(several);
      return [single, ...two].map(({ shape, values }) => ({ shape: [...shape], values: [...values] }));
    `);
    expect(found).toHaveLength(3);
    for (const { shape, values } of found) {
      expect(shape).toEqual(written.shape);
      expect(values).toEqual(written.values.map(Number));
    }
  });

  it("reads CSV and text", async () => {
    const found = await inPage<{ csv: string; text: string }>(`
      const table = await data.readCsv("/a.csv");
      return { csv: JSON.stringify(table, (_, value) => (ArrayBuffer.isView(value) ? [...value] : value)), text: await data.readText("/a.txt") };
    `);
    expect(found.text).toBe("Grüße\n");
    expect(found.csv).toContain("a, b");
    expect(found.csv).toMatch(/0\.5,-3/);
  });

  it("decodes images by class, from files and from a directory's handle", async () => {
    const found = await inPage<{ images: number[]; labels: number[]; shape: number[] }[]>(`
      const names = ${JSON.stringify(Object.keys(pictures))};
      const files = await Promise.all(names.map(async (name) => {
        const file = new File([await (await fetch("/" + name)).blob()], name.split("/")[1], { type: "image/png" });
        Object.defineProperty(file, "webkitRelativePath", { value: "pictures/" + name });
        return file;
      }));
      const root = await (await navigator.storage.getDirectory()).getDirectoryHandle("pictures", { create: true });
      for (const [i, name] of names.entries()) {
        const folder = await root.getDirectoryHandle(name.split("/")[0], { create: true });
        const writable = await (await folder.getFileHandle("1.png", { create: true })).createWritable();
        await writable.write(files[i]);
        await writable.close();
      }
      const made = [];
      for (const source of [files, root]) {
        const { images, labels, shape } = await (await data.imageFolder(source, { size: [2, 2] })).load();
        made.push({ images: [...images], labels: [...labels], shape: [...shape] });
      }
      return made;
    `);
    const image = (color: readonly number[]) => [color, color, color, color].flat();
    for (const { images, labels, shape } of found) {
      // Sorted by the folders' names: blue comes first.
      expect(labels).toEqual([0, 1]);
      expect(shape).toEqual([2, 2, 2, 3]);
      expect(images).toEqual([...image(pictures["blue/1.png"]), ...image(pictures["red/1.png"])]);
    }
  });

  it("says what is missing", async () => {
    const error = await inPage<string>(
      `return data.readNpy("/gone.npy").catch((error) => error.name + ": " + error.message);`,
    );
    expect(error).toMatch(/^DataError: .*gone\.npy.*404/);
  });
});

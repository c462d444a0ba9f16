// The built package in a browser: a page imports it, trains N3 for 50 steps on WebGPU, and arrives where Node does.

import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { build, transform } from "esbuild";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as engine from "../../engine/index.ts";
import * as nn from "../../nn/index.ts";
import * as optim from "../../optim/index.ts";
import { root } from "../../scripts/setup.mjs";
import { type Trained, trainN3 } from "../fixtures/train-n3.ts";
import { executable, keepKernels, launchWithWebGpu } from "../support/chromium.ts";
import { packed } from "../support/packed.ts";
import { isDue } from "../support/sampled.ts";

const seed = 42;
/** Of the losses, relative: float32 sums in another order, carried through 50 steps of Adam. */
const tolerance = 1e-4;
const dist = path.join((await packed()).folder, "node_modules", "gradgpu", "dist");

describe("the built bundle", () => {
  it.each(["index", "nn", "optim", "data"])("%s.js imports nothing but itself", async (name) => {
    expect(await importsOf(path.join(dist, `${name}.js`))).toEqual([]);
  });

  it("refers to Node's globals only behind globalThis", () => {
    const files = fs.readdirSync(dist, { recursive: true }) as string[];
    const code = files.filter((file) => file.endsWith(".js"));
    expect(code.length).toBeGreaterThan(3);
    for (const file of code) {
      const text = fs.readFileSync(path.join(dist, file), "utf8");
      expect(text, file).not.toMatch(/(?<![.\w"'`])(?:require\(|__dirname|Buffer\.(?:from|alloc))/);
    }
  });
});

describe.skipIf(executable === undefined)("in Chromium", () => {
  let server: http.Server;
  let context: BrowserContext;
  let page: Page;
  let close: () => Promise<void>;
  const complaints: string[] = [];

  beforeAll(async () => {
    server = await serve();
    const browser = await launchWithWebGpu();
    close = () => browser.close();
    // It knows nothing, and so checks all kernels.
    context = await browser.newContext();
    page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(`${error.name}: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("requestfailed", (request) => complaints.push(`not loaded: ${request.url()}`));
    await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction("globalThis.train !== undefined");
  });

  afterAll(async () => {
    await close?.();
    server?.close();
  });

  let reference: Promise<Trained> | undefined;
  /** Node's own run on the CPU reference, once: it takes seconds. */
  const trainInNode = () => {
    reference ??= trainN3({ engine, nn, optim }, "cpu", seed);
    return reference;
  };

  const trainInPage = (kind: string) =>
    page.evaluate(`globalThis.train(${JSON.stringify(kind)}, ${seed})`) as Promise<Trained>;

  it("trains N3 for 50 steps on WebGPU to the losses that Node computes", async () => {
    const got = await trainInPage("webgpu");
    await keepKernels(context);
    expect(complaints).toEqual([]);
    expect(got.kind).toBe("webgpu");
    expect(got.adapter).toMatch(/swiftshader/i);
    const want = await trainInNode();
    expectAlike(got, want);
    // It learns: far below ln 10, where guessing starts.
    expect(got.loss[0]).toBeGreaterThan(1.5);
    expect(got.loss[9]).toBeLessThan(0.5);
    // Scalars of the device and nothing else.
    expect(got.leftTensors).toBeLessThan(20);
    if (process.env.VK_DRIVER_FILES !== undefined) {
      expectAlike(await trainN3({ engine, nn, optim }, "webgpu", seed), want);
    }
  });

  it("trains it on the CPU reference in the page to the very same numbers as in Node", async () => {
    const got = await trainInPage("cpu");
    const want = await trainInNode();
    expect(got.loss[0]).toBeCloseTo(want.loss[0], 12);
    expectAlike(got, want, 1e-9);
  });

  // Each opens devices anew, which takes long of checking kernels: one a day.
  it.runIf(isDue(0, 2))("keeps in IndexedDB what it found out about kernels", async () => {
    // Runs in the page: what is stored after a device was opened, and what the next one makes of a changed entry.
    const program = async () => {
      const { engine } = globalThis as unknown as { engine: typeof import("../../engine/index.ts") };
      const done = <T>(request: IDBRequest<T>) =>
        new Promise<T>((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const tableOf = async () => {
        const device = await engine.init({ device: "webgpu" });
        const table = JSON.stringify(device.variants?.known.verdicts);
        device.dispose();
        return table;
      };
      const before = await tableOf();
      const db = await done(indexedDB.open("gradgpu"));
      const store = () => db.transaction("kernels", "readwrite").objectStore("kernels");
      const [entry] = await done(store().getAll());
      const sound = Object.keys(entry.verdicts).find(
        (name) => name.startsWith("matmul/") && entry.verdicts[name] === true,
      )!;
      entry.verdicts[sound] = "broken, says the test";
      await done(store().put(entry, entry.key));
      const after = await tableOf();
      await done(store().delete(entry.key));
      db.close();
      return { before, after, sound };
    };
    const { before, after, sound } = await page.evaluate(program);
    expect(sound).toMatch(/^matmul\//);
    expect(before).toMatch(/"matmul\/(subgroup|tile)-\d+x\d+":true/);
    // The tests run everything else on SwiftShader.
    expect(before).toContain('"shortRowNorm/subgroup":true');
    expect(before).not.toContain('"softmax/own-row"');
    expect(after).toContain(`"${sound}":"broken, says the test"`);
  });

  it.runIf(isDue(1, 2))("runs the README's page", async () => {
    const own = await page.context().newPage();
    await own.goto(`http://localhost:${(server.address() as AddressInfo).port}/readme.html`);
    await own.waitForFunction("document.querySelector('pre').textContent !== ''");
    const said = await own.evaluate("document.querySelector('pre').textContent");
    const [, loss, f10] = /^on webgpu: loss (\S+), f\(10\) = (\S+)$/.exec(said as string) ?? [];
    expect(Number(loss), said as string).toBeLessThan(0.01);
    expect(Math.abs(Number(f10) - 19), said as string).toBeLessThan(1);
    await own.close();
  });
});

if (executable === undefined)
  it.skip("in Chromium: it is not installed (npm run doctor tells more)", () => {});

function expectAlike(got: Trained, want: Trained, allowed = tolerance): void {
  expect(got.loss).toHaveLength(10);
  got.loss.forEach((loss, epoch) => {
    const error = Math.abs(loss / want.loss[epoch] - 1);
    expect(error, `epoch ${epoch}: loss ${loss} against ${want.loss[epoch]}`).toBeLessThan(allowed);
  });
  expect(got.accuracy).toEqual(want.accuracy);
  got.outputs.forEach((value, i) => {
    expect(Math.abs(value - want.outputs[i])).toBeLessThan(allowed);
  });
}

/** What a file and its modules import from outside of `dist`, and how. */
async function importsOf(entry: string): Promise<{ path: string; kind: string }[]> {
  const found: { path: string; kind: string }[] = [];
  await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    outdir: path.join(dist, "unused"),
    logLevel: "silent",
    plugins: [
      {
        name: "note-foreign-imports",
        setup({ onResolve }) {
          onResolve({ filter: /^[^.]/ }, ({ path: wanted, kind }) => {
            if (kind === "entry-point") return undefined;
            found.push({ path: wanted, kind });
            return { path: wanted, external: true };
          });
        },
      },
    ],
  });
  return found;
}

const html = `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<title>gradgpu</title>
<script type="module">
  import * as engine from "/dist/index.js";
  import * as nn from "/dist/nn.js";
  import * as optim from "/dist/optim.js";
  import { trainN3 } from "/train-n3.js";
  globalThis.engine = engine;
  globalThis.train = (kind, seed) => trainN3({ engine, nn, optim }, kind, seed);
</script>
`;

/** The README's page for a browser. */
const readmePage = /```html\n([\s\S]*?)```/.exec(
  fs.readFileSync(path.join(root, "README.md"), "utf8"),
)?.[1] as string;

/** A server of the pages, the bundle and the training program; of nothing else. */
async function serve(): Promise<http.Server> {
  const source = fs.readFileSync(path.join(root, "test", "fixtures", "train-n3.ts"), "utf8");
  const { code } = await transform(source, { loader: "ts", target: "es2022" });
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url as string, "http://localhost");
    const send = (type: string, body: string) => {
      response.writeHead(200, { "content-type": type }).end(body);
    };
    const file = path.join(dist, "..", pathname);
    if (pathname === "/") send("text/html", html);
    else if (pathname === "/readme.html") send("text/html", readmePage);
    else if (pathname === "/train-n3.js") send("text/javascript", code);
    else if (file.startsWith(`${dist}${path.sep}`) && fs.existsSync(file))
      send(file.endsWith(".js") ? "text/javascript" : "application/json", fs.readFileSync(file, "utf8"));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  return server;
}

// A project that has the package and webgpu: every bundler makes a page and a worker of it without a
// warning, which then run in Chromium, and esbuild a server, which trains in Node.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { build } from "esbuild";
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contextWithKernels, executable, keepKernels, launchWithWebGpu } from "../support/chromium.ts";
import { packed } from "../support/packed.ts";
import { sampled } from "../support/sampled.ts";
import { bundlers } from "./bundle.ts";

const { folder } = await packed();

const network = `import { init } from "gradgpu";
import { Dense, Input, Sequential } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";

export async function train(kind = "auto") {
  const device = await init({ device: kind, seed: 1 });
  const model = new Sequential([
    new Input([2]),
    new Dense(8, { activation: "tanh" }),
    new Dense(1, { activation: "sigmoid" }),
  ]);
  model.compile({ optimizer: new Adam({ learningRate: 0.05 }), loss: "binaryCrossentropy" });
  const [x, y] = [[[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]]];
  const { history } = await model.fit(x, y, { batchSize: 4, epochs: 30, verbose: 0 });
  const trained = { kind: device.kind, loss: history.loss };
  device.dispose();
  return trained;
}
`;

// The worker as docs/workers.md has it for bundlers.
const page = `import { fashionMnist } from "gradgpu/data";
import { inWorker } from "gradgpu/worker";
import { product } from "./product.js";
import { train } from "./network.js";
globalThis.fromWorker = inWorker(() => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }));
globalThis.fromPage = product().then(async (product) => [product, await train("cpu")]);
globalThis.datasets = typeof fashionMnist.load;
`;

// Bundlers must not drop what is imported for its effect.
const product = `import { init, tensor } from "gradgpu";
import { losses } from "gradgpu/nn";
import "gradgpu/methods";
import "gradgpu/names";

export async function product() {
  const device = await init();
  if (losses.get("dice").name !== "dice") throw new Error("gradgpu/names was dropped");
  return [device.kind, await tensor([[1, 2]]).matmul([[3], [4]]).array()];
}
`;

const worker = `import { workerTask } from "gradgpu/worker";
import { product } from "./product.js";
workerTask(product);
`;

interface Trained {
  kind: string;
  loss: number[];
}

function expectLearnt({ kind, loss }: Trained, on: string): void {
  expect(kind).toBe(on);
  expect(loss).toHaveLength(30);
  expect(loss[0]).toBeGreaterThan(0.6);
  expect(loss[29]).toBeLessThan(0.8 * loss[0]);
}

beforeAll(() => {
  const files = { "network.js": network, "product.js": product, "page.js": page, "worker.js": worker };
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), text);
});

describe.each(sampled(Object.keys(bundlers), 4))("%s", (name) => {
  const out = path.join(folder, "built", name);

  it("bundles a page and a worker without a complaint", async () => {
    expect(await bundlers[name](folder, out)).toEqual([]);
    const code = fs
      .readdirSync(out, { recursive: true })
      .filter((file) => String(file).endsWith(".js"))
      .map((file) => fs.readFileSync(path.join(out, String(file)), "utf8"))
      .join("\n");
    // Nothing of webgpu, and of nothing of Node's.
    expect(code).not.toMatch(/dawn\.node|from\s*"node:|require\("/);
  });

  it.skipIf(executable === undefined)("and both run in Chromium", async () => {
    const opened = await (await context()).newPage();
    const complaints: string[] = [];
    opened.on("pageerror", (error) => complaints.push(`${error.name}: ${error.message}`));
    opened.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await opened.goto(`${await serve()}/${name}.html`);
    await opened.waitForFunction("globalThis.datasets === 'function'");
    // The network on the reference: compiling its kernels on a software adapter takes longer than all else here.
    const [made, trained] = (await opened.evaluate("globalThis.fromPage")) as [unknown, Trained];
    expect(made).toEqual(["webgpu", [[11]]]);
    expectLearnt(trained, "cpu");
    expect(await opened.evaluate("globalThis.fromWorker")).toEqual(["webgpu", [[11]]]);
    expect(complaints).toEqual([]);
    await opened.close();
  });
});

describe("a page without a bundler", () => {
  it.skipIf(executable === undefined)(
    "finds the package by an import map, and so does its worker",
    async () => {
      const opened = await (await context()).newPage();
      await opened.goto(`${await serve()}/import-map.html`);
      await opened.waitForFunction("globalThis.fromPage !== undefined");
      expectLearnt((await opened.evaluate("globalThis.fromPage")) as Trained, "webgpu");
      expect(await opened.evaluate("globalThis.fromWorker")).toEqual(["webgpu", [[11]]]);
      await opened.close();
    },
  );
});

describe("a server bundled by esbuild", () => {
  it.each(["cjs", "esm"] as const)("as %s trains in Node", async (format) => {
    const outfile = path.join(folder, "built", `server.${format === "cjs" ? "cjs" : "mjs"}`);
    const contents = `import { loadMnist } from "./data.js";
import { train } from "./network.js";
train().then((trained) => console.log(JSON.stringify(trained)));
globalThis.unused = loadMnist;`;
    fs.writeFileSync(path.join(folder, "data.js"), `export { mnist as loadMnist } from "gradgpu/data";\n`);
    const { warnings } = await build({
      stdin: { contents, resolveDir: folder },
      bundle: true,
      platform: "node",
      format,
      outfile,
      logLevel: "silent",
    });
    expect(warnings).toEqual([]);
    const { status, stdout, stderr } = spawnSync(process.execPath, [outfile], { encoding: "utf8" });
    expect(status, stderr).toBe(0);
    expectLearnt(JSON.parse(stdout), process.env.VK_DRIVER_FILES === undefined ? "cpu" : "webgpu");
  });
});

let started: Promise<Browser> | undefined;
let shared: Promise<BrowserContext> | undefined;
function context(): Promise<BrowserContext> {
  started ??= launchWithWebGpu();
  shared ??= Promise.all([started, serve()]).then(([browser, origin]) => contextWithKernels(browser, origin));
  return shared;
}

const importMapPage = `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<script type="importmap">
  { "imports": { "gradgpu": "/dist/index.js", "gradgpu/nn": "/dist/nn.js", "gradgpu/optim": "/dist/optim.js" } }
</script>
<script type="module">
  import { train } from "/network.js";
  // Import maps are the page's alone: a worker names the file.
  const code = \`import { init, matmul, tensor } from "\${location.origin}/dist/index.js";
    const device = await init();
    postMessage([device.kind, await matmul(tensor([[1, 2]]), tensor([[3], [4]])).array()]);\`;
  const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })), { type: "module" });
  globalThis.fromWorker = new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
  });
  globalThis.fromPage = train();
</script>
`;

let server: http.Server | undefined;
/** Serves the built pages, the package's `dist` and the program; the origin. */
async function serve(): Promise<string> {
  if (server === undefined) {
    server = http.createServer(({ url }, response) => {
      const { pathname } = new URL(url as string, "http://localhost");
      const bundler = /^\/(\w+)\.html$/.exec(pathname)?.[1];
      const html =
        pathname === "/import-map.html"
          ? importMapPage
          : bundler !== undefined &&
            `<!doctype html><link rel="icon" href="data:,"><script type="module" src="/built/${bundler}/page.js"></script>`;
      const file = path.join(
        folder,
        pathname.startsWith("/dist/") ? path.join("node_modules", "gradgpu") : "",
        pathname,
      );
      if (html) response.writeHead(200, { "content-type": "text/html" }).end(html);
      else if (file.startsWith(folder) && file.endsWith(".js") && fs.existsSync(file))
        response.writeHead(200, { "content-type": "text/javascript" }).end(fs.readFileSync(file));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server!.listen(0, "localhost", resolve));
  }
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}

afterAll(async () => {
  if (shared !== undefined) await keepKernels(await shared);
  await (await started)?.close();
  server?.close();
});

// Chromium as tests start it, with WebGPU on SwiftShader; what one page found out about kernels is known to the next.

import fs from "node:fs";
import path from "node:path";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from "playwright-core";
import { chromium as findChromium, root } from "../../scripts/setup.mjs";

/** Undefined where it is not installed. */
export const executable = process.env.GRADGPU_CHROMIUM ?? findChromium();

/** Milliseconds that a wait takes at most: it ends where a page hangs, not where the machine is slow. */
const patienceMs = 200_000;

/** One that asks nobody for updates and the like, with contexts and pages that are patient. */
export async function launch(args: readonly string[] = []): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: executable,
    timeout: patienceMs,
    args: [
      "--no-sandbox",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...args,
    ],
  });
  const { newContext } = browser;
  // Its newPage makes a context, too.
  browser.newContext = async (options) => {
    const context = await newContext.call(browser, options);
    context.setDefaultTimeout(patienceMs);
    return context;
  };
  return browser;
}

export const launchWithWebGpu = (more: readonly string[] = []): Promise<Browser> =>
  launch(["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", ...more]);

type State = Awaited<ReturnType<BrowserContext["storageState"]>>;

/** Playwright's declarations leave out what it keeps when asked for IndexedDB. */
type Origin = State["origins"][number] & { readonly indexedDB?: readonly { readonly name: string }[] };

const file = path.join(root, "node_modules/.cache/gradgpu/chromium-kernels.json");

/** What pages keep of their kernels: for other kernels or another adapter the library itself takes none of it. */
function knownTo(origin: string): State | undefined {
  try {
    const { origins } = JSON.parse(fs.readFileSync(file, "utf8")) as State;
    return { cookies: [], origins: origins.map((each) => ({ ...each, origin })) };
  } catch {
    return undefined;
  }
}

/**
 * A context whose pages open a device without checking each kernel first: SwiftShader compiles for seconds what has been found
 * sound before. test/browser/train.test.ts begins with a context that knows nothing, and so checks them.
 */
export async function contextWithKernels(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  const storageState = knownTo(new URL(origin).origin);
  return browser.newContext({ ...options, storageState });
}

/** Keeps, for contexts to come, what pages of this one found out; they have opened a device. */
export async function keepKernels(context: BrowserContext): Promise<void> {
  const { origins } = await context.storageState({ indexedDB: true });
  const found = (origins as Origin[])
    .map(({ origin, indexedDB = [] }) => ({
      origin,
      localStorage: [],
      indexedDB: indexedDB.filter(({ name }) => name === "gradgpu"),
    }))
    .find(({ indexedDB }) => indexedDB.length > 0);
  if (found === undefined) return;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  // Whole or not at all: another file of tests may be reading.
  const whole = `${file}.${process.pid}`;
  fs.writeFileSync(whole, JSON.stringify({ cookies: [], origins: [found] }));
  fs.renameSync(whole, file);
}

// node test/soak/site-load.mjs: what the built site costs a first visit, page by page: script and all bytes as a host would send them
// (gzip), first and largest paint, layout shift, and what axe finds. Ends with code 1 where it is more than promised.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import zlib from "node:zlib";
import { chromium } from "playwright-core";
import { chromium as findChromium, root } from "../../scripts/setup.mjs";
import { serveFolder } from "../../site/build/serve.mjs";

const mostScriptKb = 300;
const out = path.join(root, "out", "site");
const places = [
  "index.html",
  "playground.html",
  "lessons/index.html",
  "docs/training.html",
  "docs/ops.html",
  "api/gradgpu-nn.html",
];
const axeFile = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

const { url, close } = await serveFolder(out, 0, "/");
const browser = await chromium.launch({
  executablePath: process.env.GRADGPU_CHROMIUM ?? findChromium(),
  args: ["--no-sandbox", "--no-first-run"],
});

/** Bytes of a file as it is sent: what is compressed already stays. */
function sent(file) {
  const bytes = fs.readFileSync(path.join(out, file));
  return /\.(gz|png)$/.test(file) ? bytes.length : zlib.gzipSync(bytes, { level: 9 }).length;
}

let isFine = true;
console.log("page                   script KB  all KB  requests  first paint ms  largest ms  shift  axe");
for (const place of places) {
  // The service worker fetches the whole site after the page is there; that is no part of the first view.
  const context = await browser.newContext({
    viewport: { width: 412, height: 823 },
    serviceWorkers: "block",
    bypassCSP: true,
  });
  const page = await context.newPage();
  const files = new Set();
  context.on("request", (request) => {
    if (request.url().startsWith(url)) files.add(new URL(request.url()).pathname.slice(1));
  });
  await page.addInitScript(`
    globalThis.seen = { shift: 0, largest: 0 };
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) seen.shift += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) seen.largest = entry.startTime;
    }).observe({ type: "largest-contentful-paint", buffered: true });`);
  await page.goto(`${url}${place}${/^(index|playground)/.test(place) ? "?device=cpu" : ""}`);
  if (place === "playground.html") await page.waitForSelector('.tag:has-text("parameters")');
  await page.waitForTimeout(1500);
  const { shift, largest, first } = await page.evaluate(
    `({ ...seen, first: performance.getEntriesByName("first-contentful-paint")[0]?.startTime })`,
  );
  await page.addScriptTag({ path: axeFile });
  const { violations } = await page.evaluate("axe.run()");
  const kb = (names) => names.reduce((sum, name) => sum + sent(name), 0) / 1000;
  const all = [...files].filter((name) => fs.existsSync(path.join(out, name)));
  const script = kb(all.filter((name) => name.endsWith(".js")));
  isFine &&= script < mostScriptKb && shift < 0.001 && violations.length === 0;
  console.log(
    `${place.padEnd(22)} ${script.toFixed(1).padStart(9)} ${kb(all).toFixed(1).padStart(7)} ${String(all.length).padStart(9)} ${first.toFixed(0).padStart(15)} ${largest.toFixed(0).padStart(11)} ${shift.toFixed(4).padStart(6)}  ${violations.map(({ id, impact }) => `${id} (${impact})`).join(", ") || "nothing"}`,
  );
  await context.close();
}
await browser.close();
await close();
console.log(
  `promised: script under ${mostScriptKb} KB, no shift, nothing for axe: ${isFine ? "held" : "not held"}`,
);
process.exit(isFine ? 0 : 1);

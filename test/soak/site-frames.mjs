// node test/soak/site-frames.mjs [--device auto|cpu]: how smooth the playground stays while it trains. Prints the page's idle and
// training frame intervals and its long tasks, from one load of the built site; ends with code 1 where they are worse than promised.

import path from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { chromium as findChromium, root } from "../../scripts/setup.mjs";
import { serveFolder } from "../../site/build/serve.mjs";

const { values } = parseArgs({ options: { device: { type: "string", default: "auto" } } });
const mostRatio = 1.3;
const longMs = 50;
const seconds = 8;

const { url, close } = await serveFolder(path.join(root, "out", "site"), 0, "/");
const browser = await chromium.launch({
  executablePath: process.env.GRADGPU_CHROMIUM ?? findChromium(),
  args: ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--no-first-run"],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
page.setDefaultTimeout(180_000);
await page.goto(`${url}playground.html?device=${values.device}`);
await page.waitForSelector('.tag:has-text("parameters")');

/** Median and 95th percentile of frame intervals, and the page's tasks of 50 ms and more, over some seconds. */
const look = () =>
  page.evaluate(`new Promise((resolve) => {
    const intervals = [], tasks = [];
    const observer = new PerformanceObserver((list) => {
      for (const { duration, startTime } of list.getEntries()) if (startTime >= begun) tasks.push(Math.round(duration));
    });
    observer.observe({ entryTypes: ["longtask"] });
    const begun = performance.now();
    let last = begun;
    const frame = (now) => {
      intervals.push(now - last);
      last = now;
      if (now - begun < ${seconds * 1000}) requestAnimationFrame(frame);
      else {
        observer.disconnect();
        intervals.sort((a, b) => a - b);
        const at = (share) => intervals[Math.floor(share * (intervals.length - 1))];
        resolve({ frames: intervals.length, median: at(0.5), p95: at(0.95), tasks });
      }
    };
    requestAnimationFrame(frame);
  })`);

const show = (name, { frames, median, p95, tasks }) =>
  console.log(
    `${name.padEnd(9)} ${frames} frames, median ${median.toFixed(1)} ms, 95 % ${p95.toFixed(1)} ms, tasks over ${longMs} ms: ${tasks.length === 0 ? "none" : tasks.join(", ")}`,
  );

await page.waitForTimeout(2000);
const idle = await look();
await page.click('.button.primary:has-text("Train")');
// The first steps compile.
await page.waitForFunction(`Number(document.querySelector('[data-number="Epoch"]').textContent) >= 3`);
// How long a task has the processor tells the page's own work from waiting for a core that others have.
await browser.startTracing(page, { categories: ["toplevel"] });
const training = await look();
const longestOwn = ownTimeOfTasks(JSON.parse(String(await browser.stopTracing())));
const steps = await page.textContent('[data-number="Steps a second"]');
console.log(`${await page.textContent(".device")}, ${steps} steps a second`);
show("idle", idle);
show("training", training);
const ratio = training.median / idle.median;
console.log(
  `the longest task of the page's threads has the processor for ${longestOwn === undefined ? "a time that this system does not tell" : `${longestOwn.toFixed(1)} ms`} (at most ${longMs})`,
);
console.log(`ratio of the medians: ${ratio.toFixed(2)} (at most ${mostRatio})`);
await browser.close();
await close();

/** Milliseconds: of all tasks of the main threads of pages, the longest. */
function ownTimeOfTasks({ traceEvents }) {
  const threads = new Set(
    traceEvents
      .filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain")
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = traceEvents.filter(
    ({ ph, name, pid, tid }) => ph === "X" && /RunTask$/.test(name) && threads.has(`${pid} ${tid}`),
  );
  // A system that does not count a thread's own time leaves it out: nothing is known then.
  if (!tasks.some(({ tdur }) => tdur > 0)) return undefined;
  return tasks.reduce((longest, { tdur = 0 }) => Math.max(longest, tdur / 1000), 0);
}

// A task that waited for a core was not long by itself; where nothing is known of that, all long tasks count.
const isSmooth = longestOwn === undefined ? training.tasks.length === 0 : longestOwn <= longMs;
const isHeld = ratio <= mostRatio && isSmooth;
console.log(
  `promised: ratio at most ${mostRatio}, no task longer than ${longMs} ms ${longestOwn === undefined ? "by the clock" : "on the processor; by the clock others' work counts, too"}: ${isHeld ? "held" : "not held"}`,
);
process.exit(isHeld ? 0 : 1);

// The site's pages of text in Chromium: search, links, programs that run, themes, what axe says, and all of it without a network.

import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildSite } from "../../site/build/build.mjs";
import { writeOffline } from "../../site/build/offline.mjs";
import { executable } from "../support/chromium.ts";
import { isDue, sampled } from "../support/sampled.ts";
import { type BuiltSite, builtSite, hardlyAny, patience, SiteVisit } from "../support/site.ts";

/** Of each page the links to pages and places that there are not. */
function deadLinks(out: string): string[] {
  const missing: string[] = [];
  const ids = new Map<string, Set<string>>();
  const idsOf = (file: string) => {
    const text = () => fs.readFileSync(path.join(out, file), "utf8");
    const found = ids.get(file) ?? new Set([...text().matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id));
    ids.set(file, found);
    return found;
  };
  for (const name of fs
    .readdirSync(out, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".html"))) {
    const text = fs.readFileSync(path.join(out, name), "utf8");
    for (const [, target, part] of text.matchAll(
      /\s(?:href|src|data-src)="([^"#?]*)(?:\?[^"#]*)?(?:#([^"]*))?"/g,
    )) {
      if (/^(https?|data|mailto|javascript):/.test(target)) continue;
      const file = target === "" ? name : path.join(path.dirname(name), target);
      if (!fs.existsSync(path.join(out, file))) missing.push(`${name}: ${target}`);
      // What stands behind # in the playground's addresses is a set-up, and `play` has the stepper begin.
      else if (part && part !== "play" && file.endsWith(".html") && !file.endsWith("playground.html"))
        if (!idsOf(file).has(decodeURIComponent(part))) missing.push(`${name}: ${target}#${part}`);
    }
  }
  return missing;
}

describe.skipIf(executable === undefined)("the site", () => {
  let site: SiteVisit;
  let built: BuiltSite;
  /** One that this file alone changes. */
  let out: string;

  beforeAll(async () => {
    built = await builtSite();
    out = path.join(built.out, "..", "pages");
    fs.cpSync(built.out, out, { recursive: true });
    site = await SiteVisit.begin(out);
  });
  afterAll(() => site?.end());

  it("has pages that search, and links that lead somewhere", async () => {
    await site.open("docs/training.html");
    await site.page.waitForFunction("document.readyState === 'complete'");
    expect(await site.shifts()).toBe(0);
    await site.page.fill("#search-field", "dying relu");
    await site.page.waitForSelector("#found a", patience);
    expect(await site.page.locator("#found a").first().getAttribute("href")).toMatch(/dying-relu/);
    expect(deadLinks(out)).toEqual([]);
  });

  // It builds them once more: one day in three.
  it.runIf(isDue(0))(
    "has docs and the API by themselves, as npm run docs makes them, with no link to what is not there",
    async () => {
      const alone = path.join(out, "..", "docs-alone");
      await buildSite(alone, { only: "docs" });
      expect(fs.existsSync(path.join(alone, "playground.html"))).toBe(false);
      expect(deadLinks(alone)).toEqual([]);
      const page = (folder: string) =>
        fs
          .readFileSync(path.join(folder, "api", "gradgpu-nn.html"), "utf8")
          .replace(/assets\/(\w+)-\w+/g, "assets/$1")
          .replace(/<header[\s\S]*<\/header>/, "");
      expect(page(alone)).toBe(page(out));
    },
  );

  it("tells of each public name its members, its source, and where the docs use it", () => {
    const page = fs.readFileSync(path.join(out, "api", "gradgpu-nn.html"), "utf8");
    const sections = page.split('<section class="name" id="').slice(1);
    const of = (name: string) => sections.find((text) => text.startsWith(`${name}"`)) ?? "";
    // Its own options, those of what it extends, and a link to a type.
    expect(of("FitOptions")).toMatch(
      /<code>validationSplit\?: number<\/code><\/dt><dd><p>Share of the samples/,
    );
    expect(of("FitOptions")).toMatch(/<dt><code>signal\?: AbortSignal<\/code>|<dt><code>memoryBudget/);
    expect(of("FitOptions")).toContain('<a href="gradgpu-data.html#Dataset">Dataset</a>');
    // What a class inherits, by name, and options whose names say what they are.
    expect(of("Dense")).toMatch(
      /From <a href="gradgpu-nn\.html#Layer">Layer<\/a>: .*<code>trainable<\/code>/,
    );
    expect(of("Dense")).toMatch(/nn\/layers\/core\/dense\.ts:\d+<\/code> · Used in <a href="\.\.\/docs\//);
    expect(sections.filter((text) => !text.includes("wherefrom")).length).toBeLessThan(sections.length / 20);
  });

  it("runs the programs of the docs where they stand", async () => {
    // Those that say what a GPU's kernels are need one.
    const pages = ["autograd", "custom", "data", "diagnosis", "optimizers", "tensors", "training"];
    let ran = 0;
    for (const name of sampled(pages, pages.length)) {
      await site.open(`docs/${name}.html?device=cpu`);
      const programs = site.page.locator(".snippet");
      for (let i = 0; i < (await programs.count()); i++) {
        const program = programs.nth(i);
        const code = (await program.locator("pre").textContent()) as string;
        // It asks for the GPU.
        if (code.includes('"webgpu"')) continue;
        await program.locator('button:has-text("Run")').click();
        await site.page.waitForFunction(
          `document.querySelectorAll(".snippet")[${i}].dataset.state === "ended"`,
          undefined,
          patience,
        );
        expect(await program.locator(".snippet-state").textContent()).toMatch(/^It took/);
        const printed = ((await program.locator("output").textContent()) as string)
          .split("\n")
          .filter((text) => !text.startsWith("gradgpu: init: this browser offers no WebGPU"));
        const said = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map(([, text]) => text);
        if (said.length > 0) expect([name, i, printed]).toEqual([name, i, said]);
        ran++;
      }
    }
    expect(ran).toBeGreaterThan(0);
    expect(built.running).toBeGreaterThan(40);
    await site.open("docs/saving.html");
    expect(await site.page.locator(".snippet").count()).toBe(0);
  });

  it("ends a program that never does, and shows what it prints as text", async () => {
    // What a service worker has kept comes past the route.
    const own = await site.browser.newContext({ serviceWorkers: "block" });
    const tab = await own.newPage();
    await tab.route("**/programs/*.js", (route) =>
      route.fulfill({
        contentType: "text/javascript",
        body: 'console.log("<img src=x onerror=hurt=1>"); for (;;);',
      }),
    );
    await tab.goto(`${site.url}docs/jit.html?device=cpu`);
    const program = tab.locator(".snippet").first();
    await program.locator('button:has-text("Run")').click();
    await tab.waitForFunction(`document.querySelector(".snippet output").textContent !== ""`);
    expect(await program.locator("[data-program]").getAttribute("aria-label")).toMatch(/^Stop: ./);
    await program.locator('button:has-text("Stop")').click();
    expect(await program.locator(".snippet-state").textContent()).toBe("Stopped.");
    expect(await tab.locator("output img").count()).toBe(0);
    await own.close();
  });

  it("has its programs edited, says in which line an edited one fails, and loses no text of the reader's", async () => {
    const { page } = site;
    await site.open("docs/tensors.html?device=cpu");
    const program = page.locator(".snippet").first();
    const shown = (await program.locator("pre").boundingBox())!;
    const original = await program.locator("pre").textContent();
    await program.locator('button:has-text("Edit")').click();
    const text = program.locator(".cm-content");
    await text.waitFor(patience);
    expect(await text.evaluate((element) => element === document.activeElement)).toBe(true);
    expect(await text.getAttribute("aria-label")).toBe("Program: Numbers and arrays");
    // The editor stands where the program stood; what is below moves by the line of help alone, with the click.
    expect(await site.shifts()).toBeLessThan(hardlyAny);
    const { x, y, width, height } = (await program.locator(".editor").boundingBox())!;
    expect([x, y, width, Math.round(height)]).toEqual([
      shown.x,
      shown.y,
      shown.width,
      Math.round(shown.height),
    ]);
    const write = async (written: string) => {
      await text.focus();
      await page.keyboard.press("Control+a");
      await page.keyboard.insertText(written);
      await page.keyboard.press("Control+Enter");
      await page.waitForFunction(
        `["ended"].includes(document.querySelector(".snippet").dataset.state)`,
        undefined,
        patience,
      );
      return [
        await program.locator(".snippet-state").textContent(),
        ((await program.locator("output").textContent()) ?? "")
          .split("\n")
          .filter((line) => !/no WebGPU/.test(line)),
      ];
    };
    const typed =
      'import { add, init } from "gradgpu";\n\nawait init();\ninterface Two {\n  readonly a: number;\n}\n';
    expect(
      await write(`${typed}const two: Two = { a: 2 };\nconsole.log("<b>", await add(two.a, 1).array());`),
    ).toEqual([expect.stringMatching(/^It took/), ["<b> 3"]]);
    expect(await write(`${typed}add([1, 2], [1, 2, 3]);`)).toEqual([
      "It ended with an error in line 7.",
      [expect.stringMatching(/^ShapeError: add: shapes \[2\] and \[3\]/), "Line 7: add([1, 2], [1, 2, 3]);"],
    ]);
    expect(await program.locator(".blamed").textContent()).toBe("add([1, 2], [1, 2, 3]);");
    expect(await site.seriousFaults()).toEqual([]);
    expect(
      await write(`${typed}setTimeout(() => {\n  (undefined as any).x;\n});\nawait new Promise(() => {});`),
    ).toEqual([
      "It ended with an error in line 8.",
      [expect.stringContaining("TypeError"), "Line 8: (undefined as any).x;"],
    ]);
    // Timers have their time, and what nobody awaits is heard after the end.
    expect(
      await write(
        'setTimeout(() => setTimeout(() => console.log("late"), 300), 300);\nconsole.log("first");',
      ),
    ).toEqual([expect.stringMatching(/^It took/), ["first", "late"]]);
    await write(
      'const { port1, port2 } = new MessageChannel();\nport2.onmessage = () => console.log("later");\nport1.postMessage(1);',
    );
    await page.waitForFunction(
      'document.querySelector(".snippet output").textContent === "later"',
      undefined,
      patience,
    );
    await text.focus();
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText('setInterval(() => console.log("tick"), 100);');
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector('.snippet-state:has-text("Its timers go on")', patience);
    await page.waitForSelector('.snippet output:has-text("tick")', patience);
    await program.locator('button:has-text("Stop")').click();
    expect(await program.locator(".snippet-state").textContent()).toBe("Stopped.");
    expect(await write(`${typed}import { ad } from "gradgpu";\nad();`)).toEqual([
      "It ended with an error in line 7.",
      [
        "SyntaxError: The requested module 'gradgpu' has no export named 'ad'",
        'Line 7: import { ad } from "gradgpu";',
      ],
    ]);
    // The error stands below, however much was printed before it, and however long its message is.
    const [, printed] = await write(
      'for (let i = 0; i < 1e5; i++) console.log("line", i);\nthrow new Error("at the end".padEnd(1e6, "!"));',
    );
    const loud = printed as string[];
    expect([loud[0], loud.at(-3), loud.at(-2)?.slice(0, 19), loud.at(-1)?.slice(0, 13)]).toEqual([
      "line 0",
      "… the rest is left out",
      "Error: at the end!!",
      "Line 2: throw",
    ]);
    expect(loud.join("").length).toBeLessThan(25_000);
    // One that prints without end is ended like another.
    await text.focus();
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText('postMessage(null);\nfor (let i = 0; ; i++) console.log("loop", i);');
    await page.keyboard.press("Control+Enter");
    await program.locator('output:has-text("the rest is left out")').waitFor(patience);
    await program.locator('button:has-text("Stop")').click();
    expect(await program.locator(".snippet-state").textContent()).toBe("Stopped.");
    await write(`${typed}import { ad } from "gradgpu";\nad();`);
    await page.reload();
    await program.locator('button:has-text("Go on editing")').click();
    await text.waitFor(patience);
    expect(await text.textContent()).toContain("ad();");
    await program.locator('button:has-text("Reset")').click();
    expect(await text.textContent()).toBe(original?.replaceAll("\n", ""));
    expect(await program.locator('button:has-text("Reset")').isDisabled()).toBe(true);
    await page.reload();
    expect(await program.locator('button:has-text("Edit")').count()).toBe(1);
  });

  it.each([
    "playground.html?device=cpu",
    ...sampled(
      [
        "index.html?device=cpu",
        "lessons/index.html",
        "docs/workers.html",
        "api/gradgpu-worker.html",
        "docs/ops.html",
        "docs/runtimes.html",
      ],
      6,
    ),
  ])("%s has nothing that axe calls serious, light and dark, and stays where it is", async (place) => {
    await site.page.emulateMedia({ colorScheme: "light" });
    await site.open(place);
    if (place.startsWith("playground")) await site.built();
    expect(await site.shifts()).toBeLessThan(hardlyAny);
    expect(await site.seriousFaults()).toEqual([]);
    // The dark page differs by its colours alone.
    await site.page.emulateMedia({ colorScheme: "dark" });
    expect(await site.seriousFaults(["color-contrast"])).toEqual([]);
    await site.page.emulateMedia({ colorScheme: null });
  });

  it("sends little script to the playground's first view", async () => {
    // What a service worker has kept is asked of nobody.
    const own = await site.browser.newContext({ serviceWorkers: "block" });
    const scripts = new Set<string>();
    own.on("request", (request) => {
      const { pathname } = new URL(request.url());
      if (pathname.endsWith(".js")) scripts.add(pathname.slice(new URL(site.url).pathname.length));
    });
    const tab = await own.newPage();
    await tab.goto(`${site.url}playground.html?device=cpu`);
    await tab.waitForSelector('.tag:has-text("parameters")', patience);
    await own.close();
    const bytes = [...scripts].map(
      (name) => zlib.gzipSync(fs.readFileSync(path.join(out, name)), { level: 9 }).length,
    );
    expect(scripts.size).toBeGreaterThan(3);
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(300_000);
  });

  it.runIf(isDue(1))("steps through the worked example when the reader sees it", async () => {
    const own = await site.browser.newContext({ reducedMotion: "no-preference", serviceWorkers: "block" });
    const tab = await own.newPage();
    await tab.goto(`${site.url}lessons/index.html`);
    const frame = tab.locator("iframe.walk");
    expect(await frame.getAttribute("src")).toBeNull();
    await frame.scrollIntoViewIfNeeded();
    const count = tab.frameLocator("iframe.walk").locator("#count");
    const first = (await count.textContent(patience)) as string;
    await expect.poll(() => count.textContent(), { timeout: 60_000 }).not.toBe(first);
    await own.close();
  });

  it("has a button for its theme", async () => {
    const { page } = site;
    await site.open("docs/index.html");
    await page.click("#theme");
    await page.click("#theme");
    expect(await page.getAttribute("html", "data-theme")).toBe("dark");
    await page.reload();
    expect(await page.getAttribute("html", "data-theme")).toBe("dark");
    await page.click("#theme");
    expect(await page.getAttribute("html", "data-theme")).toBeNull();
  });

  it.runIf(isDue(2))(
    "opens and trains without a network, and takes a newer build at the visit after",
    async () => {
      const { page } = site;
      const first = "playground.html?device=cpu#data=xor&n=40&layers=Dense(units:2)";
      await site.open(first);
      await page.evaluate("navigator.serviceWorker.ready.then(() => undefined)");
      await page.waitForFunction("navigator.serviceWorker.controller !== null", undefined, patience);
      await site.withoutNetwork(async () => {
        await site.open(first);
        await site.built();
        await site.epoch(1);
        await site.open("docs/");
        await page.fill("#search-field", "dying relu");
        await page.waitForSelector("#found a", patience);
        await site.open("docs/tensors.html?device=cpu");
        await page.locator('.snippet button:has-text("Edit")').first().click();
        await page.locator(".cm-content").press("Control+Enter");
        await page.waitForSelector('.snippet-state:has-text("It took")', patience);
        const file = path.join(out, "lessons", "index.html");
        fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace("<title>", "<title>Newer "));
        writeOffline(out);
      });
      await site.open("lessons/index.html");
      expect(await page.title()).not.toContain("Newer");
      await page.click(".newer button", patience);
      await page.waitForFunction("document.title.startsWith('Newer')", undefined, patience);
      expect(await page.evaluate("caches.keys().then((names) => names.length)")).toBeLessThanOrEqual(2);
    },
  );

  it("has complained of nothing, and asked no other server", () => {
    expect(site.complaints).toEqual([]);
  });
});

// Files of the user's own in the site's playground: rows, images and texts, what is wrong with others, and what the browser keeps.

import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { executable } from "../support/chromium.ts";
import { isDue } from "../support/sampled.ts";
import { builtSite, patience, SiteVisit } from "../support/site.ts";

describe.skipIf(executable === undefined)("the playground with one's own data", () => {
  let site: SiteVisit;
  let out: string;

  beforeAll(async () => {
    ({ out } = await builtSite());
    site = await SiteVisit.begin(out);
  });
  afterAll(() => site?.end());

  const chooser = 'input[aria-label="CSV file"]';
  const csv = (text: string | Buffer, name = "own.csv") => ({
    name,
    mimeType: "text/csv",
    buffer: Buffer.from(text as string),
  });
  const rows = Array.from(
    { length: 40 },
    (_, i) => `${Math.sin(i)},${Math.cos(i * 2)},${i % 2 ? "on" : "off"}`,
  );

  it("takes a CSV file, and says what is wrong with another", async () => {
    const { page } = site;
    await site.open("playground.html?device=cpu#data=moons&layers=Dense(units:4)");
    await site.built();
    const large = path.join(out, "..", `large-${process.pid}.csv`);
    fs.closeSync(fs.openSync(large, "w"));
    fs.truncateSync(large, 300e6);
    await page.setInputFiles(chooser, large);
    await site.problem(`large-${process.pid}.csv has 300 MB`);
    fs.rmSync(large);
    await page.setInputFiles(chooser, csv(Buffer.from("iVBORw0KGgoAAAANSUhEUg", "base64"), "picture.csv"));
    await site.problem("picture.csv is no text");
    await page.setInputFiles(chooser, csv("a,b\n1,<img>\n"));
    await site.problem("own.csv");
    expect(await page.locator(".problems img").count()).toBe(0);
    const header = "<img src=x onerror=hurt=1>,<script>hurt=1</script>,c";
    await page.setInputFiles(chooser, csv(`${header}\n${rows.join("\n")}`, "<img src=x onerror=hurt=1>.csv"));
    await page.waitForSelector('.hint:has-text("32 samples to train on")', patience);
    await site.epoch(1);
    await page.fill("#trial", "0.5; none");
    await page.waitForSelector('.panel-try .field-problem:has-text("“none” is no number")', patience);
    await page.fill("#trial", "0.5, -0.5");
    await page.waitForSelector('.panel-try .hint:has-text("The net says")', patience);
    await page.click("#tab-runs");
    await page.waitForSelector(".runs .current", patience);
    expect(await page.evaluate("[typeof hurt, document.querySelectorAll('#playground img').length]")).toEqual(
      ["undefined", 0],
    );
    // Texts become categories, a missing cell its own; which column is learnt can be chosen.
    const homes = Array.from(
      { length: 60 },
      (_, i) =>
        `${["<b>oak</b>", "elm"][i % 2]},${100.5 + (i % 2) * 50 + (i % 7)},${i % 9 === 0 ? "" : 20 + i},${i % 3}`,
    );
    await page.setInputFiles(chooser, csv(`tree,price,age,kind\n${homes.join("\n")}`, "trees.csv"));
    await page.waitForSelector(".columns-made", patience);
    // Few whole numbers are classes, or a number.
    const learntAs = page.locator('.field:has-text("Learnt as") select');
    expect(await learntAs.inputValue()).toBe("classes");
    await learntAs.selectOption("number");
    await page.waitForSelector('.columns-made dd:has-text("a number with mean 1 and deviation 0.8165")', {
      ...patience,
      state: "attached",
    });
    expect(page.url()).toContain("target=kind&as=number");
    expect(await learntAs.inputValue()).toBe("number");
    await page.selectOption('.field:has-text("To be learnt") select', "price");
    await page.waitForSelector('.columns-made dd:has-text("To be learnt: a number with mean")', {
      ...patience,
      state: "attached",
    });
    await page.click(".columns-made summary");
    const made = (await page.locator(".columns-made").textContent()) ?? "";
    expect(made).toContain("3 of 3 columns give the net 4 numbers");
    expect(made).toContain("2 categories, each 0 or 1: <b>oak</b>, elm.");
    expect(made).toContain("Missing cells, filled with the mean: 7.");
    expect(page.url()).toContain("target=price&batch");
    expect(await learntAs.count()).toBe(0);
    await site.built();
    await site.epoch(1);
    await page.fill("#trial", "elm, ?, 1");
    await page.waitForSelector('.panel-try .hint:has-text("for price.")', patience);
    await page.fill("#trial", "ash, 30, 1");
    await page.waitForSelector(
      '.panel-try .field-problem:has-text("“ash” is none of tree: <b>oak</b>, elm.")',
      patience,
    );
    expect(await site.seriousFaults()).toEqual([]);
    // A long file keeps nobody waiting, and rows that lack a value are left out.
    const many = Array.from(
      { length: 150_000 },
      (_, i) => `${i % 97},${i % 89},"${i % 2 ? "on, now" : "off"}"`,
    );
    const long = path.join(out, "..", `long-${process.pid}.csv`);
    fs.writeFileSync(long, ["a,b,c", "1,1,", ...many].join("\n"));
    const longest = `new Promise((resolve) => {
      const begun = performance.now();
      let [last, most] = [begun, 0];
      const look = () => {
        const now = performance.now();
        most = Math.max(most, now - last);
        last = now;
        if (document.querySelector('.own')?.textContent.includes("long-")) resolve(most / (now - begun));
        else setTimeout(look);
      };
      look();
    })`;
    const waited = page.evaluate(longest);
    await page.setInputFiles(chooser, long);
    await page.waitForSelector(
      '.own:has-text("off, on, now. Rows left out, as a value is missing: 1")',
      patience,
    );
    // On the page's own thread nearly all of it would be one wait.
    expect(await waited).toBeLessThan(0.5);
    fs.rmSync(long);
    // Three classes have another loss than those that the address's data begin with.
    const kinds = ["red", "green", "blue"];
    const three = rows.map((row, i) => row.replace(/o(n|ff)$/, kinds[i % 3]));
    await page.setInputFiles(chooser, csv(three.join("\n"), "three.csv"));
    await page.waitForSelector('.own:has-text("three.csv")', patience);
    await site.built();
    await site.epoch(1);
    await page.waitForSelector(".runs .current", patience);
    await page.reload();
    await page.waitForSelector('.own:has-text("three.csv")', patience);
    await site.reach("Epoch", 1, true);
    expect(await site.problems()).toEqual([]);
  });

  it.runIf(isDue(0, 2))("takes images by class, and has them again after a reload", async () => {
    const { page } = site;
    await site.open("playground.html?device=cpu#data=images&layers=Flatten~Dense(units:4)");
    await page.selectOption('.panel:has-text("Your images") select', "16");
    await page.setInputFiles(
      'input[aria-label="Image files"]',
      ["red_1.png", "blue_1.png"].map((name) => ({
        name,
        mimeType: "image/png",
        buffer: Buffer.from("none"),
      })),
    );
    await site.problem("is no PNG or JPEG file");
    await page.evaluate(`(async () => {
      const data = new DataTransfer();
      for (let i = 0; i < 12; i++) {
        const canvas = new OffscreenCanvas(20 + i, 24);
        const context = canvas.getContext("2d");
        context.fillStyle = i % 2 ? "red" : "blue";
        context.fillRect(0, 0, 99, 99);
        data.items.add(new File([await canvas.convertToBlob()], (i % 2 ? "red_" : "blue_") + i + ".png"));
      }
      const panel = [...document.querySelectorAll(".panel")].find((one) => one.textContent.includes("Your images"));
      panel.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    })()`);
    await page.waitForSelector('.own:has-text("12 images: blue, red")', patience);
    await page.waitForSelector('.hint:has-text("10 samples to train on")', patience);
    await site.epoch(1);
    await page.evaluate(`(async () => {
      const canvas = new OffscreenCanvas(30, 30);
      const context = canvas.getContext("2d");
      context.fillStyle = "red";
      context.fillRect(0, 0, 30, 30);
      const data = new DataTransfer();
      data.items.add(new File([await canvas.convertToBlob()], "mine.png"));
      document.querySelector(".panel-try").dispatchEvent(
        new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    })()`);
    await page.waitForSelector('.panel-try .hint:has-text("The net says")', patience);
    expect(
      await page.evaluate(
        `[...document.querySelector(".seen").getContext("2d").getImageData(64, 64, 1, 1).data].slice(0, 3)`,
      ),
    ).toEqual([255, 0, 0]);
    await page.click("#tab-runs");
    await page.waitForSelector(".runs .current", patience);
    await page.reload();
    await page.waitForSelector('.own:has-text("12 images: blue, red")', patience);
    await site.reach("Epoch", 1, true);
    // The files are not here any more: what they became is shown, and can't be changed.
    const side = page.locator('.panel:has-text("Your images") select').first();
    expect([await side.inputValue(), await side.isDisabled()]).toEqual(["16", true]);
    await page.waitForSelector(
      '.hint:has-text("Choose the files again to have them in another form.")',
      patience,
    );
    await site.epoch(2);
    expect(await site.problems()).toEqual([]);
  });

  it.runIf(isDue(1, 2))("takes texts, and tries another", async () => {
    const { page } = site;
    await site.open("playground.html?device=cpu#data=text");
    const lines = Array.from(
      { length: 20 },
      (_, i) => `${i % 2 ? "spam" : "ham"}\t<b>${i % 2 ? "free" : "dear"}</b> ${i}`,
    );
    const file = { name: "texts.tsv", mimeType: "text/plain", buffer: Buffer.from(lines.join("\n")) };
    await page.setInputFiles('input[aria-label="Text file"]', file);
    await page.waitForSelector('.own:has-text("texts.tsv: ham, spam")', patience);
    await page.waitForSelector('.layer-name:has-text("Embedding")', patience);
    await page.waitForSelector('.hint:has-text("16 samples to train on")', patience);
    await site.built();
    await site.train("Epoch", 40);
    await page.fill("#trial", "<b>free</b> <b>free</b> <b>free</b>");
    await page.waitForSelector('.panel-try .hint:has-text("The net says spam")', patience);
    expect(await site.problems()).toEqual([]);
  });

  it("says of a kept run that is damaged, and of one that has no room, what to do", async () => {
    const { page } = site;
    const place = "playground.html?device=cpu#data=xor&n=40&layers=Dense(units:2)";
    await site.open(place);
    await site.built();
    await site.epoch(1);
    await page.click("#tab-runs");
    await page.waitForSelector(".runs .current", patience);
    // A page that is left keeps its run once more: on another one nothing comes over the damage.
    await site.open("docs/index.html");
    await page.evaluate(`(async () => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("gradgpu-playground");
      for await (const [name, handle] of folder.entries()) {
        if (!name.endsWith(".run")) continue;
        const bytes = await (await handle.getFile()).arrayBuffer();
        const file = await handle.createWritable();
        await file.write(bytes.slice(0, bytes.byteLength - 40));
        await file.close();
      }
    })()`);
    await site.open(place);
    await site.problem("The kept run could not be read");
    expect(await page.locator(".notice").count()).toBe(0);
    await page.click('button:has-text("Reset")');
    await site.built();
    const session = await site.context.newCDPSession(page);
    await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(site.url).origin, quotaSize: 1 });
    await site.epoch(1);
    await site.problem("This run is not kept in the browser");
    await page.setInputFiles(chooser, csv(rows.join("\n")));
    await page.waitForSelector('.hint:has-text("32 samples to train on")', patience);
    await site.idle();
    await site.epoch(1);
    await site.problem("This run is not kept in the browser");
  });

  it("has complained of nothing, and asked no other server", () => {
    expect(site.complaints).toEqual([]);
  });
});

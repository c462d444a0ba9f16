// npx gradgpu log: which runs it finds in folders and histories, what it refuses, and that text of logs is never markup.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { log } from "../../bin/log/command.mjs";
import { createFileWriter, readEvents } from "../../nn/index.ts";

let folder: string;
const lines: string[] = [];
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-log-"));
  lines.length = 0;
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]) => log(args, { print: (line) => lines.push(line), readEvents });

/** The data in a page, as its script reads them. */
function dataOf(file: string) {
  const html = fs.readFileSync(file, "utf8");
  const [, json] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)!;
  return JSON.parse(json);
}

async function logged(run: string, values: readonly number[], tag = "epoch_loss"): Promise<void> {
  const writer = createFileWriter(path.join(folder, run));
  values.forEach((value, step) => void writer.scalar(tag, value, step));
  await writer.close();
}

describe("gradgpu log", () => {
  it("shows all runs below a folder over each other", async () => {
    await logged("a/train", [3, 2, 1]);
    await logged("a/validation", [3, 2.5, Number.NaN]);
    await logged("b", [1]);
    expect(await run(folder)).toBe(0);
    const out = path.join(folder, "log.html");
    expect(lines[0]).toMatch(new RegExp(`^2 runs in ${out} \\(\\d\\.\\d MB\\): open it in a browser$`));
    const { runs, scalars, title } = dataOf(out);
    expect(title).toBe(path.basename(folder));
    expect(runs).toEqual([
      { name: "a/train", group: "a", part: "train" },
      { name: "a/validation", group: "a", part: "validation" },
      { name: "b", group: "b", part: "" },
    ]);
    expect(scalars.map(({ tag }: { tag: string }) => tag)).toEqual(["epoch_loss"]);
    expect(scalars[0].series.map(({ values }: { values: unknown }) => values)).toEqual([
      [3, 2, 1],
      [3, 2.5, null],
      [1],
    ]);
  });

  it("thins long curves, and keeps their least and largest values and their ends", async () => {
    const values = Array.from(
      { length: 5000 },
      (_, i) => Math.sin(i / 50) + (i === 1234 ? -9 : 0) + (i === 4321 ? 9 : 0),
    );
    await logged("train", values, "batch_loss");
    await run(folder);
    const [{ points, steps, values: shown }] = dataOf(path.join(folder, "log.html")).scalars[0].series;
    expect(points).toBe(5000);
    expect(steps.length).toBeLessThanOrEqual(2000);
    expect([steps[0], steps.at(-1)]).toEqual([0, 4999]);
    for (const at of [1234, 4321]) expect(shown[steps.indexOf(at)]).toBe(Math.fround(values[at]));
    expect(steps).toEqual([...steps].sort((a: number, b: number) => a - b));
  });

  it("takes histories, as JSON of a History and as Keras's", async () => {
    const ours = path.join(folder, "ours.json");
    fs.writeFileSync(
      ours,
      JSON.stringify({
        epoch: [4, 5],
        history: { loss: [2, 1], valLoss: [3, null], value: [7, 8] },
        epochSeconds: [2, 3],
      }),
    );
    const keras = path.join(folder, "keras.json");
    fs.writeFileSync(keras, JSON.stringify({ loss: [2, 1], val_loss: [3, 4], val_only: [1, 1] }));
    expect(await run(ours, keras, "--out", path.join(folder, "both.html"), "--title", "Both")).toBe(0);
    const { runs, scalars, title, isHistory } = dataOf(path.join(folder, "both.html"));
    expect([title, isHistory]).toEqual(["Both", true]);
    expect(runs.map(({ name }: { name: string }) => name)).toEqual([
      "ours/train",
      "ours/validation",
      "keras/train",
      "keras/validation",
    ]);
    const curves = Object.fromEntries(
      scalars.map(({ tag, series }: { tag: string; series: unknown[] }) => [tag, series]),
    );
    expect(curves.loss).toMatchObject([
      { run: 0, steps: [4, 5], seconds: [2, 5], values: [2, 1] },
      { run: 1, steps: [4, 5], values: [3, null] },
      { run: 2, steps: [0, 1], values: [2, 1] },
      { run: 3, values: [3, 4] },
    ]);
    // No validation of a number that training lacks, and no "ue".
    expect(curves.val_only).toMatchObject([{ run: 2 }]);
    expect(curves.value).toMatchObject([{ run: 0, values: [7, 8] }]);
  });

  it("shows what stands before the end of a cut file, and leaves out what is none", async () => {
    await logged("train", [3, 2, 1]);
    const [name] = fs.readdirSync(path.join(folder, "train"));
    const file = path.join(folder, "train", name);
    fs.truncateSync(file, fs.statSync(file).size - 5);
    fs.mkdirSync(path.join(folder, "bad"));
    fs.writeFileSync(path.join(folder, "bad", "events.out.tfevents.1"), "this is no event file at all");
    expect(await run(folder)).toBe(0);
    expect(dataOf(path.join(folder, "log.html")).scalars[0].series[0].values).toEqual([3, 2]);
    expect(lines.slice(1)).toEqual([
      expect.stringMatching(/^bad.events\.out\.tfevents\.1 was left out: .*no event file/),
      expect.stringMatching(/ends within an event, as where a run was cut; what stands before is shown$/),
    ]);
  });

  it("never makes markup of a log's text", async () => {
    const evil = `</script><script>window.pwned = 1</script><img src=x onerror="window.pwned=1"> \u2028`;
    const writer = createFileWriter(path.join(folder, "run <b>"));
    writer.scalar(evil, 1, 0);
    writer.text(evil, evil, 0);
    writer.hparams({ [evil]: evil });
    await writer.close();
    expect(await run(folder, "--title", evil)).toBe(0);
    const html = fs.readFileSync(path.join(folder, "log.html"), "utf8");
    expect(html).not.toContain("<script>window");
    expect(html).not.toContain("<img src=x");
    expect(html).not.toContain("run <b>");
    // The page's own three scripts, and nothing more.
    expect(html.match(/<\/script/gi)).toHaveLength(3);
    expect(dataOf(path.join(folder, "log.html")).texts[0].series[0].entries[0].rows).toEqual([[evil]]);
  });

  it("says what is missing", async () => {
    const errors: string[] = [];
    const spy = vi.spyOn(process.stderr, "write").mockImplementation((text) => errors.push(String(text)) > 0);
    try {
      expect(await run()).toBe(1);
      expect(await run(path.join(folder, "nowhere"))).toBe(1);
      expect(await run(folder)).toBe(1);
      fs.writeFileSync(path.join(folder, "x.json"), "[1, 2]");
      expect(await run(path.join(folder, "x.json"))).toBe(1);
      expect(await run(folder, "--outt", "x")).toBe(1);
    } finally {
      spy.mockRestore();
    }
    expect(errors).toEqual([
      expect.stringMatching(/^gradgpu log: say which folder/),
      expect.stringMatching(/there is nothing at .*nowhere/),
      expect.stringMatching(
        /there are no event files \(events\.out\.tfevents\.\*\) and no history\*\.json in/,
      ),
      expect.stringMatching(/x\.json is no history/),
      expect.stringMatching(/Unknown option '--outt'/),
    ]);
  });
});

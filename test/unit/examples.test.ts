// The examples run from their files as a reader runs them, on little data and the CPU reference, and end by themselves.

import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { eventFilesIn, eventsIn, summariesIn } from "../support/event-reader.ts";
import { isDue } from "../support/sampled.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** The lines that an example prints. */
async function run(example: string, ...args: string[]): Promise<string[]> {
  const all = ["scripts/run.mjs", `examples/${example}.ts`, "--device", "cpu", ...args];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, all, {
    cwd: root,
    timeout: 240_000,
  });
  expect(stderr).toBe("");
  expect(stdout).not.toMatch(/NaN|undefined|Infinity/);
  return stdout.trimEnd().split("\n");
}

const percent = (line: string) => Number(/([\d.]+) %/.exec(line)?.[1]);

/** Whether the loss that a line tells of is by the end at most 4/5 of what it was. */
function falls(line: string): boolean {
  const [, first, last] = /loss ([\d.]+) -> ([\d.]+)/.exec(line)!.map(Number);
  return last < 0.8 * first;
}

let examples = 0;
/** A test of an example; of npm test's samples each takes a sixth. */
const test = (name: string, body: () => Promise<void>) => it.runIf(isDue(examples++, 6))(name, body);

describe("examples", () => {
  test("search ranks its trials", async () => {
    const lines = await run("search", "--limit", "200", "--trials", "3");
    expect(lines.filter((line) => line.startsWith("trial"))).toHaveLength(5);
    expect(lines.slice(-4)[0]).toMatch(/^ +trial +accuracy +budget +optimizer +units +layers/);
    expect(lines.slice(-3).map((line) => line[0])).toEqual(["1", "2", "3"]);
  });

  test("custom-loop learns digits", async () => {
    const lines = await run("custom-loop", "--epochs", "3", "--limit", "1000");
    expect(lines).toHaveLength(3);
    const losses = lines.map((line) => Number(/loss ([\d.]+)/.exec(line)?.[1]));
    expect(losses[2]).toBeLessThan(losses[0]);
    // One in ten by chance.
    expect(percent(lines[2])).toBeGreaterThan(40);
  });

  test("mnist-cnn trains, and says what it sees", async () => {
    const lines = await run("mnist-cnn", "--quick");
    expect(lines.some((line) => /^Epoch 1\/1 - 1\/1/.test(line))).toBe(true);
    expect(lines.at(-3)).toMatch(/^right on [\d.]+ % of 40 images that it never saw$/);
    expect(lines.at(-2)).toMatch(/^it says( \d){10}$/);
    expect(lines.at(-1)).toBe("they are 7 2 1 0 4 1 4 9 5 9");
  });

  test("text-classifier tells spam", async () => {
    const lines = await run("text-classifier", "--epochs", "6", "--limit", "300");
    expect(lines[0]).toBe("240 mails to learn from, 65 of them spam; 60 to test; 8000 words");
    const [right, hamShare] = [...lines.at(-3)!.matchAll(/([\d.]+) %/g)].map(([, share]) => Number(share));
    expect(right).toBeGreaterThan(hamShare);
    expect(percent(lines.at(-2)!)).toBeGreaterThan(percent(lines.at(-1)!));
  });

  test("character-model learns how letters follow, and writes", async () => {
    const lines = await run("character-model", "--quick");
    expect(lines[0]).toBe("6000 letters of stories, in 288 pieces of 20");
    const bits = lines.slice(1, 4).map((line) => Number(/ ([\d.]+) bits a letter: he ./.exec(line)?.[1]));
    // Of 32 letters, all alike.
    expect(bits[0]).toBeLessThan(5);
    expect(bits[2]).toBeLessThan(bits[0] - 0.3);
    expect(lines.at(-1)).toMatch(/^the man [a-z.,?!' ]{10,60}$/);
  });

  test("mails tells spam by reading its words in their order", async () => {
    const lines = await run("mails", "--quick");
    expect(lines[0]).toBe("240 mails to learn from, 60 to test, 1998 words");
    const accuracy = (line: string) => Number(/valAccuracy: ([\d.]+)/.exec(line)?.[1]);
    // Three in four are no spam.
    expect(accuracy(lines[4])).toBeGreaterThan(0.8);
    expect(percent(lines.at(-2)!)).toBeGreaterThan(percent(lines.at(-1)!));
  });

  test("forecast foretells a wave better than yesterday does", async () => {
    const lines = await run("forecast", "--quick");
    expect(lines[0]).toBe("400 hours; from 12 of them the next: 10 batches to learn from, 1 to test");
    const [net, hour, day, best] = lines.slice(-7, -3).map((line) => Number(/ ([\d.]+)$/.exec(line)?.[1]));
    expect(net).toBeLessThan(0.8 * Math.min(hour, day));
    expect(net).toBeGreaterThan(0.9 * best);
    for (const line of lines.slice(-2)) expect(line).toMatch(/^(foretold|came {4}) [▁-█]{48}$/);
  });

  test("sort-numbers sorts rows that it never saw", async () => {
    const lines = await run("sort-numbers", "--quick");
    expect(lines.at(-4)).toMatch(/^(\d ?){3} -> (\d ?){3}$/);
    // One in six by chance, where digits differ.
    expect(percent(lines.at(-1)!)).toBeGreaterThan(70);
  });

  test("pipeline trains from a data set, and validates", async () => {
    const lines = await run("pipeline", "--epochs", "2", "--limit", "100");
    expect(lines[0]).toBe("912226 parameters, 1 steps an epoch, 1 to validate");
    expect(lines[1]).toMatch(/^Epoch 1\/2 - 1\/1 .* - valLoss: [\d.]+ - valAccuracy: [\d.]+$/);
    expect(lines[2]).toMatch(/^Epoch 2\/2 - 1\/1 /);
    expect(lines[3]).toMatch(/^the validation loss is least after epoch [12]$/);
  });

  test("residual learns with shortcuts what it can't without them", async () => {
    const lines = await run("residual");
    expect(lines).toHaveLength(2);
    expect(falls(lines[0])).toBe(true);
    expect(percent(lines[0])).toBeGreaterThan(95);
    expect(percent(lines[1])).toBeLessThan(percent(lines[0]) - 10);
  });

  test("two-outputs learns both", async () => {
    const lines = await run("two-outputs");
    expect(lines.some((line) => /^ department \(Dense\) .*\['dense\[0\]\[0\]'\]/.test(line))).toBe(true);
    expect(falls(lines.at(-4)!)).toBe(true);
    expect(percent(lines.at(-3)!)).toBeGreaterThan(95);
    expect(Number(/wrong by ([\d.]+)$/.exec(lines.at(-2)!)?.[1])).toBeLessThan(0.05);
    // 0.5 * 0.9 + 0.3 * 0.5 + 0.2
    const [, urgency] = /for network, urgency ([\d.]+)$/.exec(lines.at(-1)!)!;
    expect(Math.abs(Number(urgency) - 0.8)).toBeLessThan(0.1);
  });

  test("siamese tells pairs apart by one shared encoder", async () => {
    const lines = await run("siamese", "--epochs", "8", "--limit", "300");
    // 14 * 14 * 64 + 64 + 64 * 16 + 16, once, and 17 behind it.
    expect(lines).toContain("Total params: 13665 (53.38 KB)");
    expect(falls(lines.at(-2)!)).toBe(true);
    // One in two by chance.
    expect(percent(lines.at(-1)!)).toBeGreaterThan(60);
  });

  test("autoencoder has an encoder that is used alone", async () => {
    const lines = await run("autoencoder", "--epochs", "8", "--limit", "400");
    expect(falls(lines[0])).toBe(true);
    expect(Number(/off by ([\d.]+)$/.exec(lines[1])?.[1])).toBeLessThan(0.25);
    expect(lines[2]).toMatch(/^16 numbers an image/);
    // One in ten by chance.
    expect(percent(lines[2])).toBeGreaterThan(50);
  });

  test("gan makes points like those that it was shown", async () => {
    const lines = await run("gan");
    const around = (line: string) => /around ([-\d.]+) ([-\d.]+), as wide as ([\d.]+) ([\d.]+)$/.exec(line);
    const [before, after, wanted] = [lines[0], lines[2], lines[3]].map((line) =>
      around(line)!.slice(1).map(Number),
    );
    const away = (numbers: number[]) => Math.hypot(...numbers.map((value, i) => value - wanted[i]));
    expect(away(before)).toBeGreaterThan(2);
    expect(away(after)).toBeLessThan(0.7);
  });

  test("transfer learns from few images on frozen layers", async () => {
    const lines = await run("transfer", "--epochs", "5", "--limit", "300");
    expect(percent(lines[0])).toBeGreaterThan(85);
    // Of the head alone: 32 * 5 + 5.
    expect(lines[1]).toBe("of 9493 parameters 165 are trained");
    expect(falls(lines[2])).toBe(true);
    expect(lines[3]).toBe("the frozen weights are as before");
    // One in five by chance.
    const [frozen, tuned] = [lines[4], lines[5]].map(percent);
    expect(frozen).toBeGreaterThan(40);
    expect(tuned).toBeGreaterThan(frozen);
  });

  test("resume goes on where it was stopped", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-example-"));
    const file = (name: string) => path.join(folder, name);
    try {
      const [whole] = await run("resume", "--epochs", "6", "--file", file("whole"));
      expect(whole).toMatch(/^6 epochs, loss [\d.]+, right [\d.]+ %$/);
      const [stopped] = await run("resume", "--epochs", "6", "--file", file("cut"), "--stop-after", "30");
      expect(stopped).toBe("stopped in epoch 4; start it again");
      const [resumed] = await run("resume", "--epochs", "6", "--file", file("cut"));
      const lossOf = (line: string) => Number(/loss ([\d.]+)/.exec(line)?.[1]);
      // The CPU reference keeps float64, files f32.
      expect(Math.abs(lossOf(resumed) / lossOf(whole) - 1)).toBeLessThan(1e-4);
      expect(fs.readdirSync(folder).sort()).toEqual(["cut", "whole"]);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });

  test("worker trains in a thread of its own, and ends when it is told to", async () => {
    const lines = await run("worker", "--epochs", "3");
    expect(lines).toHaveLength(4);
    const losses = lines.slice(0, 3).map((line) => Number(/loss ([\d.]+)/.exec(line)?.[1]));
    expect(losses[2]).toBeLessThan(losses[0]);
    expect(lines[3]).toBe("3 epochs and 4 weights came back; the clock here ticked on: true");
    const stopped = await run("worker", "--epochs", "1000000", "--stop-after", "2");
    expect(Number(/^(\d+) epochs/.exec(stopped.at(-1)!)?.[1])).toBeGreaterThanOrEqual(2);
  });

  test("tensorboard logs a deep network, weights, gradients and activations", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-example-"));
    try {
      const lines = await run("tensorboard", "--epochs", "2", "--limit", "300", "--logdir", folder);
      expect(lines[0]).toBe(`The log: npx gradgpu log ${folder}, or tensorboard --logdir ${folder}`);
      const [file] = eventFilesIn(folder).get("train")!;
      const found = summariesIn(eventsIn(fs.readFileSync(file)));
      const losses = found.filter(({ tag }) => tag === "epoch_loss").map(({ tensor }) => tensor.float_val[0]);
      expect(losses).toHaveLength(2);
      expect(losses[1]).toBeLessThan(losses[0]);
      const histograms = new Set(found.filter(({ plugin }) => plugin === "histograms").map(({ tag }) => tag));
      // Weights of 4 dense layers and 3 batch normalizations; of the trained ones gradients; 8 layers.
      expect(histograms.size).toBe(20 + 14 + 8);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});

// The examples run from their files as a reader runs them, on little data and the CPU reference, and end by themselves.

import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

/** The lines that an example prints. */
async function run(example: string, ...args: string[]): Promise<string[]> {
  const all = ["scripts/run.mjs", `examples/${example}.ts`, "--device", "cpu", ...args];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, all, {
    cwd: root,
    timeout: 100_000,
  });
  expect(stderr).toBe("");
  expect(stdout).not.toMatch(/NaN|undefined|Infinity/);
  return stdout.trimEnd().split("\n");
}

const percent = (line: string) => Number(/([\d.]+) %/.exec(line)?.[1]);

describe("examples", () => {
  it("custom-loop learns digits", async () => {
    const lines = await run("custom-loop", "--epochs", "3", "--limit", "1000");
    expect(lines).toHaveLength(3);
    const losses = lines.map((line) => Number(/loss ([\d.]+)/.exec(line)?.[1]));
    expect(losses[2]).toBeLessThan(losses[0]);
    // One in ten by chance.
    expect(percent(lines[2])).toBeGreaterThan(40);
  });

  it("cnn trains, and says what it sees", async () => {
    const lines = await run("cnn", "--epochs", "1", "--limit", "40");
    expect(lines.some((line) => /^Epoch 1\/1 - 1\/1/.test(line))).toBe(true);
    expect(lines.at(-3)).toMatch(/^right on [\d.]+ % of 40 images that it never saw$/);
    expect(lines.at(-2)).toMatch(/^it says( \d){10}$/);
    expect(lines.at(-1)).toBe("they are 7 2 1 0 4 1 4 9 5 9");
  });

  it("text-classifier tells spam", async () => {
    const lines = await run("text-classifier", "--epochs", "6", "--limit", "300");
    expect(lines[0]).toBe("240 mails to learn from, 76 of them spam; 60 to test; 8000 words");
    const [right, hamShare] = [...lines.at(-3)!.matchAll(/([\d.]+) %/g)].map(([, share]) => Number(share));
    expect(right).toBeGreaterThan(hamShare);
    expect(percent(lines.at(-2)!)).toBeGreaterThan(percent(lines.at(-1)!));
  });
});

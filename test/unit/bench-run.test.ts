// The bench from its command line to its files: what it writes, refuses, and keeps when it is disturbed.

import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { sampled } from "../support/sampled.ts";

const root = path.resolve(import.meta.dirname, "../..");
const run = promisify(execFile);
/** Two cases that end soon on the reference. */
const small = "^(softmax-cross-entropy/128x10|dropout/128x64)$";

describe("npm run bench", () => {
  it("writes the machine and a row for each case", async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-bench-"));
    const file = path.join(directory, "rows", "bench.json");
    const args = ["scripts/run.mjs", "bench/main.ts", "--device", "cpu", "--filter", small, "--json", file];
    const { stdout } = await run(process.execPath, args, { cwd: root, timeout: 240_000 });
    expect(stdout).toMatch(/softmax-cross-entropy\/128x10 +forward +[\d.]+/);
    const { machine, rows } = JSON.parse(fs.readFileSync(file, "utf8"));
    fs.rmSync(directory, { recursive: true });
    expect(machine).toMatchObject({ cores: expect.any(Number), node: process.version });
    expect(rows).toHaveLength(4);
    for (const row of rows) {
      expect(row).toMatchObject({ backend: "cpu", adapter: expect.any(String), driver: expect.any(String) });
      for (const field of ["medianMs", "minMs", "samples", "dispatches", "submits", "gbPerSecond"]) {
        expect(row[field], field).toBeTypeOf("number");
      }
    }
  });

  const refused: [string[], RegExp][] = [
    [["--filter", "no such case"], /no case has such a name/],
    [["--quick", "--filter", "^chain"], /--quick leaves out all that --filter \^chain matches/],
    [["--device", "tpu"], /--device is "tpu"/],
    [["--json", "bench"], /--json: bench is a folder/],
    [["--html", "package.json/a.html"], /--html: .* below .*package\.json, which is a file/],
    [["--compare", "package.json"], /--compare: package\.json: it holds no machine and rows/],
  ];
  it.each(sampled(refused, 6))("ends with code 2 for %j, before anything is run", async (args, message) => {
    const failed = await run(process.execPath, ["scripts/run.mjs", "bench/main.ts", ...args], {
      cwd: root,
    }).then(
      () => ({ code: 0, stdout: "", stderr: "" }),
      (error) => error as { code: number; stdout: string; stderr: string },
    );
    expect(failed.code).toBe(2);
    expect(failed.stderr).toMatch(message);
    expect(failed.stderr).toMatch(/^bench: .*\n.*--help lists the options\)\n$/);
    expect(failed.stdout).toBe("");
  });

  /** Starts a run on the reference, which it signals or stops reading once the second case is begun. */
  const disturb = (
    file: string,
    filter: string,
    act: (child: ChildProcessByStdio<null, Readable, Readable>) => void,
  ) =>
    new Promise<{ code: number | null; stdout: string; isDone: boolean }>((resolve) => {
      const options = ["--device", "cpu", "--filter", filter, "--json", file];
      const child = spawn(process.execPath, ["scripts/run.mjs", "bench/main.ts", ...options], {
        cwd: root,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let stdout = "";
      let isDone = false;
      child.stdout.on("data", (chunk) => {
        stdout += chunk;
      });
      child.stderr.on("data", (chunk) => {
        if (isDone || !String(chunk).includes("[2/")) return;
        isDone = true;
        act(child);
      });
      child.on("exit", (code) => resolve({ code, stdout, isDone }));
    });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "writes and prints what was measured until %s, and ends with code %i",
    async (signal, expected) => {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-bench-"));
      const file = path.join(directory, "bench.json");
      const { code, stdout } = await disturb(file, "^elementwise/.*/1M$", (child) => child.kill(signal));
      const { options, rows, skipped } = JSON.parse(fs.readFileSync(file, "utf8"));
      fs.rmSync(directory, { recursive: true });
      expect(code).toBe(expected);
      expect(stdout).toMatch(/^elementwise\/neg\/1M +forward/m);
      expect(stdout).toMatch(/INTERRUPTED/);
      expect(options.isInterrupted).toBe(true);
      expect(rows.length).toBeGreaterThan(0);
      expect(skipped.map(({ reason }: { reason: string }) => reason)).toContain("the run was interrupted");
    },
    60_000,
  );

  it("writes its files though nobody reads its table", async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-bench-"));
    const file = path.join(directory, "bench.json");
    const { code, isDone } = await disturb(file, small, (child) => child.stdout.destroy());
    const { rows, options } = JSON.parse(fs.readFileSync(file, "utf8"));
    fs.rmSync(directory, { recursive: true });
    expect([isDone, code]).toEqual([true, 0]);
    expect(rows.length).toBeGreaterThan(2);
    expect(options.isInterrupted).toBeUndefined();
  });
});

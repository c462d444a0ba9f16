// The main job's command line, from the outside. That it trains is `npm start`'s own business: minutes of it.

import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { sampled } from "../support/sampled.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** Runs the program as `npm start` does, less the setup. */
const mnist = (...args: string[]) => mnistIn(root, ...args);

const mnistIn = (cwd: string, ...args: string[]) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const all = [path.join(root, "scripts/run.mjs"), path.join(root, "examples/mnist.ts"), ...args];
    execFile(process.execPath, all, { cwd, timeout: 240_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });

describe("npm start", () => {
  it("says how it is used", async () => {
    const { code, stdout, stderr } = await mnist("--help");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const option of ["--epochs", "--seed", "--device", "result.json"]) expect(stdout).toContain(option);
  });

  const refused: [string[], RegExp][] = [
    [["--epochs", "0"], /^mnist: --epochs is "0"; it must be a whole number from 1/],
    [["--device", "gpu"], /^mnist: --device is "gpu"; it must be one of auto, webgpu, cpu/],
    [["--seeds", "1"], /^mnist: Unknown option '--seeds'/],
  ];
  it.each(sampled(refused))("ends with code 2 for %j, and says why", async (args, message) => {
    const { code, stdout, stderr } = await mnist(...args);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(message);
    expect(stderr).toContain("npm start -- [options]");
  });

  it("does not train for hours where its results can't be written", async () => {
    const cwd = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-mnist-"));
    fs.mkdirSync(path.join(cwd, "out"));
    fs.writeFileSync(path.join(cwd, "out", "mnist"), "in the way");
    const { code, stdout, stderr } = await mnistIn(cwd, "--device", "cpu", "--epochs", "100000");
    fs.rmSync(cwd, { recursive: true });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /^mnist: .*curves.svg lies below .*mnist, which is a file; nothing was trained\n$/,
    );
  });
});

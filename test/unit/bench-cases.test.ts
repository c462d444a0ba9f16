// The bench's table of cases, and one run of the bench from its command line to its JSON.

import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allCases } from "../../bench/cases/all.ts";
import { layerTable } from "../../bench/cases/layers.ts";
import { nets } from "../../bench/cases/nets.ts";
import { trainingBench } from "../../bench/cases/training.ts";
import { type Device, type DeviceInfo, init } from "../../engine/index.ts";
import * as nn from "../../nn/index.ts";
import { collectGarbage } from "../support/garbage.ts";

const root = path.resolve(import.meta.dirname, "../..");
const run = promisify(execFile);

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

describe("bench cases", () => {
  it("have one name and phase each", () => {
    const keys = allCases.map(({ name, phase }) => `${name} ${phase}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("hold one training step a net, on every backend", () => {
    for (const net of ["N1", "N2", "N3", "N4"]) {
      const steps = allCases.filter(({ name, phase }) => name === `train/${net}` && phase === "step");
      expect(steps).toHaveLength(1);
      expect(steps[0].skip).toBeUndefined();
    }
  });

  it("time every layer of nn, forward and backward", () => {
    const layers = Object.values<unknown>({ ...nn }).filter(
      (each): each is typeof nn.Layer => typeof each === "function" && each.prototype instanceof nn.Layer,
    );
    expect(layers.length).toBeGreaterThan(5);
    const timed = new Set<unknown>(layerTable.map(({ make }) => make().constructor));
    const missing = layers.filter((layer) => !timed.has(layer)).map(({ name }) => name);
    expect(missing, "each wants samples in its class, or a line in bench/cases/layers.ts").toEqual([]);
    for (const phase of ["forward", "backward"])
      expect(allCases.filter((c) => c.name.startsWith("layer/") && c.phase === phase)).toHaveLength(
        layerTable.length,
      );
  });

  it("hold one cold start a net, and those few that --quick runs", () => {
    for (const net of ["N1", "N2", "N3", "N4"])
      expect(allCases.filter(({ name, phase }) => name === `train/${net}` && phase === "cold")).toHaveLength(
        1,
      );
    const quick = allCases.filter(({ isQuick }) => isQuick);
    expect(quick.length).toBeGreaterThan(20);
    expect(quick.length).toBeLessThan(60);
    for (const part of ["matmul", "elementwise", "layer", "train", "fit", "scale-width"])
      expect(
        quick.some(({ name }) => name.startsWith(`${part}/`)),
        part,
      ).toBe(true);
  });

  it("leave those of a GPU's size, and those by matrix units, to adapters that have what they need", () => {
    const reasons = (change: Partial<DeviceInfo>) => {
      const info = { ...device.info, backend: "webgpu" as const, isSoftware: true, ...change };
      return allCases.filter((c) => c.skipOn?.(info) !== undefined).map(({ name }) => name);
    };
    expect(reasons({})).toContain("matmul/nn/4096");
    expect(reasons({})).toContain("elementwise/neg/32M");
    expect(reasons({ isSoftware: false })).toEqual(
      ["nn", "tn", "nt"].map((form) => `matmul-f16/${form}/4096`),
    );
    expect(reasons({ isSoftware: false, matrixUnit: { m: 16, n: 16, k: 16 } })).toEqual([]);
  });

  it("time forward, backward and both of every kernel asked for", () => {
    for (const start of ["dense/", "activation/", "batch-norm/", "dropout/", "softmax-cross-entropy/"]) {
      for (const phase of ["forward", "backward", "gradient"]) {
        const found = allCases.filter((c) => c.name.startsWith(start) && c.phase === phase);
        expect(found.length, `${start} ${phase}`).toBeGreaterThanOrEqual(3);
      }
    }
  });

  it.each([
    ["N1", 59_978],
    ["N2", 912_226],
    ["N3", 79_510],
    ["N4", 2_599_086],
  ])("%s has the parameters of its note", (name, parameters) => {
    const model = nets.find((net) => net.name === name)!.build();
    expect(model.countParams()).toBe(parameters);
    model.dispose();
  });

  it("leave nothing on the device behind", async () => {
    await collectGarbage();
    const before = device.memory();
    const step = trainingBench.find(({ name, phase }) => name === "train/N3" && phase === "step")!;
    const prepared = await step.prepare(device);
    for (let i = 0; i < 2; i++) await prepared.run();
    prepared.dispose();
    const kernel = allCases.filter(({ name }) =>
      /^(activation\/relu|dropout|batch-norm)\/128x64$/.test(name),
    );
    expect(kernel).toHaveLength(9);
    for (const { prepare } of kernel) {
      const work = await prepare(device);
      for (let i = 0; i < 3; i++) await work.run();
      work.dispose();
    }
    // Scalars that ops use are kept as long as the device lives.
    expect(device.memory().bytes - before.bytes).toBeLessThan(1000);
  });
});

describe("npm run bench", () => {
  it("writes the machine and a row for each case", async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-bench-"));
    const file = path.join(directory, "rows", "bench.json");
    const filter = "^(softmax-cross-entropy/128x10|dropout/128x64)$";
    const args = ["scripts/run.mjs", "bench/main.ts", "--device", "cpu", "--filter", filter, "--json", file];
    const { stdout } = await run(process.execPath, args, { cwd: root, timeout: 50_000 });
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

  it.each([
    [["--filter", "no such case"], /no case has such a name/],
    [["--quick", "--filter", "^chain"], /--quick leaves out all that --filter \^chain matches/],
    [["--device", "tpu"], /--device is "tpu"/],
    [["--json", "bench"], /--json: bench is a folder/],
    [["--html", "package.json/a.html"], /--html: .* below .*package\.json, which is a file/],
    [["--compare", "package.json"], /--compare: package\.json: it holds no machine and rows/],
  ])("ends with code 2 for %j, before anything is run", async (args, message) => {
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
  const disturb = (file: string, act: (child: ChildProcessByStdio<null, Readable, Readable>) => void) =>
    new Promise<{ code: number | null; stdout: string; isDone: boolean }>((resolve) => {
      const options = ["--device", "cpu", "--filter", "^elementwise/.*/1M$", "--json", file];
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

  it.each(["SIGINT", "SIGTERM"] as const)(
    "writes and prints what was measured until %s",
    async (signal) => {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-bench-"));
      const file = path.join(directory, "bench.json");
      const { code, stdout } = await disturb(file, (child) => child.kill(signal));
      const { options, rows, skipped } = JSON.parse(fs.readFileSync(file, "utf8"));
      fs.rmSync(directory, { recursive: true });
      expect(code).toBe(130);
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
    const { code, isDone } = await disturb(file, (child) => child.stdout.destroy());
    const { rows, options } = JSON.parse(fs.readFileSync(file, "utf8"));
    fs.rmSync(directory, { recursive: true });
    expect([isDone, code]).toEqual([true, 0]);
    expect(rows.length).toBeGreaterThan(2);
    expect(options.isInterrupted).toBeUndefined();
  });
});

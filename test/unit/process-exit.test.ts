// How a program ends, in child processes started as a user would start them: by itself, with code 0, whether the
// device was closed or forgotten; and that an open device costs nothing while nobody asks it for anything.

import { spawn } from "node:child_process";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { MemoryUse } from "../../engine/index.ts";
import { adapterEnv, root } from "../../scripts/setup.mjs";

const fixture = path.join(root, "test", "fixtures", "exits.ts");
const workerFixture = path.join(root, "test", "fixtures", "training-worker.ts");
const hasAdapter = adapterEnv().GRADGPU_ADAPTER !== "none";
const kinds = hasAdapter ? ["cpu", "webgpu"] : ["cpu"];

interface Line {
  kind: string;
  first: number;
  last: number;
  idleMs: number;
  before: MemoryUse;
  dropped: MemoryUse;
  after: MemoryUse;
}

interface Ended {
  code: number | null;
  signal: string | null;
  lines: Line[];
  stderr: string;
}

/** Runs the fixture to its end; one that has not ended after three minutes is killed, and says so by its signal. */
function run(ending: string, kind: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const program = ending.startsWith("worker") ? workerFixture : fixture;
    const child = spawn(process.execPath, [path.join(root, "scripts", "run.mjs"), program, ending, kind], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const timer = setTimeout(() => child.kill("SIGTERM"), 180_000);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const lines = stdout
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line));
      resolve({ code, signal, lines, stderr });
    });
  });
}

function expectCleanEnd(ended: Ended, kind: string): void {
  // Drivers may warn on standard error; what Node says of a failure shows in the code.
  expect(ended.code, `${ended.signal ?? ""} ${ended.stderr}`).toBe(0);
  expect(ended.lines[0].kind).toBe(kind);
  expect(ended.lines[0].last).toBeLessThan(ended.lines[0].first);
}

describe.each(kinds)("a program on %s", (kind) => {
  it.each(["dispose", "forget", "forget-pending"])("ends by itself with code 0 (%s)", async (ending) => {
    expectCleanEnd(await run(ending, kind), kind);
  });

  it("uses no CPU while it waits with an open device", async () => {
    const ended = await run("idle", kind);
    expectCleanEnd(ended, kind);
    expect(ended.lines[1].idleMs).toBeLessThan(100);
  });

  it("gets back what it dropped without dispose(), by the garbage collector", async () => {
    const ended = await run("collect", kind);
    expectCleanEnd(ended, kind);
    const { before, dropped, after } = ended.lines[1];
    expect(dropped.tensors).toBe(before.tensors + 50);
    expect(dropped.bytes).toBeGreaterThan(before.bytes);
    expect(after.tensors).toBe(before.tensors);
    expect(after.bytes).toBe(before.bytes);
  });

  it("that trains in a worker lives on when the worker is told to end", async () => {
    const ended = await run("worker", kind);
    expect(ended, ended.stderr).toMatchObject({ code: 0, signal: null });
    const [first, stopped, last] = ended.lines as unknown as Record<string, unknown>[];
    expect([first, last]).toEqual([{ kind }, { isThere: true }]);
    expect(stopped.name).toBe("AbortError");
    expect(stopped.epochs).toBeGreaterThanOrEqual(2);
  });

  it("whose worker hangs is told, and lives on", async () => {
    const ended = await run("worker-hangs", kind);
    expect(ended, ended.stderr).toMatchObject({ code: 0, signal: null });
    const [first, told, last] = ended.lines as unknown as Record<string, unknown>[];
    expect([first, last]).toEqual([{ kind }, { isThere: true }]);
    expect(told.name).toBe("DeviceError");
    expect(told.message).toMatch(kind === "cpu" ? /ended by force/ : /left to itself/);
  });

  it("that fails ends with code 1 and its error, not with a hang", async () => {
    const ended = await run("throw", kind);
    expect(ended).toMatchObject({ code: 1, signal: null });
    expect(ended.stderr).toContain("thrown on purpose");
  });
});

if (!hasAdapter) it.skip("a program on webgpu: this machine has no WebGPU adapter", () => {});

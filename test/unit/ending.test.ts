// Programs that train at a terminal are ended by Ctrl-C, SIGTERM, an error or exit(), also while kernels compile: how
// the terminal is left, the exit code, and what a program's own handlers decide.

import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { adapterEnv, root } from "../../scripts/setup.mjs";
import { inTerminal, type Keyboard, type TerminalRun, withoutTerminal } from "../support/pseudo-terminal.ts";
import { isDue } from "../support/sampled.ts";

const runner = path.join(root, "scripts", "run.mjs");
const hasAdapter = adapterEnv().GRADGPU_ADAPTER !== "none";
const folders: string[] = [];
const temporaryFolder = () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-ending-"));
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
});

const program = (...args: string[]) => [
  process.execPath,
  runner,
  path.join(root, "test", "fixtures", "endings.ts"),
  ...args,
];
const mnist = (...args: string[]) => [
  process.execPath,
  runner,
  path.join(root, "examples", "mnist.ts"),
  ...args,
];

const ctrlC = ({ ctrlC: press }: Keyboard) => press();
const terminate = ({ pid }: Keyboard) => process.kill(pid, "SIGTERM");

/** Steps of the first epoch are counted. */
const isTraining = /Epoch 1\/1000000 [1-9]\d*\/113/;
const partOfAnEpoch =
  /^Epoch \d+\/1000000 - \d+\/113 - [\d.]+s( - validating \d+\/\d+)?( - loss: [\d.e-]+ - accuracy: [\d.]+)?$/;

/** It would train for days: that it ended, and was not killed at last, is the signal's doing. */
function expectEnded({ screen, code }: TerminalRun, expected: number): void {
  expect(screen.state).toEqual({ cursor: true, wrap: true });
  expect(screen.isAtLineStart, screen.text).toBe(true);
  expect(code, screen.text).toBe(expected);
}

it.skipIf(process.platform === "win32")(
  "SIGTERM to npm, which passes it to its shell alone, ends all",
  async () => {
    // The shell has something left to do, so that it stays the parent.
    const args = ["-c", '"$@"; true', "sh", ...program("cpu", "none")];
    const env = { ...process.env, npm_lifecycle_event: "start" };
    const shell = spawn("sh", args, { env, stdio: ["ignore", "pipe", "inherit"] });
    shell.stdout.once("data", () => shell.kill("SIGTERM"));
    // The pipe is closed when the last of them that may write to it has ended.
    await new Promise((resolve) => shell.stdout.on("close", resolve));
    expect(shell.signalCode).toBe("SIGTERM");
  },
);

describe.skipIf(withoutTerminal)(`at a terminal${withoutTerminal ? ` (${withoutTerminal})` : ""}`, () => {
  it.each([
    ["Ctrl-C", ctrlC, 130],
    ["SIGTERM", terminate, 143],
  ] as const)("%s ends a program that does not listen for it", async (_, act, code) => {
    const run = await inTerminal(program("cpu", "none"), { until: isTraining, act });
    expectEnded(run, code);
    const lines = run.screen.text.split("\n");
    expect(lines.at(-1)).toMatch(partOfAnEpoch);
    expect(run.screen.text).not.toContain("^C");
  });

  it("Ctrl-C is the business of a program that listens, once, and fit leaves no listener", async () => {
    const run = await inTerminal(program("cpu", "own"), { until: isTraining, act: ctrlC });
    expectEnded(run, 0);
    const [shown, ...rest] = run.screen.text.split("\n");
    expect(shown).toMatch(partOfAnEpoch);
    // stopTraining ends the epoch: its line is whole, with the validation's numbers.
    expect(rest.slice(0, -1).join("")).toMatch(
      /ms\/step - loss: .* - valLoss: [\d.]+ - valAccuracy: [\d.]+$/,
    );
    expect(rest.at(-1)).toMatch(/^noticed 1, kept \d+, listening 1$/);
  });

  it("Ctrl-C ends a program whose listener looks whether it is the only one", async () => {
    const run = await inTerminal(program("cpu", "alone"), { until: isTraining, act: ctrlC });
    expectEnded(run, 130);
    expect(run.screen.text).toMatch(/\nalone$/);
  });

  it.each([
    ["an uncaught error", "throw", 1],
    ["exit()", "exit", 7],
  ] as const)("%s leaves the line whole", async (_, way, code) => {
    const run = await inTerminal(program("cpu", way), { until: isTraining, act() {} });
    expectEnded(run, code);
    const lines = run.screen.text.split("\n");
    const last = lines.findLastIndex((line) => line.startsWith("Epoch"));
    expect(lines[last]).toMatch(partOfAnEpoch);
    if (way === "throw") expect(lines.slice(last + 1).join("\n")).toContain("Error: thrown on purpose");
  });

  it.skipIf(!hasAdapter)("Ctrl-C ends it while kernels compile", async () => {
    const run = await inTerminal(program("webgpu", "none"), {
      // As on a machine that has never compiled them.
      env: { MESA_SHADER_CACHE_DIR: temporaryFolder(), XDG_CACHE_HOME: temporaryFolder() },
      until: /compiling kernels/,
      act: ctrlC,
    });
    expectEnded(run, 130);
    expect(run.screen.text.split("\n").at(-1)).toMatch(
      /^Epoch 1\/1000000 - 0\/113 - .* - compiling kernels \d+\/\d+/,
    );
  });

  // It trains on all digits: every third day.
  it.runIf(hasAdapter && isDue(1))(
    "npm start keeps the epochs that are done, in files that are whole",
    async () => {
      const cwd = temporaryFolder();
      const args = ["--epochs", "100000", "--device", "webgpu"];
      const run = await inTerminal(mnist(...args), { cwd, until: /Epoch 2\/100000 [1-9]/, act: ctrlC });
      expectEnded(run, 130);
      const { text } = run.screen;
      expect(text).toMatch(/^Epoch 1\/100000 - 469\/469 - .*\n {4}- valLoss: [\d.]+ - valAccuracy: 0\.\d+$/m);
      expect(text).toMatch(/^interrupted: [12] of 100000 epochs are done$/m);
      expect(text).toMatch(/^test accuracy {5}9\d\.\d\d % of the 10,000 test images$/m);
      const out = path.join(cwd, "out", "mnist");
      expect(fs.readdirSync(out).sort()).toEqual(["curves.png", "curves.svg", "result.json"]);
      const result = JSON.parse(fs.readFileSync(path.join(out, "result.json"), "utf8"));
      expect(result).toMatchObject({ isInterrupted: true, epochs: result.history.valAccuracy.length });
      expect(fs.readFileSync(path.join(out, "curves.png")).subarray(-8, -4).toString()).toBe("IEND");
    },
  );
});

// Lessons from the outside: the command line, what an interrupted one keeps, and the pages of docs/lessons.

import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lessons } from "../../examples/lessons/all.ts";
import { indexText } from "../../examples/lessons/frame/docs.ts";
import { topics } from "../../examples/lessons/frame/lesson.ts";
import { bySeed, show, spread } from "../../examples/lessons/frame/measured.ts";
import { makeProgress } from "../../examples/lessons/frame/progress.ts";
import { sampled } from "../support/sampled.ts";

const root = path.resolve(import.meta.dirname, "../..");
let folder: string;

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-lessons-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `npm run lesson` less the setup; `interruptAt` is a text in standard error at which it gets a SIGINT. */
const lesson = (args: readonly string[], interruptAt?: string) =>
  new Promise<Ended>((resolve) => {
    const child = spawn(
      process.execPath,
      ["scripts/run.mjs", "examples/lessons/frame/main.ts", "--out", folder, ...args],
      { cwd: root, env: { ...process.env, GRADGPU_STDERR_COLUMNS: "" } },
    );
    let [stdout, stderr, isInterrupted] = ["", "", false];
    child.stdout.on("data", (data) => {
      stdout += data;
    });
    child.stderr.on("data", (data) => {
      stderr += data;
      if (interruptAt !== undefined && !isInterrupted && stderr.includes(interruptAt)) {
        isInterrupted = true;
        child.kill("SIGINT");
      }
    });
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });

const numbersIn = (name: string) =>
  JSON.parse(fs.readFileSync(path.join(folder, name, "numbers.json"), "utf8"));

describe("npm run lesson", () => {
  it("lists all lessons", async () => {
    const { code, stdout } = await lesson(["--list"]);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(lessons.length);
    for (const { name } of lessons) expect(stdout).toContain(name);
  });

  const refused: [string[], RegExp][] = [
    [["none-such"], /there is no lesson "none-such"/],
    [["overfit"], /there is no lesson "overfit"; do you mean overfitting\?/],
    [["overfitting", "--seeds", "0"], /--seeds is "0"; it must be a whole number from 1/],
    [["overfitting", "--quick", "--full"], /--quick and --full exclude each other/],
    [["overfitting", "--device", "gpu"], /--device is "gpu"/],
    [[], /which lesson\?/],
  ];
  it.each(sampled(refused, 6))("refuses %j", async (args, message) => {
    const { code, stdout, stderr } = await lesson(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
  });

  it("writes claims, numbers, pictures and a page, on the CPU reference", async () => {
    const { code, stdout } = await lesson(["linear-stack", "activations", "--device", "cpu"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /✓ held: "Linear hidden layers can be written as one linear layer\." \(note 002\)/,
    );
    const files = fs.readdirSync(path.join(folder, "linear-stack"));
    for (const file of ["index.html", "numbers.json", "curves-light.png", "curves-dark.png"]) {
      expect(files).toContain(file);
    }
    for (const theme of ["light", "dark"]) {
      for (const size of ["wide", "phone"]) expect(files).toContain(`curves-${size}-${theme}.svg`);
    }
    const page = fs.readFileSync(path.join(folder, "linear-stack/index.html"), "utf8");
    expect(page).toContain("curves-phone-dark.svg");
    expect(page).toContain("export async function linearStack");
    expect(fs.existsSync(path.join(folder, "index.html"))).toBe(true);
    expect(
      numbersIn("activations").claims.every(({ verdict }: { verdict: string }) => verdict === "held"),
    ).toBe(true);
  });

  it("keeps what it has when it is interrupted", async () => {
    // The first network is done, of the second one nothing is known.
    const { code, signal, stdout } = await lesson(["linear-stack", "--device", "cpu"], "(one layer)");
    expect([code, signal]).toContainEqual(signal === null ? 130 : "SIGINT");
    expect(stdout).toContain("interrupted: what there was by then is kept");
    const { isInterrupted, runs, claims } = numbersIn("linear-stack");
    expect(isInterrupted).toBe(true);
    expect(runs[0].kept["one layer"].loss.length).toBeGreaterThan(0);
    expect(claims[1]).toMatchObject({ verdict: "not measured" });
    expect(fs.readFileSync(path.join(folder, "linear-stack/index.html"), "utf8")).toContain("not measured");
  });

  it("runs the notes' own programs with the figures that the notes have", async () => {
    /** By lesson, verdicts by claim; a list where there are no others. */
    const expected: Record<string, Record<string, string> | string[]> = {
      "note-001-mnist": {
        "The network has 59,978 parameters.": "held",
        "59,594 of them are trained; the moving averages of batch normalization are not.": "held",
        "TensorBoard's log has loss and accuracy of training and validation, a value an epoch.": "held",
      },
      "note-002-summary": ["held", "held"],
      "note-004-fashion": { "79,510 parameters.": "held" },
    };
    const taken = sampled(Object.keys(expected));
    const { code } = await lesson([...taken, "back-propagation", "--device", "cpu"]);
    expect(code).toBe(0);
    const verdicts = (name: string): Record<string, string> =>
      Object.fromEntries(
        numbersIn(name).claims.map(({ says, verdict }: { says: string; verdict: string }) => [says, verdict]),
      );
    for (const name of taken) {
      const want = expected[name];
      if (Array.isArray(want)) expect(Object.values(verdicts(name))).toEqual(want);
      else expect(verdicts(name)).toMatchObject(want);
    }
    expect(new Set(Object.values(verdicts("back-propagation")))).toEqual(new Set(["held"]));
  });
});

describe("a lesson", () => {
  it.each(lessons.map((one) => [one.name, one] as const))(
    "%s has a program, claims and a page",
    (name, one) => {
      expect(fs.existsSync(path.join(root, `examples/lessons/${name}.ts`))).toBe(true);
      expect(one.claims.length).toBeGreaterThan(0);
      expect(topics).toContain(one.topic);
      for (const { note } of one.claims) expect(one.notes).toContain(note);
      const page = fs.readFileSync(path.join(root, `docs/lessons/${name}.md`), "utf8");
      expect(page.startsWith(`# ${one.title} (${one.korean})\n`)).toBe(true);
      for (const { says } of one.claims) expect(page).toContain(says.replace(/\|/g, "\\|"));
      // As long as a page: what draws and judges stands elsewhere.
      const lines = fs
        .readFileSync(path.join(root, `examples/lessons/${name}.ts`), "utf8")
        .split("\n").length;
      expect(lines).toBeLessThan(100);
    },
  );

  it("stands in the index, which is written from the lessons", () => {
    expect(fs.readFileSync(path.join(root, "docs/lessons/README.md"), "utf8")).toBe(indexText(lessons));
  });

  it("has small pictures", () => {
    const sizes = fs
      .readdirSync(path.join(root, "docs/lessons"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => fs.statSync(path.join(entry.parentPath, entry.name)).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(1.5e6);
  });
});

describe("a claim over seeds", () => {
  const run = (seed: number, value: number) => ({
    seed,
    kept: new Map([["v", value]]),
    seconds: 0,
    isWhole: true,
  });
  const judged = (...values: number[]) =>
    bySeed(
      values.map((value, i) => run(i + 1, value)),
      {
        measure: (one) => ({ v: one.kept.get("v") as number }),
        isTrue: ({ v }) => v > 1,
        tell: (text) => `v is ${text("v")}`,
      },
    );

  it("holds where it does with each seed, and tells the spread", () => {
    expect(judged(2, 4)).toEqual({
      verdict: "held",
      measured: "v is 3 (2 to 4), with each of 2 seeds",
      numbers: { v: [2, 4] },
    });
    expect(judged(2, 0.5)).toMatchObject({
      verdict: "not held",
      measured: expect.stringMatching(/with 1 of 2 seeds/),
    });
    expect(judged(2).measured).toBe("v is 2");
  });

  it("writes numbers as a reader wants them", () => {
    const written = [0, 1, 0.12345, 123456, 1.1e-6, Number.NaN, Infinity].map((value) => show(value));
    expect(written).toEqual(["0", "1", "0.123", "1.2e5", "1.1e-6", "NaN", "∞"]);
    expect(spread([0.5])).toBe("0.500");
  });
});

describe("progress", () => {
  it("tells the time left, a line a part where there is no terminal", () => {
    let [text, now] = ["", 0];
    const progress = makeProgress(
      {
        columns: 0,
        write: (more) => {
          text += more;
        },
      },
      () => now,
    );
    progress.begin("lesson", 4);
    now = 10_000;
    progress.part("first", 1);
    now = 20_000;
    progress.part("second", 1);
    progress.end();
    expect(text).toBe(
      "lesson: 25 %, 10 s, about 30 s left (first)\nlesson: 50 %, 20 s, about 20 s left (second)\n",
    );
  });
});

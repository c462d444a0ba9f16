// npm test [-- [--all] vitest arguments]: setup, type check, lint, then the tests on every adapter of this machine.

import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { forwardStderr } from "./run.mjs";
import { cacheDir, root, setup } from "./setup.mjs";

// The last line is the count, alone: "N passed, N failed"; a failed step counts as one failed, and what was skipped is
// said on a line before.

if (process.argv.includes("--help")) {
  process.stdout.write(
    "npm test [-- [--all] vitest arguments]: setup, type check, lint and the tests on every adapter, a third of the longest ones (--all: all of them); for one file, npx vitest run --project unit test/unit/tape.test.ts\n",
  );
  process.exit(0);
}

const DAY_MS = 24 * 3600 * 1000;
const vitestArgs = process.argv.slice(2).filter((arg) => arg !== "--all");
/** test/support/sampled.ts reads it: which part of the long tests is run; undefined for all. */
const sample =
  vitestArgs.length < process.argv.length - 2
    ? undefined
    : (process.env.GRADGPU_TEST_SAMPLE ?? String(Math.floor(Date.now() / DAY_MS)));

const started = Date.now();
const totals = { passed: 0, failed: 0, skipped: 0 };
const bin = (...parts) => path.join(root, "node_modules", ...parts);

/** Runs one of the tools with this Node, its output going straight through, and returns its exit code. */
function tool(title, file, args, env = process.env) {
  const begun = Date.now();
  process.stdout.write(`\n== ${title}\n`);
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [file, ...args], {
      cwd: root,
      env,
      stdio: ["ignore", "inherit", "pipe"],
    });
    forwardStderr(child.stderr);
    const stop = (signal) => child.kill(signal);
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
    child.on("close", (code) => {
      process.off("SIGTERM", stop);
      process.off("SIGINT", stop);
      const seconds = ((Date.now() - begun) / 1000).toFixed(1);
      process.stdout.write(`== ${title}: ${code === 0 ? "ok" : `FAILED (${code})`}, ${seconds} s\n`);
      resolve(code ?? 1);
    });
  });
}

/** Ends the run with the count alone on the last line. */
function finish() {
  const { passed, failed, skipped } = totals;
  process.stdout.write(`\ntests took ${((Date.now() - started) / 1000).toFixed(0)} s\n`);
  if (skipped > 0) process.stdout.write(`skipped: ${skipped}\n`);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exit(failed > 0 ? 1 : 0);
}

/** Adds up vitest's JSON report; a file that cannot even be loaded counts as one failed. */
function count(reportFile, exitCode) {
  let report;
  try {
    report = JSON.parse(fs.readFileSync(reportFile, "utf8"));
  } catch {
    process.stdout.write("vitest wrote no report\n");
    totals.failed += 1;
    return;
  }
  let failedHere = 0;
  for (const file of report.testResults) {
    const states = file.assertionResults.map(({ status }) => status);
    totals.passed += states.filter((state) => state === "passed").length;
    totals.skipped += states.filter((state) =>
      ["skipped", "pending", "todo", "disabled"].includes(state),
    ).length;
    const failed = states.filter((state) => state === "failed").length;
    failedHere += failed > 0 || file.status !== "failed" ? failed : 1;
  }
  // Errors outside any test (an unhandled rejection, a worker that died) fail the run without failing a test.
  if (exitCode !== 0 && failedHere === 0) failedHere = 1;
  totals.failed += failedHere;
}

const ready = await setup({ tests: true });
if (!ready.ok) {
  totals.failed += 1;
  finish();
}
const names = ready.adapters.map(({ name }) => name);
process.stdout.write(`adapters: ${names.join(", ") || "none"}\n`);
const skip = (what) => {
  totals.skipped += 1;
  process.stdout.write(`SKIPPED: ${what}\n`);
};
if (names.length === 0) skip("all GPU tests: this machine has no WebGPU adapter (npm run doctor tells more)");
else if (!names.includes("system") && !names.includes("lavapipe"))
  skip("the tests on lavapipe: it is not installed");
if (!ready.chromium) skip("the browser test and the tests on SwiftShader: Chromium is not installed");

const tsc = bin("typescript", "bin", "tsc");
if ((await tool("type check", tsc, ["--noEmit"])) !== 0) totals.failed += 1;
const biome = bin("@biomejs", "biome", "bin", "biome");
if ((await tool("lint", biome, ["check", "--error-on-warnings", "."])) !== 0) totals.failed += 1;

process.stdout.write(
  sample === undefined
    ? "\nall tests\n"
    : `\nof the longest tests a part: GRADGPU_TEST_SAMPLE=${sample} repeats it, npm test -- --all runs all\n`,
);
fs.mkdirSync(cacheDir, { recursive: true });
const report = path.join(cacheDir, `vitest-${process.pid}.json`);
const code = await tool(
  "vitest",
  bin("vitest", "vitest.mjs"),
  [
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    "--reporter=./scripts/slowest-files.mjs",
    ...vitestArgs,
  ],
  { ...process.env, GRADGPU_TEST_SAMPLE: sample, GRADGPU_BUNDLE_RUN: `${process.pid}-${started}` },
);
count(report, code);
fs.rmSync(report, { force: true });
finish();

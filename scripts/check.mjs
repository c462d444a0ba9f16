// npm run check [-- PATTERN ... [-- vitest arguments]]: types, lint and the unit tests that end soon; nothing is
// installed. With patterns: only the unit test files whose names match one of them.

import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { packagesInstalled, root } from "./setup.mjs";

/** Unit test files that a check leaves to `npm test`, each with the reason. A pattern that matches one runs it. */
const leftToTest = {
  "bench-run": "starts the bench a dozen times as a process, which takes most of a minute",
  "example-mnist": "starts the MNIST example as a process, four times",
  examples:
    "trains the other examples from data to their accuracy, which takes as long as a fifth of the rest",
  lessons: "starts lessons as processes, one of them to interrupt it",
  "lessons-sampled": "runs the lessons in their quick form",
  "process-exit": "starts programs on the adapters of the machine and waits for them to end by themselves",
};

const usage = `npm run check [-- PATTERN ... [-- vitest arguments]]

Type check, lint and the unit tests, which need no GPU; installs nothing. With patterns (regular expressions), only the
files of test/unit whose names match one of them, without types and lint:

  npm run check -- optim
  npm run check -- '^nn-' tape -- -t leaks

${describeLeft("Left to npm test")}
`;

function describeLeft(title) {
  const lines = Object.entries(leftToTest).map(([name, reason]) => `  ${name}: ${reason}`);
  return `${title}:\n${lines.join("\n")}`;
}

const folder = path.join("test", "unit");
const ending = ".test.ts";
const say = (line) => process.stdout.write(`${line}\n`);

function fail(line, code) {
  process.stderr.write(`check: ${line}\n`);
  process.exit(code);
}

/** Runs one of the tools with this Node; what it prints goes through, or is given back with its code. */
function tool(file, args, stdio = "inherit") {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path.join(root, "node_modules", file), ...args], {
      cwd: root,
      stdio: ["ignore", stdio, stdio],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk) => {
        output += chunk;
      });
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

/** Types and lint at once, as one is mostly waiting for a second core; the number of those that failed. */
async function checkSources() {
  const tools = [
    ["types", path.join("typescript", "bin", "tsc"), ["--noEmit"]],
    ["lint", path.join("@biomejs", "biome", "bin", "biome"), ["check", "--error-on-warnings", "."]],
  ];
  const results = await Promise.all(
    tools.map(async ([title, file, args]) => {
      const begun = Date.now();
      const { code, output } = await tool(file, args, "pipe");
      if (code !== 0) process.stdout.write(output);
      say(`${title}: ${code === 0 ? "ok" : "FAILED"}, ${((Date.now() - begun) / 1000).toFixed(1)} s`);
      return code === 0 ? 0 : 1;
    }),
  );
  return results[0] + results[1];
}

/** The unit test files to run. */
function chooseFiles(patterns) {
  const names = fs
    .readdirSync(path.join(root, folder))
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length));
  const gone = Object.keys(leftToTest).filter((name) => !names.includes(name));
  if (gone.length > 0) fail(`scripts/check.mjs leaves out ${gone.join(", ")}, which ${folder} has not`, 1);
  if (patterns.length === 0) return names.filter((name) => !Object.hasOwn(leftToTest, name));
  const found = names.filter((name) => patterns.some((pattern) => pattern.test(name)));
  if (found.length === 0)
    fail(
      `no file of ${folder} has a name that matches ${patterns.map(({ source }) => source).join(" or ")}`,
      2,
    );
  return found;
}

const args = process.argv.slice(2);
if (args.includes("--help")) {
  process.stdout.write(usage);
  process.exit(0);
}
const end = args.findIndex((arg) => arg.startsWith("-"));
const [wanted, passed] = end < 0 ? [args, []] : [args.slice(0, end), args.slice(end)];
let patterns = [];
try {
  patterns = wanted.map((pattern) => new RegExp(pattern));
} catch (error) {
  fail(error.message, 2);
}
if (!packagesInstalled())
  fail("node_modules does not hold what package-lock.json asks for; run npm ci, then this again", 1);

const started = Date.now();
const files = chooseFiles(patterns);
const isWhole = patterns.length === 0;
const failed = isWhole ? await checkSources() : 0;
const { code } = await tool(path.join("vitest", "vitest.mjs"), [
  "run",
  "--project=unit",
  "--reporter=default",
  ...(passed[0] === "--" ? passed.slice(1) : passed),
  ...files.map((name) => path.join(folder, `${name}${ending}`)),
]);
if (isWhole) say(`${files.length} unit test files; ${describeLeft("left to npm test")}`);
const isGood = failed === 0 && code === 0;
say(`check: ${isGood ? "ok" : "FAILED"}, ${((Date.now() - started) / 1000).toFixed(0)} s`);
process.exit(isGood ? 0 : 1);

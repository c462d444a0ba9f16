// npm run mutants [-- options]: puts small faults into the code, one at a time, and tells which test notices each.
// The sources stay as they are: a fault is put in as vitest loads the file.

import { fork } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { adapters, root } from "../../scripts/setup.mjs";
import { faults } from "./faults/all.mjs";
import { staleFaults, testFile } from "./stale.mjs";

const usage = `npm run mutants [-- options]

Puts small faults into the code, one at a time, and tells which test notices each.

  --filter REGEX     only faults whose file, number or text matches
  --jobs N           how many at a time (default 1)
  --adapter NAME     lavapipe, swiftshader or system, for tests on a device (default: the first of this machine)
  --limit SECONDS    what a fault's tests may take, beyond ten times what they take without it (default 60)
  --json FILE        writes the table as JSON, too; a run that is given it again goes on where it ended
  --list             prints the faults, and those that are stale, and ends
`;

const fail = (text) => {
  process.stderr.write(`mutants: ${text}\n`);
  process.exit(2);
};

let options;
try {
  ({ values: options } = parseArgs({
    options: {
      filter: { type: "string", default: "" },
      jobs: { type: "string", default: "1" },
      adapter: { type: "string", default: adapters()[0]?.name ?? "none" },
      limit: { type: "string", default: "60" },
      json: { type: "string" },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  }));
} catch (error) {
  fail(error.message);
}
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}
process.chdir(root);

const pattern = new RegExp(options.filter);
const shown = faults.filter(({ name, text }) => pattern.test(name) || pattern.test(text));
if (shown.length === 0) fail(`no fault matches ${pattern}`);
const brief = (text) => text.trim().replace(/\s+/g, " ").slice(0, 70);

const unfit = new Map(staleFaults(shown).map(({ fault, why }) => [fault, why]));
const stale = [...unfit.keys()];
const equivalent = shown.filter((fault) => fault.equivalent !== undefined && !stale.includes(fault));
const wanted = shown.filter((fault) => !stale.includes(fault) && !equivalent.includes(fault));

/** Ends when all that was printed has arrived, be it in a pipe. */
const leave = (code) => new Promise(() => process.stdout.write("", () => process.exit(code)));
const tell = (kind, fault, what) =>
  process.stdout.write(`${kind.padEnd(11)}${fault.name.padEnd(44)} ${what}\n`);
for (const [fault, why] of unfit) tell("stale", fault, why);
if (options.list) {
  for (const fault of wanted) tell("fault", fault, `${brief(fault.text)} -> ${brief(fault.with)}`);
  for (const fault of equivalent) tell("equivalent", fault, fault.equivalent);
  process.stdout.write(
    `${wanted.length} faults, ${equivalent.length} that change no behaviour, ${stale.length} stale\n`,
  );
  await leave(stale.length > 0 ? 1 : 0);
}

const testOf = (test) => ({
  project: test.kind === "unit" ? "unit" : options.adapter,
  file: testFile(test),
  name: test.name,
});

/** A process that runs tests, opened when it is needed and again when one hangs. */
class Runner {
  #child;

  async #open() {
    // A group of its own, so that what hangs ends with it.
    const child = fork(path.join(root, "test/mutants/worker.mjs"), ["unit", options.adapter], {
      detached: true,
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    await new Promise((resolve, reject) => {
      child.once("message", resolve);
      child.once("exit", (code) => reject(new Error(`vitest did not start (${code})`)));
    });
    return child;
  }

  async ask(message, usualMs = 60_000) {
    this.#child ??= await this.#open();
    const child = this.#child;
    const limitMs = Number(options.limit) * 1000 + 10 * usualMs;
    return new Promise((resolve) => {
      const end = (answer) => {
        clearTimeout(timer);
        child.off("message", end);
        child.off("exit", died);
        resolve(answer);
      };
      const died = (code, signal) => {
        this.#child = undefined;
        end({ by: `the process of the tests ended (${signal ?? code})` });
      };
      const timer = setTimeout(() => {
        this.close();
        end({ by: "the time limit", isLate: true });
      }, limitMs);
      child.on("message", end);
      child.on("exit", died);
      child.send(message);
    });
  }

  close() {
    if (this.#child === undefined) return;
    try {
      process.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
    this.#child = undefined;
  }
}

const runners = Array.from({ length: Number(options.jobs) }, () => new Runner());
const stop = () => {
  for (const runner of runners) runner.close();
  process.exit(130);
};
process.on("SIGINT", stop);
process.on("SIGTERM", stop);

/** Has each runner take what is next until nothing is left. */
async function share(list, work) {
  const left = [...list];
  await Promise.all(
    runners.map(async (runner) => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) await work(runner, next);
    }),
  );
}

// Without a fault every test that is named must be there and pass, else nothing is told by its failing.
const results = new Map(
  options.json !== undefined && fs.existsSync(options.json)
    ? JSON.parse(fs.readFileSync(options.json, "utf8")).map((each) => [each.identity, each])
    : [],
);
const identity = (fault) => JSON.stringify([fault.file, fault.text, fault.with]);
const open = wanted.filter((fault) => results.get(identity(fault))?.outcome !== "caught");
const files = new Map();
for (const test of open.flatMap((fault) => fault.tests.map(testOf))) {
  const entry = files.get(test.file) ?? { ...test, names: new Set() };
  files.set(test.file, entry);
  entry.names.add(test.name);
}
const failing = new Map();
const usualMs = new Map();
await share(files.values(), async (runner, { names, ...test }) => {
  const name = names.has(undefined) ? undefined : [...names].map((each) => `(${each})`).join("|");
  const started = performance.now();
  const { passed = [], by, error } = await runner.ask({ tests: [{ ...test, name }] });
  usualMs.set(test.file, performance.now() - started);
  for (const each of names) {
    // vitest matches names that are joined by spaces.
    const isThere = passed.some((full) => new RegExp(each ?? "").test(full.replaceAll(" > ", " ")));
    const why = error ?? by ?? (isThere ? undefined : "no test has that name");
    if (why !== undefined) failing.set(`${test.file} ${each}`, why);
  }
  process.stdout.write(`without fault ${test.file}: ${error ?? by ?? `${passed.length} passed`}\n`);
});

await share(open, async (runner, fault) => {
  const tests = fault.tests.map(testOf);
  const wrong = tests.find(({ file, name }) => failing.has(`${file} ${name}`));
  const started = performance.now();
  const answer =
    wrong === undefined
      ? await runner.ask(
          { fault: { file: fault.file, text: fault.text, with: fault.with }, tests },
          tests.reduce((sum, { file }) => sum + usualMs.get(file), 0),
        )
      : { error: `${wrong.file} ${wrong.name ?? ""}: ${failing.get(`${wrong.file} ${wrong.name}`)}` };
  const outcome = answer.error !== undefined ? "not run" : answer.by !== undefined ? "caught" : "survived";
  const seconds = Number(((performance.now() - started) / 1000).toFixed(1));
  const where = answer.file === undefined ? "" : `${path.basename(answer.file, ".test.ts")}: `;
  const by = answer.error ?? (answer.by === undefined ? brief(fault.text) : `${where}${answer.by}`);
  results.set(identity(fault), { name: fault.name, identity: identity(fault), outcome, by, seconds });
  tell(outcome, fault, `${by}  ${seconds} s`);
  if (options.json !== undefined)
    fs.writeFileSync(options.json, JSON.stringify([...results.values()], null, 1));
});
for (const runner of runners) runner.close();

const outcomes = wanted.map((fault) => results.get(identity(fault)));
const count = (outcome) => outcomes.filter((each) => each.outcome === outcome).length;
process.stdout.write("\n");
for (const each of outcomes) if (each.outcome !== "caught") tell(each.outcome, each, each.by);
const share100 = ((100 * count("caught")) / Math.max(1, count("caught") + count("survived"))).toFixed(1);
process.stdout.write(
  `${count("caught")} caught, ${count("survived")} survived (${share100} % caught), ${count("not run")} not run, ${equivalent.length} change no behaviour, ${stale.length} stale\n`,
);
await leave(count("survived") + count("not run") + stale.length > 0 ? 1 : 0);

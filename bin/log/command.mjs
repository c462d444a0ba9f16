// npx gradgpu log: a folder of event files, or histories, as one HTML page that needs nothing else.

import { spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { collect, logsOfHistory } from "./collect.mjs";
import { logPage } from "./page.mjs";

export const usage = `gradgpu log DIR [MORE ...] [--out FILE] [--title TEXT] [--open]
                  one HTML page of the event files in folders, or of files that hold JSON of a History
`;

/** What the user can mend: told without a stack. */
class LogError extends Error {}

/**
 * @param {readonly string[]} args behind "log"
 * @param {{ print?: (line: string) => void, readEvents?: Function }} options `readEvents`: default, that of the package
 * @returns {Promise<number>} the exit code
 */
export async function log(args, { print = (line) => process.stdout.write(`${line}\n`), readEvents } = {}) {
  try {
    const { positionals, values } = parsed(args);
    const [first] = positionals;
    if (first === undefined) throw new LogError(`say which folder of event files to show\n${usage}`);
    const read = readEvents ?? (await packageReader());
    const notes = [];
    const logs = positionals.flatMap((target) => logsIn(target, read, notes, positionals.length > 1));
    const isFolder = fs.statSync(first).isDirectory();
    const out =
      values.out ?? (isFolder ? path.join(first, "log.html") : first.replace(/(\.json)?$/, ".html"));
    const title = values.title ?? path.basename(path.resolve(first));
    const data = collect(logs);
    const html = logPage(data, { title, notes, echarts: echarts() });
    fs.mkdirSync(path.dirname(path.resolve(out)), { recursive: true });
    fs.writeFileSync(out, html);
    // As the page counts: training and validation are one.
    const runs = new Set(data.runs.map(({ group }) => group)).size;
    print(
      `${runs} ${runs === 1 ? "run" : "runs"} in ${out} (${(html.length / 1e6).toFixed(1)} MB): open it in a browser`,
    );
    for (const note of notes) print(note);
    if (values.open) open(path.resolve(out));
    return 0;
  } catch (error) {
    const isTold =
      error instanceof LogError || /^(ERR_PARSE_ARGS|EACCES|EROFS|ENOSPC|EISDIR)/.test(error.code ?? "");
    process.stderr.write(`gradgpu log: ${isTold ? error.message : error.stack}\n`);
    return 1;
  }
}

const parsed = (args) =>
  parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      out: { type: "string" },
      title: { type: "string" },
      open: { type: "boolean", default: false },
    },
  });

async function packageReader() {
  const built = fileURLToPath(new URL("../../dist/nn.js", import.meta.url));
  if (!fs.existsSync(built))
    throw new LogError(`${built} is missing; in a copy of the repository: npm run build`);
  return (await import(pathToFileURL(built).href)).readEvents;
}

/** The runs in a folder or a history. */
function logsIn(target, readEvents, notes, isOneOfMany) {
  const stat = fs.statSync(target, { throwIfNoEntry: false });
  if (stat === undefined)
    throw new LogError(`there is nothing at ${target}; give the logDir of TensorBoard, or a history's file`);
  const prefix = isOneOfMany ? path.basename(path.resolve(target), ".json") : "";
  if (!stat.isDirectory()) {
    const logs = historyIn(target, prefix);
    if (logs === undefined)
      throw new LogError(
        `${target} is no history; write one with JSON.stringify(history), or give a folder of event files`,
      );
    return logs;
  }
  const runs = new Map();
  const histories = [];
  for (const name of fs.readdirSync(target, { recursive: true }).sort()) {
    const file = path.join(target, name);
    const isEvents = path.basename(name).includes("tfevents");
    if (!isEvents && !/(^|[/\\])history[^/\\]*\.json$/.test(name)) continue;
    if (!fs.statSync(file).isFile()) continue;
    const run = path.posix.join(prefix, path.dirname(name).split(path.sep).join("/"));
    if (!isEvents) {
      histories.push(...(historyIn(file, path.posix.join(run, path.basename(name, ".json"))) ?? []));
      continue;
    }
    try {
      const before = runs.get(run);
      if (before !== undefined) before.ending = "whole";
      const found = readEvents(fs.readFileSync(file), before);
      runs.set(run, found);
      if (found.ending === "cut")
        notes.push(`${name} ends within an event, as where a run was cut; what stands before is shown`);
      if (found.ending === "damaged") notes.push(`${name} is damaged; what stands before is shown`);
    } catch (error) {
      notes.push(`${name} was left out: ${error.message}`);
    }
  }
  const logs = [...[...runs].map(([name, log]) => ({ name: name === "." ? "" : name, log })), ...histories];
  if (logs.length === 0) {
    const why = notes.length > 0 ? `: ${notes.join("; ")}` : "";
    throw new LogError(
      `there are no event files (events.out.tfevents.*) and no history*.json in ${target}${why}; train with callbacks: new TensorBoard(${JSON.stringify(target)})`,
    );
  }
  return logs;
}

function historyIn(file, name) {
  try {
    return logsOfHistory(JSON.parse(fs.readFileSync(file, "utf8")), name);
  } catch {
    return undefined;
  }
}

/** The text of ECharts, which the project has or this package. */
function echarts() {
  for (const from of [path.join(process.cwd(), "package.json"), import.meta.url]) {
    try {
      const file = createRequire(from).resolve("echarts/dist/echarts.min.js");
      return fs.readFileSync(file, "utf8");
    } catch {}
  }
  throw new LogError("the page's charts are drawn by ECharts, which is not installed: npm install echarts");
}

function open(file) {
  const [command, ...args] = { darwin: ["open"], win32: ["cmd", "/c", "start", ""] }[process.platform] ?? [
    "xdg-open",
  ];
  const child = spawn(command, [...args, file], { detached: true, stdio: "ignore" });
  child.on("error", () => process.stderr.write(`gradgpu log: no browser could be started; open ${file}\n`));
  child.unref();
}

// npm run lesson: runs lessons by name, and writes what came out to out/lessons/NAME/.

import { mkdir, readFile } from "node:fs/promises";
import { type Device, dispose, GradgpuError, init, setDevice } from "gradgpu";
import { unwritable, writeWhole } from "../../../scripts/output-files.mjs";
import { UsageError } from "../../support/arguments.ts";
import { type EndingSignal, endBy, watchSignals } from "../../support/ending.ts";
import { lessons } from "../all.ts";
import { type LessonArguments, parseLessonArguments, usage } from "./arguments.ts";
import { keptNumbers, writeDocsIndex, writeDocsPage } from "./docs.ts";
import type { AnyLesson } from "./lesson.ts";
import { pageHtml, tableHtml } from "./page.ts";
import { duration, makeProgress, standardError } from "./progress.ts";
import { claimLines, judged, numbersText, type Outcomes, type Ran, ranFrom, report } from "./report.ts";
import { runLesson } from "./run.ts";

const print = (line = "") => process.stdout.write(`${line}\n`);
const progress = makeProgress(standardError());
const controller = new AbortController();
let endedBy: EndingSignal | undefined;

/** @throws UsageError with the nearest names, where there is no such lesson */
function lessonsOf({ names, isAll }: LessonArguments): AnyLesson[] {
  if (isAll) return [...lessons];
  return names.map((name) => {
    const found = lessons.find((lesson) => lesson.name === name);
    if (found) return found;
    const near = lessons.filter((lesson) => lesson.name.includes(name) || name.includes(lesson.name));
    const hint = near.length > 0 ? `; do you mean ${near.map((lesson) => lesson.name).join(" or ")}?` : "";
    throw new UsageError(`there is no lesson "${name}"${hint} --list tells all of them`);
  });
}

/** Runs a lesson's program. */
async function ranBy(
  lesson: AnyLesson,
  options: LessonArguments,
  device: Device,
  folder: string,
): Promise<Ran> {
  const form = device.kind === "cpu" && options.form !== "full" ? "cpu" : options.form;
  const size = lesson.sizes[form];
  await mkdir(folder, { recursive: true });
  const begun = performance.now();
  const seeds = options.seeds ?? lesson.seeds[form];
  const own = lesson.isWeighing ? await init({ device: device.kind, seed: 1 }) : undefined;
  const runs = await runLesson(lesson, { size, seeds, folder, signal: controller.signal, progress });
  if (own !== undefined) {
    own.dispose();
    setDevice(device);
  }
  const seconds = (performance.now() - begun) / 1000;
  const isCut = controller.signal.aborted;
  return { lesson, form, size, runs, seconds, device: device.info.adapter, isCut };
}

async function teach(
  lesson: AnyLesson,
  options: LessonArguments,
  device: Device | undefined,
): Promise<Outcomes> {
  const folder = `${options.out}/${lesson.name}`;
  print(`${lesson.name}: ${lesson.title} (${lesson.korean})`);
  const ran =
    device === undefined
      ? ranFrom(await readFile(`${folder}/numbers.json`, "utf8"), lesson)
      : await ranBy(lesson, options, device, folder);
  const judgedRan = { ...ran, claims: judged(ran) };
  if (device !== undefined) await writeWhole(`${folder}/numbers.json`, numbersText(judgedRan));
  const outcomes = await report(judgedRan, folder);
  await writeWhole(`${folder}/claims.json`, `${JSON.stringify(keptNumbers(outcomes))}\n`);
  await writeWhole(`${folder}/index.html`, await pageHtml(outcomes));
  if (options.isDocs && !ran.isCut) await writeDocsPage(outcomes);
  for (const line of claimLines(outcomes)) print(line);
  if (ran.isCut) print("interrupted: what there was by then is kept");
  const seeds = ran.runs.length;
  print(`${duration(ran.seconds)}, ${seeds} ${seeds === 1 ? "seed" : "seeds"}; wrote ${folder}/index.html`);
  print();
  return outcomes;
}

async function run(options: LessonArguments): Promise<void> {
  const wanted = lessonsOf(options);
  for (const { name } of wanted) {
    const why = await unwritable(`${options.out}/${name}/numbers.json`);
    if (why !== undefined) throw new UsageError(`${why}; nothing was run`);
  }
  const unwatch = watchSignals((signal) => {
    endedBy = signal;
    controller.abort(new Error(signal));
  });
  const device = options.isRedraw ? undefined : await init({ device: options.device, seed: 1 });
  if (device !== undefined) print(`on ${device.info.adapter}`);
  if (device?.kind === "cpu" && options.form !== "full")
    print("the CPU reference is slow: sizes are the smallest");
  print();
  const done: Outcomes[] = [];
  for (const lesson of wanted) {
    if (controller.signal.aborted) break;
    done.push(await teach(lesson, options, device));
  }
  if (done.length > 1) {
    await writeWhole(`${options.out}/index.html`, tableHtml(done));
    print(`${"lesson".padEnd(24)} ${"held".padStart(5)} ${"not".padStart(4)} ${"n/a".padStart(4)} seconds`);
    for (const { lesson, claims, seconds } of done) {
      const count = (verdict: string) => claims.filter((claim) => claim.verdict === verdict).length;
      const counts = [count("held"), count("not held"), claims.length - count("held") - count("not held")];
      const cells = counts.map((value, i) => String(value).padStart(i === 0 ? 5 : 4)).join(" ");
      print(`${lesson.name.padEnd(24)} ${cells} ${seconds.toFixed(1).padStart(7)}`);
    }
    print(
      `in all ${duration(done.reduce((sum, { seconds }) => sum + seconds, 0))}; wrote ${options.out}/index.html`,
    );
  }
  if (options.isDocs && endedBy === undefined) await writeDocsIndex(lessons);
  unwatch();
}

try {
  const options = parseLessonArguments(process.argv.slice(2));
  if (options.isHelp) process.stdout.write(usage);
  else if (options.isList) {
    for (const { name, title, notes } of lessons)
      print(`${name.padEnd(24)} ${title} (note ${notes.join(", ")})`);
  } else await run(options);
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`lesson: ${error.message}\n\n${usage}`);
    process.exitCode = 2;
  } else if (error instanceof GradgpuError) {
    process.stderr.write(`lesson: ${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
} finally {
  dispose();
}
if (endedBy !== undefined) endBy(endedBy);

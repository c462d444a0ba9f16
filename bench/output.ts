// The files that a run leaves: JSON, the page, its record.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { unwritable, writeWhole } from "../scripts/output-files.mjs";
import { type BenchArguments, UsageError } from "./arguments.ts";
import type { Attempts } from "./attempts.ts";
import { allCases } from "./cases/all.ts";
import type { Comparison } from "./compare-runs.ts";
import { isRecord, recordName, recordText, withRun } from "./record.ts";
import type { Report } from "./report.ts";
import { renderHtml } from "./reporters/html/page.ts";

const resultsFolder = path.join("bench", "results");

/** Writes what the arguments ask for, JSON first; gives the files written. */
export async function writeFiles(
  report: Report,
  comparison: Comparison | undefined,
  { json, html, isRecord: isKept }: BenchArguments,
  attempts: Attempts,
): Promise<string[]> {
  const record = path.join(resultsFolder, `${recordName(report)}.json`);
  const files: [file: string | undefined, text: () => string | Promise<string>][] = [
    [json, () => `${JSON.stringify(report, undefined, 1)}\n`],
    [html, () => renderHtml(report, allCases, comparison)],
    [isKept ? record : undefined, async () => recordText(withRun(await readRecord(record), report))],
  ];
  const written: string[] = [];
  for (const [file, text] of files) {
    if (file === undefined) continue;
    await attempts.run(`writing ${file}`, async () => {
      await writeWhole(file, await text());
      written.push(file);
    });
  }
  return written;
}

/** The record that a run is added to; undefined where there is none yet. */
async function readRecord(file: string) {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    return undefined;
  }
  const found: unknown = JSON.parse(text);
  if (!isRecord(found)) throw new Error(`${file} is no record; move it away`);
  return found;
}

/** Throws where a file could not be written after the run: that is told before a long one is made. */
export async function checkOutputs({ json, html, isRecord }: BenchArguments): Promise<void> {
  const wanted = { json, html, record: isRecord ? path.join(resultsFolder, "a-record.json") : undefined };
  for (const [option, file] of Object.entries(wanted)) {
    const why = file === undefined ? undefined : await unwritable(file);
    if (why !== undefined) throw new UsageError(`--${option}: ${why}; name another file`);
  }
}

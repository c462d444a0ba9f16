// docs/lessons: a page a lesson with its picture and numbers, and the index by note and by phenomenon.

import { readFile } from "node:fs/promises";
import { writeWhole } from "../../../scripts/output-files.mjs";
import { docsSvg } from "./draw.ts";
import { leanSvgs } from "./lean-svg.ts";
import { type AnyLesson, topics } from "./lesson.ts";
import { notes } from "./notes.ts";
import { claimsTable, pageMarkdown, programFile, settings } from "./page.ts";
import { duration } from "./progress.ts";
import type { Outcomes } from "./report.ts";

const folder = "docs/lessons";

/** What a regenerated lesson is compared with: its claims' verdicts and numbers. */
export interface KeptNumbers {
  readonly form: string;
  readonly device: string;
  readonly claims: readonly {
    readonly says: string;
    readonly verdict: string;
    readonly isExact?: true;
    readonly numbers?: Readonly<Record<string, readonly (number | string)[]>>;
  }[];
}

/** The numbers of a lesson's claims, less those of this machine. */
export function keptNumbers({ lesson, form, device, claims }: Outcomes): KeptNumbers {
  const isOwn = (name: string) => !lesson.machine?.includes(name);
  return {
    form,
    device,
    claims: claims.map(({ says, verdict, isExact, numbers }) => ({
      says,
      verdict,
      ...(isExact ? { isExact } : {}),
      ...(numbers
        ? {
            numbers: Object.fromEntries(
              Object.entries(numbers)
                .filter(([name]) => isOwn(name))
                .map(([name, values]) => [name, values.map((value) => sixDigits(value))]),
            ),
          }
        : {}),
    })),
  };
}

const sixDigits = (value: number) => (Number.isFinite(value) ? Number(value.toPrecision(6)) : String(value));

/** Larger forms than the quick one, which makes the page: they take long, so their text is kept beside it. */
const larger = { usual: "At the usual size", full: "In full" } as const;
const largerFile = (name: string, form: keyof typeof larger) => `${folder}/numbers/${name}.${form}.md`;
const program = (name: string) => `The program: [${programFile(name)}](../../${programFile(name)}).`;

const largerParts = async (name: string): Promise<string> => {
  const parts = (["usual", "full"] as const).map((form) =>
    readFile(largerFile(name, form), "utf8").catch(() => ""),
  );
  return (await Promise.all(parts)).join("");
};

/** Keeps what a larger form gave, and puts it into the page that there is. */
async function writeLargerPart(outcomes: Outcomes, form: keyof typeof larger): Promise<void> {
  const { lesson, seconds, device, claims } = outcomes;
  const how = `${settings(outcomes)} It took ${duration(seconds)} on ${device}.`;
  const text = `## ${larger[form]}\n\n${how}\n\n${claimsTable(claims)}\n\n`;
  await writeWhole(largerFile(lesson.name, form), text);
  const file = `${folder}/${lesson.name}.md`;
  const [before, after] = (await readFile(file, "utf8")).split(program(lesson.name));
  const [page] = before.split(new RegExp(`^## (?:${Object.values(larger).join("|")})\n`, "m"));
  await writeWhole(file, `${page}${await largerParts(lesson.name)}${program(lesson.name)}${after}`);
}

export async function writeDocsPage(outcomes: Outcomes): Promise<void> {
  const { form } = outcomes;
  if (form === "usual" || form === "full") return writeLargerPart(outcomes, form);
  const { lesson, drawn } = outcomes;
  const shown: Outcomes["drawn"][number][] = [];
  for (const { figure } of drawn.slice(0, 1)) {
    const [light, dark] = [await docsSvg(figure, "light"), await docsSvg(figure, "dark")];
    const files = Object.entries(leanSvgs(lesson.name, light, dark));
    for (const [file, svg] of files) await writeWhole(`${folder}/pictures/${file}`, svg);
    shown.push({ figure, files: files.map(([file]) => file) });
  }
  const page = pageMarkdown({ ...outcomes, drawn: shown }, { pictures: "pictures/", isShort: true });
  const parts = await largerParts(lesson.name);
  const keras = lesson.keras
    ? `\n\n## The note's program (Keras)\n\n\`\`\`python\n${lesson.keras.trim()}\n\`\`\``
    : "";
  await writeWhole(
    `${folder}/${lesson.name}.md`,
    `${page}\n\n${parts}${program(lesson.name)}${keras}\n\n[All lessons](README.md)\n`,
  );
  await writeWhole(`${folder}/numbers/${lesson.name}.json`, `${JSON.stringify(keptNumbers(outcomes))}\n`);
}

/** The index: by note, and by phenomenon. */
export function indexText(lessons: readonly AnyLesson[]): string {
  const line = ({ name, title, korean, experiments }: AnyLesson) =>
    `- [${title}](${name}.md) (${korean})${experiments?.length ? `: ${experiments.join(", ")}` : ""}`;
  return [
    "# Lessons",
    "Five course notes on deep networks, in Korean with Keras code, come alive here: every experiment and claim of theirs is a program that measures it, says whether the claim held, and draws it. `npm run lesson -- --list` tells them, `npm run lesson -- NAME --quick` shows one in under a minute, and its page is then `out/lessons/NAME/index.html`. Each page here was made by its own command, which it names. Korean terms are the notes' own.",
    "## By note",
    ...notes.flatMap(({ number, title, korean }) => [
      `### Note ${number}: ${title} (${korean})`,
      lessons
        .filter((lesson) => lesson.notes.includes(number))
        .map(line)
        .join("\n"),
    ]),
    "## By phenomenon",
    ...topics.flatMap((topic) => [
      `### ${topic}`,
      lessons
        .filter((lesson) => lesson.topic === topic)
        .map(line)
        .join("\n"),
    ]),
  ]
    .join("\n\n")
    .concat("\n");
}

export const writeDocsIndex = (lessons: readonly AnyLesson[]) =>
  writeWhole(`${folder}/README.md`, indexText(lessons));

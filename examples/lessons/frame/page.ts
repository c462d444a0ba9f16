// A lesson's page: as Markdown for docs/lessons, and as one HTML page beside its pictures.

import fs from "node:fs/promises";
import { marked } from "marked";
import type { Judged, Outcomes } from "./report.ts";

export interface PageOptions {
  /** Where its pictures lie, as seen from the page: "" or "pictures/". */
  readonly pictures: string;
  /** Only the first picture, and links to the repository's files in the place of their text. */
  readonly isShort: boolean;
}

const escaped = (text: string) =>
  text.replace(
    /[&<>"]/g,
    (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign] as string,
  );
/** Text inside a cell of a Markdown table. */
const cell = (text: string | number) => String(text).replace(/\|/g, "\\|").replace(/\n/g, " ");

export const programFile = (name: string) => `examples/lessons/${name}.ts`;

/** The picture in the theme and width that the reader's screen wants. */
function pictureHtml({ figure, files }: Outcomes["drawn"][number], pictures: string): string {
  const svgs = files.filter((file) => file.endsWith(".svg"));
  const of = (...parts: string[]) => svgs.find((file) => parts.every((part) => file.includes(part)));
  const sources = [
    ["(prefers-color-scheme: dark) and (max-width: 700px)", of("phone", "dark")],
    ["(prefers-color-scheme: dark)", of("wide", "dark") ?? of("dark")],
    ["(max-width: 700px)", of("phone", "light")],
  ].map(([media, file]) => (file ? `<source media="${media}" srcset="${pictures}${file}">` : ""));
  const shown = of("wide", "light") ?? of("light") ?? svgs[0];
  if (shown === undefined) return "";
  return `<picture>${sources.join("")}<img src="${pictures}${shown}" alt="${escaped(figure.caption)}"></picture>`;
}

export function claimsTable(claims: readonly Judged[]): string {
  const rows = claims.map(({ note, says, measured, verdict, range }) => {
    const where = range ? ` ${range}` : "";
    return `| ${note} | ${cell(says)} | ${cell(measured)} | **${verdict}**.${cell(where)} |`;
  });
  return ["| note | claims | measured here | and so |", "|---|---|---|---|", ...rows].join("\n");
}

/** By which command, and how much was run. */
export const settings = ({ size, runs, lesson, form }: Outcomes) => {
  const sizes = Object.entries(size).map(([name, value]) => `${name} ${value.toLocaleString("en")}`);
  const command = `npm run lesson -- ${lesson.name}${form === "usual" || form === "cpu" ? "" : ` --${form}`}`;
  const seeds = `${runs.length} ${runs.length === 1 ? "seed" : "seeds"}`;
  return `\`${command}\`${form === "cpu" ? " on the CPU reference" : ""}: ${[...sizes, seeds].join(", ")}.`;
};

/** @returns the page without its program */
export function pageMarkdown(outcomes: Outcomes, { pictures, isShort }: PageOptions): string {
  const { lesson, drawn, tables, sections, claims } = outcomes;
  const experiments = lesson.experiments?.length ? `, ${lesson.experiments.join(", ")}` : "";
  const shown = isShort ? drawn.slice(0, 1) : drawn;
  return [
    `# ${lesson.title} (${lesson.korean})`,
    `Course note ${lesson.notes.join(", ")}${experiments}. ${lesson.topic}.`,
    lesson.about.trim(),
    settings(outcomes) + (lesson.cut ? ` ${lesson.cut}` : ""),
    "## What the notes claim, and what came out",
    claimsTable(claims),
    ...(shown.length > 0 ? ["## Pictures"] : []),
    ...shown.flatMap((one) => [pictureHtml(one, pictures), one.figure.caption]),
    ...tables.map(({ title, rows: [head, ...rows] }) =>
      [
        `## ${title}\n`,
        `| ${head.map(cell).join(" | ")} |`,
        `|${head.map(() => "---|").join("")}`,
        ...rows.map((row) => `| ${row.map(cell).join(" | ")} |`),
      ].join("\n"),
    ),
    ...sections.map(({ title, text }) => `## ${title}\n\n${text}`),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** The program, beside its Keras original where it has one. */
export async function programHtml({ lesson }: Outcomes): Promise<string> {
  const text = await fs.readFile(programFile(lesson.name), "utf8").catch(() => undefined);
  if (text === undefined) return "";
  const block = (title: string, code: string) =>
    `<section><h3>${title}</h3><pre><code>${escaped(code.trim())}</code></pre></section>`;
  const sides = [
    ...(lesson.keras ? [block("The note's program (Keras)", lesson.keras)] : []),
    block(programFile(lesson.name), text),
  ];
  return `<h2>The program</h2>\n<div class="${lesson.keras ? "sides" : ""}">${sides.join("\n")}</div>`;
}

const style = `
:root { color-scheme: light dark; --ink: #1f2933; --paper: #ffffff; --faint: #d9dee4; --code: #f4f6f8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --paper: #14181d; --faint: #3a434d; --code: #1e242b; } }
body { margin: 0 auto; padding: 16px; max-width: 1120px; color: var(--ink); background: var(--paper);
  font: 16px/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { line-height: 1.25; } h2 { margin-top: 2em; } a { color: inherit; }
img { max-width: 100%; height: auto; } pre { overflow-x: auto; padding: 12px; background: var(--code);
  border-radius: 6px; font-size: 13px; line-height: 1.45; overflow-wrap: normal; }
code { background: var(--code); } table { border-collapse: collapse; width: 100%; }
th, td { overflow-wrap: break-word; border-bottom: 1px solid var(--faint); padding: 6px 10px 6px 0; text-align: left; vertical-align: top; }
th:first-child, .claims td:first-child, .claims td:last-child { white-space: nowrap; }
.claims td:last-child { white-space: normal; min-width: 7em; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; } .sides section { min-width: 0; }
@media (min-width: 1180px) { .sides { width: min(94vw, 1680px); margin-left: calc(50% - min(47vw, 840px)); } }
@media (max-width: 800px) { .sides { grid-template-columns: 1fr; } body { padding: 12px; } h1 { font-size: 1.5em; }
  .table { overflow-x: auto; } .claims tr { display: block; padding: 8px 0; border-bottom: 1px solid var(--faint); }
  .claims tr:first-child:has(th) { display: none; } .claims td { display: block; border: 0; padding: 2px 0; }
  .claims td:first-child::before { content: "note "; } th, td { padding-right: 8px; font-size: 14px; } }
`;

const html = (title: string, body: string) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><style>${style}</style></head>
<body>
${body
  .replace(
    /<table>(?=\s*<(?:thead>\s*<)?tr>\s*<th[^>]*>(?:note|lesson)<)/g,
    '<div class="table claims"><table>',
  )
  .replace(/(?<!claims">)<table>/g, '<div class="table" tabindex="0"><table>')
  .replace(/<\/table>/g, "</table></div>")
  // What scrolls sideways can be reached by keyboard, too.
  .replaceAll("<pre>", '<pre tabindex="0">')}
</body></html>
`;

export async function pageHtml(outcomes: Outcomes): Promise<string> {
  const body = await marked.parse(pageMarkdown(outcomes, { pictures: "", isShort: false }));
  const pngs = outcomes.drawn.flatMap(({ files }) => files.filter((file) => file.endsWith(".png")));
  const files = ["numbers.json", ...pngs].map((file) => `<a href="${file}">${file}</a>`).join(", ");
  const program = await programHtml(outcomes);
  return html(outcomes.lesson.title, `${body}\n${program}\n<h2>Files</h2>\n<p>${files}</p>`);
}

/** All claims of several lessons in one table. */
export function tableHtml(all: readonly Outcomes[]): string {
  const rows = all.flatMap(({ lesson, claims }) =>
    claims.map(
      ({ note, says, measured, verdict, range }) =>
        `<tr><td><a href="${lesson.name}/index.html">${lesson.name}</a></td><td>${note}</td><td>${escaped(says)}</td><td>${escaped(measured)}</td><td><b>${verdict}</b>${range ? `. ${escaped(range)}` : ""}</td></tr>`,
    ),
  );
  const head = ["lesson", "note", "claims", "measured here", "and so"]
    .map((name) => `<th>${name}</th>`)
    .join("");
  return html(
    "Lessons",
    `<h1>What the notes claim</h1>\n<table><tr>${head}</tr>\n${rows.join("\n")}\n</table>`,
  );
}

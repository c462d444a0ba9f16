// Tells spam from other mail by its words: node scripts/run.mjs --setup examples/text-classifier.ts
// Options: --epochs 5, --limit 6000 (mails used), --device auto | webgpu | cpu.

import { parseArgs } from "node:util";
import { dispose, type InitOptions, init } from "gradgpu";
import { spamAssassin, type TextSplit } from "gradgpu/data";
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

/** Words in lower case; tags of HTML count as a word by their name. */
const wordsOf = (text: string): string[] => text.toLowerCase().match(/[a-z][a-z'-]*|[$!]/g) ?? [];

/** The first of both halves, which are shuffled. */
const all = await spamAssassin.load({ seed: 1 });
const share = Math.min(1, limit / (all.train.texts.length + all.test.texts.length));
const some = ({ texts, labels }: TextSplit): TextSplit => {
  const count = Math.round(texts.length * share);
  return { texts: texts.slice(0, count), labels: labels.slice(0, count) };
};
const [train, test] = [some(all.train), some(all.test)];

const counts = new Map<string, number>();
for (const text of train.texts)
  for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
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

await init({ device: options.device as InitOptions["device"], seed: 1 });
const spam = train.labels.filter((label) => label === 1).length;
console.log(
  `${train.texts.length} mails to learn from, ${spam} of them spam; ${test.texts.length} to test; ${ids.size} words`,
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

const [testX, testY] = [encode(test.texts), test.labels];
await model.fit(encode(train.texts), train.labels, { batchSize: 32, epochs, validationData: [testX, testY] });

const [, accuracy] = await model.evaluate(testX, testY);
const allHam = test.labels.filter((label) => label === 0).length / test.labels.length;
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

// A GRU that reads mails word by word and tells spam: node scripts/run.mjs --setup examples/mails.ts
// Options: --epochs 3, --quick (few mails), --device auto | webgpu | cpu.

import { parseArgs } from "node:util";
import { dispose, type InitOptions, init } from "gradgpu";
import { padSequences, spamAssassin, type TextSplit } from "gradgpu/data";
import { Bidirectional, Dense, Embedding, GRU, Input, Sequential } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string" },
    quick: { type: "boolean", default: false },
    device: { type: "string", default: "auto" },
  },
});
const epochs = Number(options.epochs ?? (options.quick ? 4 : 3));
/** Words that are told apart, the most frequent ones, and of a mail the first ones that are read. */
const [vocabulary, length, units] = options.quick ? [2_000, 24, 8] : [8_000, 80, 48];

await init({ device: options.device as InitOptions["device"], seed: 1 });

const all = await spamAssassin.load({ seed: 1 });
const some = ({ texts, labels }: TextSplit, count: number): TextSplit => ({
  texts: texts.slice(0, count),
  labels: labels.slice(0, count),
});
const [train, test] = options.quick ? [some(all.train, 240), some(all.test, 60)] : [all.train, all.test];

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[a-z][a-z'-]*|[$!]/g) ?? [];
const counts = new Map<string, number>();
for (const text of train.texts)
  for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
const frequent = [...counts].sort((a, b) => b[1] - a[1]).slice(0, vocabulary - 2);
/** 0 stands behind a mail that is short, and masks its step; 1 for a rare word; the rest count from 2. */
const ids = new Map(frequent.map(([word], i) => [word, i + 2]));
const encode = (texts: readonly string[]) =>
  padSequences(
    texts.map((text) =>
      wordsOf(text)
        .slice(0, length)
        .map((word) => ids.get(word) ?? 1),
    ),
    { maxLen: length, padding: "post" },
  );

const model = new Sequential([
  new Input([length]),
  new Embedding(vocabulary, 32, { maskZero: true }),
  new Bidirectional(new GRU(units)),
  new Dense(1, { activation: "sigmoid" }),
]);
model.compile({
  optimizer: new Adam({ learningRate: options.quick ? 2e-2 : 2e-3 }),
  loss: "binaryCrossentropy",
  metrics: ["accuracy"],
});
console.log(`${train.texts.length} mails to learn from, ${test.texts.length} to test, ${ids.size} words`);
const validationData = [encode(test.texts), test.labels] as const;
await model.fit(encode(train.texts), train.labels, { batchSize: 32, epochs, validationData });

const sentences = [
  "Free money! Click here to get your $ 5000 credit card offer now!",
  "Does anyone know why the kernel module does not compile after the upgrade?",
];
const outputs = await (await model.predict(encode(sentences))).data();
sentences.forEach((sentence, i) => {
  console.log(`${(100 * outputs[i]).toFixed(0).padStart(3)} % spam: ${sentence}`);
});
dispose();

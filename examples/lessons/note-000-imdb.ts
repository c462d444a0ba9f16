// Note 000's first practice: texts, as the words that occur in them, are told to be of one kind or the other.

import { Dense, Input, Sequential } from "gradgpu/nn";
import type { Course } from "./frame/lesson.ts";
import { mails } from "./frame/texts.ts";

export async function classifyTexts({ size, watch }: Course) {
  const words = 10_000;
  const { x, y, testX, testY } = await mails(words, size.rows, size.tests);

  const model = new Sequential([
    new Input([words]),
    new Dense(16, { activation: "relu" }),
    new Dense(16, { activation: "relu" }),
    new Dense(1, { activation: "sigmoid" }),
  ]);
  model.compile({ optimizer: "rmsprop", loss: "binaryCrossentropy", metrics: ["accuracy"] });
  await model.fit(x, y, {
    batchSize: 512,
    epochs: size.epochs,
    validationData: [testX, testY],
    ...watch("10000-16-16-1"),
  });
}

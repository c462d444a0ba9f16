// Note 002's dropout network, 10000-256-128-46, told the topics of texts.

import { Dense, Dropout, Sequential } from "gradgpu/nn";
import type { Course } from "./frame/lesson.ts";
import { genres } from "./frame/texts.ts";

export async function topics({ size, watch, keep }: Course) {
  const max_words = 10_000;
  const num_classes = 46;
  const { x, y, testX, testY } = await genres(max_words, size.rows, size.tests, 500);

  for (const rate of [0.5, 0]) {
    const model = new Sequential();

    model.add(new Dense(256, { inputShape: [max_words], activation: "relu" }));
    model.add(new Dropout(rate));
    model.add(new Dense(128, { activation: "relu" }));
    model.add(new Dropout(rate));
    model.add(new Dense(num_classes, { activation: "softmax" }));

    keep("parameters", model.countParams());
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    await model.fit(x, y, {
      batchSize: 128,
      epochs: size.epochs,
      validationData: [testX, testY],
      ...watch(`dropout ${rate}`),
    });
  }
}

// The same network on more and more digits.

import { Dense, Input, Sequential } from "gradgpu/nn";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

/** Numbers of rows, each twice the one before or so. */
export const rowCounts = (most: number) =>
  [250, 500, 1000, 2000, 5000, 10_000, 20_000, 60_000].filter((n) => n <= most);

export async function moreData({ size, watch }: Course) {
  for (const rows of rowCounts(size.rows)) {
    const { x, y, testX, testY } = await digits(rows, size.tests);
    const model = new Sequential([
      new Input([784], { byteScale: 1 / 255 }),
      new Dense(256, { activation: "relu" }),
      new Dense(128, { activation: "relu" }),
      new Dense(10, { activation: "softmax" }),
    ]);
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    // As many steps for each.
    await model.fit(x, y, {
      batchSize: 50,
      epochs: Math.ceil((size.steps * 50) / rows),
      validationData: [testX, testY],
      ...watch(`${rows} rows`),
    });
  }
}

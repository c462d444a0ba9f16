// Note 004's network with a Flatten layer and Adam, on Fashion-MNIST.

import { trainTestSplit } from "gradgpu/data";
import { Dense, Flatten, Input, Sequential } from "gradgpu/nn";
import { clothesRows } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

export async function fashion({ size, watch, keep }: Course) {
  const { train_input, train_target } = await clothesRows(size.rows);

  // Bytes stay bytes: the network divides them by 255.
  const [train_bytes, val_bytes, train_labels, val_labels] = trainTestSplit(train_input, train_target, {
    testSize: 0.2,
    seed: 42,
  });

  const model = new Sequential();

  model.add(new Input([28, 28], { byteScale: 1 / 255 }));
  model.add(new Flatten());

  model.add(new Dense(100, { activation: "relu" }));

  model.add(new Dense(10, { activation: "softmax" }));

  model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: "accuracy" });
  keep("parameters", model.countParams());

  const { params } = await model.fit(train_bytes, train_labels, {
    epochs: size.epochs,
    ...watch("fashion"),
  });
  keep("steps", params.steps);

  const [loss, accuracy] = await model.evaluate(val_bytes, val_labels);
  keep("loss", loss);
  keep("accuracy", accuracy);
}

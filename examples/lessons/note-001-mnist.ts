// Note 001's digit classifier with batch normalization, dropout and a log for TensorBoard.

import { oneHot, tensor } from "gradgpu";
import { BatchNormalization, Dense, Dropout, Input, Sequential, TensorBoard } from "gradgpu/nn";
import { Nadam } from "gradgpu/optim";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";
import { loggedScalars } from "./frame/logs.ts";

export async function deepNet({ size, watch, keep, folder }: Course) {
  const { x: X_train, y, testX: X_valid, testY } = await digits(size.rows, size.tests);
  const y_train = oneHot(tensor(y, { dtype: "i32" }), 10);
  const y_valid = oneHot(tensor(testY, { dtype: "i32" }), 10);

  const model = new Sequential();

  model.add(new Input([784], { byteScale: 1 / 255 }));
  model.add(new Dense(64, { activation: "relu" }));
  model.add(new BatchNormalization());

  model.add(new Dense(64, { activation: "relu" }));
  model.add(new BatchNormalization());

  model.add(new Dense(64, { activation: "relu" }));
  model.add(new BatchNormalization());
  model.add(new Dropout(0.2));

  model.add(new Dense(10, { activation: "softmax" }));

  model.compile({ optimizer: new Nadam(), loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  keep("parameters", model.countParams());
  keep(
    "trainable",
    model.trainableWeights.reduce((sum, { size }) => sum + size, 0),
  );

  const logdir = `${folder}/logs/deep-net`;
  const tensorboard = new TensorBoard(logdir, { print: () => {} });
  await model.fit(X_train, y_train, {
    batchSize: 128,
    epochs: size.epochs,
    validationData: [X_valid, y_valid],
    ...watch("deep-net", tensorboard),
  });
  keep("log", await loggedScalars(logdir));
}

// Note 003's data pipeline and big network, with its mistakes mended.

import { toCategorical } from "gradgpu";
import { Dataset } from "gradgpu/data";
import { Dense, Flatten, Input, Sequential } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";
import { digitTensors } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

export async function pipeline({ size, watch, keep }: Course) {
  const LEARNING_RATE = 0.001; // the note writes LEARING_RATE here, and LEARNING_RATE below
  const N_EPOCHS = size.epochs;
  const N_BATCHS = 100;

  // The note writes keras.datasets.mninst.
  const { train_image, train_label, test_image, test_label } = await digitTensors(size.rows, size.tests);

  const N_TRAIN = train_image.shape[0];
  const N_TEST = test_image.shape[0];
  const IMAGE_SIZE = 28;
  const N_CLASS = 10;

  // Bytes stay bytes: the network's Input divides by 255.
  const X_train = train_image;
  const X_test = test_image;

  const y_train = toCategorical(train_label);
  const y_test = toCategorical(test_label);

  const train_dataset = Dataset.fromTensorSlices([X_train, y_train])
    .shuffle(N_TRAIN)
    .batch(N_BATCHS, { dropRemainder: true })
    .repeat();
  // The note makes test_dataset and validates on val_dataset, which it never makes.
  const val_dataset = Dataset.fromTensorSlices([X_test, y_test]).batch(N_BATCHS);

  const steps_per_epoch = Math.floor(N_TRAIN / N_BATCHS);
  const validation_steps = Math.ceil(N_TEST / N_BATCHS);
  keep("steps", steps_per_epoch);
  keep("validation steps", validation_steps);

  function create_model() {
    const model = new Sequential();
    // The note does not close the brackets of these two.
    model.add(new Input([IMAGE_SIZE, IMAGE_SIZE], { byteScale: 1 / 255 }));
    model.add(new Flatten());
    // Hidden layers; the last one's 8 units are a bottleneck in front of 10 classes.
    model.add(new Dense(512, { activation: "relu" }));
    model.add(new Dense(512, { activation: "relu" }));
    model.add(new Dense(256, { activation: "relu" }));
    model.add(new Dense(256, { activation: "relu" }));
    model.add(new Dense(128, { activation: "relu" }));
    model.add(new Dense(128, { activation: "relu" }));
    model.add(new Dense(8, { activation: "relu" }));
    // Output layer.
    model.add(new Dense(N_CLASS, { activation: "softmax" }));
    model.compile({
      optimizer: new Adam({ learningRate: LEARNING_RATE }),
      loss: "categoricalCrossentropy",
      metrics: ["accuracy"],
    });
    return model;
  }

  const model = create_model();
  keep("parameters", model.countParams());

  await model.fit(train_dataset, {
    epochs: N_EPOCHS,
    stepsPerEpoch: steps_per_epoch,
    validationData: val_dataset,
    validationSteps: validation_steps,
    ...watch("big model"),
  });
}

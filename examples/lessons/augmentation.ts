// Images turned, shifted, blurred, with noise, resized: each pictured, and what they are worth with few images and with many.

import { tensor } from "gradgpu";
import {
  Dense,
  Flatten,
  GaussianBlur,
  GaussianNoise,
  Input,
  type Layer,
  RandomRotation,
  RandomTranslation,
  RandomZoom,
  Rescaling,
  Resizing,
  Sequential,
} from "gradgpu/nn";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

/** Each by its strength; at 0 it changes nothing. */
export const augmentations: Record<string, (strength: number) => Layer> = {
  rotate: (strength) => new RandomRotation(0.15 * strength, { fillMode: "constant" }),
  blur: (strength) => new GaussianBlur(1.5 * strength),
  shift: (strength) => new RandomTranslation(0.2 * strength, 0.2 * strength, { fillMode: "constant" }),
  noise: (strength) => new GaussianNoise(0.3 * strength),
  resize: (strength) => new RandomZoom(0.3 * strength, { fillMode: "constant" }),
};

export async function augmentation({ size, watch, keep }: Course) {
  const { x, testX, testY, y } = await digits(size.many, size.tests);

  // One digit twice, as it is and changed: each gets a change of its own.
  const digit = new Rescaling(1 / 255).call(
    tensor([...x.subarray(0, 784), ...x.subarray(0, 784)], [2, 28, 28, 1]),
  );
  keep("as it is", [...(await digit.data())]);
  for (const [name, make] of Object.entries(augmentations)) {
    keep(name, [...(await make(1).call(digit, { training: true }).data())]);
    keep(`${name}, strength 0`, [...(await make(0).call(digit, { training: true }).data())]);
  }
  keep("halved", [...(await new Resizing(14, 14).call(digit).data())]);

  /** Trains on so many rows, behind layers that change images; as many steps whatever the rows. */
  async function train(name: string, rows: number, changes: readonly Layer[]) {
    const model = new Sequential([
      new Input([28, 28, 1], { byteScale: 1 / 255 }),
      ...changes,
      new Flatten(),
      new Dense(256, { activation: "relu" }),
      new Dense(10, { activation: "softmax" }),
    ]);
    model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    await model.fit(x.subarray(0, rows * 784), y.subarray(0, rows), {
      batchSize: 50,
      epochs: Math.ceil((size.steps * 50) / rows),
      validationData: [testX, testY],
      ...watch(name),
    });
  }

  const { rotate, shift, resize } = augmentations;
  const several = () => [rotate(0.3), shift(0.4), resize(0.3)];
  for (const rows of [size.few, size.many]) {
    await train(`${rows} rows`, rows, []);
    await train(`${rows} rows, augmented`, rows, several());
  }
  // Each change alone, with few rows.
  for (const [name, make] of Object.entries(augmentations)) {
    await train(`only ${name}`, size.few, [make(0.5)]);
  }
}

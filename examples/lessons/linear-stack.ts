// Layers without an activation are one layer: their matrices' product is the network.

import { abs, add, matmul, max, sub, tensor } from "gradgpu";
import { Dense, Input, Sequential } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";
import type { Course } from "./frame/lesson.ts";
import { ring } from "./frame/points.ts";

export async function linearStack({ seed, size, watch, keep }: Course) {
  // Points of a square, and whether they lie in a ring.
  const { x, y, testX, testY } = ring(size.rows, seed);

  for (const [name, depth, activation] of [
    ["one layer", 0, "linear"],
    ["four linear layers", 3, "linear"],
    ["four layers with ReLU", 3, "relu"],
  ] as const) {
    const model = new Sequential([
      new Input([2]),
      ...Array.from({ length: depth }, () => new Dense(16, { activation })),
      new Dense(1, { activation: "sigmoid" }),
    ]);
    const optimizer = new Adam({ learningRate: 0.01 });
    model.compile({ optimizer, loss: "binaryCrossentropy", metrics: ["accuracy"] });
    await model.fit(x, y, {
      batchSize: 64,
      epochs: size.epochs,
      validationData: [testX, testY],
      ...watch(name),
    });
    keep(`${name}: parameters`, model.countParams());

    if (depth > 0) {
      // Multiply the layers' matrices, and carry the biases through.
      const points = tensor(testX.slice(0, 100));
      const body = new Sequential([new Input([2]), ...model.layers.slice(0, depth)]);
      const outputs = body.call(points);
      let product = tensor([
        [1, 0],
        [0, 1],
      ]);
      let bias = tensor([[0, 0]]);
      for (const layer of model.layers.slice(0, depth)) {
        const [kernel, b] = layer.weights;
        product = matmul(product, kernel);
        bias = add(matmul(bias, kernel), b);
      }
      const inner = add(matmul(points, product), bias);
      keep(`${name}: difference`, await max(abs(sub(outputs, inner))).item());
    }
  }
}

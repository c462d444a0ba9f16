// The overfitting network with an L2 penalty: λ times the sum of squared weights is added to the loss.

import { Dense, Input, regularizers, Sequential } from "gradgpu/nn";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

export const lambdas = [0, 0.0003, 0.001, 0.01];

export async function l2Penalty({ size, watch, keep }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);

  for (const lambda of lambdas) {
    const kernelRegularizer = lambda > 0 ? regularizers.l2(lambda) : undefined;
    const model = new Sequential([
      new Input([784], { byteScale: 1 / 255 }),
      new Dense(512, { activation: "relu", kernelRegularizer }),
      new Dense(512, { activation: "relu", kernelRegularizer }),
      new Dense(10, { activation: "softmax" }),
    ]);
    // The loss has the penalty in it, the metric of the same name has not: that is what can be compared.
    model.compile({
      optimizer: "adam",
      loss: "sparseCategoricalCrossentropy",
      metrics: ["accuracy", "sparseCategoricalCrossentropy"],
    });
    await model.fit(x, y, {
      batchSize: 128,
      epochs: size.epochs,
      validationData: [testX, testY],
      ...watch(`λ = ${lambda}`),
    });
    const [first] = await model.getWeights();
    keep(
      `λ = ${lambda}: weights`,
      Math.sqrt(first.values.reduce((sum, w) => sum + w * w, 0) / first.values.length),
    );
  }
}

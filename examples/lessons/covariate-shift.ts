// What a deep layer gets as its input, epoch by epoch, with batch normalization and without.

import { mean, standardDeviation, tensor } from "gradgpu";
import { Activation, BatchNormalization, Dense, Input, Model, Sequential } from "gradgpu/nn";
import { SGD } from "gradgpu/optim";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

export async function covariateShift({ size, watch, keep }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);
  const some = tensor(x.subarray(0, 250 * 784), [250, 784]);

  for (const name of ["plain", "batch norm"]) {
    const hidden = (i: number) =>
      name === "plain"
        ? [new Dense(64, { name: `sums_${i}` }), new Activation("tanh")]
        : [
            new Dense(64),
            new BatchNormalization({ momentum: 0.9, name: `sums_${i}` }),
            new Activation("tanh"),
          ];
    const model = new Sequential([
      new Input([784], { byteScale: 1 / 255 }),
      ...[1, 2, 3].flatMap(hidden),
      new Dense(10, { activation: "softmax" }),
    ]);
    const optimizer = new SGD({ learningRate: 0.1 });
    model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });

    // What the third tanh gets for 250 digits, epoch by epoch: of each of its 64 units, mean and deviation.
    const body = new Model(model.inputs, model.outputOf("sums_3"));
    const [means, deviations]: number[][][] = [[], []];
    const notice = async () => {
      const sums = body.call(some, { training: true });
      means.push([...(await mean(sums, 0).data())]);
      deviations.push([...(await standardDeviation(sums, 0).data())]);
      return [...(await sums.data())].filter((_, i) => i % 16 === 0);
    };
    let values = await notice();
    keep(`${name}: first`, values);
    await model.fit(x, y, {
      batchSize: 64,
      epochs: size.epochs,
      validationData: [testX, testY],
      ...watch(name, {
        onEpochEnd: async () => {
          values = await notice();
        },
      }),
    });
    keep(`${name}: last`, values);
    keep(`${name}: means`, means);
    keep(`${name}: deviations`, deviations);
  }
}

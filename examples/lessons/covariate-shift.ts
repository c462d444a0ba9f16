// What a deep layer gets as its input, epoch by epoch, with batch normalization and without.

import { tensor } from "gradgpu";
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

    // What the third tanh gets, for 250 digits: one row an epoch, of all its 64 units.
    const body = new Model(model.inputs, model.outputOf("sums_3"));
    const rows: number[][] = [];
    const notice = async () => {
      rows.push([...(await body.call(some, { training: true }).data())]);
    };
    await notice();
    await model.fit(x, y, {
      batchSize: 64,
      epochs: size.epochs,
      validationData: [testX, testY],
      ...watch(name, { onEpochEnd: notice }),
    });
    // Of each unit, mean and deviation, one row an epoch.
    const units = (row: readonly number[]) =>
      Array.from({ length: 64 }, (_, k) => row.filter((_, i) => i % 64 === k));
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    keep(
      `${name}: means`,
      rows.map((row) => units(row).map(mean)),
    );
    keep(
      `${name}: deviations`,
      rows.map((row) => units(row).map((unit) => Math.sqrt(mean(unit.map((v) => (v - mean(unit)) ** 2))))),
    );
    keep(
      `${name}: first`,
      rows[0].filter((_, i) => i % 16 === 0),
    );
    keep(
      `${name}: last`,
      rows[rows.length - 1].filter((_, i) => i % 16 === 0),
    );
  }
}

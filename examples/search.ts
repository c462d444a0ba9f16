// Looks for hyper-parameters by successive halving: nine small nets on the digits of MNIST, the best of them trained longer.

import { parseArgs } from "node:util";
import { mnist } from "../data/index.ts";
import { dispose, init, setSeed, tensor } from "../engine/index.ts";
import { Dense, Dropout, Input, Sequential, search } from "../nn/index.ts";

const { values: args } = parseArgs({
  options: {
    device: { type: "string", default: "auto" },
    limit: { type: "string", default: "3000" },
    trials: { type: "string", default: "9" },
  },
});
const samples = Number(args.limit);

await init({ device: args.device as "auto" });
const { train } = await mnist.load();
const x = tensor(train.images.subarray(0, samples * 784), [samples, 784]);
const y = tensor(train.labels.subarray(0, samples));

const found = await search({
  space: {
    optimizer: ["adam", "rmsprop", "sgd"],
    units: { choice: [16, 32, 64] },
    layers: { integer: [1, 3] },
    activation: ["relu", "tanh"],
    dropout: { uniform: [0, 0.5] },
    batchSize: [32, 128],
  },
  method: "halving",
  trials: Number(args.trials),
  budget: [1, 9],
  objective: "accuracy",
  direction: "maximize",
  seed: 1,
  run: async ({ optimizer, units, layers, activation, dropout, batchSize }, { budget, seed }) => {
    setSeed(seed);
    const model = new Sequential([new Input([784], { byteScale: 1 / 255 })]);
    for (let i = 0; i < layers; i++) {
      model.add(new Dense(units, { activation }));
      model.add(new Dropout(dropout));
    }
    model.add(new Dense(10, { activation: "softmax" }));
    model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    const { history } = await model.fit(x, y, {
      epochs: budget,
      batchSize,
      validationSplit: 0.2,
      verbose: 0,
    });
    return { accuracy: history.valAccuracy.at(-1) as number, loss: history.valLoss.at(-1) as number };
  },
});

console.log(`\n${found}`);
dispose();

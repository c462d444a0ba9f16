// Every hyper-parameter that note 003 names, searched by grid, at random and by successive halving.

import { setSeed } from "gradgpu";
import { Dense, Dropout, Input, Sequential, search } from "gradgpu/nn";
import { optimizers } from "gradgpu/optim";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

type Values = Record<"rate" | "layers" | "units" | "batchSize" | "dropout", number> &
  Record<"optimizer" | "activation", string>;

export async function hyperParameters({ seed, size, keep, tick }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);

  const space = {
    optimizer: ["sgd", "rmsprop", "adam"],
    rate: { logUniform: [1e-4, 1e-1] },
    layers: { integer: [1, 2] },
    units: { choice: [16, 64] },
    activation: ["relu", "tanh"],
    batchSize: [32, 128],
    dropout: { uniform: [0, 0.5] },
  } as const;
  let done = 0;

  /** Trains one choice of them for so many epochs, and gives its validation loss. */
  async function train(values: Values, epochs = size.epochs, trialSeed = 1) {
    setSeed(trialSeed);
    const model = new Sequential([new Input([784], { byteScale: 1 / 255 })]);
    for (let i = 0; i < values.layers; i++) {
      model.add(new Dense(values.units, { activation: values.activation }));
      model.add(new Dropout(values.dropout));
    }
    model.add(new Dense(10, { activation: "softmax" }));
    const optimizer = optimizers.get(values.optimizer);
    optimizer.learningRate = values.rate;
    model.compile({ optimizer, loss: "sparseCategoricalCrossentropy" });
    const { history } = await model.fit(x, y, {
      batchSize: values.batchSize,
      epochs,
      validationData: [testX, testY],
      verbose: 0,
    });
    await tick(Math.min(++done, 4 * size.trials - 1), 4 * size.trials);
    return { loss: history.valLoss[epochs - 1] };
  }

  // At random, twice with the same seed; then by halving, which gives more epochs to the better third.
  const atRandom = () =>
    search({
      space,
      seed,
      verbose: 0,
      trials: size.trials,
      run: (values, trial) => train(values, size.epochs, trial.seed),
    });
  const first = await atRandom();
  const again = await atRandom();
  const halving = await search({
    space,
    seed,
    method: "halving",
    verbose: 0,
    trials: size.trials + 3,
    budget: [1, size.epochs],
    factor: size.epochs,
    run: (values, trial) => train(values, trial.budget, trial.seed),
  });
  // A grid over the two that are thought to matter most, the others as they are.
  const grid = await search({
    space: {
      optimizer: space.optimizer,
      rate: { logUniform: [1e-3, 1e-1], steps: 3 },
      layers: 1,
      units: 64,
      activation: "relu",
      batchSize: 32,
      dropout: 0,
    },
    seed,
    method: "grid",
    verbose: 0,
    run: (values, trial) => train(values, size.epochs, trial.seed),
  });

  for (const [name, found] of Object.entries({ random: first, again, halving, grid })) {
    keep(`${name}: table`, String(found));
    keep(`${name}: best`, found.best?.score ?? Number.NaN);
  }
  keep(
    "random: losses",
    first.trials.map((trial) => trial.score ?? Number.NaN),
  );
  keep(
    "again: losses",
    again.trials.map((trial) => trial.score ?? Number.NaN),
  );
}

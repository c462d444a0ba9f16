// Loss functions: what each makes of a wrong output, how steep it is there, and what a network learns by it.

import {
  grad,
  linspace,
  oneHot,
  ones,
  reshape,
  sigmoid,
  softmax,
  sub,
  sum,
  type Tensor,
  tensor,
} from "gradgpu";
import { Dense, Input, losses, Sequential } from "gradgpu/nn";
import { Adam, SGD } from "gradgpu/optim";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

/** What five rooms cost, in thousands: one of them is a palace. */
export const prices = [1, 2, 3, 4, 90];

/** Rates by loss: the squared error is a mean over ten outputs, so its slopes are a tenth of their sum's. */
export const rates = { categoricalCrossentropy: 0.1, meanSquaredError: 1 };
export const ofNumbers = ["meanSquaredError", "meanAbsoluteError"];

export async function lossFunctions({ size, watch, keep }: Course) {
  // A sigmoid output where 1 is right, by the number before the sigmoid: far left it is surely wrong.
  const z = reshape(linspace(-8, 8, 161), [161, 1]);
  keep("z", [...(await z.data())]);
  for (const name of ["binaryCrossentropy", "meanSquaredError"]) {
    const loss = (z: Tensor) => losses.get(name).call(ones([161, 1]), sigmoid(z));
    const [slope] = grad((z: Tensor) => sum(loss(z)))(z);
    keep(`${name}: loss`, [...(await loss(z).data())]);
    keep(`${name}: slope`, [...(await slope.data())]);
  }

  // Classes as numbers and as one-hot rows are the same loss, and a wrong class at probability 0 is a finite one.
  const p = tensor([
    [0.7, 0.2, 0.1],
    [0.1, 0.1, 0.8],
    [0, 0, 1],
  ]);
  const classes = tensor([0, 1, 1], { dtype: "i32" });
  const of = (name: string, targets: Tensor) => losses.get(name).call(targets, p).data();
  keep("categorical", [...(await of("categoricalCrossentropy", oneHot(classes, 3)))]);
  keep("sparse", [...(await of("sparseCategoricalCrossentropy", classes))]);

  // The slope of softmax and cross-entropy together is what is predicted less what is right.
  const scores = tensor([[2, 1, -1]]);
  const wanted = oneHot(tensor([1], { dtype: "i32" }), 3);
  const entropy = losses.get("categoricalCrossentropy");
  const [slope] = grad((scores: Tensor) => sum(entropy.call(wanted, softmax(scores))))(scores);
  keep("slope", [...(await slope.data())]);
  keep("predicted less right", [...(await sub(softmax(scores), wanted).data())]);

  // Two classes by one sigmoid, or by two probabilities that add up to 1.
  const q = tensor([[0.9], [0.4], [0.05]]);
  const pairs = tensor([
    [0.9, 0.1],
    [0.4, 0.6],
    [0.05, 0.95],
  ]);
  const right = tensor([[1], [0], [0]]);
  keep("binary", [...(await losses.get("binaryCrossentropy").call(right, q).data())]);
  keep("of two", [...(await entropy.call(oneHot(tensor([0, 1, 1], { dtype: "i32" }), 2), pairs).data())]);

  // Regression: a network that knows nothing of a room can only learn one price for all.
  for (const name of ofNumbers) {
    const model = new Sequential([new Input([1]), new Dense(1)]);
    model.compile({ optimizer: new Adam({ learningRate: 0.1 }), loss: name });
    const x = prices.map(() => [0]);
    const y = prices.map((price) => [price]);
    await model.fit(x, y, { batchSize: 5, epochs: size.fits, ...watch(`one price, ${name}`) });
    keep(`one price, ${name}: guess`, await sum(await model.predict([[0]])).item());
  }

  // Classification: digits, by either loss, by as many steps.
  const { x, y, testX, testY } = await digits(size.rows, size.tests);
  const oneHots = (labels: Uint8Array) => oneHot(tensor(labels, { dtype: "i32" }), 10);
  for (const [name, learningRate] of Object.entries(rates)) {
    const model = new Sequential([
      new Input([784], { byteScale: 1 / 255 }),
      new Dense(64, { activation: "relu" }),
      new Dense(10, { activation: "softmax" }),
    ]);
    model.compile({ optimizer: new SGD({ learningRate }), loss: name, metrics: ["accuracy"] });
    await model.fit(x, oneHots(y), {
      batchSize: 50,
      epochs: size.epochs,
      validationData: [testX, oneHots(testY)],
      ...watch(`digits, ${name}`),
    });
  }
}

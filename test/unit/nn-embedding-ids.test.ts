// Ids for a model that begins with an Embedding: those out of range are refused in arrays, as labels are. On the CPU
// reference.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError } from "../../engine/base/errors.ts";
import { type Device, init, type Tensor, tensor } from "../../engine/index.ts";
import { Dense, Embedding, Flatten, Input, type Layer, Sequential } from "../../nn/index.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

const y = [0, 1];
const right = [
  [0, 1],
  [2, 0],
];
const wrong = [
  [0, 1],
  [7, 0],
];
const makeModel = (first: Layer = new Embedding(3, 4)) =>
  new Sequential([new Input([2]), first, new Flatten(), new Dense(1)]).compile({
    optimizer: "sgd",
    loss: "mse",
  });

describe("ids", () => {
  it("out of range are refused wherever a model takes arrays, before anything has changed", async () => {
    const model = makeModel();
    const weights = await model.getWeights();
    const message =
      /id 7 at position 2 of x is out of range: for an Embedding of 3 rows, ids must be whole numbers from 0 to 2/;
    await expect(model.fit(wrong, y, { verbose: 0 })).rejects.toThrow(message);
    await expect(model.fit(wrong, y, { verbose: 0 })).rejects.toThrow(ArgumentError);
    await expect(model.fit(wrong, y, { verbose: 0, memoryBudget: 16, batchSize: 1 })).rejects.toThrow(
      message,
    );
    await expect(model.fit(right, y, { verbose: 0, validationData: [wrong, y] })).rejects.toThrow(
      /validationData: id 7/,
    );
    await expect(model.evaluate(Int32Array.from(wrong.flat()), y)).rejects.toThrow(message);
    await expect(model.predict(wrong)).rejects.toThrow(message);
    await expect(model.trainOnBatch(wrong, y)).rejects.toThrow(message);
    await expect(model.predict([[0, -1]])).rejects.toThrow(/id -1 at position 1/);
    await expect(model.predict([[0.5, 1]])).rejects.toThrow(/id 0.5 at position 0/);
    expect(await model.getWeights()).toEqual(weights);
    await model.fit(right, y, { verbose: 0 });
    model.dispose();
  });

  it("in tensors stay unread, and give zeros out of range", async () => {
    const model = makeModel();
    const outputs = await model.predict(tensor(wrong));
    expect(outputs.shape).toEqual([2, 1]);
    model.dispose();
  });

  it("are nobody's business where another layer comes first, or a subclass", async () => {
    class Anything extends Embedding {
      protected override forward(x: Tensor): Tensor {
        return super.forward(x);
      }
    }
    for (const first of [new Anything(3, 4), new Dense(2)]) {
      const model = makeModel(first);
      const [given, unread] = [await model.predict(wrong), await model.predict(tensor(wrong))];
      expect(given.shape).toEqual([2, 1]);
      expect([...(await given.data())]).toEqual([...(await unread.data())]);
      const { history } = await model.fit(wrong, y, { verbose: 0 });
      expect(history.loss.every(Number.isFinite)).toBe(true);
      model.dispose();
    }
  });
});

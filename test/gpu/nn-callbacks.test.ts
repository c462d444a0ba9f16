// EarlyStopping and ReduceLROnPlateau on this adapter: they change what the traced step trains, and leave nothing behind.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Device, device as defaultDevice, noLeaks, setDevice } from "../../engine/index.ts";
import { Dense, EarlyStopping, Input, ReduceLROnPlateau, Sequential } from "../../nn/index.ts";
import { SGD } from "../../optim/index.ts";
import { gpuDevice } from "../support/devices.ts";

let gpu: Device;
let before: Device;
beforeAll(async () => {
  gpu = await gpuDevice();
  before = defaultDevice();
  setDevice(gpu);
});
afterAll(() => setDevice(before));

const x = [[1], [2], [3], [4]];
const y = [2, 4, 6, 8];
/** The rate is too large: each epoch is worse than the one before. */
const makeModel = () =>
  new Sequential([new Input([1]), new Dense(1, { kernelInitializer: "zeros" })]).compile({
    optimizer: new SGD({ learningRate: 0.2 }),
    loss: "mse",
  });

describe("callbacks", () => {
  it("EarlyStopping gives back the best epoch's weights, to the bit", async () => {
    using model = makeModel();
    let best: Float32Array | undefined;
    const callback = new EarlyStopping({ monitor: "loss", patience: 2, restoreBestWeights: true });
    const run = () =>
      model.fit(x, y, {
        verbose: 0,
        epochs: 9,
        callbacks: callback,
        onEpochEnd: async (epoch) => {
          if (epoch === 0) best = (await model.getWeights())[0].values;
        },
      });
    const { epoch } = await run();
    expect(epoch).toEqual([0, 1, 2]);
    expect((await model.getWeights())[0].values).toEqual(best);
    await noLeaks(() => run().then(() => {}), { device: gpu });
    model.optimizer?.dispose();
  });

  it("ReduceLROnPlateau changes the rate under the traced step", async () => {
    using model = makeModel();
    const callback = new ReduceLROnPlateau({ monitor: "loss", factor: 0.1, patience: 1 });
    const { history } = await model.fit(x, y, { verbose: 0, epochs: 6, callbacks: callback });
    expect(history.loss[1]).toBeGreaterThan(history.loss[0]);
    expect(history.loss[5]).toBeLessThan(history.loss[2]);
    model.optimizer?.dispose();
  });
});

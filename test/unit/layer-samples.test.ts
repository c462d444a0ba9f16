// What every layer must do, tried on the bench's samples, small: shapes as it says, gradients that differences confirm,
// weights that go out and come back, nothing left behind.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { layerTable } from "../../bench/cases/layers.ts";
import { checkGradients, type Device, init, noLeaks, tensor } from "../../engine/index.ts";
import { Input, Sequential } from "../../nn/index.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

const batch = 2;

const rows = layerTable.map(({ make, shape, limit, label = "" }) => {
  const { type } = make();
  return [`${type} ${label} of [${shape}]`, { make, shape, limit }] as const;
});

describe.each(rows)("%s", (_, { make, shape, limit }) => {
  const sample = shape.slice(1);
  const values = Array.from({ length: batch * sample.reduce((a, b) => a * b, 1) }, (_, i) =>
    limit === undefined ? Math.sin(i * 12.9898) : (i * 7919) % limit,
  );
  const input = () =>
    tensor(values, { shape: [batch, ...sample], dtype: limit === undefined ? "f32" : "i32" });
  const modelOf = () => new Sequential([new Input(sample), make()]);

  it("gives the shape that it says", () => {
    const [model, layer] = [modelOf(), make()];
    const outputs = model.call(input());
    expect(outputs.shape).toEqual([batch, ...layer.computeOutputShape(sample)]);
    model.dispose();
  });

  it("has the gradients that differences confirm", async () => {
    const [model, x] = [modelOf(), input()];
    model.call(x);
    const inputs = [...(limit === undefined ? [x] : []), ...model.trainableWeights];
    if (inputs.length > 0) await checkGradients(() => model.call(x), inputs, { elements: 3 });
    model.dispose();
  });

  it("gives its weights, takes them back, and leaves nothing behind", async () => {
    const x = input();
    const [first, second] = [modelOf(), modelOf()];
    const want = await first.call(x).dataFloat64();
    second.call(x);
    second.setWeights(await first.getWeights());
    expect(await second.call(x).dataFloat64()).toEqual(want);
    await noLeaks(() => second.call(x, { training: true }));
    first.dispose();
    second.dispose();
  });
});

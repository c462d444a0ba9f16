// What every layer must do, tried on the bench's samples, small: shapes as it says, gradients that differences confirm,
// weights that go out and come back, nothing left behind.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asInputs, layerTable } from "../../bench/cases/layers.ts";
import {
  checkGradients,
  type Device,
  disposeAll,
  init,
  noLeaks,
  type Tensor,
  tensor,
} from "../../engine/index.ts";
import { input, Model, maskOf, modelFromConfig, type Placeholder } from "../../nn/index.ts";
import { isDue } from "../support/sampled.ts";

let device: Device;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
});
afterAll(() => device.dispose());

const batch = 2;

const rows = layerTable.map((line, i) => {
  const { type } = line.make();
  return [`${type} ${line.label ?? ""} of [${line.shape}]`, line, i] as const;
});

describe.each(rows)("%s", (_, line, place) => {
  const { make, shape, limit, others = [] } = line;
  const samples = [shape, ...others].map((each) => each.slice(1));
  const dtype = limit === undefined ? "f32" : "i32";
  const values = (sample: readonly number[], which: number) =>
    Array.from({ length: batch * sample.reduce((a, b) => a * b, 1) }, (_, i) =>
      limit === undefined ? Math.sin((i + 7 * which) * 12.9898) : (i * 7919) % limit,
    );
  const tensors = () =>
    samples.map((sample, i) => tensor(values(sample, i), { shape: [batch, ...sample], dtype }));
  /** The layer called for placeholders, as models are put together. */
  const modelOf = (layer = make()) => {
    const inputs = asInputs(
      line,
      samples.map((sample) => input(sample, { dtype })),
    );
    return new Model(inputs, layer.call(inputs) as Placeholder);
  };

  it("gives the shape that it says, and in a model what it gives alone", async () => {
    const layer = make();
    const model = modelOf(layer);
    const given = asInputs(line, tensors());
    const [alone, outputs] = [layer.call(given) as Tensor, model.call(given) as Tensor];
    expect(outputs.shape).toEqual([batch, ...(model.outputs as Placeholder).shape]);
    expect(await outputs.dataFloat64()).toEqual(await alone.dataFloat64());
    if (others.length === 0) expect(layer.computeOutputShape(samples[0])).toEqual(outputs.shape.slice(1));
    model.dispose();
  });

  // A function of the user's own is no data.
  it.skipIf(make().type === "Lambda")("is made again, by clone and by config", () => {
    const model = modelOf();
    const config = JSON.parse(JSON.stringify(model.config()));
    const again = modelFromConfig({ type: model.type, config });
    expect(JSON.parse(JSON.stringify(again.config()))).toEqual(config);
    expect((again.outputs as Placeholder).shape).toEqual((model.outputs as Placeholder).shape);
    const layer = make();
    expect(layer.clone().config()).toEqual(layer.config());
    again.dispose();
    model.dispose();
  });

  it.runIf(isDue(place))("has the gradients that differences confirm", async () => {
    const [model, given] = [modelOf(), tensors()];
    const call = () => model.call(asInputs(line, given)) as Tensor;
    call();
    const inputs = [...(limit === undefined ? given : []), ...model.trainableWeights];
    if (inputs.length > 0) await checkGradients(call, inputs, { elements: 3 });
    model.dispose();
  });

  it("gives its weights, takes them back, and leaves nothing behind", async () => {
    const given = tensors();
    const x = asInputs(line, given);
    const [first, second] = [modelOf(), modelOf()];
    const want = await (first.call(x) as Tensor).dataFloat64();
    second.call(x);
    second.setWeights(await first.getWeights());
    expect(await (second.call(x) as Tensor).dataFloat64()).toEqual(want);
    await noLeaks(() => {
      const outputs = second.call(x, { training: true }) as Tensor;
      return [outputs, maskOf(outputs)];
    });
    first.dispose();
    second.dispose();
    disposeAll(given);
  });

  it("names its constructor's leading arguments, which its properties hold", () => {
    const layer = make();
    const { positional = [] } = layer.constructor as { positional?: readonly string[] };
    for (const name of positional) expect(layer[name as keyof typeof layer], name).toBeDefined();
  });
});

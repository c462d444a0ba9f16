// Layers on the reference and on this adapter, op by op and traced, against other people's numbers: PyTorch's and those of
// tfjs-layers. What comes out, the gradients of inputs and weights, moving averages.

import type { Scalar, Tensor as TfTensor } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Device,
  device as defaultDevice,
  disposeAll,
  jit,
  mul,
  setDevice,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
} from "../../engine/index.ts";
import {
  AlphaDropout,
  Dropout,
  GaussianDropout,
  GaussianNoise,
  type Layer,
  type Mask,
  SpatialDropout1D,
} from "../../nn/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { gpuDevice, referenceDevice } from "../support/devices.ts";
import { type KerasCase, kerasCases, loadTfjsLayers } from "../support/keras-layers.ts";
import { type LayerNumbers, layerNumbers, type Values } from "../support/layer-cases.ts";
import { isFirstAdapter, sampledHere } from "../support/sampled.ts";

let before: Device | undefined;
let devices: Record<string, Device>;
let tf: Awaited<ReturnType<typeof loadTfjsLayers>>;

beforeAll(async () => {
  devices = { reference: await referenceDevice(), adapter: await gpuDevice() };
  before = defaultDevice();
  tf = await loadTfjsLayers();
});
afterAll(() => {
  if (before !== undefined) setDevice(before);
});

/** What a layer takes: one value, or several in an array. */
const asked = <T>(list: readonly T[]): T | readonly T[] => (list.length === 1 ? list[0] : list);

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** What the gradients are of: the outputs weighted by these. */
const scaleOf = (shape: readonly number[]) =>
  Array.from({ length: sizeOf(shape) }, (_, i) => Math.cos(i * 1.7));

const tensorOf = ({ shape, values }: Values) => tensor(values, { shape: [...shape] });

/** Output, gradients of inputs and trained weights, and all weights afterwards. */
async function numbersOf(
  layer: Layer,
  inputs: readonly Values[],
  outputShape: readonly number[],
  { isTraining, mask, isTraced }: { isTraining: boolean; mask?: LayerNumbers["mask"]; isTraced: boolean },
): Promise<Float32Array[]> {
  const isIds = layer.idCount !== undefined;
  const given = inputs.map(tensorOf);
  const masks = mask?.map((one) => one && tensorOf(one));
  const weights = layer.trainableWeights;
  const scale = tensor(scaleOf(outputShape), { shape: [...outputShape] });
  const options = {
    training: isTraining,
    ...(masks === undefined ? {} : { mask: asked<Mask>(masks) }),
  };
  const step = (...values: Tensor[]) => {
    const all = [...values, ...weights];
    const argnums = all.map((_, i) => i).slice(isIds ? values.length : 0);
    const weighted = (...of: Tensor[]): readonly [Tensor, Tensor] => {
      const output = layer.call(asked(of.slice(0, values.length)), options) as Tensor;
      return [sum(mul(output, scale)), output];
    };
    const { grads, aux } = valueAndGrad(weighted, { hasAux: true, argnums })(...all);
    return [aux, ...(grads as readonly Tensor[])];
  };
  const program = jit(step);
  const found = isTraced ? program(...given) : step(...given);
  const numbers = await Promise.all([...found, ...layer.weights].map((value) => value.data()));
  disposeAll([...given, ...found, scale, ...(masks ?? []).filter((one) => one !== undefined)]);
  program.dispose();
  return numbers as Float32Array[];
}

function expectNumbers(got: readonly Float32Array[], want: readonly ArrayLike<number>[], name: string): void {
  expect(got.length).toBe(want.length);
  got.forEach((values, i) => {
    expectCloseArrays(values, want[i], 5e-6, `${name}, value ${i}`);
  });
}

async function compareWithPyTorch(one: LayerNumbers, isTraced: boolean): Promise<void> {
  const layer = one.make();
  layer.build(asked(one.inputs.map(({ shape }) => ({ shape: shape.slice(1), dtype: "f32" as const }))));
  layer.trainableWeights.forEach((weight, i) => {
    const { shape, values } = one.weights[i];
    expect(sizeOf(shape)).toBe(weight.size);
    const start = tensor(values, { shape: weight.shape });
    weight.assign(start);
    start.dispose();
  });
  const got = await numbersOf(layer, one.inputs, one.output.shape, { ...one, isTraced });
  const moved = one.isTraining ? one.moved : [];
  const checked = got.slice(0, 1 + one.gradients.length);
  expectNumbers(
    checked,
    [one.output, ...one.gradients].map(({ values }) => values),
    one.name,
  );
  if (moved.length > 0)
    expectNumbers(
      got.slice(-moved.length),
      moved.map(({ values }) => values),
      one.name,
    );
  layer.dispose();
}

const valuesFor = (shape: readonly number[], which: number): Values => ({
  shape,
  values: Array.from({ length: sizeOf(shape) }, (_, i) =>
    Math.fround(1.5 * Math.sin((i + 11 * which) * 12.9898 + which)),
  ),
});

/** What tfjs gives, its layer given the weights that ours starts with. */
async function theirs({ theirs: make, shapes, training = false }: KerasCase, start: readonly Values[]) {
  const layer = make(tf.layers);
  layer.build((shapes.length === 1 ? shapes[0] : shapes) as number[]);
  // Recurrent layers don't say so, and would build their cells again.
  layer.built = true;
  layer.setWeights(start.map(({ values, shape }) => tf.tensor([...values], [...shape])));
  const given = shapes.map((shape, i) => tf.variable(tf.tensor([...valuesFor(shape, i).values], [...shape])));
  let output: TfTensor | undefined;
  const { grads } = tf.variableGrads(() => {
    output = tf.keep(layer.apply(asked(given) as never, { training }) as TfTensor);
    return tf.sum(tf.mul(output, tf.tensor(scaleOf(output.shape), output.shape))) as Scalar;
  });
  const wanted = [
    ...given,
    // biome-ignore lint/suspicious/noExplicitAny: tfjs keeps the variable to itself
    ...layer.trainableWeights.map((weight) => (weight as any).val as (typeof given)[number]),
  ];
  const numbers = [output as TfTensor, ...wanted.map(({ name }) => grads[name]), ...layer.getWeights()];
  return {
    shape: (output as TfTensor).shape,
    numbers: (await Promise.all(numbers.map((value) => value.data()))) as Float32Array[],
  };
}

async function compareWithTfjs(one: KerasCase, isTraced: boolean): Promise<void> {
  const layer = one.ours();
  layer.build(asked(one.shapes.map((shape) => ({ shape: shape.slice(1), dtype: "f32" as const }))));
  const start = await Promise.all(
    layer.weights.map(async ({ shape, data }, i) => ({
      shape,
      values: [...(await data.call(layer.weights[i]))],
    })),
  );
  const want = await theirs(one, start);
  const inputs = one.shapes.map(valuesFor);
  const isTraining = one.training ?? false;
  expectNumbers(await numbersOf(layer, inputs, want.shape, { isTraining, isTraced }), want.numbers, one.name);
  layer.dispose();
}

// The reference is the same beside every adapter.
describe.each(isFirstAdapter ? ["reference", "adapter"] : ["adapter"])("on the %s", (name) => {
  const taken = <T>(cases: readonly T[]) => (name === "reference" ? cases : sampledHere(cases));
  describe.each(["op by op", "traced"])("%s", (how) => {
    it.each(taken(layerNumbers).map((one) => [one.name, one] as const))(
      "%s gives PyTorch's numbers",
      (_, one) => {
        setDevice(devices[name]);
        return compareWithPyTorch(one, how === "traced");
      },
    );

    it.each(taken(kerasCases).map((one) => [one.name, one] as const))("%s gives tfjs's numbers", (_, one) => {
      setDevice(devices[name]);
      return compareWithTfjs(one, how === "traced");
    });
  });
});

describe.each<[string, () => Layer]>([
  ["Dropout with a noiseShape", () => new Dropout(0.4, { noiseShape: [null, 1, null], seed: 3 })],
  ["SpatialDropout1D", () => new SpatialDropout1D(0.4, { seed: 3 })],
  ["AlphaDropout", () => new AlphaDropout(0.4, { seed: 3 })],
  ["GaussianNoise", () => new GaussianNoise(0.4, { seed: 3 })],
  ["GaussianDropout", () => new GaussianDropout(0.4, { seed: 3 })],
])("%s", (name, make) => {
  it.each(["op by op", "traced"])("draws on the adapter what the reference draws, %s", async (how) => {
    const inputs = [valuesFor([3, 5, 7], 0)];
    const drawn = async (device: Device, isTraced: boolean) => {
      setDevice(device);
      using layer = make();
      layer.build([5, 7], device);
      return numbersOf(layer, inputs, [3, 5, 7], { isTraining: true, isTraced });
    };
    const want = await drawn(devices.reference, false);
    expectNumbers(await drawn(devices.adapter, how === "traced"), want, name);
  });
});

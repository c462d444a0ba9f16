// Nets on jax-js: a net as a function, the whole training step under one `jit`.

import type { LayerSpec, NetSpec } from "../cases/nets.ts";
import type { Array_, Jax } from "./jax-api.ts";
import { block, layerNorm } from "./jax-gpt.ts";
import { convolve, pool } from "./jax-layers.ts";
import { recurrent } from "./jax-recurrent.ts";
import { channelsFirst, kernelFirst, permuted, permutedShape } from "./layout.ts";
import {
  adam,
  batchesOf,
  batchNormConstants,
  batchShape,
  joinedBlock,
  labelCount,
  lengthsOf,
  type NetData,
  type WeightSpec,
  weightsOf,
} from "./net-data.ts";
import type { PeerWork } from "./peer.ts";

/** A batch on the device: its samples, one-hot labels, and where rows differ in length what of them counts. */
type Batch = Array_[];

/** All that a step changes. */
interface State {
  params: Array_[][];
  firsts: Array_[][];
  seconds: Array_[][];
  /** Moving means and variances. */
  moving: Array_[];
  /** beta1 and beta2 to the power of the step. */
  powers: Array_[];
  key: Array_;
}

function oneHot(values: NetData["x"], depth: number): Float32Array {
  const rows = new Float32Array(values.length * depth);
  values.forEach((value, row) => {
    rows[row * depth + value] = 1;
  });
  return rows;
}

/** Its convolutions want channels before places. */
const hasImages = ({ shape = [] }: NetSpec) => shape.length === 3;

function weightIn({ values, shape }: WeightSpec): { values: Float32Array; shape: readonly number[] } {
  if (shape.length < 4) return { values, shape };
  const order = kernelFirst(shape.length);
  return { values: permuted(values, shape, order), shape: permutedShape(shape, order) };
}

export function prepareJaxNet(jax: Jax, spec: NetSpec): PeerWork {
  const { numpy: np } = jax;
  const { inputs, classes, batchSize, tokens } = spec;
  const shape = batchShape(spec);
  const samples = (x: NetData["x"]): Array_ => {
    if (tokens !== undefined) return np.array(x, { dtype: np.int32 }).reshape(shape);
    if (!hasImages(spec)) return np.array(x).reshape(shape);
    const order = channelsFirst(shape.length);
    return np.array(permuted(x, shape, order)).reshape(permutedShape(shape, order));
  };
  const masks = (x: NetData["x"]): Array_ => {
    const lengths = lengthsOf(spec, x);
    const counts = Float32Array.from({ length: inputs * batchSize }, (_, i) =>
      Number(Math.floor(i / batchSize) < lengths[i % batchSize]),
    );
    return np.array(counts).reshape([inputs, batchSize, 1]);
  };
  const onDevice = ({ x, y }: NetData): Batch => [
    samples(x),
    np.array(oneHot(y, classes)).reshape([batchSize * labelCount(spec), classes]),
    ...(tokens?.shortest === undefined ? [] : [masks(x)]),
  ];
  const batches = batchesOf(spec).map(onDevice);
  const weights = weightsOf(spec).map((list, i) =>
    spec.layers[i].kind === "block" ? joinedBlock(list) : list,
  );
  const arrays = (isTrainable: boolean, fill?: number) =>
    weights.map((list) =>
      list
        .filter((weight) => weight.isTrainable === isTrainable)
        .map((weight) => {
          const { values, shape } = weightIn(weight);
          return np
            .array(fill === undefined ? values : new Float32Array(values.length).fill(fill))
            .reshape(shape);
        }),
    );
  let state: State = {
    params: arrays(true),
    firsts: arrays(true, 0),
    seconds: arrays(true, 0),
    moving: arrays(false).flat(),
    powers: [np.array(new Float32Array([1])), np.array(new Float32Array([1]))],
    key: jax.random.key(1),
  };
  const step = jax.jit((before: State, batch: Batch) => trainStep(jax, spec, before, batch));
  let next = 0;
  let loss: Array_ | undefined;
  return {
    run() {
      const batch = batches[next];
      next = (next + 1) % batches.length;
      loss?.dispose();
      [state, loss] = step(
        state,
        batch.map((part) => part.ref),
      );
    },
    wait: () => loss!.ref.data(),
    read: async () => [await loss!.ref.data()],
    train(rows) {
      const batch = onDevice(rows);
      loss?.dispose();
      [state, loss] = step(state, batch);
    },
    dispose() {
      loss?.dispose();
      const { params, firsts, seconds, moving, powers, key } = state;
      for (const array of [params, firsts, seconds].flat(2)) array.dispose();
      for (const array of [...moving, ...powers, key]) array.dispose();
      for (const array of batches.flat()) array.dispose();
      step.dispose();
    },
  };
}

function trainStep(jax: Jax, spec: NetSpec, before: State, [x, y, masks]: Batch): [State, Array_] {
  const { numpy: np } = jax;
  const drops = spec.layers.filter(({ kind }) => kind === "dropout").length;
  const keys = drops === 0 ? [before.key] : np.unstack(jax.random.split(before.key, drops + 1));
  const lossOf = (params: Array_[][]): [Array_, Array_[]] => {
    const { logits, moving } = forward(jax, spec, params, before.moving, { x, masks, keys: keys.slice(1) });
    return [y.mul(jax.nn.logSoftmax(logits, -1)).sum(-1).mean().mul(-1), moving];
  };
  const refs = before.params.map((list) => list.map((array) => array.ref));
  const [[loss, moving], grads] = jax.valueAndGrad(lossOf, { hasAux: true })(refs);

  const { learningRate, beta1, beta2, epsilon } = adam;
  const powers = [before.powers[0].mul(beta1), before.powers[1].mul(beta2)];
  const rate = np.sqrt(powers[1].ref.mul(-1).add(1)).div(powers[0].ref.mul(-1).add(1)).mul(learningRate);
  const after: State = { params: [], firsts: [], seconds: [], moving, powers, key: keys[0] };
  before.params.forEach((list, i) => {
    const updated = list.map((param, k) => {
      const gradient = grads[i][k];
      const first = before.firsts[i][k].mul(beta1).add(gradient.ref.mul(1 - beta1));
      const second = before.seconds[i][k].mul(beta2).add(np.square(gradient).mul(1 - beta2));
      const step = first.ref.mul(rate.ref).div(np.sqrt(second.ref).add(epsilon));
      return { param: param.sub(step), first, second };
    });
    after.params.push(updated.map(({ param }) => param));
    after.firsts.push(updated.map(({ first }) => first));
    after.seconds.push(updated.map(({ second }) => second));
  });
  rate.dispose();
  return [after, loss];
}

interface Inputs {
  readonly x: Array_;
  readonly masks: Array_ | undefined;
  /** Of a generator, one a dropout. */
  readonly keys: readonly Array_[];
}

function forward(
  jax: Jax,
  { layers, tokens }: NetSpec,
  params: Array_[][],
  movingBefore: readonly Array_[],
  { x, masks, keys }: Inputs,
): { logits: Array_; moving: Array_[] } {
  const { numpy: np } = jax;
  const { momentum, epsilon } = batchNormConstants;
  const moving: Array_[] = [];
  let value = x;
  let drops = 0;
  layers.forEach((layer, i) => {
    const [kernel, bias] = params[i];
    switch (layer.kind) {
      case "dense": {
        const width = value.shape.at(-1)!;
        const rows = value.shape.length === 2 ? value : value.reshape([-1, width]);
        value = np.matmul(rows, kernel).add(bias);
        if (i < layers.length - 1) value = jax.nn.relu(value);
        break;
      }
      case "batchNorm": {
        const mean = value.ref.mean(0);
        const centred = value.sub(mean.ref);
        const variance = np.square(centred.ref).mean(0);
        const scale = kernel.div(np.sqrt(variance.ref.add(epsilon)));
        value = centred.mul(scale).add(bias);
        for (const now of [mean, variance]) {
          const old = movingBefore[moving.length];
          moving.push(old.mul(momentum).add(now.mul(1 - momentum)));
        }
        break;
      }
      case "dropout": {
        const keep = 1 - layer.rate;
        const mask = jax.random.bernoulli(keys[drops++], keep, value.shape);
        value = np.where(mask, value.div(keep), 0);
        break;
      }
      case "embedding":
        // Its gather can't be differentiated under jit.
        value = np.matmul(jax.nn.oneHot(value, tokens!.vocabulary), kernel);
        break;
      case "positions":
        value = value.add(kernel);
        break;
      case "layerNorm":
        value = layerNorm(jax, value, kernel, bias);
        break;
      case "block":
        value = block(jax, value, params[i], layer.heads);
        break;
      case "lstm":
      case "gru":
        value = recurrent(jax, layer, value, params[i], masks);
        break;
      default:
        value = layerOfImages(jax, layer, value, params[i]);
    }
  });
  return { logits: value, moving };
}

function layerOfImages(jax: Jax, layer: LayerSpec, value: Array_, [kernel, bias]: readonly Array_[]): Array_ {
  switch (layer.kind) {
    case "conv2d":
      return jax.nn.relu(convolve({ padding: "VALID" })(jax, [value, kernel, bias], {}, undefined));
    case "maxPool":
      return pool((window) => window.max())(jax, [value], { window: layer.size }, undefined);
    case "flatten": {
      // In the order that all others have: channels last.
      const last = value.transpose([0, 2, 3, 1]);
      return last.reshape([last.shape[0], -1]);
    }
    default:
      throw new Error(`no ${layer.kind} for jax-js`);
  }
}

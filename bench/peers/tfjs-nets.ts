// Nets on tfjs-core, trained by `optimizer.minimize`, which is never slower than `trainOnBatch`. Matmul, bias and relu are
// one op, as in tfjs's own Dense layer; labels are one-hot on the device beforehand.

import type { LayerSpec, NetSpec } from "../cases/nets.ts";
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
import { disposeAll, type Tensor, type Tfjs, type Variable } from "./tfjs-api.ts";
import { block, layerNorm } from "./tfjs-gpt.ts";
import { recurrent } from "./tfjs-recurrent.ts";

/** A batch on the device. */
interface Batch {
  /** [batch, ...]; of tokens where they are given to products, a one-hot row each. */
  readonly x: Tensor;
  /** One-hot, a row a label. */
  readonly y: Tensor;
  /** [batch, 1] a step: 1 where it counts. Written by hand, for its WebGPU backend can't turn a mask's axes. */
  readonly masks?: readonly Tensor[];
}

export function prepareTfjsNet(tf: Tfjs, spec: NetSpec): PeerWork {
  const { inputs, classes, batchSize, layers, tokens } = spec;
  const shape = batchShape(spec);
  // Its WebAssembly has no gradient of gather's.
  const isOneHot = tokens !== undefined && tf.getBackend() === "wasm";
  const oneHot = (values: NetData["x"], count: number, depth: number) =>
    tf.tidy(() => tf.cast(tf.oneHot(tf.tensor(values, [count], "int32"), depth), "float32"));
  const masksOf = (x: NetData["x"]): Tensor[] => {
    const lengths = lengthsOf(spec, x);
    return Array.from({ length: inputs }, (_, step) =>
      tf.tensor(
        lengths.map((length) => Number(step < length)),
        [batchSize, 1],
      ),
    );
  };
  const onDevice = ({ x, y }: NetData): Batch => ({
    x: isOneHot ? oneHot(x, batchSize * inputs, tokens.vocabulary) : tf.tensor(x, shape, tokens && "int32"),
    y: oneHot(y, batchSize * labelCount(spec), classes),
    ...(tokens?.shortest === undefined ? {} : { masks: masksOf(x) }),
  });
  const batches = batchesOf(spec).map(onDevice);
  const weights = weightsOf(spec).map((list, i) =>
    (layers[i].kind === "block" ? joinedBlock(list) : list.flatMap(vectors)).map(
      ({ values, shape, isTrainable }) => ({
        isTrainable,
        variable: tf.tidy(() => tf.variable(tf.tensor(values, shape), isTrainable)),
      }),
    ),
  );
  const all = weights.flat();
  const trained = all.filter(({ isTrainable }) => isTrainable).map(({ variable }) => variable);
  const optimizer = tf.train.adam(adam.learningRate, adam.beta1, adam.beta2, adam.epsilon);

  const forward = ({ x, masks }: Batch): Tensor =>
    layers.reduce((value, layer, i) => {
      const own = weights[i].map(({ variable }) => variable);
      const isLast = i === layers.length - 1;
      if (layer.kind === "embedding") {
        const rows = isOneHot ? tf.matMul(value, own[0]) : tf.gather(own[0], value);
        return tf.reshape(rows, [...shape, layer.units]);
      }
      if (layer.kind === "block") return block(tf, value, own, layer.heads);
      if (layer.kind === "lstm" || layer.kind === "gru") return recurrent(tf, layer, value, own, masks);
      return layerOf(tf, layer, value, own, isLast);
    }, x);

  let steps = 0;
  let loss: Tensor | undefined;
  const step = (batch: Batch) => {
    steps++;
    loss?.dispose();
    // tfjs adds epsilon to the corrected second moment's root, Keras and we to the raw one's.
    optimizer.epsilon = adam.epsilon / Math.sqrt(1 - adam.beta2 ** steps);
    loss = optimizer.minimize(
      () => tf.losses.softmaxCrossEntropy(batch.y, tf.reshape(forward(batch), batch.y.shape)),
      true,
      trained,
    );
  };
  const dispose = ({ x, y, masks = [] }: Batch) => disposeAll([x, y, ...masks]);
  return {
    run: () => step(batches[steps % batches.length]),
    wait: () => loss!.data(),
    read: async () => [await loss!.data()],
    train(rows) {
      const batch = onDevice(rows);
      step(batch);
      dispose(batch);
    },
    dispose() {
      optimizer.dispose();
      disposeAll([loss, ...all.map(({ variable }) => variable)]);
      batches.forEach(dispose);
    },
  };
}

/** A GRU's two biases as one each, which its fused products take. */
function vectors(weight: WeightSpec): WeightSpec[] {
  const { name, shape, values } = weight;
  if (name !== "bias" || shape.length === 1) return [weight];
  const [count, size] = shape;
  return Array.from({ length: count }, (_, i) => ({
    ...weight,
    shape: [size],
    values: values.slice(i * size, (i + 1) * size),
  }));
}

function layerOf(
  tf: Tfjs,
  layer: LayerSpec,
  value: Tensor,
  [first, second, mean, variance]: readonly Variable[],
  isLast: boolean,
): Tensor {
  switch (layer.kind) {
    case "dropout":
      return tf.dropout(value, layer.rate);
    case "dense": {
      const width = value.shape.at(-1)!;
      const rows = value.shape.length === 2 ? value : tf.reshape(value, [-1, width]);
      const activation = isLast ? undefined : "relu";
      return tf.fused.matMul({ a: rows, b: first, bias: second, activation });
    }
    case "conv2d":
      return tf.fused.conv2d({
        x: value,
        filter: first,
        bias: second,
        strides: 1,
        pad: "valid",
        activation: "relu",
      });
    case "maxPool":
      return tf.maxPool(value, layer.size, layer.size, "valid");
    case "positions":
      return tf.add(value, first);
    case "layerNorm":
      return layerNorm(tf, value, first, second);
    case "flatten":
      return tf.reshape(value, [value.shape[0], -1]);
    case "batchNorm": {
      const { momentum, epsilon } = batchNormConstants;
      const batch = tf.moments(value, 0);
      for (const [moving, now] of [
        [mean, batch.mean],
        [variance, batch.variance],
      ] as const)
        moving.assign(tf.add(tf.mul(moving, momentum), tf.mul(now, 1 - momentum)));
      return tf.batchNorm(value, batch.mean, batch.variance, second, first, epsilon);
    }
    default:
      throw new Error(`no ${layer.kind} for tfjs`);
  }
}

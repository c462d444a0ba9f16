// TensorFlow.js: a net on tfjs-core, trained by `optimizer.minimize`, which is never slower than `trainOnBatch`. Matmul,
// bias and relu are one op, as in tfjs's own Dense layer; labels are one-hot on the device beforehand.

import type { NetSpec } from "../cases/nets.ts";
import { adam, batchesOf, batchNormConstants, type NetData, weightsOf } from "./net-data.ts";
import type { PeerHost, PeerLibrary, PeerWork } from "./peer.ts";
import { disposeAll, type Tensor, type Tfjs } from "./tfjs-api.ts";
import { prepareTfjsOp } from "./tfjs-ops.ts";

export async function openTfjs({ backend, require }: PeerHost): Promise<PeerLibrary> {
  const tf = require("@tensorflow/tfjs-core") as Tfjs;
  // Not for its layers: in Node it is this package that registers the gradients.
  require("@tensorflow/tfjs-layers");
  require(`@tensorflow/tfjs-backend-${backend}`);
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs could not start its ${backend} backend`);
  await tf.ready();
  if (tf.getBackend() !== backend) throw new Error(`tfjs chose ${tf.getBackend()} instead of ${backend}`);
  return {
    version: tf.version_core,
    prepare: (work) => (work.kind === "net" ? prepareNet(tf, work.net) : prepareTfjsOp(tf, work.op)),
  };
}

function prepareNet(tf: Tfjs, spec: NetSpec): PeerWork {
  const { inputs, classes, batchSize, layers } = spec;
  const onDevice = ({ x, y }: NetData) => ({
    x: tf.tensor(x, [batchSize, inputs]),
    y: tf.tidy(() => tf.cast(tf.oneHot(tf.tensor(y, [batchSize], "int32"), classes), "float32")),
  });
  const batches = batchesOf(spec).map(onDevice);
  const weights = weightsOf(spec).map((list) =>
    list.map(({ values, shape, isTrainable }) => ({
      isTrainable,
      variable: tf.tidy(() => tf.variable(tf.tensor(values, shape), isTrainable)),
    })),
  );
  const all = weights.flat();
  const trained = all.filter(({ isTrainable }) => isTrainable).map(({ variable }) => variable);
  const optimizer = tf.train.adam(adam.learningRate, adam.beta1, adam.beta2, adam.epsilon);
  const { momentum, epsilon } = batchNormConstants;

  const forward = (input: Tensor): Tensor =>
    layers.reduce((value, layer, i) => {
      if (layer.kind === "dropout") return tf.dropout(value, layer.rate);
      const [first, second, mean, variance] = weights[i].map(({ variable }) => variable);
      if (layer.kind === "dense") {
        const activation = i === layers.length - 1 ? undefined : "relu";
        return tf.fused.matMul({ a: value, b: first, bias: second, activation });
      }
      const batch = tf.moments(value, 0);
      for (const [moving, now] of [
        [mean, batch.mean],
        [variance, batch.variance],
      ] as const)
        moving.assign(tf.add(tf.mul(moving, momentum), tf.mul(now, 1 - momentum)));
      return tf.batchNorm(value, batch.mean, batch.variance, second, first, epsilon);
    }, input);

  let steps = 0;
  let loss: Tensor | undefined;
  const step = ({ x, y }: { readonly x: Tensor; readonly y: Tensor }) => {
    steps++;
    loss?.dispose();
    // tfjs adds epsilon to the corrected second moment's root, Keras and we to the raw one's.
    optimizer.epsilon = adam.epsilon / Math.sqrt(1 - adam.beta2 ** steps);
    loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, forward(x)), true, trained);
  };
  return {
    run: () => step(batches[steps % batches.length]),
    wait: () => loss!.data(),
    read: async () => [await loss!.data()],
    train(rows) {
      const batch = onDevice(rows);
      step(batch);
      disposeAll([batch.x, batch.y]);
    },
    dispose() {
      optimizer.dispose();
      disposeAll([loss, ...all.map(({ variable }) => variable), ...batches.flatMap(({ x, y }) => [x, y])]);
    },
  };
}

// TensorFlow.js: a net on tfjs-core, trained by `optimizer.minimize`, which is never slower than `trainOnBatch`. Matmul,
// bias and relu are one op, as in tfjs's own Dense layer; labels are one-hot on the device beforehand.

import type { NetSpec } from "../cases/nets.ts";
import { adam, batchNormConstants, dataOf, rotation, weightsOf } from "./net-data.ts";
import type { PeerLibrary, PeerNet } from "./peer.ts";

interface Tensor {
  dispose(): void;
  data(): Promise<Float32Array>;
}

interface Variable extends Tensor {
  assign(value: Tensor): void;
}

/** The part of tfjs-core that is used here: the package is installed only when peers are asked for. */
interface Tfjs {
  version_core: string;
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  getBackend(): string;
  tensor(values: ArrayLike<number>, shape: readonly number[], dtype?: string): Tensor;
  oneHot(indices: Tensor, depth: number): Tensor;
  cast(value: Tensor, dtype: string): Tensor;
  variable(value: Tensor, trainable: boolean): Variable;
  tidy<T>(fn: () => T): T;
  add(a: Tensor, b: Tensor): Tensor;
  mul(a: Tensor, b: Tensor | number): Tensor;
  moments(x: Tensor, axis: number): { mean: Tensor; variance: Tensor };
  batchNorm(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    offset: Tensor,
    scale: Tensor,
    epsilon: number,
  ): Tensor;
  dropout(x: Tensor, rate: number): Tensor;
  fused: { matMul(options: { a: Tensor; b: Tensor; bias: Tensor; activation?: string }): Tensor };
  losses: { softmaxCrossEntropy(labels: Tensor, logits: Tensor): Tensor };
  train: {
    adam(
      rate: number,
      beta1: number,
      beta2: number,
      epsilon: number,
    ): {
      minimize(loss: () => Tensor, returnCost: boolean, variables: Variable[]): Tensor;
      dispose(): void;
    };
  };
}

/** @param load gives the module of a package's name */
export async function openTfjs(
  backend: "webgpu" | "wasm",
  load: (name: string) => Promise<unknown>,
): Promise<PeerLibrary> {
  const tf = (await load("@tensorflow/tfjs-core")) as Tfjs;
  // Not for its layers: in Node it is this package that registers the gradients.
  await load("@tensorflow/tfjs-layers");
  await load(`@tensorflow/tfjs-backend-${backend}`);
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs could not start its ${backend} backend`);
  await tf.ready();
  if (tf.getBackend() !== backend) throw new Error(`tfjs chose ${tf.getBackend()} instead of ${backend}`);
  return { version: tf.version_core, prepare: (spec) => prepare(tf, spec) };
}

function prepare(tf: Tfjs, spec: NetSpec): PeerNet {
  const { inputs, classes, batchSize, layers } = spec;
  const { x, y } = dataOf(spec);
  const batches = Array.from({ length: rotation }, (_, i) => ({
    x: tf.tensor(x.slice(i * batchSize * inputs, (i + 1) * batchSize * inputs), [batchSize, inputs]),
    y: tf.tidy(() => {
      const wanted = tf.tensor(y.slice(i * batchSize, (i + 1) * batchSize), [batchSize], "int32");
      return tf.cast(tf.oneHot(wanted, classes), "float32");
    }),
  }));
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

  let next = 0;
  let loss: Tensor | undefined;
  return {
    step() {
      const batch = batches[next];
      next = (next + 1) % rotation;
      loss?.dispose();
      loss = optimizer.minimize(
        () => tf.losses.softmaxCrossEntropy(batch.y, forward(batch.x)),
        true,
        trained,
      );
    },
    readLoss: async () => (await loss!.data())[0],
    dispose() {
      loss?.dispose();
      optimizer.dispose();
      for (const { variable } of all) variable.dispose();
      for (const batch of batches) {
        batch.x.dispose();
        batch.y.dispose();
      }
    },
  };
}

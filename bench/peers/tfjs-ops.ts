// Ops in TensorFlow.js. What needs a form of its own (labels as one-hot rows) gets it beforehand.

import type { OpAttributes, OpName, OpSpec } from "../cases/op-spec.ts";
import { valuesOf } from "../cases/op-spec.ts";
import { adam, batchNormConstants } from "./net-data.ts";
import type { PeerWork } from "./peer.ts";
import type { Tensor, Tfjs, TfjsQueue } from "./tfjs-api.ts";

type TfjsOp = (tf: Tfjs, inputs: readonly Tensor[], attributes: OpAttributes) => Tensor;

/** tfjs's own number for "one loss a row". */
const noReduction = 0;

const ops: Readonly<Record<Exclude<OpName, "adam">, TfjsOp>> = {
  matmul: (tf, [a, b], { transposeA, transposeB }) => tf.matMul(a, b, transposeA, transposeB),
  dense: (tf, [a, b, bias]) => tf.fused.matMul({ a, b, bias }),
  neg: (tf, [x]) => tf.neg(x),
  relu: (tf, [x]) => tf.relu(x),
  add: (tf, [a, b]) => tf.add(a, b),
  exp: (tf, [x]) => tf.exp(x),
  tanh: (tf, [x]) => tf.tanh(x),
  sigmoid: (tf, [x]) => tf.sigmoid(x),
  sum: (tf, [x], { axis }) => tf.sum(x, axis),
  max: (tf, [x], { axis }) => tf.max(x, axis),
  argMax: (tf, [x], { axis }) => tf.argMax(x, axis),
  softmax: (tf, [x]) => tf.softmax(x),
  batchNorm: (tf, [x, gamma, beta]) => {
    const { mean, variance } = tf.moments(x, 0);
    return tf.batchNorm(x, mean, variance, beta, gamma, batchNormConstants.epsilon);
  },
  crossEntropy: (tf, [logits, wanted]) =>
    tf.losses.softmaxCrossEntropy(wanted, logits, undefined, undefined, noReduction),
  gather: (tf, [x, rows]) => tf.gather(x, rows),
  scatterAdd: (tf, [updates, rows], { size }) => tf.scatterND(rows, updates, [size!, updates.shape[1]]),
  transpose: (tf, [x]) => tf.transpose(x),
};

function inputsOf(tf: Tfjs, spec: OpSpec): Tensor[] {
  return valuesOf(spec).map((values, i) => {
    const { shape, fill, limit } = spec.inputs[i];
    if (fill !== "whole") return tf.tensor(values, shape);
    if (spec.op === "scatterAdd") return tf.tensor(values, [...shape, 1], "int32");
    if (spec.op !== "crossEntropy") return tf.tensor(values, shape, "int32");
    return tf.tidy(() => tf.cast(tf.oneHot(tf.tensor(values, shape, "int32"), limit!), "float32"));
  });
}

/** Waits for the queue, where the backend has one; the others compute at once. */
async function wait(tf: Tfjs): Promise<void> {
  const backend = tf.backend();
  if (!("submitQueue" in backend)) return;
  const queue = backend as TfjsQueue;
  queue.ensureCommandEncoderReady();
  queue.endComputePassEncoder();
  queue.submitQueue();
  await queue.device.queue.onSubmittedWorkDone();
}

export function prepareTfjsOp(tf: Tfjs, spec: OpSpec): PeerWork {
  if (spec.op === "adam") return prepareAdam(tf, spec);
  const inputs = inputsOf(tf, spec);
  const op = ops[spec.op];
  let result: Tensor | undefined;
  return {
    run() {
      result?.dispose();
      result = tf.tidy(() => op(tf, inputs, spec.attributes ?? {}));
    },
    wait: () => wait(tf),
    read: () => result!.data(),
    dispose() {
      for (const tensor of [...inputs, result]) tensor?.dispose();
    },
  };
}

function prepareAdam(tf: Tfjs, spec: OpSpec): PeerWork {
  const [start, gradient] = inputsOf(tf, spec);
  const weight = tf.variable(start, true);
  const optimizer = tf.train.adam(adam.learningRate, adam.beta1, adam.beta2, adam.epsilon);
  return {
    run: () => optimizer.applyGradients([{ name: weight.name, tensor: gradient }]),
    wait: () => wait(tf),
    read: () => weight.data(),
    dispose() {
      for (const tensor of [start, gradient, weight]) tensor.dispose();
      optimizer.dispose();
    },
  };
}

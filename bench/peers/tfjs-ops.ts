// Ops in TensorFlow.js. What needs a form of its own (labels as one-hot rows) gets it beforehand.

import { type OpName, type OpSpec, seedOf, type UpdateOpName, valuesOf } from "../cases/op-spec.ts";
import { adam, batchNormConstants, sgd } from "./net-data.ts";
import type { PeerWork } from "./peer.ts";
import { disposeAll, type Tensor, type Tfjs, type TfjsOp, type TfjsQueue } from "./tfjs-api.ts";
import { layerOps } from "./tfjs-layers.ts";

/** tfjs's own number for "one loss a row". */
const noReduction = 0;

const ops: Readonly<Partial<Record<OpName, TfjsOp>>> = {
  ...layerOps,
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
    const { mean, variance } = tf.moments(
      x,
      x.shape.slice(1).map((_, i) => i),
    );
    return tf.batchNorm(x, mean, variance, beta, gamma, batchNormConstants.epsilon);
  },
  crossEntropy: (tf, [logits, wanted]) =>
    tf.losses.softmaxCrossEntropy(wanted, logits, undefined, undefined, noReduction),
  gather: (tf, [x, rows]) => tf.gather(x, rows),
  scatterAdd: (tf, [updates, rows], { size }) => tf.scatterND(rows, updates, [size!, updates.shape[1]]),
  transpose: (tf, [x]) => tf.transpose(x),
  concat: (tf, [x], { axis }) => tf.concat([x, x], axis),
  pad: (tf, [x]) =>
    tf.pad(
      x,
      x.shape.map(() => [1, 1]),
    ),
  tril: (tf, [x]) => tf.linalg.bandPart(x, -1, 0),
  cumsum: (tf, [x], { axis }) => tf.cumsum(x, axis),
  // It sorts by its k largest alone, the largest first.
  sort: (tf, [x]) => tf.reverse(tf.topk(x, x.shape.at(-1)!).values, -1),
  oneHot: (tf, [indices], { size }) => tf.cast(tf.oneHot(indices, size!), "float32"),
  randomUniform: (tf, _, { shape }) => tf.randomUniform(shape!),
  randomNormal: (tf, _, { shape }) => tf.randomNormal(shape!),
  dropout: (tf, [x], { rate }) => tf.dropout(x, rate!),
  chain: (tf, [x, one], { count }) => {
    let value = x;
    for (let i = 0; i < count!; i++) {
      const before = value;
      value = tf.add(before, one);
      if (i > 0) before.dispose();
    }
    return value;
  },
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
  if (spec.op === "adam" || spec.op === "sgdMomentum") return prepareUpdate(tf, spec, spec.op);
  if (spec.op === "tracedChain") throw new Error("tfjs traces no programs");
  const op = ops[spec.op];
  if (op === undefined) throw new Error(`tfjs has no ${spec.op}`);
  const inputs = inputsOf(tf, spec);
  const call = (given: readonly Tensor[]) => op(tf, given, spec.attributes ?? {});
  const seed = spec.isGradient ? seedFor(tf, () => call(inputs)) : undefined;
  const compute = seed === undefined ? () => [call(inputs)] : gradientsOf(tf, spec, call, inputs, seed);
  let results: Tensor[] = [];
  return {
    run() {
      disposeAll(results);
      results = tf.tidy(compute);
    },
    wait: () => wait(tf),
    read: () => Promise.all(results.map((result) => result.data())),
    dispose: () => disposeAll([...inputs, ...results, seed]),
  };
}

/** What weights the result of a function, of its shape. */
function seedFor(tf: Tfjs, run: () => Tensor): Tensor {
  const result = tf.tidy(run);
  const seed = tf.tensor(seedOf(result.shape), result.shape);
  result.dispose();
  return seed;
}

/** By all inputs but whole numbers. */
function gradientsOf(
  tf: Tfjs,
  spec: OpSpec,
  call: (given: readonly Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  seed: Tensor,
): () => Tensor[] {
  const isFixed = spec.inputs.map(({ fill }) => fill === "whole");
  const differentiable = inputs.filter((_, i) => !isFixed[i]);
  const gradients = tf.grads((...given) => {
    let next = 0;
    return call(inputs.map((input, i) => (isFixed[i] ? input : given[next++])));
  });
  return () => gradients(differentiable, seed);
}

function prepareUpdate(tf: Tfjs, spec: OpSpec, op: UpdateOpName): PeerWork {
  const [start, gradient] = inputsOf(tf, spec);
  const weight = tf.variable(start, true);
  const optimizer =
    op === "adam"
      ? tf.train.adam(adam.learningRate, adam.beta1, adam.beta2, adam.epsilon)
      : tf.train.momentum(sgd.learningRate, sgd.momentum);
  return {
    run: () => optimizer.applyGradients([{ name: weight.name, tensor: gradient }]),
    wait: () => wait(tf),
    read: async () => [await weight.data()],
    dispose() {
      disposeAll([start, gradient, weight]);
      optimizer.dispose();
    },
  };
}

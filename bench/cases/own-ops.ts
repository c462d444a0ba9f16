// What gradgpu calls the ops that are timed.

import {
  add,
  argMax,
  batchNorm,
  exp,
  gather,
  matmul,
  max,
  neg,
  relu,
  scatterAdd,
  sigmoid,
  softmax,
  sparseSoftmaxCrossEntropy,
  sum,
  type Tensor,
  tanh,
  tidy,
  transpose,
} from "../../engine/index.ts";
import type { OpAttributes, OpName } from "./op-spec.ts";

type OwnOp = (inputs: readonly Tensor[], attributes: OpAttributes) => Tensor;

export const ownOps: Readonly<Record<Exclude<OpName, "adam">, OwnOp>> = {
  matmul: ([a, b], { transposeA, transposeB }) => matmul(a, b, { transposeA, transposeB }),
  dense: ([x, weight, bias]) => tidy(() => add(matmul(x, weight), bias)),
  neg: ([x]) => neg(x),
  relu: ([x]) => relu(x),
  add: ([a, b]) => add(a, b),
  exp: ([x]) => exp(x),
  tanh: ([x]) => tanh(x),
  sigmoid: ([x]) => sigmoid(x),
  sum: ([x], { axis }) => sum(x, axis),
  max: ([x], { axis }) => max(x, axis),
  argMax: ([x], { axis }) => argMax(x, axis),
  softmax: ([x]) => softmax(x),
  batchNorm: ([x, gamma, beta]) => tidy(() => batchNorm(x, gamma, beta)[0]),
  crossEntropy: ([logits, wanted]) => sparseSoftmaxCrossEntropy(logits, wanted),
  gather: ([x, rows]) => gather(x, rows),
  scatterAdd: ([updates, rows], { size }) => scatterAdd(updates, rows, size!),
  transpose: ([x]) => transpose(x),
};

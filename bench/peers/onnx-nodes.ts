// What ONNX calls the ops that are timed: one node, or a few where ONNX Runtime's WebGPU provider lacks the one.

import type { OpAttributes, OpName } from "../cases/op-spec.ts";
import type { Given, NodeAttribute, OnnxGraph } from "./onnx-model.ts";

/** Adds an op of these inputs to a graph and gives the name of its result. */
export type AddOp = (
  graph: OnnxGraph,
  inputs: readonly Given<Float32Array | Int32Array>[],
  attributes: OpAttributes,
) => string;

/** A node of all inputs as they are. */
const plain =
  (type: string, attributes?: Readonly<Record<string, NodeAttribute>>): AddOp =>
  (graph, inputs) =>
    graph.node(
      type,
      inputs.map((each) => graph.input(each)),
      attributes,
    );

const axesOf = ({ shape }: Given, axis: number | undefined) =>
  axis === undefined ? shape.map((_, i) => i) : [axis];

const matmul: AddOp = (graph, inputs, { transposeA = false, transposeB = false }) => {
  const [a, b] = inputs.map((each) => graph.input(each));
  if (!transposeA && !transposeB) return graph.node("MatMul", [a, b]);
  if (inputs[0].shape.length === 2)
    return graph.node("Gemm", [a, b], { transA: Number(transposeA), transB: Number(transposeB) });
  const turned = (name: string) => graph.node("Transpose", [name], { perm: [0, 2, 1] });
  return graph.node("MatMul", [transposeA ? turned(a) : a, transposeB ? turned(b) : b]);
};

const dense: AddOp = (graph, [x, weight, bias]) =>
  graph.node("Gemm", [graph.input(x), graph.constant(weight), graph.constant(bias)]);

/** ONNX's loss and its LogSoftmax run on the processor. */
const crossEntropy: AddOp = (graph, [logits, wanted]) => {
  const x = graph.input(logits);
  const labels = graph.input({ values: wanted.values, shape: [...wanted.shape, 1] });
  const shifted = graph.node("Sub", [x, graph.node("ReduceMax", [x], { axes: [1] })]);
  const sum = graph.node("ReduceSum", [graph.node("Exp", [shifted]), graph.list(1)]);
  const picked = graph.node("GatherElements", [shifted, labels], { axis: 1 });
  return graph.node("Sub", [graph.node("Log", [sum]), picked]);
};

const scatterAdd: AddOp = (graph, [updates, rows], { size }) => {
  const shape = [size!, updates.shape[1]];
  const zeros = graph.constant({ values: new Float32Array(shape[0] * shape[1]), shape });
  // ONNX takes no other indices.
  const indices = { values: BigInt64Array.from(rows.values, BigInt), shape: [...rows.shape, 1] };
  const inputs = [zeros, graph.input(indices), graph.input(updates)];
  return graph.node("ScatterND", inputs, { reduction: "add" });
};

/** ONNX's Trilu runs on the processor. */
const tril: AddOp = (graph, [x]) => {
  const [rows, columns] = x.shape;
  const values = Uint8Array.from({ length: rows * columns }, (_, i) =>
    Number(i % columns <= Math.floor(i / columns)),
  );
  return graph.node("Where", [
    graph.constant({ values, shape: [rows, columns] }),
    graph.input(x),
    graph.scalar(0),
  ]);
};

/** ONNX's OneHot runs on the processor. */
const oneHot: AddOp = (graph, [{ values, shape }], { size }) => {
  const columns = graph.constant({ values: Int32Array.from({ length: size! }, (_, i) => i), shape: [size!] });
  const isOne = graph.node("Equal", [graph.input({ values, shape: [...shape, 1] }), columns]);
  return graph.node("Cast", [isOne], { to: 1 });
};

const tracedChain: AddOp = (graph, inputs, { count }) => {
  const [x, one] = inputs.map((each) => graph.input(each));
  let sum = x;
  for (let i = 0; i < count!; i++) sum = graph.node("Add", [sum, one]);
  return sum;
};

/** Those that work on values in the order in which we have them. */
export const nodes: Readonly<Partial<Record<OpName, AddOp>>> = {
  matmul,
  dense,
  denseRelu: (...given) => given[0].node("Relu", [dense(...given)]),
  neg: plain("Neg"),
  relu: plain("Relu"),
  add: plain("Add"),
  exp: plain("Exp"),
  tanh: plain("Tanh"),
  sigmoid: plain("Sigmoid"),
  softmax: plain("Softmax"),
  sum: (graph, [x], { axis }) =>
    graph.node("ReduceSum", [graph.input(x), graph.list(...axesOf(x, axis))], { keepdims: 0 }),
  max: (graph, [x], { axis }) =>
    graph.node("ReduceMax", [graph.input(x)], { axes: axesOf(x, axis), keepdims: 0 }),
  argMax: (graph, [x], { axis }) => graph.node("ArgMax", [graph.input(x)], { axis: axis!, keepdims: 0 }),
  crossEntropy,
  gather: plain("Gather"),
  embedding: (graph, [rows, table]) => graph.node("Gather", [graph.constant(table), graph.input(rows)]),
  scatterAdd,
  transpose: plain("Transpose"),
  permute: plain("Transpose", { perm: [0, 2, 1] }),
  scale: (graph, [x], { factor }) => graph.node("Mul", [graph.input(x), graph.scalar(factor!)]),
  concat: (graph, [x], { axis }) => {
    const name = graph.input(x);
    return graph.node("Concat", [name, name], { axis: axis! });
  },
  pad: (graph, [x]) => graph.node("Pad", [graph.input(x), graph.list(...Array(2 * x.shape.length).fill(1))]),
  tril,
  cumsum: (graph, [x], { axis }) => graph.node("CumSum", [graph.input(x), graph.list(axis!)]),
  sort: (graph, [x]) =>
    graph.node("TopK", [graph.input(x), graph.list(x.shape.at(-1)!)], { largest: 0 }, ["indices"]),
  oneHot,
  randomUniform: (graph, _, { shape }) => graph.node("RandomUniform", [], { shape: shape! }),
  randomNormal: (graph, _, { shape }) => graph.node("RandomNormal", [], { shape: shape! }),
  layerNorm: (graph, [x, gamma, beta], { epsilon }) =>
    graph.node("LayerNormalization", [graph.input(x), graph.constant(gamma), graph.constant(beta)], {
      epsilon: { float: epsilon! },
    }),
  rmsNorm: (graph, [x, gamma], { epsilon }) =>
    graph.node("SimplifiedLayerNormalization", [graph.input(x), graph.constant(gamma)], {
      epsilon: { float: epsilon! },
    }),
  tracedChain,
};

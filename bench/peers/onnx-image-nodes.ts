// What ONNX calls the ops on images and sequences, with the transposes that put channels before places.

import { countOf, type OpAttributes, type OpName } from "../cases/op-spec.ts";
import { permuted, permutedShape } from "./layout.ts";
import { batchNormConstants } from "./net-data.ts";
import type { Given, OnnxGraph } from "./onnx-model.ts";

// Exporters from Keras transpose around each node in the same way, and the runtime, which prefers channels last, takes
// the transposes out again.

/** The first input, channels before places. */
interface Image {
  readonly name: string;
  readonly shape: readonly number[];
}
/** Adds an op to a graph and gives the name of its result, which has channels before places too. */
type AddImageOp = (
  graph: OnnxGraph,
  x: Image,
  weights: readonly Given<Float32Array | Int32Array>[],
  attributes: OpAttributes,
) => string;

const arranged = ({ values, shape }: Given<Float32Array | Int32Array>, order: readonly number[]) => ({
  values: permuted(values, shape, order),
  shape: permutedShape(shape, order),
});

/** As many numbers for each place of a window. */
const eachPlace = (x: Image, value: number): number[] => Array(x.shape.length - 2).fill(value);

/** Kernels as [...window, inputs, outputs], of odd windows that move by one: "same" pads both sides alike. */
const conv: AddImageOp = (graph, x, [kernel, bias]) => {
  const rank = kernel.shape.length;
  const places = kernel.shape.slice(0, -2);
  const weight = arranged(kernel, [rank - 1, rank - 2, ...places.keys()]);
  const before = places.map((length) => (length - 1) / 2);
  return graph.node("Conv", [x.name, graph.constant(weight), graph.constant(bias)], {
    pads: [...before, ...before],
  });
};

/** Kernels as [...window, channels, 1]. */
const depthwise: AddImageOp = (graph, x, [kernel, bias]) => {
  const weight = arranged(kernel, [2, 3, 0, 1]);
  return graph.node("Conv", [x.name, graph.constant(weight), graph.constant(bias)], {
    pads: [1, 1, 1, 1],
    group: x.shape[1],
  });
};

/** Kernels as [...window, outputs, inputs]; "same" cuts what is more than `stride` times as long, at the end first. */
const convTranspose: AddImageOp = (graph, x, [kernel, bias], { stride = 1 }) => {
  const weight = arranged(kernel, [3, 2, 0, 1]);
  const cut = kernel.shape.slice(0, 2).map((length) => length - stride);
  return graph.node("ConvTranspose", [x.name, graph.constant(weight), graph.constant(bias)], {
    strides: eachPlace(x, stride),
    pads: [...cut.map((each) => Math.floor(each / 2)), ...cut.map((each) => Math.ceil(each / 2))],
  });
};

const pool =
  (type: string): AddImageOp =>
  (graph, x, _, { window }) =>
    graph.node(type, [x.name], {
      kernel_shape: eachPlace(x, window!),
      strides: eachPlace(x, window!),
    });

const globalPool =
  (type: string): AddImageOp =>
  (graph, x) =>
    graph.node(type, [x.name]);

/** The node takes statistics but gives none on WebGPU: they are a mean and a mean square, as ours are. */
const batchNorm: AddImageOp = (graph, x, [gamma, beta]) => {
  const axes = [...x.shape.keys()].filter((axis) => axis !== 1);
  const rows = countOf(x.shape) / x.shape[1];
  const mean = graph.node("ReduceMean", [x.name], { axes, keepdims: 0 });
  const squares = graph.node("ReduceSumSquare", [x.name], { axes, keepdims: 0 });
  const meanSquare = graph.node("Mul", [squares, graph.scalar(1 / rows)]);
  const variance = graph.node("Sub", [meanSquare, graph.node("Mul", [mean, mean])]);
  return graph.node(
    "BatchNormalization",
    [x.name, graph.constant(gamma), graph.constant(beta), mean, variance],
    {
      epsilon: { float: batchNormConstants.epsilon },
    },
  );
};

/** As PyTorch exports it: each group as one channel of an InstanceNormalization, then a factor a channel. */
const groupNorm: AddImageOp = (graph, x, [gamma, beta], { groups, epsilon }) => {
  const filled = (value: number) =>
    graph.constant({ values: new Float32Array(groups!).fill(value), shape: [groups!] });
  const perChannel = ({ values }: Given) =>
    graph.constant({ values, shape: [values.length, ...eachPlace(x, 1)] });
  const grouped = graph.node("Reshape", [x.name, graph.list(x.shape[0], groups!, -1)]);
  const normalized = graph.node("InstanceNormalization", [grouped, filled(1), filled(0)], {
    epsilon: { float: epsilon! },
  });
  const back = graph.node("Reshape", [normalized, graph.list(...x.shape)]);
  return graph.node("Add", [graph.node("Mul", [back, perChannel(gamma)]), perChannel(beta)]);
};

export const imageNodes: Readonly<Partial<Record<OpName, AddImageOp>>> = {
  batchNorm,
  groupNorm,
  conv1d: conv,
  conv2d: conv,
  depthwiseConv2d: depthwise,
  conv2dTranspose: convTranspose,
  maxPool: pool("MaxPool"),
  averagePool: pool("AveragePool"),
  globalMaxPool: globalPool("GlobalMaxPool"),
  globalAveragePool: globalPool("GlobalAveragePool"),
};

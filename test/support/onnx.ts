// Runs ONNX nodes on ONNX Runtime's CPU kernels (WebAssembly), an implementation that shares no line with this one.
// A model is written down here in protobuf's wire format: a few fields of ModelProto, by number.

import { env, InferenceSession, Tensor as OnnxTensor } from "onnxruntime-web";

export type OnnxType = "float32" | "int32" | "int64" | "bool";

export interface OnnxValue {
  readonly type: OnnxType;
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

/** Attributes by name: whole numbers become INT, others FLOAT; wrap a whole FLOAT as `{ float: 1 }`. */
export type OnnxAttribute = number | string | readonly number[] | { readonly float: number };

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

const elementTypes: Record<OnnxType, number> = { float32: 1, int32: 6, int64: 7, bool: 9 };
const opset = 21;

env.wasm.numThreads = 1;
env.logLevel = "error";

/** Runs a graph of nodes; inputs are called x0, x1, ..., and the value called y is its result. */
export async function runOnnx(
  nodes: readonly OnnxNode[],
  inputs: readonly OnnxValue[],
  outputType: OnnxType = "float32",
): Promise<{ dims: readonly number[]; data: Float64Array }> {
  const session = await InferenceSession.create(modelOf(nodes, inputs, outputType));
  try {
    const feeds = Object.fromEntries(inputs.map((input, i) => [`x${i}`, tensorOf(input)]));
    const { y } = await session.run(feeds);
    return { dims: y.dims, data: Float64Array.from(y.data as ArrayLike<number>, Number) };
  } finally {
    await session.release();
  }
}

function tensorOf({ type, dims, data }: OnnxValue): OnnxTensor {
  switch (type) {
    case "float32":
      return new OnnxTensor(type, Float32Array.from(data), dims);
    case "int32":
      return new OnnxTensor(type, Int32Array.from(data), dims);
    case "int64":
      return new OnnxTensor(type, BigInt64Array.from(Array.from(data, BigInt)), dims);
    default:
      return new OnnxTensor(type, Uint8Array.from(data), dims);
  }
}

// ------------------------------------------------------------------------------------------------ protobuf

type Bytes = readonly number[];

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

const whole = (field: number, value: number): number[] => [...varint(field << 3), ...varint(value)];
const message = (field: number, bytes: Bytes): number[] => [
  ...varint((field << 3) | 2),
  ...varint(bytes.length),
  ...bytes,
];
const text = (field: number, value: string): number[] => message(field, [...new TextEncoder().encode(value)]);
const float = (field: number, value: number): number[] => [
  ...varint((field << 3) | 5),
  ...new Uint8Array(Float32Array.of(value).buffer),
];

function attributeProto(name: string, value: OnnxAttribute): number[] {
  const head = text(1, name);
  const kind = (type: number) => whole(20, type);
  if (typeof value === "string") return [...head, ...text(4, value), ...kind(3)];
  if (Array.isArray(value)) return [...head, ...value.flatMap((part) => whole(8, part)), ...kind(7)];
  if (typeof value === "object")
    return [...head, ...float(2, (value as { float: number }).float), ...kind(1)];
  const number = value as number;
  return Number.isInteger(number)
    ? [...head, ...whole(3, number), ...kind(2)]
    : [...head, ...float(2, number), ...kind(1)];
}

function nodeProto({ op, inputs, outputs, attributes = {} }: OnnxNode): number[] {
  return [
    ...inputs.flatMap((name) => text(1, name)),
    ...outputs.flatMap((name) => text(2, name)),
    ...text(4, op),
    ...Object.entries(attributes).flatMap(([name, value]) => message(5, attributeProto(name, value))),
  ];
}

function valueInfo(name: string, type: OnnxType, dims?: readonly number[]): number[] {
  const shape =
    dims === undefined
      ? []
      : message(
          2,
          dims.flatMap((length) => message(1, whole(1, length))),
        );
  return [...text(1, name), ...message(2, message(1, [...whole(1, elementTypes[type]), ...shape]))];
}

function modelOf(nodes: readonly OnnxNode[], inputs: readonly OnnxValue[], outputType: OnnxType): Uint8Array {
  const graph = [
    ...nodes.flatMap((node) => message(1, nodeProto(node))),
    ...text(2, "oracle"),
    ...inputs.flatMap(({ type, dims }, i) => message(11, valueInfo(`x${i}`, type, dims))),
    ...message(12, valueInfo("y", outputType)),
  ];
  return Uint8Array.from([...whole(1, 10), ...message(8, whole(2, opset)), ...message(7, graph)]);
}

// ONNX models of a few nodes, written in memory: the part of ONNX's schema that they need, by its field numbers.

/** The part of protobufjs that is used here. */
export interface Protobuf {
  parse(
    schema: string,
    options: { keepCase: boolean },
  ): {
    root: { lookupType(name: string): MessageType };
  };
}

interface MessageType {
  fromObject(value: object): object;
  encode(message: object): { finish(): Uint8Array };
}

const schema = `syntax = "proto2";
message AttributeProto { optional string name = 1; optional float f = 2; optional int64 i = 3; optional bytes s = 4;
  repeated int64 ints = 8; optional int32 type = 20; }
message TensorProto { repeated int64 dims = 1; optional int32 data_type = 2; optional string name = 8;
  optional bytes raw_data = 9; }
message Dimension { optional int64 dim_value = 1; }
message TensorShapeProto { repeated Dimension dim = 1; }
message TensorTypeProto { optional int32 elem_type = 1; optional TensorShapeProto shape = 2; }
message TypeProto { optional TensorTypeProto tensor_type = 1; }
message ValueInfoProto { optional string name = 1; optional TypeProto type = 2; }
message NodeProto { repeated string input = 1; repeated string output = 2; optional string name = 3;
  optional string op_type = 4; repeated AttributeProto attribute = 5; }
message GraphProto { repeated NodeProto node = 1; optional string name = 2; repeated TensorProto initializer = 5;
  repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12; }
message OperatorSetIdProto { optional string domain = 1; optional int64 version = 2; }
message ModelProto { optional int64 ir_version = 1; optional GraphProto graph = 7;
  repeated OperatorSetIdProto opset_import = 8; }`;

/** ONNX's numbers of element types. */
const types = { float32: 1, int32: 6, int64: 7, bool: 9 } as const;
export type ElementType = keyof typeof types;

export type Values = Float32Array | Int32Array | BigInt64Array | Uint8Array;

/** A tensor on the host. */
export interface Given<V extends Values = Values> {
  readonly values: V;
  readonly shape: readonly number[];
}

/** What a model is fed when it runs. */
export interface Feed extends Given {
  readonly name: string;
  readonly type: ElementType;
}

/** Numbers are whole, and one or many, but for a `float`. */
export type NodeAttribute = number | readonly number[] | string | { readonly float: number };

/** By ONNX's numbers of attribute types. */
function attributeOf(name: string, given: NodeAttribute): object {
  if (typeof given === "number") return { name, i: given, type: 2 };
  if (typeof given === "string") return { name, s: new TextEncoder().encode(given), type: 3 };
  if ("float" in given) return { name, f: given.float, type: 1 };
  return { name, ints: given, type: 7 };
}

function typeOf(values: Values): ElementType {
  if (values instanceof Float32Array) return "float32";
  if (values instanceof Int32Array) return "int32";
  return values instanceof BigInt64Array ? "int64" : "bool";
}

/** A model as it grows: each part is known by the name that adding it gives. */
export class OnnxGraph {
  readonly feeds: Feed[] = [];
  readonly #nodes: object[] = [];
  readonly #constants: object[] = [];

  /** What the model is fed. */
  input(given: Given): string {
    const name = `in${this.feeds.length}`;
    this.feeds.push({ ...given, name, type: typeOf(given.values) });
    return name;
  }

  /** What the model itself holds, as it does weights. */
  constant({ values, shape }: Given): string {
    const name = `constant${this.#constants.length}`;
    this.#constants.push({
      name,
      dims: shape,
      data_type: types[typeOf(values)],
      raw_data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    });
    return name;
  }

  /** A constant of one number. */
  scalar(value: number): string {
    return this.constant({ values: Float32Array.of(value), shape: [] });
  }

  /** A constant list of whole numbers, such as axes. */
  list(...values: readonly number[]): string {
    return this.constant({ values: BigInt64Array.from(values, BigInt), shape: [values.length] });
  }

  /** The first result of a node, of which the `others` must be named too. */
  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, NodeAttribute>> = {},
    others: readonly string[] = [],
  ): string {
    const name = `node${this.#nodes.length}`;
    this.#nodes.push({
      name: `${type}${this.#nodes.length}`,
      op_type: type,
      input: inputs,
      output: [name, ...others],
      attribute: Object.entries(attributes).map(([each, given]) => attributeOf(each, given)),
    });
    return name;
  }

  /** The model whose result is what has this name; its shape follows from the inputs'. */
  write(protobuf: Protobuf, result: string, type: ElementType): Uint8Array {
    const model = protobuf.parse(schema, { keepCase: true }).root.lookupType("ModelProto");
    const graph = {
      name: "op",
      node: this.#nodes,
      initializer: this.#constants,
      input: this.feeds.map(({ name, shape, type }) => ({
        name,
        type: {
          tensor_type: {
            elem_type: types[type],
            shape: { dim: shape.map((length) => ({ dim_value: length })) },
          },
        },
      })),
      output: [{ name: result, type: { tensor_type: { elem_type: types[type] } } }],
    };
    return model
      .encode(model.fromObject({ ir_version: 8, graph, opset_import: [{ domain: "", version: 17 }] }))
      .finish();
  }
}

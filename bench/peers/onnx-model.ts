// ONNX models of a single node, written in memory: the part of ONNX's schema that they need, by its field numbers.

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
message AttributeProto { optional string name = 1; optional int64 i = 3;
  repeated int64 ints = 8; optional int32 type = 20; }
message TensorProto { repeated int64 dims = 1; optional int32 data_type = 2; repeated int64 int64_data = 7;
  optional string name = 8; }
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
const types = { float32: 1, int32: 6, int64: 7 } as const;
/** ONNX's numbers of attribute types. */
const attributeTypes = { integer: 2, integers: 7 };

export interface NodeSpec {
  readonly type: string;
  readonly inputs: readonly { readonly shape: readonly number[]; readonly type: "float32" | "int32" }[];
  readonly output: { readonly shape: readonly number[]; readonly type: "float32" | "int64" };
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
  /** A last input of whole numbers that the model itself holds, such as a reduction's axes. */
  readonly constants?: readonly number[];
}

/** A model whose only node takes "in0", "in1", ... and gives "out". */
export function writeModel(protobuf: Protobuf, node: NodeSpec): Uint8Array {
  const { type, inputs, output, attributes = {}, constants } = node;
  const model = protobuf.parse(schema, { keepCase: true }).root.lookupType("ModelProto");
  const value = (name: string, shape: readonly number[], element: keyof typeof types) => ({
    name,
    type: {
      tensor_type: {
        elem_type: types[element],
        shape: { dim: shape.map((length) => ({ dim_value: length })) },
      },
    },
  });
  const names = inputs.map((_, i) => `in${i}`);
  const held = constants === undefined ? [] : ["constants"];
  const graph = {
    name: type,
    node: [
      {
        op_type: type,
        input: [...names, ...held],
        output: ["out"],
        attribute: Object.entries(attributes).map(([name, given]) =>
          typeof given === "number"
            ? { name, i: given, type: attributeTypes.integer }
            : { name, ints: given, type: attributeTypes.integers },
        ),
      },
    ],
    initializer: held.map((name) => ({
      name,
      dims: [constants!.length],
      data_type: types.int64,
      int64_data: constants,
    })),
    input: inputs.map(({ shape, type: element }, i) => value(names[i], shape, element)),
    output: [value("out", output.shape, output.type)],
  };
  return model
    .encode(model.fromObject({ ir_version: 8, graph, opset_import: [{ domain: "", version: 17 }] }))
    .finish();
}

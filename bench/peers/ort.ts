// ONNX Runtime Web on WebGPU: it runs models and does not train, so it takes part in forward passes only. Inputs and
// results stay in GPU buffers.

import { type OpSpec, valuesOf } from "../cases/op-spec.ts";
import { type NodeSpec, type Protobuf, writeModel } from "./onnx-model.ts";
import type { PeerHost, PeerLibrary, PeerWork } from "./peer.ts";

interface OrtTensor {
  getData(): Promise<ArrayLike<number | bigint>>;
  dispose(): void;
}

interface Session {
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

/** The part of onnxruntime-web that is used here: the package is installed only when peers are asked for. */
interface Ort {
  env: { wasm: { numThreads: number }; webgpu: { device: GPUDevice | Promise<GPUDevice> }; logLevel: string };
  InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  Tensor: {
    fromGpuBuffer(buffer: GPUBuffer, options: { dataType: string; dims: readonly number[] }): OrtTensor;
  };
}

export async function openOrt({ require, importFile, packageOf }: PeerHost): Promise<PeerLibrary> {
  const { version } = packageOf("onnxruntime-web");
  // The build with the WebGPU kernels of its own: the other, of its native runtime, is slower on software adapters.
  const ort = (await importFile("onnxruntime-web", "dist/ort.all.bundle.min.mjs")) as Ort;
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  const protobuf = require("protobufjs") as Protobuf;
  return {
    version,
    prepare: (work) => {
      if (work.kind === "net") throw new Error("onnxruntime-web runs models and trains none");
      return prepareOp(ort, protobuf, work.op);
    },
  };
}

/** The node that computes an op, or why there is none. */
function nodeOf({ op, inputs: given, attributes = {} }: OpSpec): NodeSpec {
  const inputs = given.map(({ shape, fill }) => ({
    shape,
    type: fill === "whole" ? ("int32" as const) : ("float32" as const),
  }));
  const [first] = given.map(({ shape }) => shape);
  const elementwise = (type: string): NodeSpec => ({
    type,
    inputs,
    output: { shape: first, type: "float32" },
  });
  const { axis, transposeA, transposeB } = attributes;
  const reduced = axis === undefined ? [] : first.filter((_, i) => i !== axis);
  const kept = { keepdims: 0 };
  switch (op) {
    case "matmul":
    case "dense": {
      const shape = [first[transposeA ? 1 : 0], given[1].shape[transposeB ? 0 : 1]];
      const output = { shape, type: "float32" } as const;
      if (op === "matmul" && !transposeA && !transposeB) return { type: "MatMul", inputs, output };
      const attributes = { transA: Number(transposeA ?? false), transB: Number(transposeB ?? false) };
      return { type: "Gemm", inputs, output, attributes };
    }
    case "neg":
      return elementwise("Neg");
    case "relu":
      return elementwise("Relu");
    case "add":
      return elementwise("Add");
    case "exp":
      return elementwise("Exp");
    case "tanh":
      return elementwise("Tanh");
    case "sigmoid":
      return elementwise("Sigmoid");
    case "softmax":
      return elementwise("Softmax");
    case "sum": {
      const output = { shape: reduced, type: "float32" } as const;
      return { type: "ReduceSum", inputs, output, attributes: kept, constants: [axis ?? 0] };
    }
    case "max": {
      const output = { shape: reduced, type: "float32" } as const;
      return { type: "ReduceMax", inputs, output, attributes: { ...kept, axes: [axis ?? 0] } };
    }
    case "argMax": {
      const output = { shape: reduced, type: "int64" } as const;
      return { type: "ArgMax", inputs, output, attributes: { ...kept, axis: axis! } };
    }
    case "gather":
      return { type: "Gather", inputs, output: { shape: [...given[1].shape, first[1]], type: "float32" } };
    case "transpose":
      return { type: "Transpose", inputs, output: { shape: [...first].reverse(), type: "float32" } };
    default:
      throw new Error(`onnxruntime-web runs models: no node of theirs is timed as ${op}`);
  }
}

async function prepareOp(ort: Ort, protobuf: Protobuf, spec: OpSpec): Promise<PeerWork> {
  const node = nodeOf(spec);
  const session = await ort.InferenceSession.create(writeModel(protobuf, node), {
    executionProviders: ["webgpu"],
    preferredOutputLocation: "gpu-buffer",
    graphOptimizationLevel: "all",
  });
  const device = await ort.env.webgpu.device;
  const buffers = valuesOf(spec).map((values) => {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
    const buffer = device.createBuffer({ size: values.byteLength, usage });
    device.queue.writeBuffer(buffer, 0, values as Float32Array<ArrayBuffer>);
    return buffer;
  });
  const feeds = Object.fromEntries(
    buffers.map((buffer, i) => {
      const { type, shape } = node.inputs[i];
      return [`in${i}`, ort.Tensor.fromGpuBuffer(buffer, { dataType: type, dims: shape })];
    }),
  );
  let result: OrtTensor | undefined;
  return {
    async run() {
      result?.dispose();
      result = (await session.run(feeds)).out;
    },
    wait: () => device.queue.onSubmittedWorkDone(),
    read: () => result!.getData(),
    dispose() {
      result?.dispose();
      for (const buffer of buffers) buffer.destroy();
      void session.release();
    },
  };
}

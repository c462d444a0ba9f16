// ONNX Runtime Web on WebGPU: it runs models and does not train, so it takes part in forward passes only. Inputs and
// results stay in GPU buffers.

import { type OpName, type OpSpec, valuesOf } from "../cases/op-spec.ts";
import { channelsFirst, channelsLast, permuted, permutedShape } from "./layout.ts";
import { imageNodes } from "./onnx-image-nodes.ts";
import { OnnxGraph, type Protobuf } from "./onnx-model.ts";
import { nodes } from "./onnx-nodes.ts";
import type { PeerHost, PeerLibrary, PeerWork } from "./peer.ts";

interface OrtTensor {
  readonly dims: readonly number[];
  getData(): Promise<ArrayLike<number | bigint>>;
  dispose(): void;
}

interface Session {
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

/** The part of onnxruntime-web that is used here: the package is installed only when peers are asked for. */
interface Ort {
  env: {
    wasm: { numThreads: number };
    webgpu: { device: GPUDevice | Promise<GPUDevice>; powerPreference: string };
    logLevel: string;
  };
  InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  Tensor: {
    fromGpuBuffer(buffer: GPUBuffer, options: { dataType: string; dims: readonly number[] }): OrtTensor;
  };
}

export async function openOrt({ require, importFile, packageOf }: PeerHost): Promise<PeerLibrary> {
  const { version } = packageOf("onnxruntime-web");
  takeSharedMemory();
  // What its "onnxruntime-web/webgpu" is. The older build, with kernels in JavaScript, takes one shape's program for
  // another's: its arg max and its max go wrong after those of other shapes.
  const ort = (await importFile("onnxruntime-web", "dist/ort.webgpu.bundle.min.mjs")) as Ort;
  ort.env.wasm.numThreads = 1;
  ort.env.webgpu.powerPreference = "high-performance";
  ort.env.logLevel = "error";
  const protobuf = require("protobufjs") as Protobuf;
  return {
    version,
    prepare: (work) => {
      if (work.kind === "net") throw new Error("onnxruntime-web runs models and trains none");
      if (work.op.isGradient) throw new Error("onnxruntime-web runs models and takes no gradients");
      return prepareOp(ort, protobuf, work.op);
    },
  };
}

/** Has queues write from WebAssembly's shared memory, as in a browser: Dawn's binding for Node takes none. */
function takeSharedMemory(): void {
  const { writeBuffer } = GPUQueue.prototype;
  GPUQueue.prototype.writeBuffer = function (buffer, offset, data, start, size) {
    const shared = ArrayBuffer.isView(data) ? data.buffer : data;
    if (!(shared instanceof SharedArrayBuffer))
      return writeBuffer.call(this, buffer, offset, data as GPUAllowSharedBufferSource, start, size);
    // Start and size count a view's elements, or bytes.
    const { byteOffset = 0, byteLength, BYTES_PER_ELEMENT: unit = 1 } = data as Partial<Uint8Array>;
    const first = unit * (start ?? 0);
    const length = size === undefined ? byteLength! - first : unit * size;
    const copy = new Uint8Array(length);
    copy.set(new Uint8Array(shared, byteOffset + first, length));
    writeBuffer.call(this, buffer, offset, copy);
  };
}

/** Why no model is tried. */
const refusals: Readonly<Partial<Record<OpName, string>>> = {
  chain: "it runs models and has no ops outside of them",
  dropout: "its Dropout for training has no WebGPU kernel",
  randomBits: "ONNX has no node of random bits",
  adam: "it runs models and trains none",
  sgdMomentum: "it runs models and trains none",
};

const refused = (reason: string) => new Error(`onnxruntime-web: ${reason}`);

interface Model {
  readonly graph: OnnxGraph;
  /** The name of what it computes. */
  readonly result: string;
  readonly isChannelsFirst?: boolean;
}

function modelOf(spec: OpSpec): Model {
  const { op, inputs, attributes = {} } = spec;
  const reason = refusals[op];
  if (reason !== undefined) throw refused(reason);
  const given = valuesOf(spec).map((values, i) => ({ values, shape: inputs[i].shape }));
  const graph = new OnnxGraph();
  const add = nodes[op];
  if (add !== undefined) return { graph, result: add(graph, given, attributes) };
  const addImage = imageNodes[op];
  if (addImage === undefined) throw refused(`no nodes of ONNX's are timed as ${op}`);
  const [image, ...weights] = given;
  const rank = image.shape.length;
  const shape = permutedShape(image.shape, channelsFirst(rank));
  // Of its Reshape the runtime would keep the transposes, which a net that has channels first needs not.
  if (op === "groupNorm") {
    const name = graph.input({ values: permuted(image.values, image.shape, channelsFirst(rank)), shape });
    const result = addImage(graph, { name, shape }, weights, attributes);
    return { graph, result, isChannelsFirst: true };
  }
  const name = graph.node("Transpose", [graph.input(image)], { perm: channelsFirst(rank) });
  const result = addImage(graph, { name, shape }, weights, attributes);
  return { graph, result: graph.node("Transpose", [result], { perm: channelsLast(rank) }) };
}

async function openSession(ort: Ort, model: Uint8Array): Promise<Session> {
  try {
    return await ort.InferenceSession.create(model, {
      executionProviders: ["webgpu"],
      preferredOutputLocation: "gpu-buffer",
      graphOptimizationLevel: "all",
      // A node without a kernel for WebGPU would run on the processor, and nothing would tell.
      extra: { session: { disable_cpu_ep_fallback: "1" } },
    });
  } catch (error) {
    if (!String(error).includes("fallback to CPU EP")) throw error;
    throw refused("it has no WebGPU kernel for this and would run it on the processor");
  }
}

const usage = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;

async function prepareOp(ort: Ort, protobuf: Protobuf, spec: OpSpec): Promise<PeerWork> {
  const { graph, result, isChannelsFirst } = modelOf(spec);
  const type = spec.op === "argMax" ? "int64" : "float32";
  const session = await openSession(ort, graph.write(protobuf, result, type));
  const device = await ort.env.webgpu.device;
  const buffers: GPUBuffer[] = [];
  const feeds = Object.fromEntries(
    graph.feeds.map(({ name, values, shape, type }) => {
      const buffer = device.createBuffer({ size: values.byteLength, usage: usage() });
      device.queue.writeBuffer(buffer, 0, values as Float32Array<ArrayBuffer>);
      buffers.push(buffer);
      return [name, ort.Tensor.fromGpuBuffer(buffer, { dataType: type, dims: shape })];
    }),
  );
  let last: OrtTensor | undefined;
  return {
    async run() {
      last?.dispose();
      last = (await session.run(feeds))[result];
    },
    wait: () => device.queue.onSubmittedWorkDone(),
    async read() {
      const { dims } = last!;
      const values = await last!.getData();
      return [isChannelsFirst ? permuted(values as Float32Array, dims, channelsLast(dims.length)) : values];
    },
    dispose() {
      last?.dispose();
      for (const buffer of buffers) buffer.destroy();
      void session.release();
    },
  };
}

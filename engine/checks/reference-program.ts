// Records a function of tensors once and evaluates it in float64 on the host, by the ops' references.

import { type ReferenceArray, referenceArray } from "../base/dtype.ts";
import { ArgumentError, DeviceError, kindOf } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import type { Graph, Node, Value } from "../jit/graph.ts";
import { TraceBackend } from "../jit/trace.ts";
import type { Spec } from "../kernel/kernel.ts";
import type { Device } from "../tensor/device.ts";
import { device as defaultDevice } from "../tensor/device.ts";
import { noGrad } from "../tensor/recording.ts";
import { tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";

// Checks compare with it and differentiate it by differences, whichever device the function is for. It takes along
// what the function captures: weights, constants, random states.

/** What checked functions return: tensors, alone or in arrays and plain objects. */
export type Tensors = Tensor | readonly Tensors[] | { readonly [key: string]: Tensors };

/** All tensors of a result, in order. */
export function tensorsIn(what: string, value: Tensors): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (value instanceof Promise) {
    value.catch(() => {});
    throw new ArgumentError(`${what}: the function returned a promise; it must be synchronous`);
  }
  if (value === null || typeof value !== "object") {
    throw new ArgumentError(
      `${what}: the function must return a Tensor, or tensors in an array or object, got ${kindOf(value)}`,
    );
  }
  return Object.values(value).flatMap((part) => tensorsIn(what, part));
}

/** The device of a check's inputs; throws where they are on two. */
export function deviceOf(what: string, inputs: readonly Tensor[]): Device {
  inputs.forEach((input, i) => {
    if (!(input instanceof Tensor))
      throw new ArgumentError(`${what}: input ${i + 1} is no Tensor but ${typeof input}`);
  });
  const device = inputs[0]?.device ?? defaultDevice();
  const other = inputs.find((input) => input.device !== device);
  if (other !== undefined) {
    throw new DeviceError(
      `${what}: the inputs are on two devices (${device.name} and ${other.device.name}); copy one over`,
    );
  }
  return device;
}

interface Slot extends Spec {
  readonly data: ReferenceArray;
}

export class ReferenceProgram {
  /** Shapes and dtypes of what the function returned. */
  readonly outputs: readonly Spec[];
  readonly #graph: Graph;
  /** By value: what the function was given or made with the inputs as they are. */
  readonly #base: Map<number, ReferenceArray>;
  /** By input of the check: the graph's value of it, undefined where the function does not read it. */
  readonly #inputs: readonly (Value | undefined)[];
  readonly #dependents = new Map<number, readonly Node[]>();

  private constructor(
    graph: Graph,
    base: Map<number, ReferenceArray>,
    inputs: readonly (Value | undefined)[],
  ) {
    this.#graph = graph;
    this.#base = base;
    this.#inputs = inputs;
    this.outputs = graph.outputs.map(({ shape, dtype }) => ({ shape, dtype }));
    for (const node of graph.nodes) runNode(node, this.#base, this.#base);
  }

  /**
   * Records `fn(...inputs)` and reads what it depends on. Nothing is executed on the device; assignments to
   * variables in it are not carried out.
   */
  static async record(
    what: string,
    fn: (...inputs: Tensor[]) => Tensors,
    inputs: readonly Tensor[],
  ): Promise<ReferenceProgram> {
    const device = deviceOf(what, inputs);
    const { backend } = device;
    const tracer = new TraceBackend(backend);
    try {
      let graph: Graph | undefined;
      device.withTrace(tracer, () =>
        noGrad(() =>
          tidy(() => {
            const results = tensorsIn(what, fn(...inputs));
            graph = tracer.finish(
              results.map(({ shape, dtype, memory }) => ({ spec: { shape, dtype }, memory })),
            );
          }),
        ),
      );
      const values = leavesOf(graph!);
      const base = new Map<number, ReferenceArray>();
      const found: (Value | undefined)[] = inputs.map(() => undefined);
      for (const value of values) {
        const { origin, spec } = value;
        const size = sizeOf(spec.shape);
        const array = referenceArray(spec.dtype, size);
        base.set(value.id, array);
        if (origin.kind === "constant" && origin.uniform !== undefined) array.fill(origin.uniform);
        else if (origin.kind !== "node" && origin.kind !== "input") {
          const { memory } = origin;
          array.set(await backend.readFloat64(memory, spec.dtype, size));
          if (origin.kind === "external") {
            const k = inputs.findIndex((input) => input.memory === memory);
            if (k >= 0) found[k] = value;
            else if (inputs.some((input) => backend.overlaps(input.memory, memory))) {
              throw new ArgumentError(
                `${what}: the function reads an input through a larger packed variable; check it before packing`,
              );
            }
          }
        }
      }
      return new ReferenceProgram(graph!, base, found);
    } finally {
      tracer.abandon();
    }
  }

  /** The results in float64 with the inputs as they were recorded. */
  values(): Float64Array[] {
    return this.#outputs(this.#base);
  }

  /** The results with input `k` replaced. */
  valuesWith(k: number, data: Float64Array): Float64Array[] {
    const value = this.#inputs[k];
    if (value === undefined) return this.values();
    const changed = new Map<number, ReferenceArray>([[value.id, data]]);
    for (const node of this.#dependentsOf(value)) runNode(node, this.#base, changed);
    return this.#outputs(this.#base, changed);
  }

  /** Input `k` in float64. */
  input(k: number): Float64Array | undefined {
    const value = this.#inputs[k];
    return value === undefined ? undefined : Float64Array.from(this.#base.get(value.id)!);
  }

  #outputs(base: Map<number, ReferenceArray>, changed?: Map<number, ReferenceArray>): Float64Array[] {
    return this.#graph.outputs.map(({ value }) =>
      Float64Array.from(changed?.get(value.id) ?? base.get(value.id)!),
    );
  }

  /** The nodes that must run again when `value` changes. */
  #dependentsOf(value: Value): readonly Node[] {
    let nodes = this.#dependents.get(value.id);
    if (nodes === undefined) {
      const touched = new Set([value.id]);
      nodes = this.#graph.nodes.filter((node) => {
        const depends = node.inputs.some((use) => touched.has(use.value.id));
        if (depends) for (const out of node.outputs) touched.add(out.id);
        return depends;
      });
      this.#dependents.set(value.id, nodes);
    }
    return nodes;
  }
}

function leavesOf(graph: Graph): Value[] {
  const leaves = new Map<number, Value>();
  const uses = [...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs];
  for (const { value } of uses) if (value.origin.kind !== "node") leaves.set(value.id, value);
  return [...leaves.values()];
}

/** Runs a node's reference on `changed` values where there are, else on `base`; its results go into `changed`. */
function runNode(
  node: Node,
  base: ReadonlyMap<number, ReferenceArray>,
  changed: Map<number, ReferenceArray>,
): void {
  const inputs: Slot[] = node.inputs.map(({ shape, dtype, value }) => ({
    shape,
    dtype,
    data: changed.get(value.id) ?? base.get(value.id)!,
  }));
  const outputs: Slot[] = node.outputs.map(({ spec }) => ({
    ...spec,
    data: referenceArray(spec.dtype, sizeOf(spec.shape)),
  }));
  node.op.reference!(inputs, node.attrs, outputs);
  node.outputs.forEach((value, i) => {
    changed.set(value.id, outputs[i].data);
  });
}

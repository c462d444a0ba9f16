// Keeps what a traced step makes on the way to its loss and gradients in halves, 2 bytes an element: which values those are, and
// the kernels that write and read them so.

import type { Backend } from "../backend/backend.ts";
import { sizeOf } from "../base/shape.ts";
import { HalfBindings } from "../kernel/half-bindings.ts";
import type { KernelCall } from "../kernel/kernel.ts";
import type { Memory } from "../kernel/memory.ts";
import { specialize } from "../kernel/specialize.ts";
import { type Graph, pointwiseOf, producerOf, type Value } from "./graph.ts";
import type { UnitKernels } from "./kernels.ts";
import { OwnSteps } from "./own-steps.ts";
import { TraceBackend, TracedMemory } from "./trace.ts";

/** What a device memory stands for, while it is traced. */
interface Held {
  readonly memory: Memory;
}

/** One computation of a loss and its gradients, by the numbers of its values. */
interface Region {
  readonly first: number;
  /** Of the loss: what comes after it is the way back. */
  readonly middle: number;
  readonly last: number;
  readonly weights: ReadonlySet<Memory>;
  /** Values that stay as they are. */
  readonly whole: ReadonlySet<number>;
}

const regionsOf = new WeakMap<TraceBackend, Region[]>();
const storedIn = new WeakMap<Graph, ReadonlyMap<Value, number>>();

/** Bytes of the values of a planned graph that are kept in halves. */
export const halvesOf = (graph: Graph): ReadonlyMap<Value, number> => storedIn.get(graph) ?? new Map();

/**
 * Calls `compute` and, where that is traced, has the program keep in halves what it makes on the way. Whole stay: the loss
 * and all between it and the last values that were computed with weights, gradients of weights, vectors and single numbers, and
 * what any kernel reads or writes otherwise than by whole loads and stores.
 *
 * @param compute gives the loss and the gradients of `weights`
 */
export function keepingHalves<T extends { readonly value: Held; readonly grads: readonly Held[] }>(
  backend: Backend,
  weights: readonly Held[],
  compute: () => T,
): T {
  if (!(backend instanceof TraceBackend)) return compute();
  const first = backend.nextId();
  const result = compute();
  const memories = new Set(weights.map(({ memory }) => memory));
  const whole = new Set<Value>();
  const loss = tracedValue(result.value);
  addBefore(loss, whole, (value) => !readsWeights(value, memories));
  // A cross-entropy's kernel gives its gradient with the loss.
  for (const value of [...whole]) for (const other of producerOf(value)!.outputs) whole.add(other);
  for (const gradient of result.grads)
    addBefore(tracedValue(gradient), whole, (value) => pointwiseOf(producerOf(value)!) !== undefined);
  const region = {
    first,
    middle: loss?.id ?? first,
    last: backend.nextId(),
    weights: memories,
    whole: new Set([...whole].map(({ id }) => id)),
  };
  const regions = regionsOf.get(backend) ?? [];
  regionsOf.set(backend, regions);
  regions.push(region);
  backend.storage = (graph, kernels, placed) => halve(graph, kernels, placed, regions);
  return result;
}

function tracedValue({ memory }: Held): Value | undefined {
  return memory instanceof TracedMemory ? memory.value : undefined;
}

const isWeight = ({ origin }: Value, weights: ReadonlySet<Memory>): boolean =>
  origin.kind === "external" && weights.has(origin.memory);

const readsWeights = (value: Value, weights: ReadonlySet<Memory>): boolean =>
  producerOf(value)!.inputs.some((use) => isWeight(use.value, weights));

/** Adds a value and, as long as `goesOn`, what it was made of. */
function addBefore(value: Value | undefined, into: Set<Value>, goesOn: (value: Value) => boolean): void {
  const waiting = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    const producer = next && producerOf(next);
    if (next === undefined || producer === undefined || into.has(next)) continue;
    into.add(next);
    if (goesOn(next)) for (const use of producer.inputs) waiting.push(use.value);
  }
}

/** The values that may be kept in halves, as far as what they are goes. */
function candidatesOf(graph: Graph, regions: readonly Region[]): Set<Value> {
  const kept = new Set([
    ...graph.effects.map(({ source }) => source),
    ...graph.outputs.map(({ value }) => value),
  ]);
  for (const { attrs, inputs } of graph.nodes)
    if (attrs instanceof OwnSteps) for (const { value } of inputs) kept.add(value);
  const candidates = new Set<Value>();
  for (const { first, middle, last, weights, whole } of regions) {
    const inside = new Set<Value>();
    /** What is computed of weights alone: they and copies of them stay whole. */
    const ofWeights = new Set<Value>();
    const isOfWeights = (value: Value): boolean =>
      ofWeights.has(value) || value.origin.kind === "constant" || isWeight(value, weights);
    const judged = new Set(whole);
    for (const node of graph.nodes) {
      const reads = node.inputs.map(({ value }) => value);
      if (reads.length > 0 && reads.every(isOfWeights))
        for (const value of node.outputs) ofWeights.add(value);
      for (const value of node.outputs) {
        const { id } = value;
        // Those of rewriting have numbers below 0.
        const isInside =
          id < 0
            ? reads.some((read) => inside.has(read)) || readsWeights(value, weights)
            : id > first && id < last;
        if (!isInside) continue;
        inside.add(value);
        // Metrics, computed of what the loss is computed of.
        const isMetric =
          id <= middle && !readsWeights(value, weights) && reads.some((read) => judged.has(read.id));
        if (isMetric) judged.add(id);
        if (!judged.has(id) && !kept.has(value) && !ofWeights.has(value) && isWide(value))
          candidates.add(value);
      }
    }
  }
  return candidates;
}

/** Whether a value is numbers over two axes or more: statistics, biases and losses of samples are not. */
const isWide = ({ spec: { shape, dtype } }: Value): boolean =>
  dtype === "f32" && shape.filter((length) => length > 1).length > 1;

/** Where a kernel binds a value. */
interface Place {
  readonly call: KernelCall;
  readonly binding: number;
}

function halve(
  graph: Graph,
  all: Map<unknown, UnitKernels | undefined>,
  placed: ReadonlyMap<Value, unknown>,
  regions: readonly Region[],
): void {
  const candidates = candidatesOf(graph, regions);
  const places = new Map<Value, Place[]>();
  for (const kernels of all.values())
    for (const call of kernels?.calls ?? [])
      call.operands.forEach(({ role, index, access }, k) => {
        if (role === "scratch") return;
        const value = (role === "input" ? kernels!.reads : kernels!.writes)[index];
        if (!candidates.has(value) || placed.has(value)) return;
        // The op reads what its first kernel stored: that may be a sum that is not complete.
        if (role === "output" && access === "read") candidates.delete(value);
        const found = places.get(value) ?? [];
        places.set(value, found);
        found.push({ call, binding: k + 1 });
      });
  const texts = new Map<KernelCall, string>();
  const textOf = (call: KernelCall): string => {
    const text = texts.get(call) ?? specialize(call.shader, call.hooks);
    texts.set(call, text);
    return text;
  };
  const tried = new Map<string, boolean>();
  const isPossible = ({ call, binding }: Place): boolean => {
    const key = `${binding} ${textOf(call)}`;
    const can = tried.get(key) ?? new HalfBindings(textOf(call)).halve(binding);
    tried.set(key, can);
    return can;
  };
  const bytes = new Map<Value, number>();
  const halved = new Map<KernelCall, number[]>();
  for (const [value, found] of places) {
    if (!candidates.has(value) || !found.every(isPossible)) continue;
    bytes.set(value, Math.ceil(sizeOf(value.spec.shape) / 4) * 8);
    for (const { call, binding } of found) halved.set(call, [...(halved.get(call) ?? []), binding]);
  }
  const made = new Map<string, string>();
  const withHalves = (call: KernelCall): KernelCall => {
    const bindings = halved.get(call);
    if (bindings === undefined) return call;
    const key = `${bindings} ${textOf(call)}`;
    let source = made.get(key);
    if (source === undefined) {
      const rewritten = new HalfBindings(textOf(call));
      for (const binding of bindings) rewritten.halve(binding);
      source = rewritten.text;
      made.set(key, source);
    }
    return { ...call, shader: { name: call.shader.name, source }, hooks: undefined };
  };
  for (const [unit, kernels] of all)
    if (kernels !== undefined) all.set(unit, { ...kernels, calls: kernels.calls.map(withHalves), bytes });
  storedIn.set(graph, bytes);
}

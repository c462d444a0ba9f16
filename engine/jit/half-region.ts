// What a traced computation of a loss and its gradients may keep in halves: noted on its nodes, from where passes hand it on to
// what they put in their places.

import type { Memory } from "../kernel/memory.ts";
import type { HalfNote } from "../kernel/op-graph.ts";
import type { Device } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { variablesOf, variableWatcher } from "../tensor/variable.ts";
import { type Node, producerOf, type Value } from "./graph.ts";
import { halve } from "./half-storage.ts";
import { TraceBackend, TracedMemory } from "./trace.ts";

/** What a value is computed of, as bits. */
const ofWeights = 1;
const ofArguments = 2;
/** Of tensors from outside that are no f32 variables. */
const ofCaptured = 4;
const ofScale = 8;

/**
 * Calls `compute` and, where that is traced, has the program keep in halves what it makes on the way. Whole stay: what is
 * computed of weights alone or of inputs alone, the loss and all between it and the last values that were computed with weights,
 * gradients of weights from the sums over samples on, what whole numbers are made of, statistics, and all that is read outside.
 *
 * @param scale what the loss is multiplied by: what is computed of it becomes infinite where halves can't hold it, all
 *   else the largest half
 * @param compute gives the loss times `scale` and its gradients
 */
export function keepingHalves<T extends { readonly value: Tensor; readonly grads: readonly Tensor[] }>(
  device: Device,
  scale: Tensor,
  compute: () => T,
): T {
  const { backend } = device;
  if (!(backend instanceof TraceBackend)) return compute();
  const first = backend.nextId();
  const origins = new Origins(backend, device, scale);
  const result = compute();
  const loss = tracedValue(result.value);
  const gradients = result.grads.flatMap((gradient) => tracedValue(gradient) ?? []);
  if (loss === undefined) return result;
  const nodes = nodesBefore([loss, ...gradients], (node) => node.outputs[0].id > first);
  const isAny = (value: Value, bits: number) => (origins.of(value) & bits) !== 0;
  // Where weights meet no argument on the way to the loss, the step trains on what it captured.
  const meets = nodes.some(
    ({ inputs, outputs }) =>
      !isAny(outputs[0], ofScale) &&
      inputs.some(({ value }) => origins.of(value) === ofWeights) &&
      inputs.some(({ value }) => isAny(value, ofArguments)),
  );
  const data = meets ? ofArguments : ofArguments | ofCaptured;
  const isWeight = (value: Value) =>
    value.spec.dtype === "f32" && isAny(value, ofWeights) && !isAny(value, data);
  const notes = new Map<Node, { -readonly [K in keyof HalfNote]: HalfNote[K] }>();
  for (const node of nodes)
    notes.set(node, {
      mayHalve: node.outputs.some((value) => isAny(value, ofWeights) && isAny(value, data)),
      readsWhole: false,
      overflows: node.outputs.some((value) => isAny(value, ofScale)),
    });
  /** What comes between `values` and the nodes where that ends; what those give, others read whole or from outside. */
  const keepWhole = (values: readonly Value[], isEnd: (node: Node) => boolean) =>
    walkBack(values, (node) => {
      const note = notes.get(node);
      if (note === undefined || isEnd(node)) return false;
      note.readsWhole = true;
      // All that it makes: a cross-entropy's kernel gives its gradient with the loss.
      note.mayHalve = false;
      return true;
    });
  keepWhole([loss], ({ inputs }) => inputs.some(({ value }) => isWeight(value)));
  const isSum = ({ op }: Node) => op.traits?.sums !== undefined;
  keepWhole(gradients, isSum);
  const isNumber = ({ dtype }: { readonly dtype: string }) => dtype === "f32" || dtype === "bool";
  for (const { inputs, outputs } of nodes)
    if (!outputs.some(({ spec }) => isNumber(spec)) && inputs.some(({ dtype }) => dtype === "f32"))
      keepWhole([outputs[0]], isSum);
  for (const [node, note] of notes) Object.assign(node, { halves: note });
  backend.storage = halve;
  return result;
}

/** What values are computed of, from the program's beginning on; a weight that was assigned is a weight again. */
class Origins {
  readonly #found = new Map<Value, number>();
  readonly #weights: ReadonlySet<unknown>;
  readonly #scale: Memory;

  /** @param backend before the computation begins */
  constructor(backend: TraceBackend, device: Device, scale: Tensor) {
    // Nobody who watches what is read is to see these.
    const weights = variableWatcher.with(undefined, () =>
      variablesOf(device)
        .filter(({ dtype, isLost }) => dtype === "f32" && !isLost)
        .map((variable) => ({ variable, memory: variable.memory })),
    );
    this.#weights = new Set(weights.map(({ memory }) => memory));
    this.#scale = scale.memory;
    const begin = backend.nextId();
    const now = (memory: Memory, tensor: Tensor) => (backend.snapshot(memory, tensor) as TracedMemory).value!;
    for (const { variable, memory } of weights) {
      if (!backend.assigned.has(variable) || variable === scale) continue;
      const value = now(memory, variable);
      this.#found.set(value, ofWeights);
      // A part of a packed vector, cut out for this: others will cut it out again.
      if (value.id > begin)
        for (const whole of producerOf(value)!.inputs) this.#found.set(whole.value, ofWeights);
    }
    this.#found.set(now(this.#scale, scale), ofScale);
  }

  /** Bits of a value. */
  of(value: Value): number {
    const known = this.#found.get(value);
    if (known !== undefined) return known;
    // Not by calls in calls: programs are long.
    for (const node of nodesBefore([value], (each) => !this.#found.has(each.outputs[0])))
      for (const output of node.outputs)
        if (!this.#found.has(output))
          this.#found.set(
            output,
            node.inputs.reduce((bits, use) => bits | this.#known(use.value), 0),
          );
    return this.#known(value);
  }

  #known(value: Value): number {
    const { origin } = value;
    if (origin.kind === "input") return ofArguments;
    if (origin.kind !== "external") return this.#found.get(value) ?? 0;
    if (origin.memory === this.#scale) return ofScale;
    return this.#weights.has(origin.memory) ? ofWeights : ofCaptured;
  }
}

/** The nodes that values are made by, as long as they are `among` those asked for, in the order in which they were traced. */
function nodesBefore(values: readonly Value[], among: (node: Node) => boolean): Node[] {
  const found = new Set<Node>();
  walkBack(values, (node) => {
    if (!among(node)) return false;
    found.add(node);
    return true;
  });
  return [...found].sort((a, b) => a.id - b.id);
}

/** Visits the nodes that make values, then those that make what they read where the visit says so, each once. */
function walkBack(values: readonly Value[], visit: (node: Node) => boolean): void {
  const waiting = [...values];
  const seen = new Set<Node>();
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    const node = producerOf(value);
    if (node === undefined || seen.has(node)) continue;
    seen.add(node);
    if (visit(node)) for (const use of node.inputs) waiting.push(use.value);
  }
}

function tracedValue({ memory }: Tensor): Value | undefined {
  return memory instanceof TracedMemory ? memory.value : undefined;
}

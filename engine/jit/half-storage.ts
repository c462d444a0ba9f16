// Plans which values of a graph lie in memory as halves, 2 bytes an element, by the notes on its nodes, and has kernels write and
// read them so.

import { ShaderError } from "../base/errors.ts";
import { sizeOf } from "../base/shape.ts";
import { HalfBindings } from "../kernel/half-bindings.ts";
import type { KernelCall } from "../kernel/kernel.ts";
import { specialize } from "../kernel/specialize.ts";
import type { Graph, Value } from "./graph.ts";
import type { UnitKernels } from "./kernels.ts";
import { OwnSteps } from "./own-steps.ts";

const storedIn = new WeakMap<Graph, ReadonlyMap<Value, number>>();

/** Bytes of the values of a planned graph that are kept in halves. */
export const halvesOf = (graph: Graph): ReadonlyMap<Value, number> => storedIn.get(graph) ?? new Map();

/** The values that may be kept in halves, as far as what they are goes, and whether large ones become infinite. */
function candidatesOf({ nodes, effects, outputs }: Graph): Map<Value, boolean> {
  const candidates = new Map<Value, boolean>();
  for (const { op, attrs, halves, outputs } of nodes) {
    if (halves?.mayHalve !== true || attrs instanceof OwnSteps || op.traits?.sums === "elements") continue;
    for (const [k, value] of outputs.entries())
      if (isWide(value) && op.traits?.statistics?.includes(k) !== true)
        candidates.set(value, halves.overflows);
  }
  for (const { attrs, halves, inputs } of nodes)
    if (halves === undefined || halves.readsWhole || attrs instanceof OwnSteps)
      for (const { value } of inputs) candidates.delete(value);
  for (const { source } of effects) candidates.delete(source);
  for (const { value } of outputs) candidates.delete(value);
  return candidates;
}

/** Whether a value is numbers over two axes or more: biases, their gradients and losses of samples are not. */
const isWide = ({ spec: { shape, dtype } }: Value): boolean =>
  dtype === "f32" && shape.filter((length) => length > 1).length > 1;

/** Where a kernel binds a value. */
interface Place {
  readonly call: KernelCall;
  readonly binding: number;
  /** Whether numbers that are too large become infinite, where it is stored. */
  readonly overflows: boolean;
}

/** Has the kernels of a graph whose nodes have notes write and read in halves what those allow and their text admits. */
export function halve(
  graph: Graph,
  all: Map<unknown, UnitKernels | undefined>,
  placed: ReadonlyMap<Value, unknown>,
): void {
  const candidates = candidatesOf(graph);
  const places = new Map<Value, Place[]>();
  const written = new Set<Value>();
  for (const kernels of all.values())
    for (const call of kernels?.calls ?? [])
      call.operands.forEach(({ role, index, access }, k) => {
        if (role === "scratch") return;
        const value = (role === "input" ? kernels!.reads : kernels!.writes)[index];
        const overflows = candidates.get(value);
        if (overflows === undefined || placed.has(value)) return;
        // The op reads what its first kernel stored: that may be a sum that is not complete.
        if (role === "output" && access === "read") candidates.delete(value);
        if (role === "output") written.add(value);
        const found = places.get(value) ?? [];
        places.set(value, found);
        found.push({ call, binding: k + 1, overflows });
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
  const halved = new Map<KernelCall, Place[]>();
  for (const [value, found] of places) {
    if (!candidates.has(value) || !written.has(value) || !found.every(isPossible)) continue;
    bytes.set(value, Math.ceil(sizeOf(value.spec.shape) / 4) * 8);
    for (const place of found) halved.set(place.call, [...(halved.get(place.call) ?? []), place]);
  }
  const made = new Map<string, string>();
  const withHalves = (call: KernelCall): KernelCall => {
    const bound = halved.get(call);
    if (bound === undefined) return call;
    const key = `${bound.map(({ binding, overflows }) => [binding, overflows])} ${textOf(call)}`;
    let source = made.get(key);
    if (source === undefined) {
      const rewritten = new HalfBindings(textOf(call));
      for (const { binding, overflows } of bound)
        if (!rewritten.halve(binding, overflows))
          throw new ShaderError(
            `mixedPrecision: ${call.shader.name}.wgsl keeps binding ${binding} in halves alone, but not together with ${bound.map((other) => other.binding)}; this is a fault of gradgpu: please report it, and use withLossScaling until it is mended`,
            { source: rewritten.text },
          );
      source = rewritten.text;
      made.set(key, source);
    }
    return { ...call, shader: { name: call.shader.name, source }, hooks: undefined };
  };
  for (const [unit, kernels] of all)
    if (kernels !== undefined) all.set(unit, { ...kernels, calls: kernels.calls.map(withHalves), bytes });
  storedIn.set(graph, bytes);
}

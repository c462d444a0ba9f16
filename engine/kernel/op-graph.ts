// The graph that tracing records, as plain data: values and the nodes that make them, whatever an op is.

import type { KernelCall, Spec } from "./kernel.ts";
import type { Memory } from "./memory.ts";

/** Where a value comes from. */
export type OpOrigin<O> =
  /** Argument number `index` of the traced function. */
  | { readonly kind: "input"; readonly index: number }
  /** Memory that outlives the program: a Variable's, or a captured tensor's. */
  | { readonly kind: "external"; readonly memory: Memory }
  /**
   * Made while tracing from host numbers; `uniform` where they are all the same. Its memory is made when it is
   * first asked for: pointwise kernels write a uniform value as a literal.
   */
  | { readonly kind: "constant"; readonly memory: Memory; readonly uniform: number | undefined }
  /** Output `index` of a node. */
  | { readonly kind: "node"; readonly node: OpNode<O>; readonly index: number };

/** A flat array of elements. Shapes belong to its uses: a reshape is another use of the same value. */
export interface OpValue<O> {
  readonly id: number;
  readonly spec: Spec;
  readonly origin: OpOrigin<O>;
}

/** A value read under a shape. */
export interface OpUse<O> extends Spec {
  readonly value: OpValue<O>;
}

export interface OpNode<O> {
  readonly id: number;
  readonly op: O;
  readonly attrs: unknown;
  readonly inputs: readonly OpUse<O>[];
  readonly outputs: readonly OpValue<O>[];
  /** Counts recomputations begun before: work of one stage must not be done in a kernel of another. */
  readonly stage: number;
  /** The recomputation that the node belongs to, 0 for none: it repeats earlier work on purpose. */
  readonly recomputation: number;
  /** Where what it makes may lie in memory as halves; what is put in its place has the note too. */
  readonly halves?: HalfNote;
}

/** What a computation whose values may lie in memory in 16 bits says of a node. */
export interface HalfNote {
  /** Whether what it makes may be kept so. */
  readonly mayHalve: boolean;
  /** Whether it must read what others computed, not what halves make of that. */
  readonly readsWhole: boolean;
  /** Whether numbers beyond the largest half become infinite; the largest half otherwise. */
  readonly overflows: boolean;
}

/** An assignment to memory that outlives the program, carried out at its end. */
export interface OpEffect<O> {
  readonly target: Memory;
  readonly spec: Spec;
  readonly source: OpValue<O>;
}

export interface OpGraph<O> {
  readonly nodes: readonly OpNode<O>[];
  readonly effects: readonly OpEffect<O>[];
  readonly inputs: readonly Spec[];
  /** What the traced function returned. */
  readonly outputs: readonly OpUse<O>[];
  readonly storage?: OpStorage<O>;
}

/** What a unit of nodes reads, writes and dispatches; operands count through `reads` and `writes`. */
export interface OpKernels<O> {
  readonly reads: readonly OpValue<O>[];
  readonly writes: readonly OpValue<O>[];
  readonly calls: readonly KernelCall[];
  readonly scratch: readonly Spec[];
  /** Of what it writes, where that is not as many as the dtype says. */
  readonly bytes?: ReadonlyMap<OpValue<O>, number>;
}

/**
 * Has values lie in memory otherwise than their dtypes say, by changing the kernels that write and read them.
 *
 * @param kernels of each unit; undefined for nodes that plan themselves
 * @param placed values of which it is settled where they lie
 */
export type OpStorage<O> = (
  graph: OpGraph<O>,
  kernels: Map<unknown, OpKernels<O> | undefined>,
  placed: ReadonlyMap<OpValue<O>, unknown>,
) => void;

/** A node with outputs of its own, of these numbers and specs. */
export function makeNode<O>(
  node: Omit<OpNode<O>, "outputs">,
  results: readonly Pick<OpValue<O>, "id" | "spec">[],
): OpNode<O> {
  const outputs: OpValue<O>[] = [];
  const made: OpNode<O> = { ...node, outputs };
  results.forEach(({ id, spec }, index) => {
    outputs.push({ id, spec, origin: { kind: "node", node: made, index } });
  });
  return made;
}

/** The node that makes `value`, if a node does. */
export function producerOf<O>(value: OpValue<O>): OpNode<O> | undefined {
  return value.origin.kind === "node" ? value.origin.node : undefined;
}

/**
 * What stands in a node's place: it makes nodes, and says which value is read instead of each of the node's outputs. `renew`
 * gives what stands for a value now.
 */
export type Rewriting<O> = (
  inputs: readonly OpUse<O>[],
  make: (op: O, attrs: unknown, inputs: readonly OpUse<O>[], specs: readonly Spec[]) => OpNode<O>,
  renew: (use: OpUse<O>) => OpUse<O>,
) => readonly OpValue<O>[];

/** The graph with some nodes replaced, and without those that nothing needs any more. */
export function rewritten<O>(graph: OpGraph<O>, instead: ReadonlyMap<OpNode<O>, Rewriting<O>>): OpGraph<O> {
  const renewed = new Map<OpValue<O>, OpValue<O>>();
  const renew = (use: OpUse<O>): OpUse<O> => ({ ...use, value: renewed.get(use.value) ?? use.value });
  const made: OpNode<O>[] = [];
  // Values that tracing makes count up from 1, those of rewriting down from -1.
  let lastId = 0;
  for (const { outputs } of graph.nodes) for (const { id } of outputs) lastId = Math.min(lastId, id);
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(renew);
    const add = (parts: Partial<OpNode<O>>, results: readonly Pick<OpValue<O>, "id" | "spec">[]) => {
      made.push(makeNode({ ...node, inputs, ...parts, id: made.length }, results));
      return made[made.length - 1];
    };
    const make = (op: O, attrs: unknown, own: readonly OpUse<O>[], specs: readonly Spec[]) =>
      add(
        { op, attrs, inputs: own },
        specs.map((spec) => ({ id: --lastId, spec })),
      );
    const values = instead.get(node)?.(inputs, make, renew) ?? add({}, node.outputs).outputs;
    node.outputs.forEach((value, i) => {
      renewed.set(value, values[i]);
    });
  }
  const effects = graph.effects.map((effect) => ({
    ...effect,
    source: renewed.get(effect.source) ?? effect.source,
  }));
  const outputs = graph.outputs.map(renew);
  return { ...graph, nodes: neededNodes(made, effects, outputs), effects, outputs };
}

/** Whether nodes are of one stage, so that a kernel, or a rewriting, may take them together. */
export const areTogether = (first: OpNode<unknown>, ...others: readonly OpNode<unknown>[]): boolean =>
  others.every((node) => node.stage === first.stage);

/** The nodes that effects and results depend on. */
export function neededNodes<O>(
  nodes: readonly OpNode<O>[],
  effects: readonly OpEffect<O>[],
  outputs: readonly OpUse<O>[],
): OpNode<O>[] {
  const needed = new Set([...effects.map(({ source }) => source), ...outputs.map(({ value }) => value)]);
  const kept: OpNode<O>[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((value) => needed.has(value))) continue;
    for (const { value } of node.inputs) needed.add(value);
    kept.push(node);
  }
  return kept.reverse();
}

/** Who reads the values of a graph. */
export class Readers<O> {
  readonly #readers = new Map<OpValue<O>, OpNode<O>[]>();
  readonly #kept: ReadonlySet<OpValue<O>>;

  constructor({ nodes, effects, outputs }: OpGraph<O>) {
    for (const node of nodes) {
      for (const { value } of node.inputs) {
        const readers = this.#readers.get(value);
        if (readers === undefined) this.#readers.set(value, [node]);
        else readers.push(node);
      }
    }
    this.#kept = new Set([...effects.map(({ source }) => source), ...outputs.map(({ value }) => value)]);
  }

  /** The nodes that read a value, as often as they do. */
  of(value: OpValue<O>): readonly OpNode<O>[] {
    return this.#readers.get(value) ?? [];
  }

  /** Whether a value must exist in memory whatever reads it: results and assigned values. */
  isKept(value: OpValue<O>): boolean {
    return this.#kept.has(value);
  }

  /** The nodes that read a value, for each value that is read. */
  get lists(): Iterable<readonly OpNode<O>[]> {
    return this.#readers.values();
  }
}

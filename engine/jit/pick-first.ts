// Picks rows before they are computed: of a whole data set that is scaled and then gathered from, only the rows that are
// gathered are scaled. Rewrites the graph before anything is fused.

import { sizeOf } from "../base/shape.ts";
import type { Spec } from "../kernel/kernel.ts";
import type { KernelOp } from "../kernel/kernel-op.ts";
import { Readers, type Rewriting, rewritten } from "../kernel/op-graph.ts";
import { registerTypes } from "../ops/pointwise/pointwise-code.ts";
import {
  type Graph,
  isLiteral,
  knowsElement,
  type Node,
  pointwiseOf,
  producerOf,
  type Use,
} from "./graph.ts";
import { evaluate } from "./simplify.ts";

/** Zeros in the rows that were not there, as gather gives, where what was computed of zeros is another number. */
const zeroOutside: KernelOp<{ readonly rows: number; readonly dtype: Spec["dtype"] }> = {
  name: "zeroOutside",
  infer: ([x]) => [x],
  pointwise: {
    expression: ({ rows, dtype }) => `select(${registerTypes[dtype]}(), a, vec4u(b) < vec4u(${rows}u))`,
  },
  samples: [],
};

/** Pointwise nodes from memory on to what rows are picked of. */
interface Chain {
  readonly nodes: readonly Node[];
  readonly root: Use;
}

/** The graph with rows picked out of memory first, where nothing else needs what was computed of all of it. */
export function pickFirst(graph: Graph): Graph {
  const chains = chainsOf(graph);
  if (chains.size === 0) return graph;
  const instead = new Map<Node, Rewriting<KernelOp>>();
  for (const [picker, chain] of chains)
    instead.set(picker, ([, places], make, renew) => {
      const { shape } = picker.outputs[0].spec;
      const add = (op: KernelOp, attrs: unknown, inputs: readonly Use[], dtype: Spec["dtype"]): Use => {
        const spec = { shape, dtype };
        return { value: make(op, attrs, inputs, [spec]).outputs[0], ...spec };
      };
      let picked = add(picker.op, picker.attrs, [renew(chain.root), places], chain.root.dtype);
      for (const node of chain.nodes) {
        const own = node.inputs.map((use) => (isWhole(use, node) ? picked : { ...renew(use), shape: [] }));
        picked = add(node.op, node.attrs, own, node.outputs[0].spec.dtype);
      }
      if (picker.op.traits?.picks === "or zeros" && !keepsZero(chain.nodes)) {
        const { axis } = picker.attrs as { axis: number };
        const whole = chain.root.shape;
        const ones = (count: number) => Array.from({ length: count }, () => 1);
        const under = [...ones(axis), ...places.shape, ...ones(whole.length - axis - 1)];
        const attrs = { rows: whole[axis], dtype: picked.dtype };
        picked = add(zeroOutside, attrs, [picked, { ...places, shape: under }], picked.dtype);
      }
      return [picked.value];
    });
  return rewritten(graph, instead);
}

/** Whether a node reads `use` element by element, rather than one number for all of its elements. */
const isWhole = (use: Use, node: Node): boolean =>
  sizeOf(use.shape) > 1 && sizeOf(use.shape) === sizeOf(node.outputs[0].spec.shape);

/** By node that picks rows: the chain that computes what it picks them of, if that can be done afterwards. */
function chainsOf(graph: Graph): Map<Node, Chain> {
  const { nodes } = graph;
  const chains = new Map<Node, Chain>();
  if (!nodes.some((node) => node.op.traits?.picks !== undefined)) return chains;
  const readers = new Readers(graph);
  for (const node of nodes) {
    const [use] = node.inputs;
    if (node.op.traits?.picks === undefined || chains.has(node)) continue;
    const pickers = readers.of(use.value);
    const total = pickers.reduce((sum, picker) => sum + sizeOf(picker.outputs[0].spec.shape), 0);
    const arePickers = pickers.every(
      (picker) => picker.op.traits?.picks !== undefined && isAs(picker.inputs[0], use.value.spec),
    );
    if (!arePickers || total >= sizeOf(use.shape)) continue;
    const chain: Node[] = [];
    let root = use;
    for (let value = use.value; ; value = root.value) {
      const producer = producerOf(value);
      if (producer === undefined || readers.isKept(value) || !isMovable(producer)) break;
      const above = chain[0];
      if (above !== undefined && readers.of(value).some((reader) => reader !== above)) break;
      chain.unshift(producer);
      root = producer.inputs.find((each) => isWhole(each, producer))!;
    }
    if (chain.length === 0 || producerOf(root.value) !== undefined || isLiteral(root.value)) continue;
    for (const picker of pickers) chains.set(picker, { nodes: chain, root });
  }
  return chains;
}

const isAs = (use: Use, { shape }: Spec): boolean => `${use.shape}` === `${shape}`;

/** Whether a node computes each element of one value, of the result's shape, and of numbers for all elements. */
function isMovable(node: Node): boolean {
  if (pointwiseOf(node) === undefined || knowsElement(node) || node.outputs.length !== 1) return false;
  const whole = node.inputs.filter((use) => isWhole(use, node));
  return (
    whole.length > 0 &&
    whole.every((use) => use.value === whole[0].value && isAs(use, node.outputs[0].spec)) &&
    isAs(whole[0], whole[0].value.spec) &&
    node.inputs.every((use) => whole.includes(use) || sizeOf(use.shape) === 1)
  );
}

/** Whether a chain is known to make 0 of 0. */
function keepsZero(nodes: readonly Node[]): boolean {
  let value = 0;
  for (const node of nodes) {
    if (node.op.lacksReference === true) return false;
    const values: number[] = [];
    for (const use of node.inputs) {
      const { origin } = use.value;
      if (isWhole(use, node)) values.push(value);
      else if (origin.kind === "constant" && origin.uniform !== undefined) values.push(origin.uniform);
      else return false;
    }
    value = evaluate(node.op, node.attrs, node.inputs, values, node.outputs[0]);
  }
  return Object.is(value, 0);
}

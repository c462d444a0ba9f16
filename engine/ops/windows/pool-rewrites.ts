// What jit makes of max-pooling and the convolution before it: fewer walks over images of full size.

import { sameShape, sizeOf } from "../../base/shape.ts";
import type { PointwiseStep } from "../../kernel/chain.ts";
import { type AdapterProfile, wgslFloat } from "../../kernel/kernel.ts";
import type { KernelOp } from "../../kernel/kernel-op.ts";
import {
  areTogether,
  type OpGraph,
  type OpNode,
  type OpUse,
  type OpValue,
  producerOf,
  Readers,
  type Rewriting,
  rewritten,
} from "../../kernel/op-graph.ts";
import { greater } from "../elementwise/comparison.ts";
import { where } from "../elementwise/logical.ts";
import { sum } from "../reduce/reduce.ts";
import type { ImageAttrs, PoolAttrs } from "./pool.ts";
import { canPool, type PooledAttrs, pooledProduct } from "./pooled-product.ts";
import { type WindowAttrs, windowProduct, windowWeights } from "./window-product.ts";
import { imageShape, type Pair, span, type Window } from "./windows.ts";

type Graph = OpGraph<KernelOp>;
type Node = OpNode<KernelOp>;
type Use = OpUse<KernelOp>;
type Value = OpValue<KernelOp>;
type Change = Rewriting<KernelOp>;

/** Of graphs that have the op `maxPool`, whose gradient is the op `gradient`. */
export const poolRewrites = (
  graph: Graph,
  profile: AdapterProfile,
  maxPool: KernelOp,
  gradient: KernelOp,
): Graph => poolStores(leaveOutUnseen(maskPlaces(graph, maxPool, gradient), gradient), maxPool, profile);

/** The node that alone needs a value. */
const only = (readers: Readers<KernelOp>, value: Value): Node | undefined => {
  const [first, ...others] = readers.of(value);
  return readers.isKept(value) || others.some((node) => node !== first) ? undefined : first;
};

const numberOf = ({ value: { origin } }: Use): number | undefined =>
  origin.kind === "constant" ? origin.uniform : undefined;

const isZero = (use: Use): boolean => numberOf(use) === 0;

/**
 * Where what is pooled is above 0, say of relu, its gradient goes on: the largest value of a window tells that as well as the
 * images of full size do, since the gradient goes where it was.
 */
function maskPlaces(graph: Graph, maxPool: KernelOp, gradient: KernelOp): Graph {
  const readers = new Readers(graph);
  const instead = new Map<Node, Change>();
  for (const node of graph.nodes) {
    if (node.op !== gradient) continue;
    const [, winners] = node.inputs;
    const pool = producerOf(winners.value);
    const mask = only(readers, node.outputs[0]);
    if (pool?.op !== maxPool || mask?.op !== where.op || !areTogether(node, mask)) continue;
    const [condition, value, other] = mask.inputs;
    const test = producerOf(condition.value);
    const [images] = pool.inputs;
    const size = sizeOf(images.shape);
    const fits =
      value.value === node.outputs[0] &&
      isZero(other) &&
      test?.op === greater.op &&
      test.inputs[0].value === images.value &&
      isZero(test.inputs[1]) &&
      [value, condition, test.inputs[0], mask.outputs[0].spec].every(({ shape }) => sizeOf(shape) === size);
    if (!fits) continue;
    instead.set(node, ([g, own], make) => {
      const largest: Use = { ...own, value: producerOf(own.value)!.outputs[0], dtype: "f32" };
      const spec = { shape: g.shape, dtype: "f32" } as const;
      const above = make(
        greater.op,
        test.attrs,
        [largest, test.inputs[1]],
        [{ shape: largest.shape, dtype: "bool" }],
      );
      const masked = make(
        where.op,
        mask.attrs,
        [{ ...above.outputs[0].spec, value: above.outputs[0] }, { ...g, shape: own.shape }, other],
        [{ shape: own.shape, dtype: "f32" }],
      );
      return make(node.op, node.attrs, [{ ...spec, value: masked.outputs[0] }, own], [node.outputs[0].spec])
        .outputs;
    });
    instead.set(mask, ([, value]) => [value.value]);
  }
  return instead.size === 0 ? graph : rewritten(graph, instead);
}

/** Places at the end of images that no window of the pooling sees have no gradient: convolutions' gradients leave them out. */
function leaveOutUnseen(graph: Graph, gradient: KernelOp): Graph {
  const readers = new Readers(graph);
  const instead = new Map<Node, Change>();
  for (const node of graph.nodes) {
    if (node.op !== gradient) continue;
    const [made] = node.outputs;
    const { window, shape } = node.attrs as ImageAttrs;
    const output = seenBy(window);
    const all = [...new Set(readers.of(made))];
    if (sameShape(output, window.input) || readers.isKept(made)) continue;
    const crops = all.map((reader) => withPlaces(reader, made, window.input, output));
    if (crops.includes(undefined) || !areTogether(node, ...all)) continue;
    const spec = { shape: imageShape(shape, output, shape.at(-1)!), dtype: "f32" } as const;
    instead.set(
      node,
      (inputs, make) =>
        make(node.op, { window: { ...window, input: output }, shape: spec.shape }, inputs, [spec]).outputs,
    );
    all.forEach((reader, i) => {
      instead.set(
        reader,
        (inputs, make) =>
          make(
            reader.op,
            crops[i],
            inputs.map((use, k) => (reader.inputs[k].value === made ? { ...use, shape: spec.shape } : use)),
            reader.outputs.map(({ spec }) => spec),
          ).outputs,
      );
    });
  }
  return instead.size === 0 ? graph : rewritten(graph, instead);
}

/** How far from the first pixel on a window sees any. */
const seenBy = ({ size, stride, dilation, before, input, output }: Window): Pair => {
  const along = (axis: 0 | 1) =>
    Math.min(
      input[axis],
      (output[axis] - 1) * stride[axis] + span(size[axis], dilation[axis]) - before[axis],
    );
  return [along(0), along(1)];
};

/**
 * The attributes of a node that reads a gradient for places, with so many places; undefined of one that can't do so. It may
 * read it under another shape, as a row of time does that of an image, but not as other places.
 */
function withPlaces(node: Node, gradient: Value, places: Pair, output: Pair): unknown {
  const isRead = (k: number) => node.inputs.every(({ value }, i) => (value === gradient) === (i === k));
  const { shape } = gradient.spec;
  const use = node.inputs.find(({ value }) => value === gradient)!;
  if (use.shape.at(-1) !== shape.at(-1)) return undefined;
  if (node.op === sum.op) {
    const attrs = node.attrs as { axes: readonly number[] };
    const isOfChannels =
      attrs.axes.length === use.shape.length - 1 && attrs.axes.every((axis, i) => axis === i);
    return isOfChannels ? { ...attrs, axes: shape.slice(1).map((_, i) => i) } : undefined;
  }
  const isBack =
    node.op === windowProduct.op && (node.attrs as PooledAttrs).direction === "back" && isRead(0);
  if (!isBack && !(node.op === windowWeights.op && isRead(1))) return undefined;
  const attrs = node.attrs as WindowAttrs;
  if (!sameShape(attrs.window.output, places)) return undefined;
  return { ...attrs, window: { ...attrs.window, output } };
}

/** A convolution, and what is computed of each of its results, store the largest alone, where pooling is all that reads them. */
function poolStores(graph: Graph, maxPool: KernelOp, profile: AdapterProfile): Graph {
  const readers = new Readers(graph);
  const instead = new Map<Node, Change>();
  for (const product of graph.nodes) {
    if (product.op !== windowProduct.op) continue;
    const chain: Node[] = [];
    const rows: Use[] = [];
    let last = product;
    let next = only(readers, last.outputs[0]);
    while (next !== undefined && next.op !== maxPool) {
      const read = rowsOf(next, last.outputs[0], product);
      if (read === undefined) break;
      chain.push(next);
      for (const use of read) if (!rows.some(({ value }) => value === use.value)) rows.push(use);
      last = next;
      next = only(readers, last.outputs[0]);
    }
    if (next?.op !== maxPool || !areTogether(product, ...chain, next)) continue;
    const { window } = next.attrs as PoolAttrs;
    // Between them may stand a reshape, which is nothing but another use of the value.
    const isWhatIsPooled =
      next.inputs[0].shape.at(-1) === product.inputs[1].shape[2] &&
      sameShape(window.input, (product.attrs as PooledAttrs).window.output);
    if (!isWhatIsPooled) continue;
    const steps = stepsOf(product, chain, rows);
    const attrs: PooledAttrs = { ...(product.attrs as PooledAttrs), pool: window, steps };
    if (!canPool(product.inputs, rows.length, attrs, profile)) continue;
    const specs = next.outputs.map(({ spec }) => spec);
    const read = [...product.inputs, ...rows];
    instead.set(next, (_, make, renew) => make(pooledProduct, attrs, read.map(renew), specs).outputs);
  }
  return instead.size === 0 ? graph : rewritten(graph, instead);
}

/** The rows that a node reads beside `value`, each element of which it computes something of; undefined of another node. */
function rowsOf(node: Node, value: Value, product: Node): readonly Use[] | undefined {
  const { op, attrs, inputs, outputs } = node;
  const [columns, size] = [product.inputs[1].shape[2], sizeOf(product.outputs[0].spec.shape)];
  const { pointwise } = op;
  const isOfElements =
    pointwise !== undefined &&
    pointwise.applies?.(attrs, inputs) !== false &&
    pointwise.wholeInputs === undefined &&
    pointwise.rawInputs === undefined &&
    outputs.length === 1;
  if (!isOfElements) return undefined;
  const [{ spec }] = outputs;
  if (spec.dtype !== "f32" || sizeOf(spec.shape) !== size || spec.shape.at(-1) !== columns) return undefined;
  const rows: Use[] = [];
  for (const use of inputs) {
    if (use.dtype !== "f32") return undefined;
    if (use.value === value && sizeOf(use.shape) === size) continue;
    const number = numberOf(use);
    // A 0 that the compiler may know is another thing in a product: see jit.
    if (number !== undefined && !(number === 0 && op.traits?.isProduct)) continue;
    if (use.shape.at(-1) !== columns || sizeOf(use.shape) !== columns) return undefined;
    rows.push(use);
  }
  return rows;
}

/** What a chain computes of a result (value 0) and of rows (values 1 and on). */
function stepsOf(product: Node, chain: readonly Node[], rows: readonly Use[]): readonly PointwiseStep[] {
  const steps: PointwiseStep[] = [];
  const places = new Map<Value, number>([[product.outputs[0], 0]]);
  rows.forEach(({ value }, i) => {
    places.set(value, i + 1);
  });
  const add = (step: PointwiseStep): number => rows.length + steps.push(step);
  for (const { op, attrs, inputs, outputs } of chain) {
    const { expression, helpers } = op.pointwise!;
    const operands = inputs.map(
      (use) =>
        places.get(use.value) ??
        add({ expression: `vec4f(${wgslFloat(numberOf(use)!)})`, operands: [], dtype: "f32" }),
    );
    places.set(outputs[0], add({ expression: expression(attrs, inputs), helpers, operands, dtype: "f32" }));
  }
  return steps;
}

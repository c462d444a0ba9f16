// traceLoop: has the body of a loop traced, and puts the loop into the graph around it as one node.

import { deviceBytes } from "../../base/dtype.ts";
import { TraceError } from "../../base/errors.ts";
import { sameShape, sizeOf } from "../../base/shape.ts";
import type { Spec } from "../../kernel/kernel.ts";
import { add } from "../../ops/elementwise/arithmetic.ts";
import { cast } from "../../ops/elementwise/cast.ts";
import { concat } from "../../ops/layout/concat.ts";
import { reshape } from "../../ops/layout/reshape.ts";
import { padZeros, slice } from "../../ops/layout/slice.ts";
import { matmul } from "../../ops/matmul/matmul.ts";
import { sum } from "../../ops/reduce/reduce.ts";
import { apply } from "../../tensor/apply.ts";
import { full } from "../../tensor/create.ts";
import type { Device } from "../../tensor/device.ts";
import { handleOn } from "../../tensor/handle.ts";
import type { Op } from "../../tensor/op.ts";
import { noGrad } from "../../tensor/recording.ts";
import { tidy } from "../../tensor/scope.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { type Graph, makeNode, type Node, pointwiseOf, producerOf, type Use, type Value } from "../graph.ts";
import { simplify } from "../simplify.ts";
import type { Capture, TraceBackend } from "../trace.ts";
import type { BodyInput } from "./body.ts";
import { Loop, loopOp } from "./loop.ts";
import { Kept, type LoopCall, type LoopResults, type TracedLoop } from "./loop-call.ts";

/** Whether ops on the device are written down, so that a loop can be. */
export const traceOf = (device: Device): TraceBackend | undefined =>
  device.isTracing ? (device.backend as TraceBackend) : undefined;

export function traceLoop(call: LoopCall): TracedLoop {
  return tidy(() => new LoopTrace(call).run());
}

/** The body while it is put together. */
interface Body {
  readonly nodes: Node[];
  readonly inputs: Spec[];
  readonly carries: Use[];
  readonly stacks: Use[];
}

/** A sum, from the last values of carries and from stacks. */
type Total = (finals: (carry: number) => Tensor, stackOf: (stack: number) => Tensor) => Tensor;

class LoopTrace {
  readonly #call: LoopCall;
  readonly #outer: TraceBackend;
  /** The node's inputs. */
  readonly #inputs: Tensor[] = [];
  readonly #bodyInputs: BodyInput[] = [];
  /** By place in the body's inputs: the rows as they were given, for work that moves out of the loop. */
  readonly #stacked = new Map<number, () => Tensor>();

  constructor(call: LoopCall) {
    this.#call = call;
    this.#outer = call.device.backend as TraceBackend;
  }

  run(): TracedLoop {
    const { device, carry, rows, shifted } = this.#call;
    const trace = this.#outer.ofBody();
    const symbol = (spec: Spec) => new Tensor(device, spec, trace.input(spec));
    const rowSpec = ({ shape, dtype }: Tensor): Spec => ({ shape: shape.slice(1), dtype });
    const counts = { carry: 0, stacks: 0, sums: 0 };
    // Recorders are those of the caller: a tape may stand in the body.
    const graph = device.withTrace(trace, () => {
      let finished: Graph | undefined;
      tidy(() => {
        const results = this.#call.body(
          carry.map(symbol),
          rows.map((tensor) => symbol(rowSpec(tensor))),
          shifted.map(({ last }) => symbol(last)),
        );
        const outputs = (["carry", "stacks", "sums"] as const).flatMap((kind) => {
          counts[kind] = results[kind].length;
          return results[kind];
        });
        finished = trace.finish(
          outputs.map(({ shape, dtype, memory }) => ({ spec: { shape, dtype }, memory })),
        );
      });
      return finished!;
    });
    if (graph.effects.length > 0) throw new TraceError("scan: a step assigns memory that it may not");
    return noGrad(() => this.#write(graph, trace.captures.values(), counts));
  }

  /** Puts the loop into the outer graph. */
  #write(
    graph: Graph,
    captures: Iterable<Capture>,
    counts: Readonly<Record<keyof LoopResults, number>>,
  ): TracedLoop {
    const { device, length, isReversed, carry, rows, shifted } = this.#call;
    carry.forEach((tensor, k) => {
      this.#bodyInputs.push({ kind: "carry", carry: k, first: this.#input(tensor) });
    });
    for (const tensor of rows) this.#rowInput(tensor, () => tensor);
    for (const { rows: all, last } of shifted) {
      const place = this.#bodyInputs.length;
      this.#bodyInputs.push({ kind: "next", rows: this.#input(this.#padded(all)), last: this.#input(last) });
      this.#stacked.set(place, () => this.#shift(all, last));
    }
    // Behind these come inputs that stand for what was kept.
    for (const { memory, spec } of captures) {
      const input = this.#input(handleOn(device, spec, memory));
      this.#bodyInputs.push({ kind: "whole", input });
    }
    // What is stacked anyway need not be computed again either.
    const stackedAnyway = new Set(graph.outputs.slice(counts.carry).map(({ value }) => producerOf(value)));
    const products = this.#call.keeps
      ? graph.nodes.filter((node) => isKept(node) || stackedAnyway.has(node))
      : [];
    const results = products.flatMap(({ outputs }) =>
      outputs.map((value): Use => ({ ...value.spec, value })),
    );
    const traced = this.#call.again === undefined ? graph : this.#takeKept(graph, this.#call.again);
    const simple = simplify({ ...traced, outputs: [...traced.outputs, ...results] }, (spec, value) =>
      this.#outer.constant(spec, value),
    );
    const uses = [...simple.outputs];
    const found = uses.splice(graph.outputs.length);
    const nodes = [...simple.nodes];
    const carries = uses.splice(0, counts.carry);
    const stacks = uses.splice(0, counts.stacks);
    const inputs = [...traced.inputs];
    const own = stacks.splice(0).map((use) => stackAt(use, stacks));
    const kept = new Map<Node, number[]>();
    const held: number[] = [];
    for (const node of products) {
      const part = found.splice(0, node.outputs.length);
      if (part.every(({ value }) => producerOf(value) !== undefined))
        kept.set(
          node,
          part.map((use) => held.push(stackAt(use, stacks)) - 1),
        );
    }
    const sums = uses.map((use) => this.#sumOf(use, { nodes, inputs, carries, stacks }));
    const trails = this.#trailsOf(carries, stacks);
    const plain = stacks.filter((_, i) => !trails.has(i));
    const outputs = this.#apart([...carries, ...plain], nodes);
    const body = { nodes, effects: [], inputs, outputs };
    const strideOf = ({ shape, dtype }: Use) => this.#stride(sizeOf(shape), dtype);
    const trailed = [...trails.keys()].map((i) => stacks[i]);
    const strides = [...plain, ...trailed].map(strideOf);
    const loop = new Loop({
      body,
      inputs: this.#bodyInputs,
      carries: carries.length,
      length,
      isReversed,
      trails: [...trails.values()],
      strides,
    });
    const made = apply(loopOp, this.#inputs, loop);
    const whole = new Map<number, Tensor>();
    const rowsOf = (i: number): Tensor => {
      if (!trails.has(i)) return made[carries.length + plain.indexOf(stacks[i])];
      const first = carries.length + plain.length + 2 * trailed.indexOf(stacks[i]);
      const found = whole.get(i) ?? inTurn(made[first], made[first + 1], length);
      whole.set(i, found);
      return found;
    };
    const stackOf = (i: number): Tensor => {
      const { shape } = stacks[i];
      const all = rowsOf(i);
      const size = sizeOf(shape);
      const exact = all.shape[1] === size ? all : slice(all, [0, 0], [length, size]);
      return reshape(exact, [length, ...shape]);
    };
    return {
      carry: made.slice(0, counts.carry),
      stacks: own.map(stackOf),
      sums: sums.map((total) => total((i) => made[i], stackOf)),
      kept: new Kept(graph.nodes, kept),
      held: held.map(stackOf),
    };
  }

  /** By stack: the carry whose values it holds, where these can be written to it straight. */
  #trailsOf(carries: readonly Use[], stacks: readonly Use[]): Map<number, number> {
    const trails = new Map<number, number>();
    // A carry that lies in rows is read and written at places that move, where it would have had two that stay.
    if (this.#call.length === 1 || this.#outer.mostMoving < fewestMoving) return trails;
    stacks.forEach(({ value, shape }, i) => {
      if (producerOf(value) === undefined) return;
      const carry = carries.findIndex((use) => use.value === value && sameShape(use.shape, shape));
      if (carry >= 0) trails.set(i, carry);
    });
    return trails;
  }

  /** The body with results that were kept in the place of the ops that it repeats. */
  #takeKept(graph: Graph, { kept, held }: Pick<TracedLoop, "kept" | "held">): Graph {
    const inputs = [...graph.inputs];
    const taken = new Map<Value, Value>();
    for (const [i, node] of graph.nodes.entries()) {
      const before = kept.nodes[i];
      if (before === undefined || !isSame(before, node)) break;
      kept.places.get(before)?.forEach((place, k) => {
        const stack = held[place];
        const { spec } = node.outputs[k];
        const index = inputs.push(spec) - 1;
        this.#rowInput(stack, () => stack);
        taken.set(node.outputs[k], { id: this.#outer.nextId(), spec, origin: { kind: "input", index } });
      });
    }
    const take = (use: Use): Use => ({ ...use, value: taken.get(use.value) ?? use.value });
    return {
      ...graph,
      inputs,
      nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(take) })),
      outputs: graph.outputs.map(take),
    };
  }

  #input(tensor: Tensor): number {
    return this.#inputs.push(tensor) - 1;
  }

  #rowInput(tensor: Tensor, whole: () => Tensor): void {
    this.#stacked.set(this.#bodyInputs.length, whole);
    this.#bodyInputs.push({ kind: "row", rows: this.#input(this.#padded(tensor)) });
  }

  /** Elements from one row to the next: rows begin where a dispatch may bind them. */
  #stride(size: number, dtype: Spec["dtype"]): number {
    const alignment = this.#outer.sliceAlignment;
    const bytes = Math.ceil(deviceBytes(dtype, size) / alignment) * alignment;
    return dtype === "u8" ? bytes : bytes / 4;
  }

  /** [length, stride] of [length, ...]. */
  #padded(tensor: Tensor): Tensor {
    const [length, ...shape] = tensor.shape;
    const size = sizeOf(shape);
    const stride = this.#stride(size, tensor.dtype);
    const flat = reshape(tensor, [length, size]);
    return stride === size ? flat : padZeros(flat, [0, 0], [0, stride - size]);
  }

  /** What {@link Shifted} stands for, in the order of the rows. */
  #shift(rows: Tensor, last: Tensor): Tensor {
    const { length, isReversed } = this.#call;
    const end = reshape(last, [1, ...last.shape]);
    if (length === 1) return end;
    // A loop that goes backwards ends at row 0; the row of its next step is the one before.
    return isReversed
      ? concat([end, slice(rows, 0, length - 1)], 0)
      : concat([slice(rows, 1, length), end], 0);
  }

  /**
   * A sum over the steps. One over products of rows, as of a kernel's gradient, is one product behind the loop; sums of
   * rows are one sum; others are carried along.
   */
  #sumOf(use: Use, body: Body): Total {
    if (this.#call.carriesSums) return this.#carried(use, body);
    const { stacks } = body;
    const node = producerOf(use.value);
    const whole = (part: Use) => this.#wholeOf(part, stacks);
    if (node !== undefined && sameShape(use.shape, node.outputs[0].spec.shape)) {
      if (node.op === matmul.op && node.inputs.every(({ shape }) => shape.length === 2)) {
        const attrs = node.attrs as { transposeA: boolean; transposeB: boolean };
        if (attrs.transposeA && !attrs.transposeB) {
          const [a, b] = node.inputs.map(whole);
          if (a !== undefined && b !== undefined) {
            const [[k, m], [, n]] = node.inputs.map(({ shape }) => shape);
            const all = this.#call.length * k;
            return (_, stackOf) =>
              matmul(reshape(a(stackOf), [all, m]), reshape(b(stackOf), [all, n]), { transposeA: true });
          }
        }
      } else if (node.op === sum.op && node.inputs[0].dtype === "f32") {
        const { axes, keepDims } = node.attrs as { axes: readonly number[]; keepDims: boolean };
        const part = keepDims ? undefined : whole(node.inputs[0]);
        if (part !== undefined)
          return (_, stackOf) => {
            const { shape } = node.inputs[0];
            return sum(reshape(part(stackOf), [this.#call.length, ...shape]), [
              0,
              ...axes.map((axis) => axis + 1),
            ]);
          };
      }
    }
    return this.#carried(use, body);
  }

  /** The rows that a value of the body takes over all steps; undefined where it is the same at every step. */
  #wholeOf(use: Use, stacks: Use[]): ((stackOf: (i: number) => Tensor) => Tensor) | undefined {
    const { origin } = use.value;
    if (origin.kind === "input") {
      const given = this.#stacked.get(origin.index);
      if (given !== undefined) return given;
      if (this.#bodyInputs[origin.index].kind !== "carry") return undefined;
    } else if (origin.kind !== "node") return undefined;
    const index = stackAt(use, stacks);
    return (stackOf) => stackOf(index);
  }

  /** A sum as a carry of its own. */
  #carried(use: Use, { nodes, inputs, carries }: Body): Total {
    const { shape, dtype } = use;
    const index = inputs.push({ shape, dtype }) - 1;
    const first = this.#input(full(shape, 0, { device: this.#call.device, dtype }));
    const carry = carries.length;
    this.#bodyInputs.push({ kind: "carry", carry, first });
    const before: Value = {
      id: this.#outer.nextId(),
      spec: { shape, dtype },
      origin: { kind: "input", index },
    };
    carries.push(this.#node(add.op, {}, [{ shape, dtype, value: before }, use], nodes));
    return (finals) => finals(carry);
  }

  /** Adds a node of one output like its first input. */
  #node(op: Op, attrs: object, inputs: readonly Use[], nodes: Node[]): Use {
    const { shape, dtype } = inputs[0];
    const last = nodes.at(-1);
    const stage = Math.max(0, ...inputs.map(({ value }) => producerOf(value)?.stage ?? 0));
    const node = makeNode(
      { id: (last?.id ?? -1) + 1, op, attrs, inputs, stage, recomputation: last?.recomputation ?? 0 },
      [{ id: this.#outer.nextId(), spec: { shape, dtype } }],
    );
    nodes.push(node);
    return { shape, dtype, value: node.outputs[0] };
  }

  /** Each output made by a node that makes no other: copies, where the body hands on what it was given. */
  #apart(outputs: readonly Use[], nodes: Node[]): Use[] {
    const seen = new Set<Value>();
    return outputs.map((use) => {
      if (producerOf(use.value) !== undefined && !seen.has(use.value)) {
        seen.add(use.value);
        return use;
      }
      return this.#node(cast.op, { dtype: use.dtype }, [use], nodes);
    });
  }
}

/** A step with a state or two, its inputs and what it keeps moves six buffers; it would be two kernels where four may move. */
const fewestMoving = 8;

/** Rows of even and of odd positions in one: [length, ...]. */
function inTurn(even: Tensor, odd: Tensor, length: number): Tensor {
  const [half, stride] = even.shape;
  const parts = [even, odd].map((part) => reshape(part, [half, 1, stride]));
  const all = reshape(concat(parts, 1), [2 * half, stride]);
  return length === 2 * half ? all : slice(all, 0, length);
}

/** Whether a node's results are worth keeping: what is done element by element, or moved, is done again. */
const isKept = (node: Node): boolean => pointwiseOf(node) === undefined && node.op.traits?.movesOnly !== true;

/** Whether two nodes of traces of one function are the same call. */
const isSame = (a: Node, b: Node): boolean =>
  a.op === b.op &&
  JSON.stringify(a.attrs) === JSON.stringify(b.attrs) &&
  a.inputs.length === b.inputs.length &&
  a.inputs.every(({ shape, dtype }, k) => sameShape(shape, b.inputs[k].shape) && dtype === b.inputs[k].dtype);

/** Where a value stands among those that are stacked. */
function stackAt(use: Use, stacks: Use[]): number {
  const index = stacks.findIndex(({ value, shape }) => value === use.value && sameShape(shape, use.shape));
  return index < 0 ? stacks.push(use) - 1 : index;
}

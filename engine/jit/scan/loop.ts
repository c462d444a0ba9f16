// Loop: a graph that runs once for each step, as a node of the graph around it. It is planned once; its steps differ in
// which rows they bind, and carries go from one of two buffers into the other.

import type { Place, PlanStep } from "../../backend/program.ts";
import { deviceBytes } from "../../base/dtype.ts";
import { sizeOf } from "../../base/shape.ts";
import type { KernelCall, Spec } from "../../kernel/kernel.ts";
import { Memory } from "../../kernel/memory.ts";
import { notDifferentiable, type Op } from "../../tensor/op.ts";
import type { Effect, Graph, Use } from "../graph.ts";
import { type Layout, OwnSteps, type StepsContext } from "../own-steps.ts";
import { simplify } from "../simplify.ts";
import type { BodyInput, LoopOptions } from "./body.ts";
import { loopReference } from "./reference.ts";

/** Where a step of the body writes an output, while the body is planned. */
class OutputMemory extends Memory {
  readonly output: number;

  constructor(output: number) {
    super();
    this.output = output;
  }

  protected free(): void {}
}

export class Loop extends OwnSteps {
  readonly body: Graph;
  readonly options: LoopOptions;

  constructor(options: LoopOptions) {
    super();
    this.body = options.body;
    this.options = options;
  }

  /** The last value of each carry, then stacks of rows [length, stride], then the two halves of each trail. */
  get outputs(): Spec[] {
    const { carries, length, strides, trails } = this.options;
    const { outputs } = this.body;
    const own = outputs.map(({ shape, dtype }, i) =>
      i < carries ? { shape, dtype } : { shape: [length, strides[i - carries]], dtype },
    );
    const halves = trails.flatMap((carry, k) => {
      const half = [Math.ceil(length / 2), strides[outputs.length - carries + k]];
      return [0, 1].map(() => ({ shape: half, dtype: outputs[carry].dtype }));
    });
    return [...own, ...halves];
  }

  steps(context: StepsContext): PlanStep[] {
    return new LoopPlan(this.options, context).steps();
  }
}

/** The op of loops, which scan() alone makes. */
export const loopOp: Op<Loop> = {
  name: "scan",
  infer: (_, loop) => loop.outputs,
  kernels: () => {
    throw new Error("a loop plans itself");
  },
  reference: (inputs, loop, outputs) => loopReference(inputs, loop.options, outputs),
  vjp: notDifferentiable("scan() differentiates itself"),
  saves: {},
  samples: [],
};

/** Bodies are planned as if each of their outputs were memory of its own. */
const layoutOf = (sliceAlignment: number): Layout => ({
  sliceAlignment,
  overlaps: (a, b) => a === b,
  sharesBuffer: (a, b) => a === b,
  offsetIn: () => 0,
  endsInGap: () => false,
});

type SlotPlace = Extract<Place, { kind: "slot" }>;

class LoopPlan {
  readonly #options: LoopOptions;
  readonly #context: StepsContext;
  /** By carry: the buffers that its values take turns in. */
  readonly #turns: SlotPlace[][] = [];
  /** By carry: the two buffers whose rows are all of its values; and elements from row to row. */
  readonly #trails = new Map<number, { readonly halves: readonly SlotPlace[]; readonly stride: number }>();
  /** By output of the body: where it is stacked. */
  readonly #stacks: (SlotPlace | undefined)[] = [];
  readonly #slots: SlotPlace[] = [];

  constructor(options: LoopOptions, context: StepsContext) {
    this.#options = options;
    this.#context = context;
  }

  steps(): PlanStep[] {
    const { length } = this.#options;
    const { body } = this.#place();
    const steps: PlanStep[] = [];
    const before = body.map((step) => this.#moving(step));
    for (let step = 0; step < length; step++) {
      const loop = { step, of: length };
      for (const planned of before) steps.push(...planned.map((make) => ({ ...make(step), loop })));
    }
    return [...steps, ...this.#lastOfTrails()];
  }

  /** The last values of carries whose values lie in rows, where they are needed. */
  #lastOfTrails(): PlanStep[] {
    const { body, length } = this.#options;
    const { node, isNeeded, take, keep } = this.#context;
    return [...this.#trails.keys()].flatMap((carry): PlanStep[] => {
      const result = node.outputs[carry];
      if (!isNeeded(result)) return [];
      const { shape, dtype } = body.outputs[carry];
      const bytes = deviceBytes(dtype, sizeOf(shape));
      const slot = take(bytes);
      keep(result, slot);
      const to: Place = { kind: "slot", slot, byteOffset: 0, bytes };
      const from = this.#carryAt(carry, length - 1);
      return [{ kind: "copy", name: "the last row", from, to, spec: { shape, dtype } }];
    });
  }

  /** Finds places for outputs and plans the body. */
  #place(): { body: readonly PlanStep[] } {
    const { body, carries, length, strides } = this.#options;
    const { node, isNeeded, take, takeZeroed, keep, plan, alignment } = this.#context;
    const effects: Effect[] = [];
    body.outputs.forEach(({ value, shape, dtype }, i) => {
      const bytes = deviceBytes(dtype, sizeOf(shape));
      const result = node.outputs[i];
      if (i < carries) {
        if (this.#placeTrail(i)) {
          effects.push({ target: new OutputMemory(i), spec: { shape, dtype }, source: value });
          return;
        }
        const turns = Array.from({ length: Math.min(2, length) }, () => take(bytes));
        this.#turns[i] = turns.map((slot) => ({ kind: "slot", slot, byteOffset: 0, bytes }));
        if (isNeeded(result)) keep(result, turns[(length - 1) % 2]);
      } else {
        this.#stacks[i] = undefined;
        if (!isNeeded(result)) return;
        const stack = deviceBytes(dtype, length * strides[i - carries]);
        const slot = take(stack);
        this.#stacks[i] = { kind: "slot", slot, byteOffset: 0, bytes: stack };
        keep(result, slot);
      }
      effects.push({ target: new OutputMemory(i), spec: { shape, dtype }, source: value });
    });
    // What is stacked for no one is not computed.
    const needed = simplify(
      { ...body, outputs: [], effects },
      () => {
        throw new Error("nothing is folded here");
      },
      { fold: false, dedupe: false },
    );
    const planned = plan(needed, layoutOf(alignment));
    for (const { bytes, isZeroed } of planned.slots) {
      const slot = isZeroed ? takeZeroed(bytes) : take(bytes);
      this.#slots.push({ kind: "slot", slot, byteOffset: 0, bytes });
    }
    return { body: planned.steps };
  }

  /** Finds the places of a carry's values, where all of them are needed. */
  #placeTrail(carry: number): boolean {
    const { body, carries, length, strides, trails } = this.#options;
    const { node, isNeeded, take, keep } = this.#context;
    const trail = trails.indexOf(carry);
    if (trail < 0) return false;
    const first = body.outputs.length + 2 * trail;
    const results = node.outputs.slice(first, first + 2);
    if (!results.some(isNeeded)) return false;
    const stride = strides[body.outputs.length - carries + trail];
    const bytes = deviceBytes(body.outputs[carry].dtype, Math.ceil(length / 2) * stride);
    const halves = results.map((result): SlotPlace => {
      const slot = take(bytes);
      if (isNeeded(result)) keep(result, slot);
      return { kind: "slot", slot, byteOffset: 0, bytes };
    });
    this.#trails.set(carry, { halves, stride });
    return true;
  }

  /** A step of the body as functions of the loop's step: with copies where it moves more than a kernel may. */
  #moving(planned: PlanStep): ((step: number) => PlanStep)[] {
    if (planned.kind === "copy") {
      const { from, to } = planned;
      return [(step) => ({ ...planned, from: this.#at(from, step), to: this.#at(to, step) })];
    }
    const { call, places } = planned;
    const last = this.#options.length - 1;
    const moves = places.map(
      (place, k) =>
        call.operands[k].moves ||
        this.#at(place, 0).row !== undefined ||
        this.#at(place, last).row !== undefined,
    );
    const copies: { before: ((step: number) => PlanStep)[]; after: ((step: number) => PlanStep)[] } = {
      before: [],
      after: [],
    };
    const stands = new Map<number, Place>();
    let left = moves.filter(Boolean).length - this.#context.mostMoving;
    for (let k = places.length - 1; k >= 0 && left > 0; k--) {
      if (!moves[k]) continue;
      left--;
      moves[k] = false;
      const place = places[k];
      const { bytes } = this.#at(place, 0).row ?? this.#at(place, last).row!;
      const stand: Place = { kind: "slot", slot: this.#context.take(bytes), byteOffset: 0, bytes };
      stands.set(k, stand);
      const spec: Spec = { shape: [bytes / 4], dtype: "f32" };
      const copy = (from: (step: number) => Place, to: (step: number) => Place) => (step: number) =>
        ({ kind: "copy", name: "row", from: from(step), to: to(step), spec }) as PlanStep;
      if (call.operands[k].access === "read")
        copies.before.push(
          copy(
            (step) => this.#at(place, step),
            () => stand,
          ),
        );
      else
        copies.after.push(
          copy(
            () => stand,
            (step) => this.#at(place, step),
          ),
        );
    }
    const moving: KernelCall = {
      ...call,
      // Those of a loop inside moved already, and may have been copied now.
      operands: call.operands.map(({ moves: _, ...operand }, k) =>
        moves[k] ? { ...operand, moves: true } : operand,
      ),
    };
    const dispatch = (step: number): PlanStep => ({
      ...planned,
      call: moving,
      places: places.map((place, k) => stands.get(k) ?? this.#at(place, step)),
    });
    return [...copies.before, dispatch, ...copies.after];
  }

  /** Where a place of the body lies at a step. */
  #at(place: Place, step: number): Place {
    if (place.kind === "input") return within(this.#inputAt(this.#options.inputs[place.index], step), place);
    if (place.kind === "slot") {
      const { slot } = this.#slots[place.slot];
      return { ...place, slot };
    }
    if (!(place.memory instanceof OutputMemory)) return place;
    const { output } = place.memory;
    const { carries, strides, body } = this.#options;
    if (output < carries) return within(this.#carryAt(output, step), place);
    return within(
      this.#rowAt(this.#stacks[output]!, body.outputs[output], strides[output - carries], step),
      place,
    );
  }

  /** Where a carry's value behind a step lies. */
  #carryAt(carry: number, step: number): Place {
    const trail = this.#trails.get(carry);
    if (trail === undefined) {
      const turns = this.#turns[carry];
      return turns[step % turns.length];
    }
    const { length, isReversed, body } = this.#options;
    const position = isReversed ? length - 1 - step : step;
    const { shape, dtype } = body.outputs[carry];
    const byteOffset = Math.floor(position / 2) * deviceBytes(dtype, trail.stride);
    const row = { byteOffset, bytes: deviceBytes(dtype, sizeOf(shape)) };
    return within(trail.halves[position % 2], { row });
  }

  #inputAt(input: BodyInput, step: number): Place {
    const { length } = this.#options;
    const { node, placeOf } = this.#context;
    const at = (k: number) => placeOf(node.inputs[k].value);
    switch (input.kind) {
      case "whole":
        return at(input.input);
      case "carry":
        return step === 0 ? at(input.first) : this.#carryAt(input.carry, step - 1);
      case "next":
        return step === length - 1 ? at(input.last) : this.#rowOf(input.rows, step + 1);
      default:
        return this.#rowOf(input.rows, step);
    }
  }

  /** A row of an input of the node. */
  #rowOf(k: number, step: number): Place {
    const use: Use = this.#context.node.inputs[k];
    const stride = use.shape[1];
    return this.#rowAt(this.#context.placeOf(use.value), { shape: [stride], dtype: use.dtype }, stride, step);
  }

  #rowAt(place: Place, { shape, dtype }: Spec, stride: number, step: number): Place {
    const { length, isReversed } = this.#options;
    const position = isReversed ? length - 1 - step : step;
    const byteOffset = position * deviceBytes(dtype, stride);
    return within(place, { row: { byteOffset, bytes: deviceBytes(dtype, sizeOf(shape)) } });
  }
}

/** A place, or the part of it that a row within it is. */
function within(place: Place, { row }: Pick<Place, "row">): Place {
  if (row === undefined) return place;
  const byteOffset = (place.row?.byteOffset ?? 0) + row.byteOffset;
  return { ...place, row: { byteOffset, bytes: row.bytes } };
}

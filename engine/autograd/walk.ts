// The walk back through recorded calls: pulls gradients through each op's rule, sums them where values were
// broadcast or used twice, and lets hooks see them. It knows nodes and gradients; recording is the tape's.

import { isFloat } from "../base/dtype.ts";
import { GradientError, kindOf, ShapeError } from "../base/errors.ts";
import { broadcastAxes, broadcastShapes, type Shape, sameShape, showShape } from "../base/shape.ts";
import { add } from "../ops/elementwise/arithmetic.ts";
import { reshape } from "../ops/layout/reshape.ts";
import { sum } from "../ops/reduce/reduce.ts";
import { full } from "../tensor/create.ts";
import type { Op, Vjp, VjpContext } from "../tensor/op.ts";
import { claim, keep, tidy } from "../tensor/scope.ts";
import { track } from "../tensor/scope-stack.ts";
import { Tensor } from "../tensor/tensor.ts";
import { opWatch } from "../tensor/watches.ts";
import { gradientHooks } from "./hook-store.ts";
import type { Node } from "./node.ts";

/** What the walk asks of the tape that it goes over. */
export interface Walkable {
  readonly nodes: readonly Node[];
  /** By id: the op without a gradient that a value comes out of. */
  readonly cuts: ReadonlyMap<number, Node>;
  /** By id: handles of values that may have hooks. */
  readonly marked: ReadonlyMap<number, Tensor>;
  /** By id: handles of watched tensors and variables. */
  readonly leaves: ReadonlyMap<number, Tensor>;
  needs(id: number): boolean;
  /** See {@link VjpContext.pull}. */
  readonly pull: VjpContext["pull"];
  /** Runs `fn` unseen by the tape; the tapes around it record. */
  unseen<T>(fn: () => T): T;
}

export interface WalkOptions {
  /** Names the caller in errors. */
  readonly what: string;
  /** Values whose gradients are kept when their op has been passed. */
  readonly wanted?: ReadonlySet<number>;
  /** Free what a node saved as soon as the walk has passed it. */
  readonly frees?: boolean;
}

/** One node of the walk. The tensors stay valid until it goes on. */
export interface WalkStep {
  readonly node: Node;
  readonly outputGradients: readonly (Tensor | null)[];
  readonly inputGradients: readonly (Tensor | null)[];
}

export class Walk {
  /** Gradients by the value's id, owned by the walk. */
  readonly gradients: Map<number, Tensor>;
  readonly #tape: Walkable;
  readonly #options: WalkOptions;
  /** Ops without a gradient that what was walked leads back to. */
  readonly #reached = new Set<Node>();
  /** Values whose hooks have run. */
  readonly #hooked = new Set<number>();

  /** @param seeds gradients to start from, by id; the walk owns them */
  constructor(tape: Walkable, seeds: Map<number, Tensor>, options: WalkOptions) {
    this.#tape = tape;
    this.gradients = seeds;
    this.#options = options;
  }

  get nodes(): readonly Node[] {
    return this.#tape.nodes;
  }

  /** Goes all the way. */
  run(): void {
    const { nodes } = this;
    for (let i = nodes.length - 1; i >= 0; i--) {
      const step = this.visit(nodes[i]);
      if (step !== undefined) this.goOn(step);
    }
    this.finish();
  }

  dispose(): void {
    for (const gradient of this.gradients.values()) gradient.dispose();
    this.gradients.clear();
  }

  /** The node's contributions, or undefined where no gradient reaches it. */
  visit(node: Node): WalkStep | undefined {
    if ("notDifferentiable" in node.op.vjp) {
      // It is shown where gradients end.
      return this.#reached.has(node)
        ? {
            node,
            outputGradients: node.outputIds.map(() => null),
            inputGradients: node.inputIds.map(() => null),
          }
        : undefined;
    }
    const { gradients } = this;
    if (!node.outputIds.some((id) => gradients.has(id))) return undefined;
    if (node.isFreed) {
      throw new GradientError(
        `${this.#options.what}: an earlier backward() has freed what ${node.op.name} saved for it; pass { retainGraph: true } to that one`,
      );
    }
    const { cuts, marked } = this.#tape;
    if (cuts.size > 0) {
      for (const id of node.inputIds) {
        const cut = cuts.get(id);
        if (cut !== undefined) this.#reached.add(cut);
      }
    }
    if (marked.size > 0) for (const id of node.outputIds) this.#runHooks(id, marked.get(id));
    const outputGradients = node.outputIds.map((id) => gradients.get(id) ?? null);
    const inputGradients = this.#tape.unseen(() => this.#pullBack(node, outputGradients));
    return { node, outputGradients, inputGradients };
  }

  /** Leaves a node: its outputs' gradients are complete and used, its inputs' grow by what it gave. */
  goOn({ node, inputGradients }: WalkStep): void {
    const { gradients } = this;
    const { wanted, frees } = this.#options;
    if ("notDifferentiable" in node.op.vjp) return;
    for (const id of node.outputIds) {
      if (wanted?.has(id)) continue;
      gradients.get(id)?.dispose();
      gradients.delete(id);
    }
    if (frees) node.free();
    this.#tape.unseen(() => {
      inputGradients.forEach((gradient, k) => {
        if (gradient !== null) accumulate(gradients, node.inputIds[k], gradient);
      });
    });
  }

  /** Comes last. */
  finish(): void {
    for (const [id, leaf] of this.#tape.leaves) this.#runHooks(id, leaf);
  }

  #runHooks(id: number, value: Tensor | undefined): void {
    const apply = value && gradientHooks.get(value);
    const gradient = this.gradients.get(id);
    if (apply === undefined || gradient === undefined || this.#hooked.has(id)) return;
    this.#hooked.add(id);
    this.gradients.set(
      id,
      this.#tape.unseen(() => apply(gradient)),
    );
  }

  /** The node's contribution to each input's gradient, summed to the input's shape and owned by the caller. */
  #pullBack(node: Node, outputGradients: readonly (Tensor | null)[]): (Tensor | null)[] {
    const produced = tidy(() => {
      const context = this.#context(node, outputGradients);
      const rule = () => (node.op.vjp as Vjp)(context);
      const raw = opWatch.value === undefined ? rule() : opWatch.value.backward(node, rule);
      checkCount(node.op, raw, node.inputIds.length);
      const given = new Set<Tensor>();
      return node.inputIds.map((_, k) => {
        const gradient = raw[k];
        if (gradient === null || gradient === undefined || !context.needs(k)) return null;
        const summed = sumTo(node.op, k, gradient, node.inputSpecs[k].shape);
        // A rule may hand on what it was given, or one tensor twice: each contribution has a handle of its own.
        const own = given.has(summed) ? track(summed.alias()) : claim(summed);
        given.add(own);
        return own;
      });
    });
    for (const gradient of produced) if (gradient !== null) keep(gradient);
    return produced;
  }

  #context(node: Node, outputGradients: readonly (Tensor | null)[]): VjpContext {
    const { op } = node;
    const { what } = this.#options;
    return {
      attrs: node.attrs,
      inputSpecs: node.inputSpecs,
      outputSpecs: node.outputSpecs,
      pull: this.#tape.pull,
      hasGrad: (index) => outputGradients[index] !== null,
      needs: (index) => this.#tape.needs(node.inputIds[index]),
      grad: (index = 0) =>
        outputGradients[index] ??
        full(node.outputSpecs[index].shape, 0, { device: outputGradients.find((g) => g !== null)!.device }),
      input: (index) => {
        const saved = node.inputVariables[index];
        if (saved !== undefined && saved.variable.version !== saved.version) {
          throw new GradientError(
            `${what}: ${saved.variable.describe()} was assigned after ${op.name} read it, and its old value is needed; take gradients before assigning`,
          );
        }
        return node.input(index) ?? notSaved(op, "input", index);
      },
      output: (index = 0) => node.output(index) ?? notSaved(op, "output", index),
    };
  }
}

/** Goes step by step; stopping frees what is held. */
export function* stepsOf(walk: Walk): Generator<WalkStep, void, void> {
  const { nodes } = walk;
  for (let i = nodes.length - 1; i >= 0; i--) {
    const step = walk.visit(nodes[i]);
    if (step === undefined) continue;
    let goesOn = false;
    try {
      yield step;
      goesOn = true;
    } finally {
      // A loop that breaks or throws ends the generator here, without an error of its own.
      if (!goesOn) for (const gradient of step.inputGradients) gradient?.dispose();
    }
    walk.goOn(step);
  }
  walk.finish();
}

function notSaved(op: Op, what: string, index: number): never {
  throw new GradientError(
    `${op.name}: its backward rule reads ${what} ${index}, which its "saves" does not list`,
  );
}

function checkCount(op: Op, raw: unknown, count: number): void {
  if (!Array.isArray(raw)) {
    throw new GradientError(
      `${op.name}: its backward rule must return an array, one gradient or null an input, got ${raw instanceof Tensor ? "a Tensor" : kindOf(raw)}`,
    );
  }
  if (raw.length !== count) {
    throw new GradientError(
      `${op.name}: its backward rule gave ${raw.length} gradients for ${count} inputs; give one an input, null where there is none`,
    );
  }
}

function accumulate(gradients: Map<number, Tensor>, id: number, contribution: Tensor): void {
  const existing = gradients.get(id);
  if (existing === undefined) {
    gradients.set(id, contribution);
    return;
  }
  gradients.set(id, keep(add(existing, contribution)));
  existing.dispose();
  contribution.dispose();
}

/** Sums `gradient` over the axes along which a tensor of `shape` was broadcast. */
function sumTo(op: Op, k: number, gradient: Tensor, shape: Shape): Tensor {
  if (!(gradient instanceof Tensor) || !isFloat(gradient.dtype)) {
    const got = gradient instanceof Tensor ? gradient.describe() : typeof gradient;
    throw new GradientError(
      `${op.name}: its backward rule gave ${got} for the gradient of input ${k}; it must be an f32 tensor or null`,
    );
  }
  if (sameShape(gradient.shape, shape)) return gradient;
  if (!isBroadcast(shape, gradient.shape)) {
    throw new GradientError(
      `${op.name}: its backward rule gave a gradient of shape ${showShape(gradient.shape)} for input ${k} of shape ${showShape(shape)}; it must have that shape, or one that it is broadcast to`,
    );
  }
  const axes = broadcastAxes(shape, gradient.shape);
  const summed = axes.length === 0 ? gradient : sum(gradient, axes);
  return reshape(summed, shape);
}

/** Whether a tensor of shape `from` can be broadcast to `to`. */
function isBroadcast(from: Shape, to: Shape): boolean {
  try {
    return sameShape(broadcastShapes("gradient", [from, to]), to);
  } catch (error) {
    if (error instanceof ShapeError) return false;
    throw error;
  }
}

// Optimizer: the frame around an update rule. It packs the variables, keeps the rule's slots, the step count and
// the learning rate on the device, and applies gradients; the rule itself is plain tensor ops in a subclass.

import {
  ArgumentError,
  add,
  cast,
  div,
  mul,
  noGrad,
  ShapeError,
  showShape,
  type Tensor,
  tidy,
  type Variable,
  variable,
  variableGrads,
} from "../engine/index.ts";
import { isCurrent, releasePack, type SharedPack, sameList, sharePack } from "./packs.ts";

export interface OptimizerOptions {
  /** Step size; what it defaults to stands with each optimizer. */
  learningRate?: number;
  /** Older Keras's name of `learningRate`. */
  lr?: number;
  /** Time decay of older Keras: the rate of update t, from 0, is learningRate / (1 + decay · t). Default 0. */
  decay?: number;
  name?: string;
}

/** What an update rule sees: vectors over all parameters at once, laid out alike. */
export interface UpdateContext<S extends string = string> {
  /** f32 [total]: the parameters' values. */
  readonly value: Tensor;
  /** f32 [total]: the gradient of the loss with respect to them. */
  readonly gradient: Tensor;
  /** f32 [total] each: what the rule remembers. */
  readonly slots: Readonly<Record<S, Tensor>>;
  /** f32 scalar: the rate of this update. */
  readonly learningRate: Tensor;
  /** i32 scalar: how many updates were made before this one. */
  readonly iterations: Tensor;
}

export interface UpdateResult<S extends string = string> {
  readonly value: Tensor;
  readonly slots?: Readonly<Record<S, Tensor>>;
}

/** What an optimizer remembers, on the host: plain data that fits any device. */
export interface OptimizerState {
  readonly name: string;
  readonly iterations: number;
  readonly learningRate: number;
  /** For each slot, one array a variable, in the variables' order. */
  readonly slots: Readonly<Record<string, readonly Float32Array[]>>;
}

/** What an optimizer holds on the device once it knows its variables. */
interface Built<S extends string> {
  readonly variables: readonly Variable[];
  shared: SharedPack;
  readonly slots: Readonly<Record<S, Variable>>;
  readonly iterations: Variable;
  readonly learningRate: Variable;
}

/**
 * Base of all optimizers. Subclasses give the rule; everything lives on the device, so a step uploads nothing.
 *
 *     const optimizer = new Adam({ learningRate: 1e-3 });
 *     const loss = optimizer.minimize(() => mean(square(sub(matmul(x, w), y))), [w]);
 */
export abstract class Optimizer<S extends string = string> {
  readonly name: string;
  readonly decay: number;
  #rate: number;
  #built: Built<S> | undefined;
  #pending: OptimizerState | undefined;

  protected constructor(name: string, defaultRate: number, options: OptimizerOptions) {
    if (options.lr !== undefined && options.learningRate !== undefined) {
      throw new ArgumentError(
        `${name}: learningRate ${options.learningRate} and its older name lr ${options.lr} are both given; pass one`,
      );
    }
    this.name = options.name ?? name;
    this.#rate = checkRate(this.name, options.learningRate ?? options.lr ?? defaultRate);
    this.decay = atLeastZero(this.name, "decay", options.decay ?? 0);
  }

  /** The slots that the rule needs, by name, with the value that they start from. */
  protected abstract readonly slotStarts: Readonly<Record<S, number>>;

  /** The rule: new values and slots from the old. Pure tensor ops, without reading data. */
  protected abstract update(context: UpdateContext<S>): UpdateResult<S>;

  /** The hyperparameters, for saving and for showing. */
  abstract config(): Record<string, number | boolean>;

  /** The rate that updates use from now on (before `decay`); set it whenever you like. */
  get learningRate(): number {
    return this.#rate;
  }

  set learningRate(rate: number) {
    this.#rate = checkRate(this.name, rate);
    this.#built?.learningRate.set([rate]);
  }

  get isBuilt(): boolean {
    return this.#built !== undefined;
  }

  /** The step count on the device, an i32 scalar; undefined before the optimizer knows its variables. */
  get iterations(): Variable | undefined {
    return this.#built?.iterations;
  }

  /**
   * Tells the optimizer which variables it works on, for good; `minimize` does it by itself.
   *
   * @throws ArgumentError when it works on others already
   */
  build(variables: readonly Variable[]): this {
    if (this.#built !== undefined) {
      if (!sameList(this.#built.variables, variables)) {
        throw new ArgumentError(
          `${this.name}: works on ${this.#built.variables.length} other variables already (${listNames(this.#built.variables)}); make a new optimizer for ${listNames(variables)}`,
        );
      }
      return this;
    }
    if (variables.length === 0) {
      throw new ArgumentError(`${this.name}: got no variables to train; pass at least one`);
    }
    const device = variables[0].device;
    const shared = sharePack(variables);
    const state = { trainable: false, device };
    const slots = {} as Record<S, Variable>;
    for (const slot of Object.keys(this.slotStarts) as S[]) {
      const start = new Float32Array(shared.pack.total).fill(this.slotStarts[slot]);
      slots[slot] = variable(start, { ...state, name: `${this.name}/${slot}` });
    }
    this.#built = {
      variables: [...variables],
      shared,
      slots,
      iterations: variable(0, { ...state, name: `${this.name}/iterations`, dtype: "i32" }),
      learningRate: variable(this.#rate, { ...state, name: `${this.name}/learningRate` }),
    };
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending !== undefined) this.setState(pending);
    return this;
  }

  /**
   * Changes the variables by their gradients, one each, in the order of `build`.
   *
   * @throws ShapeError for a gradient that does not have its variable's shape
   */
  apply(gradients: readonly Tensor[]): void {
    const built = this.#ready("apply");
    const { variables, slots } = built;
    if (gradients.length !== variables.length) {
      throw new ArgumentError(
        `${this.name}: got ${gradients.length} gradients for ${variables.length} variables; pass one each, in order`,
      );
    }
    gradients.forEach((gradient, i) => {
      if (showShape(gradient.shape) !== showShape(variables[i].shape)) {
        throw new ShapeError(
          `${this.name}: the gradient of variable "${variables[i].name}" has shape ${showShape(gradient.shape)}; it must be ${showShape(variables[i].shape)}`,
        );
      }
    });
    const { pack } = built.shared;
    noGrad(() =>
      tidy(() => {
        const result = this.update({
          value: pack.values,
          gradient: pack.gather(gradients),
          slots,
          learningRate: this.#currentRate(built),
          iterations: built.iterations,
        });
        pack.values.assign(result.value);
        for (const slot of Object.keys(slots) as S[]) {
          const next = result.slots?.[slot];
          if (next !== undefined) slots[slot].assign(next);
        }
        built.iterations.assign(add(built.iterations, 1));
      }),
    );
  }

  /** One step: the gradient of the scalar `loss()` with respect to `variables`, applied. Gives the loss. */
  minimize(loss: () => Tensor, variables: readonly Variable[]): Tensor {
    this.build(variables);
    return tidy(() => {
      const { value, grads } = variableGrads(loss, variables);
      this.apply(grads);
      return value;
    });
  }

  /** Reads the slots and the step count back, for saving. */
  async getState(): Promise<OptimizerState> {
    const built = this.#built;
    const base = { name: this.name, learningRate: this.#rate };
    if (built === undefined) return this.#pending ?? { ...base, iterations: 0, slots: {} };
    const names = Object.keys(built.slots) as S[];
    const { pack } = built.shared;
    const [iterations, ...values] = await Promise.all([
      built.iterations.item(),
      ...names.map((slot) => built.slots[slot].data()),
    ]);
    const slots: Record<string, Float32Array[]> = {};
    names.forEach((slot, k) => {
      slots[slot] = built.variables.map((_, i) => (values[k] as Float32Array).slice(...pack.range(i)));
    });
    return { ...base, iterations, slots };
  }

  /**
   * Goes on from a saved state. Before the variables are known, it is kept until they are.
   *
   * @throws ArgumentError when the state is another optimizer's or of other variables; nothing is changed then
   */
  setState(state: OptimizerState): void {
    const built = this.#built;
    if (built === undefined) {
      this.#rate = checkRate(this.name, state.learningRate);
      this.#pending = state;
      return;
    }
    const names = Object.keys(built.slots) as S[];
    const { pack } = built.shared;
    // A state from before the first step has no slots: they start anew.
    const isFresh = state.iterations === 0 && Object.keys(state.slots).length === 0;
    const values = names.map((slot) => {
      const packed = new Float32Array(pack.total).fill(isFresh ? this.slotStarts[slot] : 0);
      if (isFresh) return packed;
      const saved = state.slots[slot];
      const fits = saved?.length === built.variables.length;
      if (!fits || built.variables.some((v, i) => saved[i].length !== v.size)) {
        throw new ArgumentError(
          `${this.name}: the state has no slot "${slot}" for ${built.variables.length} variables of these sizes (it holds ${Object.keys(state.slots).join(", ") || "no slots"} of "${state.name}"); restore the state of the same optimizer over the same variables`,
        );
      }
      saved.forEach((part, i) => {
        packed.set(part, pack.offsets[i]);
      });
      return packed;
    });
    this.learningRate = state.learningRate;
    built.iterations.set([state.iterations]);
    names.forEach((slot, k) => {
      built.slots[slot].set(values[k]);
    });
  }

  /** Frees the slots. The variables stay. Doing it twice is harmless; the optimizer can be built again. */
  dispose(): void {
    const built = this.#built;
    if (built === undefined) return;
    this.#built = undefined;
    for (const slot of Object.values(built.slots) as Variable[]) slot.dispose();
    built.iterations.dispose();
    built.learningRate.dispose();
    releasePack(built.shared);
  }

  /** What was built, with the variables packed, even if another optimizer packed them differently meanwhile. */
  #ready(what: string): Built<S> {
    const built = this.#built;
    if (built === undefined) {
      throw new ArgumentError(
        `${this.name}: ${what} needs variables; call build(variables) or minimize() first`,
      );
    }
    if (!isCurrent(built.shared)) {
      releasePack(built.shared);
      built.shared = sharePack(built.variables);
    }
    return built;
  }

  #currentRate({ learningRate, iterations }: Built<S>): Tensor {
    if (this.decay === 0) return learningRate;
    return div(learningRate, add(mul(cast(iterations, "f32"), this.decay), 1));
  }
}

function checkRate(name: string, rate: number): number {
  return atLeastZero(name, "learningRate", rate);
}

/** @throws ArgumentError unless `value` is a finite number of at least 0 */
export function atLeastZero(name: string, what: string, value: number): number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) {
    throw new ArgumentError(`${name}: ${what} must be a finite number of at least 0, got ${value}`);
  }
  return value;
}

/** @throws ArgumentError unless `value` is a number from 0 up to 1, exclusive */
export function belowOne(name: string, what: string, value: number): number {
  if (typeof value !== "number" || !(value >= 0 && value < 1)) {
    throw new ArgumentError(`${name}: ${what} must be from 0 up to 1 (exclusive), got ${value}`);
  }
  return value;
}

function listNames(variables: readonly Variable[]): string {
  const names = variables.slice(0, 3).map((v) => `"${v.name}"`);
  return names.join(", ") + (variables.length > 3 ? ", ..." : "");
}

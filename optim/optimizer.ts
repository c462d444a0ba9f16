// Optimizer: the frame around an update rule. It packs the variables, keeps the rule's slots, the step count and
// the learning rate on the device, clips gradients and decays weights; the rule itself is plain tensor ops in a subclass.

import {
  ArgumentError,
  add,
  full,
  mul,
  noGrad,
  ShapeError,
  showShape,
  sub,
  Tensor,
  TraceError,
  tidy,
  Variable,
  variable,
  variableGrads,
} from "../engine/index.ts";
import {
  atLeastZero,
  checkDifferentiable,
  checkedName,
  checkFunction,
  checkOptions,
  kindOf,
  type OptionNames,
} from "../engine/internal.ts";
import { type ClippingOptions, clipped, clippingOf } from "./clipping.ts";
import { LearningRate } from "./learning-rate.ts";
import {
  assignPack,
  isCurrent,
  isFree,
  readPack,
  releasePack,
  type SharedPack,
  sameList,
  sharePack,
} from "./packs.ts";
import { checkResult, checkStarts, type UpdateResult } from "./rule-checks.ts";
import type { Schedule, ScheduleConfig } from "./schedules.ts";
import { Segments } from "./segments.ts";
import { checkState } from "./state-checks.ts";

export type { UpdateResult };

export interface OptimizerOptions extends ClippingOptions {
  /** Step size, a number or a schedule; what it defaults to stands with each optimizer. */
  learningRate?: number | Schedule;
  /** Older Keras's name of `learningRate`. */
  lr?: number;
  /** Time decay of older Keras: the rate of update t, from 0, is learningRate / (1 + decay · t). Default 0. */
  decay?: number;
  /**
   * Decoupled weight decay (Loshchilov and Hutter 2019): before its update each weight shrinks by rate · weightDecay of
   * itself, whatever its gradient. Unlike an L2 penalty in the loss it does not pass through the moments. Default 0.
   */
  weightDecay?: number;
  name?: string;
}

export const optimizerOptions: OptionNames<OptimizerOptions> = {
  learningRate: true,
  lr: true,
  decay: true,
  weightDecay: true,
  name: true,
  clipValue: true,
  clipNorm: true,
  globalClipNorm: true,
};

/** The options that a rule adds to those of all optimizers. */
export type OwnOptions<O extends OptimizerOptions> = OptionNames<Omit<O, keyof OptimizerOptions>>;

/** What an update rule sees: vectors over all parameters at once, laid out alike. */
export interface UpdateContext<S extends string = string> {
  /** f32 [total]: the parameters' values. */
  readonly value: Tensor;
  /** f32 [total]: the gradient of the loss with respect to them. */
  readonly gradient: Tensor;
  /** f32 [total] each: what the rule remembers. */
  readonly slots: Readonly<Record<S, Tensor>>;
  /** f32 scalars that the rule remembers. */
  readonly scalars: Readonly<Record<string, Tensor>>;
  /** f32 scalar: the rate of this update. */
  readonly learningRate: Tensor;
  /** i32 scalar: how many updates were made before this one. */
  readonly iterations: Tensor;
}

/** Hyperparameters by name. A schedule shows how it was made, or its function's name. */
export type OptimizerConfig = Readonly<Record<string, number | boolean | ScheduleConfig>>;

/** What an optimizer remembers, on the host: data that fits any device. As JSON, its arrays must be plain ones. */
export interface OptimizerState {
  readonly name: string;
  readonly iterations: number;
  /** Absent under a schedule, which needs the iterations only. */
  readonly learningRate?: number;
  /** For each slot, one array a variable, in the variables' order. */
  readonly slots: Readonly<Record<string, readonly Float32Array[]>>;
  readonly scalars?: Readonly<Record<string, number>>;
}

/** What an optimizer holds on the device once it knows its variables. */
interface Built<S extends string> {
  readonly variables: readonly Variable[];
  shared: SharedPack;
  readonly slots: Readonly<Record<S, Variable>>;
  readonly scalars: Readonly<Record<string, Variable>>;
  readonly iterations: Variable;
  readonly learningRate: Variable;
  /** Where clipping or decay treats each variable by itself. */
  readonly segments: Segments | undefined;
  /** f32 [variables]: 1 for those that decay, where some don't. */
  readonly decays: Variable | undefined;
}

/**
 * Base of all optimizers. Subclasses give the rule; everything lives on the device, so a step uploads nothing.
 *
 *     const optimizer = new Adam({ learningRate: 1e-3 });
 *     const loss = optimizer.minimize(() => mean(square(sub(matmul(x, w), y))), [w]);
 */
export abstract class Optimizer<S extends string = string> {
  readonly name: string;
  readonly weightDecay: number;
  readonly clipping: ReturnType<typeof clippingOf>;
  readonly #rate: LearningRate;
  #isExcluded: ((variable: Variable) => boolean) | undefined;
  #built: Built<S> | undefined;
  #pending: OptimizerState | undefined;

  /** @param own the rule's own options, so that others are refused rather than ignored; left out: nothing is refused */
  protected constructor(
    name: string,
    defaultRate: number,
    options: OptimizerOptions,
    own?: Readonly<Record<string, true>>,
  ) {
    if (own !== undefined) checkOptions<object>(name, options, { ...optimizerOptions, ...own });
    if (options.lr !== undefined && options.learningRate !== undefined) {
      throw new ArgumentError(
        `${name}: learningRate ${options.learningRate} and its older name lr ${options.lr} are both given; pass one`,
      );
    }
    this.name = options.name === undefined ? name : checkedName(name, options.name);
    const rate = options.learningRate ?? options.lr ?? defaultRate;
    this.#rate = new LearningRate(this.name, rate, options.decay ?? 0);
    this.weightDecay = atLeastZero(this.name, "weightDecay", options.weightDecay ?? 0);
    this.clipping = clippingOf(this.name, options);
  }

  /** The slots that the rule needs, by name, with the value that they start from; {} for none. */
  protected abstract readonly slotStarts: Readonly<Record<S, number>>;

  /**
   * The rule: new values and slots from the old. Pure tensor ops, without reading data. A slot or scalar that it does not
   * return stays as it is; one that {@link slotStarts} or {@link scalarStarts} does not declare is refused.
   */
  protected abstract update(context: UpdateContext<S>): UpdateResult<S>;

  /** The rule's own hyperparameters. */
  protected abstract ruleConfig(): OptimizerConfig;

  /** Scalars that the rule needs besides its slots, with the value that they start from. */
  protected get scalarStarts(): Readonly<Record<string, number>> {
    return {};
  }

  /** The hyperparameters, for saving and for showing. */
  config(): OptimizerConfig {
    const { weightDecay, clipping } = this;
    return {
      learningRate: this.#rate.config,
      decay: this.#rate.decay,
      ...(weightDecay > 0 ? { weightDecay } : {}),
      ...(clipping ? { [clipping.kind]: clipping.limit } : {}),
      ...this.ruleConfig(),
    };
  }

  /**
   * The rate that updates use from now on (before `decay`); set it whenever you like.
   *
   * @throws ArgumentError under a schedule, which alone says the rate: see {@link currentLearningRate}
   */
  get learningRate(): number {
    return this.#rate.number;
  }

  set learningRate(rate: number) {
    this.#rate.number = rate;
    this.#built?.learningRate.set([rate]);
  }

  /** What the rate follows instead of a number, if it does. */
  get schedule(): Schedule | undefined {
    return this.#rate.schedule;
  }

  /** The rate of the next update, decay and schedule included, as the device computes it. */
  async currentLearningRate(): Promise<number> {
    const rate = noGrad(() =>
      tidy(() => {
        const iterations =
          this.#built?.iterations ?? full([], this.#pending?.iterations ?? 0, { dtype: "i32" });
        // Times 1: a copy, for it may be the optimizer's own variable.
        return mul(this.#rate.at(iterations, this.#built?.learningRate ?? full([], this.#rate.start)), 1);
      }),
    );
    return rate.item().finally(() => rate.dispose());
  }

  /**
   * Spares variables from weight decay, biases and normalization parameters say. Call it before `build`.
   *
   * @param isExcluded told each variable once
   */
  excludeFromWeightDecay(isExcluded: (variable: Variable) => boolean): this {
    checkFunction(
      `${this.name}.excludeFromWeightDecay`,
      isExcluded,
      'picks variables, as in ({ name }) => name.endsWith("bias")',
      "it is asked about each of them",
    );
    if (this.#built !== undefined) {
      throw new ArgumentError(
        `${this.name}: excludeFromWeightDecay must come before the optimizer knows its variables`,
      );
    }
    this.#isExcluded = isExcluded;
    return this;
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
    const other = Array.isArray(variables) ? variables.find((v) => !(v instanceof Variable)) : variables;
    if (!Array.isArray(variables) || other !== undefined) {
      const got = other instanceof Tensor ? other.describe() : kindOf(other);
      throw new ArgumentError(
        `${this.name}: takes an array of Variables to train, got ${got}; make them with variable(...)`,
      );
    }
    if (this.#built !== undefined) {
      if (!sameList(this.#built.variables, variables)) {
        throw new ArgumentError(
          `${this.name}: works on ${this.#built.variables.length} other variables already (${listNames(this.#built.variables)}); make a new optimizer for ${listNames(variables)}, or compile the model again`,
        );
      }
      this.#ready("build");
      return this;
    }
    if (variables.length === 0) {
      throw new ArgumentError(`${this.name}: got no variables to train; pass at least one`);
    }
    const again = variables.find((v, i) => variables.indexOf(v) < i);
    if (again !== undefined) {
      throw new ArgumentError(
        `${this.name}: got ${again.describe()} twice, which would be changed twice a step; pass each variable once, as in [...new Set(variables)]`,
      );
    }
    if (variables[0].device.isTracing) {
      throw new TraceError(
        `${this.name}: was not built, or was disposed since, and a function that is traced can't do it; call build(variables) before`,
      );
    }
    checkStarts(this.name, "slotStarts", this.slotStarts);
    checkStarts(this.name, "scalarStarts", this.scalarStarts);
    const device = variables[0].device;
    const shared = sharePack(variables);
    const state = { trainable: false, device };
    const slots = {} as Record<S, Variable>;
    for (const slot of Object.keys(this.slotStarts) as S[]) {
      const start = new Float32Array(shared.pack.total).fill(this.slotStarts[slot]);
      slots[slot] = variable(start, { ...state, name: `${this.name}/${slot}` });
    }
    const scalars: Record<string, Variable> = {};
    for (const [scalar, start] of Object.entries(this.scalarStarts))
      scalars[scalar] = variable(start, { ...state, name: `${this.name}/${scalar}` });
    const kept = variables.map((v) => (this.#isExcluded?.(v) === true ? 0 : 1));
    const spares = this.weightDecay > 0 && kept.includes(0);
    this.#built = {
      variables: [...variables],
      shared,
      slots,
      scalars,
      segments:
        spares || this.clipping?.kind === "clipNorm" ? new Segments(shared.pack, this.name) : undefined,
      decays: spares ? variable(kept, { ...state, name: `${this.name}/decays` }) : undefined,
      iterations: variable(0, { ...state, name: `${this.name}/iterations`, dtype: "i32" }),
      learningRate: variable(this.#rate.start, { ...state, name: `${this.name}/learningRate` }),
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
    if (!Array.isArray(gradients)) {
      throw new ArgumentError(
        `${this.name}: apply takes an array of gradients, one a variable, got ${kindOf(gradients)}`,
      );
    }
    const { variables, slots, scalars, iterations } = built;
    if (gradients.length !== variables.length) {
      throw new ArgumentError(
        `${this.name}: got ${gradients.length} gradients for ${variables.length} variables; pass one each, in order`,
      );
    }
    gradients.forEach((gradient, i) => {
      if (!(gradient instanceof Tensor)) {
        throw new ArgumentError(
          `${this.name}: the gradient of variable "${variables[i].name}" is ${kindOf(gradient)}; it must be a Tensor. The loss may not depend on it`,
        );
      }
      if (showShape(gradient.shape) !== showShape(variables[i].shape)) {
        throw new ShapeError(
          `${this.name}: the gradient of variable "${variables[i].name}" has shape ${showShape(gradient.shape)}; it must be ${showShape(variables[i].shape)}`,
        );
      }
    });
    const { pack } = built.shared;
    noGrad(() =>
      tidy(() => {
        const gathered = pack.gather(gradients);
        const gradient = this.clipping ? clipped(gathered, this.clipping, built.segments) : gathered;
        const learningRate = this.#rate.at(iterations, built.learningRate);
        const value = this.#decayed(readPack(built.shared), learningRate, built);
        const result = this.update({ value, gradient, slots, scalars, learningRate, iterations });
        checkResult(this.name, result, built);
        assignPack(built.shared, result.value);
        for (const slot of Object.keys(slots) as S[]) {
          const next = result.slots?.[slot];
          if (next !== undefined) slots[slot].assign(next);
        }
        for (const [scalar, next] of Object.entries(result.scalars ?? {}))
          if (next !== undefined) scalars[scalar].assign(next);
        iterations.assign(add(iterations, 1));
      }),
    );
  }

  /** One step: the gradient of the scalar `loss()` with respect to `variables`, applied. Gives the loss. */
  minimize(loss: () => Tensor, variables: readonly Variable[]): Tensor {
    checkDifferentiable(`${this.name}.minimize`, loss);
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
    const base = { name: this.name, ...(this.schedule ? {} : { learningRate: this.learningRate }) };
    if (built === undefined) return this.#pending ?? { ...base, iterations: 0, slots: {} };
    const names = Object.keys(built.slots) as S[];
    const { pack } = built.shared;
    const held = Object.entries(built.scalars);
    const [iterations, values, numbers] = await Promise.all([
      built.iterations.item(),
      Promise.all(names.map((slot) => built.slots[slot].data())),
      Promise.all(held.map(([, scalar]) => scalar.item())),
    ]);
    const slots: Record<string, Float32Array[]> = {};
    names.forEach((slot, k) => {
      slots[slot] = built.variables.map((_, i) => (values[k] as Float32Array).slice(...pack.range(i)));
    });
    const scalars = Object.fromEntries(held.map(([name], i) => [name, numbers[i]]));
    return { ...base, iterations, slots, ...(held.length > 0 ? { scalars } : {}) };
  }

  /**
   * Goes on from a saved state. Before the variables are known, it is kept until they are.
   *
   * @throws ArgumentError when it is no state, another optimizer's, or of other variables; nothing is changed then
   */
  setState(state: OptimizerState): void {
    checkState(this.name, state, {
      slots: Object.keys(this.slotStarts),
      scalars: Object.keys(this.scalarStarts),
      hasSchedule: this.schedule !== undefined,
    });
    const built = this.#built;
    if (built === undefined) {
      if (this.schedule === undefined && state.learningRate !== undefined)
        this.learningRate = state.learningRate;
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
    const scalars = Object.keys(built.scalars).map((scalar) => {
      const saved = isFresh ? this.scalarStarts[scalar] : state.scalars?.[scalar];
      if (saved === undefined) {
        throw new ArgumentError(
          `${this.name}: the state of "${state.name}" has no scalar "${scalar}"; restore the state of the same optimizer`,
        );
      }
      return saved;
    });
    if (this.schedule === undefined && state.learningRate !== undefined)
      this.learningRate = state.learningRate;
    built.iterations.set([state.iterations]);
    Object.values(built.scalars).forEach((scalar, k) => {
      scalar.set([scalars[k]]);
    });
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
    for (const scalar of Object.values(built.scalars)) scalar.dispose();
    built.segments?.dispose();
    built.decays?.dispose();
    releasePack(built.shared);
  }

  /** What was built, with the variables packed unless another optimizer has some of them in its pack. */
  #ready(what: string): Built<S> {
    const built = this.#built;
    if (built === undefined) {
      throw new ArgumentError(
        `${this.name}: ${what} needs variables; call build(variables) or minimize() first`,
      );
    }
    if (!isCurrent(built.shared) && isFree(built.shared) && !built.variables[0].device.isTracing) {
      releasePack(built.shared);
      built.shared = sharePack(built.variables);
    }
    return built;
  }

  /** The weights as the update finds them: what is not decayed is the packed variable itself. */
  #decayed(values: Tensor, learningRate: Tensor, { segments, decays }: Built<S>): Tensor {
    if (this.weightDecay === 0) return values;
    const share = mul(learningRate, this.weightDecay);
    const shares = decays === undefined ? share : mul(segments!.spread(decays), share);
    return sub(values, mul(values, shares));
  }
}

function listNames(variables: readonly Variable[]): string {
  const names = variables.slice(0, 3).map((v) => `"${v.name}"`);
  return names.join(", ") + (variables.length > 3 ? ", ..." : "");
}

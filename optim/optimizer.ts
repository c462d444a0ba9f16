// Optimizer: the frame around an update rule. It packs the variables, keeps the rule's slots, the step count and
// the learning rate on the device, clips gradients and decays weights; the rule itself is plain tensor ops in a subclass.

import {
  ArgumentError,
  add,
  cast,
  div,
  equal,
  full,
  mul,
  noGrad,
  ShapeError,
  showShape,
  sizeOf,
  sub,
  Tensor,
  TraceError,
  tidy,
  Variable,
  variable,
  variableGrads,
  where,
} from "../engine/index.ts";
import {
  atLeastZero,
  belowOne,
  checkDifferentiable,
  checkedName,
  checkFunction,
  checkOptions,
  kindOf,
  type OptionNames,
  showGiven,
  wholeNumber,
} from "../engine/internal.ts";
import { ByVariable, type Layout, layoutOf } from "./by-variable.ts";
import { centralized } from "./centralization.ts";
import {
  type Clipping,
  type ClippingOptions,
  clipped,
  clippingOf,
  clippingOptions,
  GroupClipping,
} from "./clipping.ts";
import {
  type CheckedGroup,
  checkedGroups,
  groupsOf,
  type ParameterGroup,
  rateShare,
  shareOf,
} from "./groups.ts";
import { Clock, type Hyper, type HyperValue, type NumberCheck, type Share, Varied } from "./hyper.ts";
import { LearningRate } from "./learning-rate.ts";
import { Packing, sameList } from "./packs.ts";
import { checkResult, checkStarts, type UpdateResult } from "./rule-checks.ts";
import { configOf, type Schedule, type ScheduleConfig } from "./schedules/schedule.ts";
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
   * itself, whatever its gradient. Unlike an L2 penalty, {@link l2}, it does not pass through the moments. Default 0.
   */
  weightDecay?: Hyper;
  /**
   * Coupled L2: the gradient of the penalty l2 · Σ w² in the loss, 2 · l2 · w, is added to that of the loss, so that it is
   * clipped and passes through the moments. The loss that is reported leaves it out. Default 0.
   */
  l2?: Hyper;
  /** Groups of variables with a rate, a decay and clipping of their own. */
  groups?: readonly ParameterGroup[];
  /** Gradients of so many steps are averaged into one update, which the last of them makes. Default 1. */
  gradientAccumulationSteps?: number;
  /** Take from gradients of kernels their mean over what feeds each output (Yong et al. 2020). Default false. */
  gradientCentralization?: boolean;
  /** Keep a moving average of the weights, for {@link Optimizer.swapEmaWeights}. Default false. */
  useEma?: boolean;
  /** How much of the average is kept at each update. Default 0.99. */
  emaMomentum?: number;
  /** Updates after which the weights are replaced by their average, each time. Default: never. */
  emaOverwriteFrequency?: number | null;
  name?: string;
}

export const optimizerOptions: OptionNames<OptimizerOptions> = {
  learningRate: true,
  lr: true,
  decay: true,
  weightDecay: true,
  l2: true,
  groups: true,
  gradientAccumulationSteps: true,
  gradientCentralization: true,
  useEma: true,
  emaMomentum: true,
  emaOverwriteFrequency: true,
  name: true,
  ...clippingOptions,
};

/** The options that a rule adds to those of all optimizers. */
export type OwnOptions<O extends OptimizerOptions> = OptionNames<Omit<O, keyof OptimizerOptions>>;

/** What an update rule sees: vectors over all parameters at once, laid out alike. */
export interface UpdateContext<S extends string = string> {
  /** f32 [total]: the parameters' values. */
  readonly value: Tensor;
  /** f32 [total]: the gradient of the loss with respect to them. */
  readonly gradient: Tensor;
  /** f32 [total] each, or laid out by the shapes that `slotShape` gives: what the rule remembers. */
  readonly slots: Readonly<Record<S, Tensor>>;
  /** f32 scalars that the rule remembers. */
  readonly scalars: Readonly<Record<string, Tensor>>;
  /** f32: the rate of this update, a scalar; where groups of parameters have rates of their own, [total]. */
  readonly learningRate: Tensor;
  /** i32 scalar: how many updates were made before this one. */
  readonly iterations: Tensor;
  /** What a hyper-parameter is now: a number is itself, a schedule an f32 scalar. */
  readonly at: (hyper: Hyper) => HyperValue;
  /** The vectors variable by variable: sums and norms of each part, the parts as tensors of their shapes. */
  readonly byVariable: ByVariable;
}

/** Hyperparameters by name. A schedule shows how it was made, or its function's name. */
export type OptimizerConfig = Readonly<
  Record<string, number | boolean | string | readonly string[] | ScheduleConfig>
>;

/** The same as a rule gives them: schedules as they are. */
export type RuleConfig = Readonly<Record<string, OptimizerConfig[string] | Schedule>>;

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

/** What a slot starts from: a number, or the variables' values. */
export type SlotStart = number | "value";

/** What the optimizer itself remembers, beside the rule. */
const accumulated = "accumulatedGradient";
const average = "averagedValue";
const accumulatedSteps = "accumulatedSteps";
const epoch = "epoch";

/** What an optimizer holds on the device once it knows its variables. */
interface Built {
  readonly variables: readonly Variable[];
  readonly packing: Packing;
  readonly byVariable: ByVariable;
  /** The rule's, and the optimizer's own. */
  readonly slots: Readonly<Record<string, Variable>>;
  /** Of slots that are laid out in their own way. */
  readonly layouts: Readonly<Record<string, Layout>>;
  readonly scalars: Readonly<Record<string, Variable>>;
  readonly iterations: Variable;
  readonly learningRate: Variable;
  readonly rate: Varied;
  readonly weightDecay: Varied;
  readonly l2: Varied;
  /** Where groups clip in their own way. */
  readonly clipping: GroupClipping | undefined;
}

/**
 * Base of all optimizers. Subclasses give the rule; everything lives on the device, so a step uploads nothing.
 *
 *     const optimizer = new Adam({ learningRate: 1e-3 });
 *     const loss = optimizer.minimize(() => mean(square(sub(matmul(x, w), y))), [w]);
 */
export abstract class Optimizer<S extends string = string> {
  readonly name: string;
  /** @internal What the rule calls itself, whatever the optimizer's name. */
  readonly type: string;
  readonly weightDecay: Hyper;
  readonly l2: Hyper;
  readonly clipping: Clipping | undefined;
  readonly groups: readonly ParameterGroup[];
  readonly gradientAccumulationSteps: number;
  readonly gradientCentralization: boolean;
  readonly useEma: boolean;
  readonly emaMomentum: number;
  readonly emaOverwriteFrequency: number | undefined;
  readonly #rate: LearningRate;
  readonly #given: OptimizerOptions;
  #isExcluded: ((variable: Variable) => boolean) | undefined;
  #built: Built | undefined;
  #pending: OptimizerState | undefined;
  /** Whether a schedule counts epochs, and the one that was told last. */
  #usesEpochs = false;
  #epoch: number | undefined;

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
    this.type = name;
    this.#given = { ...options };
    this.name = options.name === undefined ? name : checkedName(name, options.name);
    const rate = options.learningRate ?? options.lr ?? defaultRate;
    this.#rate = new LearningRate(this.name, rate, options.decay ?? 0, defaultRate);
    this.hyper("learningRate", rate);
    this.weightDecay = this.hyper("weightDecay", options.weightDecay ?? 0);
    this.l2 = this.hyper("l2", options.l2 ?? 0);
    this.clipping = clippingOf(this.name, options, (...given) => this.hyper(...given));
    const { groups = [], gradientAccumulationSteps: steps = 1, emaOverwriteFrequency } = options;
    this.groups = checkedGroups(this.name, groups, (...given) => this.hyper(...given));
    if (wholeNumber(this.name, "gradientAccumulationSteps", steps) < 1)
      throw new ArgumentError(`${this.name}: gradientAccumulationSteps must be at least 1, got ${steps}`);
    this.gradientAccumulationSteps = steps;
    this.gradientCentralization = options.gradientCentralization ?? false;
    this.useEma = options.useEma ?? false;
    this.emaMomentum = belowOne(this.name, "emaMomentum", options.emaMomentum ?? 0.99);
    if (emaOverwriteFrequency !== undefined && emaOverwriteFrequency !== null) {
      if (!(Number.isInteger(emaOverwriteFrequency) && emaOverwriteFrequency >= 1)) {
        throw new ArgumentError(
          `${this.name}: emaOverwriteFrequency must be a whole number of at least 1, got ${showGiven(emaOverwriteFrequency)}`,
        );
      }
      this.emaOverwriteFrequency = emaOverwriteFrequency;
    }
  }

  /**
   * A hyper-parameter as it was given: a number, checked, or a schedule. For constructors of rules; the rule reads it by
   * `context.at(...)`.
   */
  protected hyper(what: string, value: Hyper, check: NumberCheck = atLeastZero): Hyper {
    if (typeof value !== "function") return check(this.name, what, value);
    if (value.usesEpochs === true) this.#usesEpochs = true;
    return value;
  }

  /** The slots that the rule needs, by name, with what they start from; {} for none. */
  protected abstract readonly slotStarts: Readonly<Record<S, SlotStart>>;

  /** The shape of what a slot keeps of a variable, undefined for nothing; by default the variable's. */
  protected slotShape(_slot: S, variable: Variable): readonly number[] | undefined {
    return variable.shape;
  }

  /** Whether the rule takes sums or norms by variable, or spreads numbers over them. */
  protected get reducesByVariable(): boolean {
    return false;
  }

  /**
   * The rule: new values and slots from the old. Pure tensor ops, without reading data. A slot or scalar that it does not
   * return stays as it is; one that {@link slotStarts} or {@link scalarStarts} does not declare is refused.
   */
  protected abstract update(context: UpdateContext<S>): UpdateResult<S>;

  /** The rule's own hyperparameters. */
  protected abstract ruleConfig(): RuleConfig;

  /** Scalars that the rule needs besides its slots, with the value that they start from. */
  protected get scalarStarts(): Readonly<Record<string, number>> {
    return {};
  }

  /** The hyperparameters, for saving and for showing. */
  config(): OptimizerConfig {
    const { weightDecay, l2, clipping, useEma, emaMomentum, emaOverwriteFrequency } = this;
    const given: RuleConfig = {
      learningRate: this.#rate.config,
      decay: this.#rate.decay,
      ...(weightDecay !== 0 ? { weightDecay } : {}),
      ...(l2 !== 0 ? { l2 } : {}),
      ...(clipping ? { [clipping.kind]: clipping.limit } : {}),
      ...(this.gradientAccumulationSteps > 1
        ? { gradientAccumulationSteps: this.gradientAccumulationSteps }
        : {}),
      ...(this.gradientCentralization ? { gradientCentralization: true } : {}),
      ...(useEma ? { useEma, emaMomentum } : {}),
      ...(useEma && emaOverwriteFrequency !== undefined ? { emaOverwriteFrequency } : {}),
      ...this.ruleConfig(),
    };
    return Object.fromEntries(
      Object.entries(given).map(([name, value]) => [
        name,
        typeof value === "function" ? configOf(value) : value,
      ]),
    );
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

  /** The rate of the next update, decay and schedule included, as the device computes it; that of no group of its own. */
  async currentLearningRate(): Promise<number> {
    const rate = noGrad(() =>
      tidy(() => {
        const built = this.#built;
        const iterations = built?.iterations ?? full([], this.#pending?.iterations ?? 0, { dtype: "i32" });
        const told = this.#usesEpochs ? (built?.scalars[epoch] ?? full([], this.#epoch ?? 0)) : undefined;
        const clock = new Clock(this.name, iterations, told);
        // Times 1: a copy, for it may be the optimizer's own variable.
        return mul(this.#rate.at(clock, built?.learningRate ?? full([], this.#rate.start)), 1);
      }),
    );
    return rate.item().finally(() => rate.dispose());
  }

  /**
   * Tells schedules that count epochs which one begins, from 0; `fit` does it by itself. Does nothing where no schedule
   * counts them.
   */
  beginEpoch(number: number): void {
    wholeNumber(`${this.name}.beginEpoch`, "the epoch", number);
    if (!this.#usesEpochs) return;
    this.#epoch = number;
    this.#built?.scalars[epoch].set([number]);
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

  /** @internal What it was made of, for files: its options, and which variables decay spares. */
  get recipe() {
    return { options: this.#given, spared: this.#isExcluded };
  }

  /** @internal Those that it works on, once it knows them. */
  get variables(): readonly Variable[] {
    return this.#built?.variables ?? [];
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
    checkStarts(this.name, "slotStarts", this.slotStarts, true);
    checkStarts(this.name, "scalarStarts", this.scalarStarts);
    const groups = groupsOf(this.name, this.groups as readonly CheckedGroup[], variables);
    this.#built = this.#make(variables, groups);
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending !== undefined) this.setState(pending);
    return this;
  }

  #make(variables: readonly Variable[], groups: readonly (CheckedGroup | undefined)[]): Built {
    const { device } = variables[0];
    const packing = new Packing(variables);
    const state = { trainable: false, device };
    const slotStarts = this.#slotStarts;
    const layouts: Record<string, Layout> = {};
    for (const slot of Object.keys(this.slotStarts) as S[]) {
      const shapes = variables.map((v) => this.slotShape(slot, v));
      if (
        shapes.some((shape, i) => shape === undefined || showShape(shape) !== showShape(variables[i].shape))
      )
        layouts[slot] = layoutOf(shapes);
    }
    const slots: Record<string, Variable> = {};
    for (const [slot, start] of Object.entries(slotStarts)) {
      const first = new Float32Array(layouts[slot]?.total ?? packing.total);
      slots[slot] = variable(start === "value" ? first : first.fill(start), {
        ...state,
        name: `${this.name}/${slot}`,
      });
      if (start === "value") this.#copyValues(packing, slots[slot]);
    }
    const scalars: Record<string, Variable> = {};
    for (const [scalar, start] of Object.entries(this.#scalarStarts))
      scalars[scalar] = variable(start, { ...state, name: `${this.name}/${scalar}` });
    const varied = (what: string, share: (variable: Variable, i: number) => Share) =>
      new Varied(variables.map(share), `${this.name}/${what}`, device);
    const rate = varied("learningRates", (_, i) => rateShare(groups[i]));
    const weightDecay = varied("decays", (v, i) => {
      const own = groups[i]?.weightDecay;
      if (own === undefined && this.#isExcluded?.(v) === true) return 0;
      return shareOf(own ?? this.weightDecay);
    });
    const l2 = varied("penalties", (_, i) => shareOf(groups[i]?.l2 ?? this.l2));
    const clipping = groups.some((group) => group?.clipping !== undefined)
      ? new GroupClipping(
          groups.map((group) => group?.clipping ?? this.clipping),
          this.name,
          device,
        )
      : undefined;
    const byVariable = new ByVariable(this.name, packing, layouts);
    if (
      this.reducesByVariable ||
      clipping !== undefined ||
      this.clipping?.kind === "clipNorm" ||
      [rate, weightDecay, l2].some((one) => one.differs)
    )
      byVariable.prepare(packing);
    return {
      variables: packing.variables,
      packing,
      byVariable,
      slots,
      layouts,
      scalars,
      rate,
      weightDecay,
      l2,
      clipping,
      iterations: variable(0, { ...state, name: `${this.name}/iterations`, dtype: "i32" }),
      learningRate: variable(this.#rate.start, { ...state, name: `${this.name}/learningRate` }),
    };
  }

  /** With those of the optimizer itself. */
  get #slotStarts(): Readonly<Record<string, SlotStart>> {
    const own = {
      ...(this.gradientAccumulationSteps > 1 ? { [accumulated]: 0 } : {}),
      ...(this.useEma ? { [average]: "value" as const } : {}),
    };
    const taken = Object.keys(this.slotStarts).find((slot) => Object.hasOwn(own, slot));
    if (taken !== undefined)
      throw new ArgumentError(
        `${this.name}: "${taken}" is a slot of every optimizer's; name the rule's otherwise`,
      );
    return { ...this.slotStarts, ...own };
  }

  get #scalarStarts(): Readonly<Record<string, number>> {
    return {
      ...this.scalarStarts,
      ...(this.gradientAccumulationSteps > 1 ? { [accumulatedSteps]: 0 } : {}),
      ...(this.#usesEpochs ? { [epoch]: this.#epoch ?? 0 } : {}),
    };
  }

  #copyValues(packing: Packing, slot: Variable): void {
    noGrad(() => tidy(() => void slot.assign(packing.read())));
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
    const { variables } = built;
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
    if (this.#usesEpochs && this.#epoch === undefined) {
      throw new ArgumentError(
        `${this.name}: a schedule counts epochs, and none was told; fit tells them, a loop of your own calls optimizer.beginEpoch(epoch) as each begins`,
      );
    }
    noGrad(() => tidy(() => this.#step(built, gradients)));
  }

  #step(built: Built, gradients: readonly Tensor[]): void {
    const { packing, slots, scalars, iterations, byVariable } = built;
    const clock = new Clock(this.name, iterations, scalars[epoch]);
    const gathered = packing.gather(this.#centralized(built, gradients, clock));
    const steps = this.gradientAccumulationSteps;
    const summed = steps > 1 ? add(slots[accumulated], gathered) : undefined;
    const isLast = steps > 1 ? equal(scalars[accumulatedSteps], steps - 1) : undefined;
    const old = packing.read();
    const mean = summed === undefined ? gathered : mul(summed, 1 / steps);
    const gradient = this.#clipped(built, this.#penalized(built, mean, old, clock), clock);
    const learningRate = built.rate.at(clock, byVariable, this.#rate.at(clock, built.learningRate)) as Tensor;
    const result = this.update({
      value: this.#decayed(built, old, learningRate, clock),
      gradient,
      slots: slots as Readonly<Record<S, Tensor>>,
      scalars,
      learningRate,
      iterations,
      at: clock.at,
      byVariable,
    });
    checkResult(this.name, result, { slots: this.slotStarts, scalars: this.scalarStarts });
    const next = new Map<Variable, Tensor>();
    /** What becomes of something at an update: nothing while gradients are only summed up. */
    const updated = (then: Tensor, now: Tensor) => (isLast === undefined ? then : where(isLast, then, now));
    for (const [held, made] of [
      [slots, result.slots],
      [scalars, result.scalars],
    ] as const) {
      for (const [name, then] of Object.entries<Tensor | undefined>(made ?? {}))
        if (then !== undefined) next.set(held[name], updated(then, held[name]));
    }
    let value = result.value;
    if (this.useEma) {
      const kept = add(mul(slots[average], this.emaMomentum), mul(value, 1 - this.emaMomentum));
      const averaged = where(equal(iterations, 0), value, kept);
      next.set(slots[average], updated(averaged, slots[average]));
      const often = this.emaOverwriteFrequency;
      if (often !== undefined) {
        const count = add(iterations, 1);
        value = where(equal(sub(count, mul(div(count, often), often)), 0), averaged, value);
      }
    }
    value = updated(value, old);
    if (summed !== undefined && isLast !== undefined) {
      next.set(slots[accumulated], where(isLast, 0, summed));
      next.set(scalars[accumulatedSteps], where(isLast, 0, add(scalars[accumulatedSteps], 1)));
    }
    next.set(iterations, add(iterations, isLast === undefined ? 1 : cast(isLast, "i32")));
    packing.assign(value);
    for (const [variable, tensor] of next) variable.assign(tensor);
  }

  #centralized(built: Built, gradients: readonly Tensor[], clock: Clock): readonly Tensor[] {
    if (!this.gradientCentralization) return gradients;
    const { l2, variables } = built;
    return gradients.map((gradient, i) =>
      centralized(l2.isZero ? gradient : add(gradient, mul(variables[i], twice(l2.of(i, clock))))),
    );
  }

  /** The gradients with those of the L2 penalty, unless they have them from before they were centralized. */
  #penalized({ l2, byVariable }: Built, gradient: Tensor, values: Tensor, clock: Clock): Tensor {
    if (l2.isZero || this.gradientCentralization) return gradient;
    return add(gradient, mul(values, twice(l2.at(clock, byVariable))));
  }

  #clipped({ clipping, byVariable }: Built, gradient: Tensor, clock: Clock): Tensor {
    if (clipping !== undefined) return clipping.at(gradient, clock, byVariable);
    if (this.clipping === undefined) return gradient;
    const { kind, limit } = this.clipping;
    return clipped(gradient, kind, clock.at(limit), byVariable);
  }

  /** The weights as the update finds them: what is not decayed is the packed variable itself. */
  #decayed({ weightDecay, byVariable }: Built, values: Tensor, learningRate: Tensor, clock: Clock): Tensor {
    if (weightDecay.isZero) return values;
    return sub(values, mul(values, mul(learningRate, weightDecay.at(clock, byVariable))));
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

  /**
   * Exchanges the weights and their moving average (`useEma`), to evaluate or save the average; a second call exchanges them
   * back. Training goes on well from the weights only.
   */
  swapEmaWeights(): void {
    const { packing, slots } = this.#averaging("swapEmaWeights");
    noGrad(() =>
      tidy(() => {
        // Times 1: a copy, for it is the packed variable itself.
        const weights = mul(packing.read(), 1);
        packing.assign(slots[average]);
        slots[average].assign(weights);
      }),
    );
  }

  /** Replaces the weights by their moving average, as the end of a training does in Keras. Nothing without `useEma`. */
  finalizeVariableValues(): void {
    if (!this.useEma) return;
    const { packing, slots } = this.#averaging("finalizeVariableValues");
    noGrad(() => tidy(() => packing.assign(slots[average])));
  }

  #averaging(what: string): Built {
    if (!this.useEma) {
      throw new ArgumentError(
        `${this.name}: ${what} needs a moving average of the weights; make the optimizer with useEma: true`,
      );
    }
    return this.#ready(what);
  }

  /**
   * Changes the values and scalars outside of updates, for rules whose weights are one thing in training and another in use.
   *
   * @param change the new ones from the old; pure tensor ops
   */
  protected replaceValues(
    change: (
      value: Tensor,
      held: Pick<UpdateContext<S>, "slots" | "scalars">,
    ) => Pick<UpdateResult<S>, "value" | "scalars">,
  ): void {
    const { packing, slots, scalars } = this.#ready("swapping the weights");
    noGrad(() =>
      tidy(() => {
        const made = change(packing.read(), { slots: slots as Record<S, Variable>, scalars });
        packing.assign(made.value);
        for (const [name, next] of Object.entries(made.scalars ?? {})) if (next) scalars[name].assign(next);
      }),
    );
  }

  /** Reads the slots and the step count back, for saving. */
  async getState(): Promise<OptimizerState> {
    const built = this.#built;
    const base = { name: this.name, ...(this.schedule ? {} : { learningRate: this.learningRate }) };
    if (built === undefined) return this.#pending ?? { ...base, iterations: 0, slots: {} };
    const names = Object.keys(built.slots);
    const held = Object.entries(built.scalars);
    const [iterations, values, numbers] = await Promise.all([
      built.iterations.item(),
      Promise.all(names.map((slot) => built.slots[slot].data())),
      Promise.all(held.map(([, scalar]) => scalar.item())),
    ]);
    const slots: Record<string, Float32Array[]> = {};
    names.forEach((slot, k) => {
      slots[slot] = built.variables.map((_, i) =>
        (values[k] as Float32Array).slice(...rangeIn(built, slot, i)),
      );
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
      slots: Object.keys(this.#slotStarts),
      scalars: Object.keys(this.#scalarStarts),
      hasSchedule: this.schedule !== undefined,
    });
    const built = this.#built;
    if (built === undefined) {
      if (this.schedule === undefined && state.learningRate !== undefined)
        this.learningRate = state.learningRate;
      this.#epoch = state.scalars?.[epoch] ?? this.#epoch;
      this.#pending = state;
      return;
    }
    const starts = this.#slotStarts;
    const names = Object.keys(built.slots);
    // A state from before the first step has no slots: they start anew.
    const isFresh = state.iterations === 0 && Object.keys(state.slots).length === 0;
    const values = names.map((slot) => {
      const start = starts[slot];
      const packed = new Float32Array(built.slots[slot].size).fill(isFresh && start !== "value" ? start : 0);
      if (isFresh) return packed;
      const saved = state.slots[slot];
      const ranges = built.variables.map((_, i) => rangeIn(built, slot, i));
      const fits = saved?.length === built.variables.length;
      if (!fits || ranges.some(([begin, end], i) => saved[i].length !== end - begin)) {
        throw new ArgumentError(
          `${this.name}: the state has no slot "${slot}" for ${built.variables.length} variables of these sizes (it holds ${Object.keys(state.slots).join(", ") || "no slots"} of "${state.name}"); restore the state of the same optimizer over the same variables`,
        );
      }
      saved.forEach((part, i) => {
        packed.set(part, ranges[i][0]);
      });
      return packed;
    });
    const scalars = Object.keys(built.scalars).map((scalar) => {
      const saved = isFresh ? this.#scalarStarts[scalar] : state.scalars?.[scalar];
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
    if (!isFresh) this.#epoch = state.scalars?.[epoch] ?? this.#epoch;
    names.forEach((slot, k) => {
      if (isFresh && starts[slot] === "value") this.#copyValues(built.packing, built.slots[slot]);
      else built.slots[slot].set(values[k]);
    });
  }

  /** Frees the slots. The variables stay. Doing it twice is harmless; the optimizer can be built again. */
  dispose(): void {
    const built = this.#built;
    if (built === undefined) return;
    this.#built = undefined;
    const { slots, scalars, iterations, learningRate, byVariable, rate, weightDecay, l2, clipping } = built;
    for (const held of [
      ...Object.values(slots),
      ...Object.values(scalars),
      iterations,
      learningRate,
      byVariable,
      rate,
      weightDecay,
      l2,
    ])
      held.dispose();
    clipping?.dispose();
    built.packing.release();
  }

  /** What was built, with the variables in one pack unless other optimizers work on those that they lie in. */
  #ready(what: string): Built {
    const built = this.#built;
    if (built === undefined) {
      throw new ArgumentError(
        `${this.name}: ${what} needs variables; call build(variables) or minimize() first`,
      );
    }
    if (!built.variables[0].device.isTracing) built.packing.unite();
    return built;
  }
}

const twice = (x: HyperValue): HyperValue => (typeof x === "number" ? 2 * x : mul(x, 2));

/** Where a slot keeps its part of a variable: [start, end). */
function rangeIn({ layouts, packing }: Built, slot: string, index: number): readonly [number, number] {
  const layout = layouts[slot];
  if (layout === undefined) return packing.range(index);
  const shape = layout.shapes[index];
  const start = layout.offsets[index];
  return [start, start + (shape === undefined ? 0 : sizeOf(shape))];
}

function listNames(variables: readonly Variable[]): string {
  const names = variables.slice(0, 3).map((v) => `"${v.name}"`);
  return names.join(", ") + (variables.length > 3 ? ", ..." : "");
}

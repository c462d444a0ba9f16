// Optimizer: the frame around an update rule. It packs the variables, keeps the rule's slots, the step count and
// the learning rate on the device, clips gradients and decays weights; the rule itself is plain tensor ops in a subclass.

import {
  ArgumentError,
  full,
  mul,
  noGrad,
  type Tensor,
  tidy,
  type ValueAndGrads,
  type Variable,
  variableGrads,
} from "../engine/index.ts";
import {
  atLeastOne,
  atLeastZero,
  belowOne,
  checkDifferentiable,
  checkedName,
  checkOptions,
  kindOf,
  wholeNumber,
} from "../engine/internal.ts";
import { type Built, checkVariables, makeBuilt } from "./built.ts";
import type { ByVariable } from "./by-variable.ts";
import type { Clipping } from "./clipping.ts";
import { type OptimizerConfig, type RuleConfig, shownConfig } from "./config.ts";
import type { ParameterGroups } from "./groups.ts";
import { Clock, type Hyper, type NumberCheck } from "./hyper.ts";
import { LearningRate } from "./learning-rate.ts";
import { type OptimizerOptions, optimizerOptions } from "./options.ts";
import type { Schedule } from "./schedules/schedule.ts";
import { checkClipping, commonSettings } from "./settings.ts";
import { accumulated, accumulatedSteps, average, epoch, type LossScaling, takeStep } from "./step.ts";
import {
  checkGradients,
  checkResult,
  checkStarts,
  type SlotStart,
  type Starts,
  type UpdateContext,
  type UpdateResult,
} from "./update.ts";

export type { OptimizerConfig, OptimizerOptions, RuleConfig, SlotStart, UpdateContext, UpdateResult };

/** What an optimizer holds. */
interface Inside {
  built?: Built;
  /** The one that it was told last. */
  epoch?: number;
  /** A state that came before the variables were known, until they are. */
  waiting?: {
    readonly state: { readonly iterations: number; readonly scalars?: Readonly<Record<string, number>> };
    take(): void;
  };
  scaling?: LossScaling;
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
  readonly groups: ParameterGroups | undefined;
  readonly gradientAccumulationSteps: number;
  readonly gradientCentralization: boolean;
  readonly useEma: boolean;
  readonly emaMomentum: number;
  readonly emaOverwriteFrequency: number | undefined;
  readonly #rate: LearningRate;
  readonly #given: OptimizerOptions;
  #isExcluded: ((variable: Variable) => boolean) | undefined;
  /** What makes settings by variable: the groups, or none where only decay spares some. */
  #settings: ParameterGroups | undefined;
  /** @internal For those that read and write its state, or change how it works. */
  readonly inside: Inside = {};
  /** Whether a schedule counts epochs, and the one that was told last. */
  #usesEpochs = false;

  /** @param own the rule's own options, so that others are refused rather than ignored; left out: nothing is refused */
  protected constructor(
    name: string,
    defaultRate: number,
    options: OptimizerOptions,
    own?: Readonly<Record<string, unknown>>,
  ) {
    // As Keras has them.
    for (const key in options) {
      const [, ofAll, what] = /^(global_?)?clip_?(norm|value)$/i.exec(key) ?? [];
      if (what === undefined) continue;
      const clip = ofAll ? "globalClipNorm" : /n/i.test(what) ? "clipNorm" : "clipValue";
      throw new ArgumentError(
        `${name}: write clipping: ${clip}(limit), imported from "gradgpu/optim", in place of ${key}`,
      );
    }
    if (own !== undefined) checkOptions<object>(name, options, { ...optimizerOptions, ...own } as object);
    if (options.lr !== undefined && options.learningRate !== undefined) {
      throw new ArgumentError(
        `${name}: learningRate ${options.learningRate} and its older name lr ${options.lr} are both given; pass one`,
      );
    }
    this.type = name;
    this.#given = { ...options };
    this.name = options.name === undefined ? name : checkedName(name, options.name);
    const hyper = this.hyper.bind(this);
    const rate = options.learningRate ?? options.lr ?? defaultRate;
    this.#rate = new LearningRate(this.name, rate, options.decay ?? 0, defaultRate);
    hyper("learningRate", rate);
    this.weightDecay = hyper("weightDecay", options.weightDecay ?? 0);
    this.l2 = hyper("l2", options.l2 ?? 0);
    const { clipping, groups } = options;
    checkClipping(this.name, clipping);
    if (clipping !== undefined) hyper(clipping.kind, clipping.limit);
    this.clipping = clipping;
    if (groups !== undefined && typeof groups?.check !== "function")
      throw new ArgumentError(
        `${this.name}: groups takes parameterGroups([{ filter: "bias", weightDecay: 0 }]), imported from "gradgpu/optim", got ${kindOf(groups)}`,
      );
    groups?.check(hyper);
    this.groups = this.#settings = groups;
    const counted = (what: "gradientAccumulationSteps" | "emaOverwriteFrequency") =>
      atLeastOne(this.name, what, options[what] ?? 1);
    this.gradientAccumulationSteps = counted("gradientAccumulationSteps");
    this.gradientCentralization = options.gradientCentralization ?? false;
    this.useEma = options.useEma ?? false;
    this.emaMomentum = belowOne(this.name, "emaMomentum", options.emaMomentum ?? 0.99);
    const often = counted("emaOverwriteFrequency");
    if (options.emaOverwriteFrequency !== undefined && options.emaOverwriteFrequency !== null)
      this.emaOverwriteFrequency = often;
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

  /** What `context.byVariable` is made by: the class ByVariable, where the rule takes vectors apart by variable. */
  protected get byVariable(): typeof ByVariable | undefined {
    return undefined;
  }

  /** Whether the rule takes sums or norms by variable, or spreads numbers over them; it has {@link byVariable} then. */
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
    const { clipping, gradientAccumulationSteps, gradientCentralization, useEma } = this;
    const { weightDecay, l2, emaMomentum, emaOverwriteFrequency } = this;
    return shownConfig({
      learningRate: this.#rate.config,
      decay: this.#rate.decay,
      weightDecay: weightDecay || undefined,
      l2: l2 || undefined,
      ...(clipping && { [clipping.kind]: clipping.limit }),
      gradientAccumulationSteps: gradientAccumulationSteps > 1 ? gradientAccumulationSteps : undefined,
      gradientCentralization: gradientCentralization || undefined,
      ...(useEma && { useEma, emaMomentum, emaOverwriteFrequency }),
      ...this.ruleConfig(),
    });
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
    this.inside.built?.learningRate.set([rate]);
  }

  /** What the rate follows instead of a number, if it does. */
  get schedule(): Schedule | undefined {
    return this.#rate.schedule;
  }

  /** The rate of the next update, decay and schedule included, as the device computes it; that of no group of its own. */
  async currentLearningRate(): Promise<number> {
    const rate = noGrad(() =>
      tidy(() => {
        const built = this.inside.built;
        const iterations =
          built?.iterations ?? full([], this.inside.waiting?.state.iterations ?? 0, { dtype: "i32" });
        const told = this.#usesEpochs
          ? (built?.scalars[epoch] ?? full([], this.inside.epoch ?? 0))
          : undefined;
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
    this.inside.epoch = number;
    this.inside.built?.scalars[epoch].set([number]);
  }

  /** @internal Spares variables from weight decay: `excludeFromWeightDecay`. */
  spare(isExcluded: (variable: Variable) => boolean, settings: ParameterGroups): void {
    if (this.inside.built !== undefined) {
      throw new ArgumentError(
        `${this.name}: excludeFromWeightDecay must come before the optimizer knows its variables`,
      );
    }
    this.#isExcluded = isExcluded;
    this.#settings ??= settings;
  }

  get isBuilt(): boolean {
    return this.inside.built !== undefined;
  }

  /** @internal What it was made of, for files: its options, and which variables decay spares. */
  get recipe() {
    return { options: this.#given, spared: this.#isExcluded };
  }

  /** @internal Those that it works on, once it knows them. */
  get variables(): readonly Variable[] {
    return this.inside.built?.variables ?? [];
  }

  /** The step count on the device, an i32 scalar; undefined before the optimizer knows its variables. */
  get iterations(): Variable | undefined {
    return this.inside.built?.iterations;
  }

  /**
   * Tells the optimizer which variables it works on, for good; `minimize` does it by itself.
   *
   * @throws ArgumentError when it works on others already
   */
  build(variables: readonly Variable[]): this {
    checkVariables(this.name, variables, this.inside.built?.variables);
    if (this.inside.built !== undefined) {
      this.#ready("build");
      return this;
    }
    checkStarts(this.name, "slotStarts", this.slotStarts, true);
    checkStarts(this.name, "scalarStarts", this.scalarStarts);
    this.inside.built = makeBuilt(variables, {
      ...this.remembered,
      name: this.name,
      learningRate: this.#rate.start,
      settings:
        this.#settings?.settingsOf(variables, this, (v) => this.#isExcluded?.(v) === true) ??
        commonSettings(this),
      byVariable: this.byVariable,
      reducesByVariable: this.reducesByVariable,
      shapeOf: (slot, v) => (slot in this.slotStarts ? this.slotShape(slot as S, v) : v.shape),
    });
    const { waiting } = this.inside;
    this.inside.waiting = undefined;
    waiting?.take();
    return this;
  }

  /** @internal What is remembered, the optimizer's own included. */
  get remembered(): Starts {
    const isSummed = this.gradientAccumulationSteps > 1;
    const own = {
      ...(isSummed && { [accumulated]: 0 }),
      ...(this.useEma && { [average]: "value" as const }),
    };
    const taken = Object.keys(this.slotStarts).find((slot) => slot in own);
    if (taken !== undefined)
      throw new ArgumentError(
        `${this.name}: "${taken}" is a slot of every optimizer's; name the rule's otherwise`,
      );
    return {
      slots: { ...this.slotStarts, ...own },
      scalars: {
        ...this.scalarStarts,
        ...(isSummed && { [accumulatedSteps]: 0 }),
        ...this.inside.scaling?.starts,
        ...(this.#usesEpochs && { [epoch]: this.inside.epoch ?? 0 }),
      },
    };
  }

  /**
   * Changes the variables by their gradients, one each, in the order of `build`.
   *
   * @throws ShapeError for a gradient that does not have its variable's shape
   */
  apply(gradients: readonly Tensor[]): void {
    const built = this.#ready("apply");
    checkGradients(this.name, gradients, built.variables);
    if (this.#usesEpochs && this.inside.epoch === undefined) {
      throw new ArgumentError(
        `${this.name}: a schedule counts epochs, and none was told; fit tells them, a loop of your own calls optimizer.beginEpoch(epoch) as each begins`,
      );
    }
    const rule = (context: UpdateContext) => {
      const result = this.update(context as UpdateContext<S>);
      checkResult(this.name, result, { slots: this.slotStarts, scalars: this.scalarStarts });
      return result as UpdateResult;
    };
    noGrad(() => tidy(() => takeStep(this, built, this.#rate, gradients, rule)));
  }

  /**
   * The value of the scalar `loss()` and its gradients with respect to `variables`, as {@link minimize} has them: after
   * `withLossScaling` by way of the scaled loss.
   */
  computeGradients(loss: () => Tensor, variables: readonly Variable[]): ValueAndGrads<Tensor[]> {
    checkDifferentiable(`${this.name}.computeGradients`, loss);
    this.build(variables);
    const compute = (this.inside.scaling?.gradients ?? variableGrads) as LossScaling["gradients"];
    return compute(loss, variables, this.inside.built as Built);
  }

  /** One step: the gradient of the scalar `loss()` with respect to `variables`, applied. Gives the loss. */
  minimize(loss: () => Tensor, variables: readonly Variable[]): Tensor {
    checkDifferentiable(`${this.name}.minimize`, loss);
    return tidy(() => {
      const { value, grads } = this.computeGradients(loss, variables);
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

  /** Frees the slots. The variables stay. Doing it twice is harmless; the optimizer can be built again. */
  dispose(): void {
    this.inside.built?.dispose();
    this.inside.built = undefined;
  }

  /** What was built, with the variables in one pack unless other optimizers work on those that they lie in. */
  #ready(what: string): Built {
    const built = this.inside.built;
    if (built === undefined) {
      throw new ArgumentError(
        `${this.name}: ${what} needs variables; call build(variables) or minimize() first`,
      );
    }
    if (!built.variables[0].device.isTracing) built.packing.unite();
    return built;
  }
}

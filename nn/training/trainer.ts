// Trainer: one training or test step of a compiled model, with an Objective for each of its outputs.

import {
  ArgumentError,
  add,
  mul,
  noGrad,
  type Shape,
  type Tensor,
  type Tree,
  tidy,
  type Variable,
} from "../../engine/index.ts";
import { leavesOf } from "../../engine/internal.ts";
import type { Optimizer } from "../../optim/index.ts";
import { callContext, collectLosses } from "../layers/call-context.ts";
import { maskOf } from "../layers/masks.ts";
import type { WeightConstraint, WeightRegularizer } from "../layers/weights.ts";
import type { ClassWeights } from "../objective/class-weights.ts";
import type { Loss } from "../objective/losses.ts";
import type { Metric } from "../objective/metrics.ts";
import { Objective } from "../objective/objective.ts";
import { Sums } from "../objective/sums.ts";
import type { TrainedModel } from "./model.ts";
import type { StepWatch } from "./step-watch.ts";

/** What one output is trained and judged by. */
export interface TrainedOutput {
  readonly name: string;
  readonly loss: Loss;
  /** What its loss counts in the sum of all; 1 for one alone. */
  readonly lossWeight: number;
  readonly metrics: readonly Metric[];
  readonly weightedMetrics: readonly Metric[];
}

export interface TrainerOptions {
  readonly model: TrainedModel;
  readonly optimizer: Optimizer;
  /** The layers that are not trained. */
  readonly frozen: ReadonlySet<object>;
  readonly outputs: readonly TrainedOutput[];
  /** Output by output, whether batches come with sample weights. */
  readonly hasWeights?: readonly boolean[];
  /** Output by output; from now on the trainer's to dispose. */
  readonly classWeights?: readonly (ClassWeights | undefined)[];
}

/** A weight with a penalty, or with bounds. */
interface Rule {
  readonly variable: Variable;
  readonly regularizer: WeightRegularizer | undefined;
  readonly constraint: WeightConstraint | undefined;
}

export class Trainer {
  /** "loss"; of several outputs the loss of each; then their metrics. */
  readonly names: readonly string[];
  readonly #model: TrainedModel;
  readonly #frozen: ReadonlySet<object>;
  readonly #optimizer: Optimizer;
  readonly #variables: readonly Variable[];
  readonly #outputs: readonly TrainedOutput[];
  /** @internal Told the loss within each training step, which is traced: ops on the device alone. */
  readonly inStep: ((loss: Tensor) => void)[] = [];
  /** @internal Looks into some of the steps of fit. */
  watch: StepWatch | undefined;
  /** @internal Of each output. */
  readonly objectives: readonly Objective[];
  /** Whether any loss takes its output's last activation over: then the model leaves all of them out. */
  readonly #takesLogits: boolean;
  readonly #rules: readonly Rule[];
  /** @internal What penalties and layers add to the loss, summed over samples. */
  readonly added: Sums;
  /** @internal Whether anything is: known since the first step, or of a run that goes on. */
  hasAdded = false;

  constructor({ model, optimizer, frozen, outputs, hasWeights, classWeights }: TrainerOptions) {
    this.#model = model;
    this.#frozen = frozen;
    this.#optimizer = optimizer;
    this.#outputs = outputs;
    this.#variables = model.trainedBut(frozen);
    const trained = new Set(this.#variables);
    this.#rules = [...model.weightRules()].filter(({ variable }) => trained.has(variable));
    this.added = new Sums(model.device, { added: [] });
    const { outputShapes, outputActivations } = model;
    this.objectives = outputs.map(
      ({ loss, metrics, weightedMetrics }, i) =>
        new Objective({
          what: model.describe(),
          device: model.device,
          loss,
          metrics,
          weightedMetrics,
          outputShape: outputShapes[i] as Shape,
          activation: outputActivations[i]?.name,
          hasWeights: hasWeights?.[i] ?? false,
          hasMask: model.usesMasks,
          classWeights: classWeights?.[i],
        }),
    );
    this.#takesLogits = this.objectives.some(({ takesOver }) => takesOver !== undefined);
    this.names = namesOf(outputs, this.objectives);
  }

  /** The losses that are computed: from logits where they take over the model's last activations. */
  get losses(): readonly Loss[] {
    return this.objectives.map(({ loss }) => loss);
  }

  /** Whether what the layers say of being trained is still what it was at `compile`. */
  get isCurrent(): boolean {
    const now = this.#model.trainableWeights;
    return now.length === this.#variables.length && now.every((weight, i) => weight === this.#variables[i]);
  }

  /** Gets the optimizer ready, which a traced step can't do. */
  prepare(): void {
    if (this.#variables.length === 0) {
      throw new ArgumentError(`${this.#model.describe()}: has no trainable weights; nothing can be trained`);
    }
    this.#optimizer.build(this.#variables);
  }

  /**
   * One step on a batch: the loss's gradient, applied; the batch's loss and metrics added to the sums.
   *
   * @param x in the form of the model's inputs
   * @param y targets, in the order of the outputs
   * @param weights of samples, in the same order; undefined where an output has none
   * @param watch looks into this step
   */
  trainStep(
    x: Tree<Tensor>,
    y: Tree<Tensor>,
    weights: readonly (Tensor | undefined)[] = [],
    watch?: Pick<StepWatch, "around" | "gradients">,
  ): void {
    this.prepare();
    tidy(() => {
      const compute = () =>
        this.#optimizer.computeGradients(() => this.#lossOf(x, y, weights, true), this.#variables);
      const { value, grads } = watch === undefined ? compute() : watch.around(compute);
      const tellEnd = watch?.gradients(value, this.#variables, grads);
      for (const tell of this.inStep) noGrad(() => tell(value));
      this.#optimizer.apply(grads);
      for (const { variable, constraint } of this.#rules) {
        if (constraint !== undefined) noGrad(() => variable.assign(constraint.call(variable)));
      }
      tellEnd?.();
    });
  }

  /** The same without training: inference mode, nothing changes but the sums. */
  testStep(x: Tree<Tensor>, y: Tree<Tensor>, weights: readonly (Tensor | undefined)[] = []): void {
    noGrad(() =>
      tidy(() => {
        this.#lossOf(x, y, weights, false);
      }),
    );
  }

  /** @internal All that steps add to. */
  get sums(): readonly Sums[] {
    return [...this.objectives.map(({ sums }) => sums), this.added];
  }

  /** Starts the sums again. */
  reset(): void {
    for (const objective of this.objectives) objective.reset();
    if (this.hasAdded) this.added.reset();
  }

  /** Tells the optimizer which epoch begins; the first one before anything is traced. */
  beginEpoch(epoch: number): void {
    this.#optimizer.beginEpoch(epoch);
  }

  /** To be called when training ends: averaged weights take the places of those that they are averages of. */
  finalize(): void {
    this.#optimizer.finalizeVariableValues();
  }

  /** To be told how many steps were taken since {@link reset}: see {@link Sums.noteSteps}. */
  noteSteps(steps: number): void {
    for (const { sums } of this.objectives) sums.noteSteps(steps);
    if (this.hasAdded) this.added.noteSteps(steps);
  }

  /** Loss and metrics over the `samples` seen since {@link reset}, in the order of {@link names}. */
  async read(samples: number): Promise<number[]> {
    const added = this.hasAdded ? this.added.read() : undefined;
    const found = await Promise.all(this.objectives.map((objective) => objective.read(samples)));
    const extra = added === undefined ? 0 : ((await added).get("added") as Float64Array)[0] / samples;
    const losses = found.map(([loss]) => loss);
    const weighted = losses.map((loss, i) =>
      this.#outputs[i].lossWeight === 1 ? loss : loss * this.#outputs[i].lossWeight,
    );
    const total = weighted.reduce((sum, loss) => sum + loss) + extra;
    const metrics = found.flatMap(([, ...values]) => values) as number[];
    return [total, ...(losses.length > 1 ? losses : []), ...metrics];
  }

  dispose(): void {
    for (const sums of [...this.objectives, this.added]) sums.dispose();
  }

  /** The loss of a batch; adds it and the metrics to the sums. */
  #lossOf(
    x: Tree<Tensor>,
    y: Tree<Tensor>,
    weights: readonly (Tensor | undefined)[],
    training: boolean,
  ): Tensor {
    const { result, losses: added } = callContext.with({ ...callContext.value, frozen: this.#frozen }, () =>
      collectLosses(() => this.#model.call(x, { training, logits: this.#takesLogits })),
    );
    const targets = leavesOf(y);
    const losses = leavesOf(result as Tree<Tensor>).map((output, i) => {
      const { lossWeight } = this.#outputs[i];
      const loss = this.objectives[i].add(targets[i], this.#activated(output, i), {
        sampleWeight: weights[i],
        mask: maskOf(output),
      });
      return lossWeight === 1 ? loss : mul(loss, lossWeight);
    });
    for (const { variable, regularizer } of this.#rules) {
      if (regularizer !== undefined) added.push(regularizer.call(variable));
    }
    if (added.length === 0) return losses.reduce((total, loss) => add(total, loss));
    const extra = added.reduce((total, loss) => add(total, loss));
    this.hasAdded = true;
    const samples = leavesOf(x)[0].shape[0];
    noGrad(() => this.added.add("added", mul(extra, samples)));
    return [...losses, extra].reduce((total, loss) => add(total, loss));
  }

  /** An output as its loss wants it, where the model left the last activations out for another's sake. */
  #activated(output: Tensor, i: number): Tensor {
    if (!this.#takesLogits || this.objectives[i].takesOver !== undefined) return output;
    return this.#model.outputActivations[i]?.call(output) ?? output;
  }
}

/** As logs have them: of several outputs with the output's name in front. */
function namesOf(outputs: readonly TrainedOutput[], objectives: readonly Objective[]): string[] {
  if (outputs.length === 1) return [...objectives[0].names];
  const own = outputs.map(({ name }) => `${name}Loss`);
  const metrics = objectives.flatMap(({ names }, i) =>
    names.slice(1).map((name) => `${outputs[i].name}${name.charAt(0).toUpperCase()}${name.slice(1)}`),
  );
  return ["loss", ...own, ...metrics];
}

// Trainer: one training or test step of a compiled model.

import {
  ArgumentError,
  add,
  noGrad,
  type Tensor,
  tidy,
  type Variable,
  variableGrads,
} from "../../engine/index.ts";
import type { Optimizer } from "../../optim/index.ts";
import { callContext, collectLosses } from "../layers/call-context.ts";
import type { Loss } from "../objective/losses.ts";
import type { Metric } from "../objective/metrics.ts";
import { Objective } from "../objective/objective.ts";
import type { TrainedModel } from "./model.ts";

export class Trainer {
  readonly #model: TrainedModel;
  readonly #frozen: ReadonlySet<object>;
  readonly #objective: Objective;
  readonly #optimizer: Optimizer;
  readonly #variables: readonly Variable[];

  /** @param frozen the layers that are not trained */
  constructor(
    model: TrainedModel,
    frozen: ReadonlySet<object>,
    loss: Loss,
    metrics: readonly Metric[],
    optimizer: Optimizer,
  ) {
    this.#model = model;
    this.#frozen = frozen;
    this.#optimizer = optimizer;
    this.#variables = model.trainedBut(frozen);
    this.#objective = new Objective({
      what: model.describe(),
      device: model.device,
      loss,
      metrics,
      outputShape: model.outputShape,
      activation: model.outputActivations[0]?.name,
    });
  }

  /** "loss", then the metrics'. */
  get names(): readonly string[] {
    return this.#objective.names;
  }

  /** The loss that is computed: from logits where it takes over the model's last activation. */
  get loss(): Loss {
    return this.#objective.loss;
  }

  /** Whether the model still has the weights that this trainer was made for. */
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

  /** One step on a batch: the loss's gradient, applied; the batch's loss and metrics added to the sums. */
  trainStep(x: Tensor, y: Tensor): void {
    this.prepare();
    tidy(() => {
      const { grads } = variableGrads(() => this.#lossOf(x, y, true), this.#variables);
      this.#optimizer.apply(grads);
    });
  }

  /** The same without training: inference mode, nothing changes but the sums. */
  testStep(x: Tensor, y: Tensor): void {
    noGrad(() =>
      tidy(() => {
        this.#lossOf(x, y, false);
      }),
    );
  }

  /** Starts the sums again. */
  reset(): void {
    this.#objective.reset();
  }

  /** To be told, now and then, how many steps were taken since {@link reset}: sums grow long on the host only. */
  noteSteps(steps: number): void {
    this.#objective.noteSteps(steps);
  }

  /** Loss and metrics over the `samples` seen since {@link reset}, in the order of {@link names}. */
  async read(samples: number): Promise<number[]> {
    return this.#objective.read(samples) as Promise<number[]>;
  }

  dispose(): void {
    this.#objective.dispose();
  }

  /** The loss of a batch; adds it and the metrics to the sums. */
  #lossOf(x: Tensor, y: Tensor, training: boolean): Tensor {
    const logits = this.#objective.takesOver !== undefined;
    const { result, losses } = callContext.with({ ...callContext.value, frozen: this.#frozen }, () =>
      collectLosses(() => this.#model.call(x, { training, logits })),
    );
    return plus(this.#objective.add(y, result as Tensor), losses);
  }
}

/** The loss and what layers added to it. */
const plus = (loss: Tensor, added: readonly Tensor[]): Tensor =>
  added.reduce((total, more) => add(total, more), loss);

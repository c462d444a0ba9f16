// Trainer: one training or test step of a compiled model, with the sums of loss and metrics kept on the device.

import {
  ArgumentError,
  add,
  cast,
  mean,
  mul,
  noGrad,
  ShapeError,
  showShape,
  sum,
  Tensor,
  tidy,
  type Variable,
  variable,
  variableGrads,
} from "../../engine/index.ts";
import { kindOf } from "../../engine/internal.ts";
import type { Optimizer } from "../../optim/index.ts";
import type { NamedActivation } from "../layers/activations.ts";
import { callContext, collectLosses } from "../layers/call-context.ts";
import type { Loss } from "../objective/losses.ts";
import type { Metric } from "../objective/metrics.ts";
import type { TrainedModel } from "./model.ts";

/** Steps after which the host takes the sums over. In f32, a sum of n equal numbers may be off by n / 2 roundings. */
const stepsToTake = 256;

export class Trainer {
  /** "loss", then the metrics'. */
  readonly names: readonly string[];
  readonly loss: Loss;
  readonly #model: TrainedModel;
  readonly #frozen: ReadonlySet<object>;
  readonly #metrics: readonly Metric[];
  readonly #optimizer: Optimizer;
  readonly #variables: readonly Variable[];
  /** Sums over the samples of the last steps: of the loss, then of each metric. */
  readonly #totals: readonly Variable[];
  /** The same over the steps before, since {@link reset}. */
  #taken: Promise<readonly number[]> = Promise.resolve([]);
  /** Steps whose sums were taken over. */
  #stepsTaken = 0;
  /** Values that each total gets from one sample. */
  readonly #valuesPerSample: number[];
  /** The model's last activation, where the loss takes it over. */
  readonly #fused: NamedActivation | undefined;

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
    this.#metrics = metrics;
    this.#optimizer = optimizer;
    this.#variables = model.trainedBut(frozen);
    const fuses = loss.activation !== undefined && loss.withLogits !== undefined && !loss.fromLogits;
    const [activation] = model.outputActivations;
    this.#fused = fuses && activation?.name === loss.activation ? activation : undefined;
    this.loss = this.#fused === undefined ? loss : (loss.withLogits as () => Loss)();
    this.names = ["loss", ...metrics.map((metric) => metric.name)];
    this.#valuesPerSample = this.names.map(() => 1);
    this.#totals = this.names.map((name) =>
      variable(0, { device: model.device, trainable: false, name: `total/${name}` }),
    );
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
    this.#taken = Promise.resolve([]);
    this.#stepsTaken = 0;
    for (const total of this.#totals) total.set([0]);
  }

  /** To be told, now and then, how many steps were taken since {@link reset}: sums grow long on the host only. */
  noteSteps(steps: number): void {
    if (steps - this.#stepsTaken < stepsToTake) return;
    this.#stepsTaken = steps;
    this.#taken = this.#sums();
    // Whoever reads gets the error; nobody may be there yet.
    this.#taken.catch(() => {});
    for (const total of this.#totals) total.set([0]);
  }

  /** Loss and metrics as means over the `samples` seen since {@link reset}, in the order of {@link names}. */
  async read(samples: number): Promise<number[]> {
    const sums = await this.#sums();
    return sums.map((sum, i) => sum / (samples * this.#valuesPerSample[i]));
  }

  /** All sums as of now, added up in float64. */
  async #sums(): Promise<number[]> {
    const [taken, ...totals] = await Promise.all([this.#taken, ...this.#totals.map((total) => total.item())]);
    return totals.map((total, i) => (taken[i] ?? 0) + total);
  }

  dispose(): void {
    for (const total of this.#totals) total.dispose();
  }

  /** The mean loss of a batch; adds it and the metrics to the sums. */
  #lossOf(x: Tensor, y: Tensor, training: boolean): Tensor {
    const isFused = this.#fused !== undefined;
    const { result, losses: added } = callContext.with({ ...callContext.value, frozen: this.#frozen }, () =>
      collectLosses(() => this.#model.call(x, { training, logits: isFused })),
    );
    const outputs: Tensor = result;
    const summary = this.#summary(y, outputs);
    if (summary !== undefined) {
      noGrad(() => {
        this.#addTo(0, summary.loss);
        for (let i = 1; i < this.names.length; i++) this.#addTo(i, summary.hits);
      });
      return plus(mul(summary.loss, 1 / x.shape[0]), added);
    }
    const losses: unknown = this.loss.call(y, outputs);
    if (!(losses instanceof Tensor)) {
      throw new ArgumentError(`loss "${this.loss.name}": must give a Tensor, got ${kindOf(losses)}`);
    }
    const loss = mean(losses);
    noGrad(() => {
      this.#addTo(0, mul(loss, x.shape[0]));
      this.#metrics.forEach((metric, i) => {
        // The metric's own outputs: activated, unless it understands logits.
        const activated = isFused && !metric.acceptsLogits;
        const seen = activated ? (this.#fused as NamedActivation).call(outputs) : outputs;
        const given: unknown = metric.values(y, seen, this.loss.fromLogits && !activated);
        if (!(given instanceof Tensor)) {
          throw new ArgumentError(`metric "${metric.name}": must give a Tensor, got ${kindOf(given)}`);
        }
        const values = given.dtype === "f32" ? given : cast(given, "f32");
        const samples = x.shape[0];
        if (values.rank > 0 && values.shape[0] !== samples) {
          throw new ShapeError(
            `metric "${metric.name}": gave ${showShape(values.shape)} for a batch of ${samples} samples; it must give [batch, ...], or the batch's mean as a scalar`,
          );
        }
        if (values.rank > 0) this.#valuesPerSample[i + 1] = values.size / samples;
        this.#addTo(i + 1, values.rank === 0 ? mul(values, samples) : sum(values));
      });
    });
    return plus(loss, added);
  }

  /** Loss and metrics in one go, where the loss can and the metrics are what it counts. */
  #summary(y: Tensor, outputs: Tensor): { loss: Tensor; hits: Tensor } | undefined {
    const kind = this.loss.targets === "classes" ? "classes" : "rows";
    const isCounted = this.#metrics.every((metric) => metric.countsHits === kind);
    return isCounted && outputs.rank === 2 ? this.loss.summary?.(y, outputs) : undefined;
  }

  #addTo(index: number, amount: Tensor): void {
    const total = this.#totals[index];
    total.assign(add(total, amount));
  }
}

/** The loss and what layers added to it. */
const plus = (loss: Tensor, added: readonly Tensor[]): Tensor =>
  added.reduce((total, more) => add(total, more), loss);

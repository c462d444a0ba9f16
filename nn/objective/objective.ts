// Objective: what one output of a model is trained and judged by: its loss, made one number by weights, masks and the loss's
// reduction, and its metrics, with the sums of all kept on the device.

import {
  ArgumentError,
  cast,
  type Device,
  mean,
  mul,
  noGrad,
  notEqual,
  type Shape,
  ShapeError,
  showShape,
  sigmoid,
  softmax,
  sum,
  Tensor,
  tensor,
  type Variable,
  variable,
  where,
} from "../../engine/index.ts";
import { kindOf } from "../../engine/internal.ts";
import type { ClassWeights } from "./class-weights.ts";
import type { Loss } from "./loss.ts";
import { hasSums, type MeanMetric, type Metric, type MetricValue, type SumsMetric } from "./metric.ts";
import { divisorOf, over, productOf, weigh } from "./reduction.ts";
import { Sums } from "./sums.ts";

export interface ObjectiveOptions {
  /** How errors begin: `fit: model "sequential"`. */
  readonly what: string;
  readonly device: Device;
  readonly loss: Loss;
  readonly metrics: readonly Metric[];
  /** Those that sample and class weights count for. */
  readonly weightedMetrics?: readonly Metric[];
  /** From now on the objective's to dispose. */
  readonly classWeights?: ClassWeights;
  /** Of one sample. */
  readonly outputShape: Shape;
  /** The activation that the outputs can be had without: the loss takes it over if it is its own. */
  readonly activation?: string;
  /** Whether batches come with sample weights, and with masks. */
  readonly hasWeights?: boolean;
  readonly hasMask?: boolean;
}

/** What may come with a batch; both of the first axes of the losses. */
export interface BatchWeights {
  readonly sampleWeight?: Tensor;
  readonly mask?: Tensor;
}

/** A metric, and where its sums are. */
interface Kept {
  readonly metric: Metric;
  readonly isWeighted: boolean;
  /** Before the names of its sums. */
  readonly prefix: string;
  /** Values that a mean gets from one sample, in the first batch. */
  valuesPerSample?: number;
}

export class Objective {
  /** "loss", then the metrics'. */
  readonly names: readonly string[];
  /** The loss that is computed: from logits where it takes the activation over. */
  readonly loss: Loss;
  /** The activation that outputs are to be given without. */
  readonly takesOver: "softmax" | "sigmoid" | undefined;
  readonly #what: string;
  readonly #kept: readonly Kept[];
  /** @internal Of the loss and the metrics, by name. */
  readonly sums: Sums;
  /** @internal What metrics keep of the first batch, and whether there was one. */
  readonly firsts: ReadonlyMap<string, Variable>;
  /** @internal */
  readonly begun: Variable | undefined;
  readonly #classWeights: ClassWeights | undefined;

  constructor(options: ObjectiveOptions) {
    const { what, device, loss, outputShape, activation } = options;
    this.#what = what;
    const fromLogits = loss.logitsOf === undefined ? loss.withLogits?.() : undefined;
    this.takesOver = fromLogits?.logitsOf === activation ? fromLogits?.logitsOf : undefined;
    this.loss = this.takesOver === undefined ? loss : (fromLogits as Loss);
    this.#classWeights = options.classWeights;
    this.#kept = [false, true].flatMap((isWeighted) =>
      ((isWeighted ? options.weightedMetrics : options.metrics) ?? []).map((metric) => ({
        metric,
        isWeighted,
        prefix: hasSums(metric) ? `${metric.name}/` : metric.name,
      })),
    );
    this.names = ["loss", ...this.#kept.map(({ metric }) => metric.name)];

    const isMasked = options.hasMask === true || loss.ignoreClass !== undefined;
    const isWeighted = options.hasWeights === true || this.#classWeights !== undefined;
    const shapes: Record<string, Shape> = { loss: [] };
    const firsts: Record<string, Shape> = {};
    // Divisors that the host can't know.
    const isByWeight = loss.reduction === "meanWithSampleWeight";
    if (loss.reduction !== "sum" && (isMasked || (isWeighted && isByWeight))) shapes["loss divisor"] = [];
    for (const { metric, prefix, isWeighted: counts } of this.#kept) {
      if (!hasSums(metric)) {
        shapes[prefix] = [];
        if (isMasked || (isWeighted && counts)) shapes[`${prefix} divisor`] = [];
        continue;
      }
      const of = (found: SumsMetric["sums"]) => (typeof found === "function" ? found(outputShape) : found);
      for (const [name, shape] of Object.entries(of(metric.sums))) shapes[prefix + name] = shape;
      for (const [name, shape] of Object.entries(of(metric.kept ?? {}))) firsts[prefix + name] = shape;
    }
    this.sums = new Sums(device, shapes);
    const make = (name: string, shape: Shape) =>
      variable(new Float32Array(shape.reduce((all, length) => all * length, 1)), {
        shape,
        device,
        trainable: false,
        name: `first/${name}`,
      });
    this.firsts = new Map(Object.entries(firsts).map(([name, shape]) => [name, make(name, shape)]));
    this.begun = this.firsts.size > 0 ? make("begun", []) : undefined;
  }

  /**
   * The loss of a batch, to descend; adds it and the metrics to the sums. Asks the device only, so it can be traced.
   *
   * @param outputs logits of the activation that {@link takesOver} names
   */
  add(targets: Tensor, outputs: Tensor, { sampleWeight, mask }: BatchWeights = {}): Tensor {
    const isPlain =
      sampleWeight === undefined &&
      mask === undefined &&
      this.#classWeights === undefined &&
      this.sums.shapeOf("loss divisor") === undefined;
    const summary = isPlain ? this.#summary(targets, outputs) : undefined;
    if (summary !== undefined) {
      noGrad(() => {
        this.sums.add("loss", summary.loss);
        this.#addMetrics(targets, outputs, undefined, undefined, summary.hits);
      });
      return mul(summary.loss, 1 / outputs.shape[0]);
    }
    const maskOfLosses = mask === undefined ? undefined : this.loss.maskOfLosses;
    const losses: unknown = this.loss.call(targets, outputs, maskOfLosses && mask);
    if (!(losses instanceof Tensor)) {
      throw new ArgumentError(`loss "${this.loss.name}": must give a Tensor, got ${kindOf(losses)}`);
    }
    const weights = noGrad(() => this.#weights(targets, outputs, sampleWeight));
    const counted = noGrad(() => this.#mask(targets, mask));
    const ofLosses = maskOfLosses === undefined ? counted : noGrad(() => maskOfLosses(mask as Tensor));
    const loss = this.#reduced(losses, outputs.shape[0], weights, ofLosses);
    noGrad(() => this.#addMetrics(targets, outputs, weights, counted));
    return loss;
  }

  /** @param hits what the loss's summary has counted already */
  #addMetrics(
    targets: Tensor,
    outputs: Tensor,
    weights: Tensor | undefined,
    mask: Tensor | undefined,
    hits?: Tensor,
  ): void {
    const given = this.loss.logitsOf;
    let activated: Tensor | undefined;
    for (const kept of this.#kept) {
      const { metric, prefix } = kept;
      if (hits !== undefined && this.#countsHits(kept)) {
        this.sums.add(prefix, hits);
        continue;
      }
      const { logitsOf } = metric;
      // A metric of one's own sees what the model gives; ours see logits only where they can tell.
      const isActivated =
        given !== undefined &&
        (logitsOf === undefined ? this.takesOver !== undefined : !logitsOf.includes(given));
      if (isActivated) activated ??= given === "softmax" ? softmax(outputs) : sigmoid(outputs);
      const seen = isActivated ? (activated as Tensor) : outputs;
      const fromLogits = given !== undefined && logitsOf !== undefined && !isActivated;
      const own = kept.isWeighted ? weights : undefined;
      if (hasSums(metric)) {
        this.#addSums(metric, prefix, targets, seen, productOf(own, mask, outputs.shape), fromLogits);
      } else {
        this.#addMean(kept, this.#valuesOf(metric, targets, seen, fromLogits), outputs.shape[0], own, mask);
      }
    }
    this.begun?.assign(tensor(1, { device: outputs.device }));
  }

  /** Whether a metric counts what the loss's summary does, for targets of its kind, and nothing else. */
  #countsHits({ metric, prefix }: Kept): boolean {
    const kind = this.loss.targets === "classes" ? "classes" : "rows";
    const isCounted = !hasSums(metric) && metric.countsHits === kind;
    return isCounted && this.sums.shapeOf(`${prefix} divisor`) === undefined;
  }

  /** @internal Metric by metric, what a mean gets of a sample: told by the first batch. */
  get valuesPerSample(): (number | undefined)[] {
    return this.#kept.map(({ valuesPerSample }) => valuesPerSample);
  }

  set valuesPerSample(values: readonly (number | undefined)[]) {
    this.#kept.forEach((kept, i) => {
      kept.valuesPerSample = values[i];
    });
  }

  /** Starts the sums again. */
  reset(): void {
    this.sums.reset();
    this.begun?.set([0]);
  }

  /**
   * Loss and metrics over the `samples` seen since {@link reset}, in the order of {@link names}. 0 where nothing counted.
   */
  async read(samples: number): Promise<[loss: number, ...metrics: MetricValue[]]> {
    const sums = await this.sums.read();
    const meanOf = (name: string, known: number) => {
      const divisor = sums.get(`${name} divisor`)?.[0] ?? known;
      return divisor === 0 && known > 0 ? 0 : (sums.get(name) as Float64Array)[0] / divisor;
    };
    const values = this.#kept.map(({ metric, prefix, valuesPerSample = 1 }): MetricValue => {
      if (!hasSums(metric)) {
        const found = meanOf(prefix, samples * valuesPerSample);
        return metric.finish === undefined ? found : metric.finish(found);
      }
      const own = [...sums].filter(([name]) => name.startsWith(prefix));
      return metric.result(Object.fromEntries(own.map(([name, sum]) => [name.slice(prefix.length), sum])));
    });
    return [meanOf("loss", samples), ...values];
  }

  dispose(): void {
    this.sums.dispose();
    for (const one of this.firsts.values()) one.dispose();
    this.begun?.dispose();
    this.#classWeights?.dispose();
  }

  /** The loss and the hits that metrics count in one go, where the loss can. */
  #summary(targets: Tensor, outputs: Tensor): { loss: Tensor; hits: Tensor } | undefined {
    const { loss } = this;
    const isMean = (loss.reduction ?? "sumOverBatchSize") === "sumOverBatchSize";
    const isKnown = this.sums.shapeOf("loss divisor") === undefined;
    return isMean && isKnown && outputs.rank === 2 ? loss.summary?.(targets, outputs) : undefined;
  }

  /** Of samples, times those of their classes. */
  #weights(targets: Tensor, outputs: Tensor, sampleWeight: Tensor | undefined): Tensor | undefined {
    const byClass = this.#classWeights?.of(targets, outputs);
    return byClass === undefined ? sampleWeight : productOf(sampleWeight, byClass, byClass.shape);
  }

  /** What counts: by the mask, and by the label that the loss ignores. */
  #mask(targets: Tensor, mask: Tensor | undefined): Tensor | undefined {
    const { ignoreClass } = this.loss;
    if (ignoreClass === undefined) return mask;
    const own = notEqual(targets, ignoreClass);
    return mask === undefined ? own : productOf(mask, own, targets.shape);
  }

  /** The loss to descend; adds what is reported to the sums. */
  #reduced(losses: Tensor, samples: number, weights: Tensor | undefined, mask: Tensor | undefined): Tensor {
    const reduction = this.loss.reduction ?? "sumOverBatchSize";
    const isMean = reduction === "sumOverBatchSize" || reduction === "meanWithSampleWeight";
    const isKnown = this.sums.shapeOf("loss divisor") === undefined;
    if (weights === undefined && mask === undefined && isMean && isKnown) {
      const loss = mean(losses);
      noGrad(() => this.sums.add("loss", mul(loss, samples)));
      return loss;
    }
    if (losses.rank === 0 && (weights !== undefined || mask !== undefined)) {
      throw new ShapeError(
        `${this.#what}: loss "${this.loss.name}" gives one number for the batch, which weights and masks can't be applied to; it must give one a sample, [batch]`,
      );
    }
    const total = sum(weigh(this.#what, losses, weights, mask));
    const divisor = divisorOf(isMean ? reduction : "sumOverBatchSize", losses, weights, mask);
    const loss = isMean ? over(total, divisor) : total;
    noGrad(() => {
      if (!isKnown) {
        this.sums.add("loss", total);
        this.sums.add("loss divisor", asTensor(divisor, total));
      } else {
        // Without a mask the mean over all samples is that of the batches; of sums it is told, as Keras does.
        this.sums.add("loss", mul(loss, reduction === "none" ? samples / losses.size : samples));
      }
    });
    return loss;
  }

  #valuesOf(metric: MeanMetric, targets: Tensor, outputs: Tensor, fromLogits: boolean): Tensor {
    const given: unknown = metric.values(targets, outputs, fromLogits);
    if (!(given instanceof Tensor)) {
      throw new ArgumentError(`metric "${metric.name}": must give a Tensor, got ${kindOf(given)}`);
    }
    const samples = outputs.shape[0];
    if (given.rank > 0 && given.shape[0] !== samples) {
      throw new ShapeError(
        `metric "${metric.name}": gave ${showShape(given.shape)} for a batch of ${samples} samples; it must give [batch, ...], or the batch's mean as a scalar`,
      );
    }
    return given.dtype === "f32" ? given : cast(given, "f32");
  }

  #addMean(
    kept: Kept,
    values: Tensor,
    samples: number,
    weights: Tensor | undefined,
    mask: Tensor | undefined,
  ): void {
    const { metric, prefix } = kept;
    const what = `metric "${metric.name}"`;
    if (values.rank === 0 && weights !== undefined) {
      throw new ShapeError(
        `${what}: gives one number for the batch, which weights and masks can't be applied to; it must give one a sample, [batch]`,
      );
    }
    // The batch's mean stands for all its samples.
    let amount = values.rank === 0 ? mul(values, samples) : sum(weigh(what, values, weights, mask));
    if (this.sums.shapeOf(`${prefix} divisor`) === undefined) {
      const each = values.rank === 0 ? 1 : values.size / samples;
      kept.valuesPerSample ??= each;
      // Batches of another length: each sample counts as much.
      if (each !== kept.valuesPerSample) amount = mul(amount, kept.valuesPerSample / each);
      this.sums.add(prefix, amount);
      return;
    }
    this.sums.add(prefix, amount);
    const divisor = values.rank === 0 ? samples : divisorOf("meanWithSampleWeight", values, weights, mask);
    this.sums.add(`${prefix} divisor`, asTensor(divisor, values));
  }

  #addSums(
    metric: SumsMetric,
    prefix: string,
    targets: Tensor,
    outputs: Tensor,
    weights: Tensor | undefined,
    fromLogits: boolean,
  ): void {
    const first = (name: string, value: Tensor): Tensor => {
      const kept = this.firsts.get(prefix + name);
      if (kept === undefined) {
        throw new ArgumentError(
          `metric "${metric.name}": first("${name}") is not declared; name it and its shape in kept`,
        );
      }
      const now = where(cast(this.begun as Variable, "bool"), kept, value);
      kept.assign(now);
      return now;
    };
    const amounts = metric.add(targets, outputs, weights, { fromLogits, first });
    for (const name of Object.keys(amounts ?? {})) this.#addAmount(metric.name, prefix, name, amounts[name]);
  }

  #addAmount(metric: string, prefix: string, name: string, amount: unknown): void {
    const shape = this.sums.shapeOf(prefix + name);
    if (shape === undefined) {
      throw new ArgumentError(`metric "${metric}": add gave "${name}", which is none of its sums`);
    }
    if (!(amount instanceof Tensor)) {
      throw new ArgumentError(
        `metric "${metric}": add must give Tensors, got ${kindOf(amount)} for "${name}"`,
      );
    }
    if (showShape(amount.shape) !== showShape(shape)) {
      throw new ShapeError(
        `metric "${metric}": add gave ${showShape(amount.shape)} for "${name}", whose shape is ${showShape(shape)}`,
      );
    }
    this.sums.add(prefix + name, amount.dtype === "f32" ? amount : cast(amount, "f32"));
  }
}

const asTensor = (value: Tensor | number, beside: Tensor): Tensor =>
  typeof value === "number" ? tensor(value, { device: beside.device }) : value;

// Trains the net, by epochs or by a step, and says how it goes.

import type { Callback } from "gradgpu/nn";
import type { EpochPoint } from "../runs/kept-runs.ts";
import { metricOf } from "../setup/training.ts";
import type { Keeper } from "./keeping.ts";
import type { Looks } from "./looks.ts";
import type { Post } from "./messages.ts";
import type { Net } from "./net.ts";
import { Pace } from "./pace.ts";
import { batchOf } from "./samples.ts";

/** Milliseconds between two messages of a kind while it trains. */
const progressMs = 50;
const boundaryMs = 200;
const layersMs = 1000;
const keepMs = 5000;

/** What is asked of a training from outside. */
export interface Meanwhile {
  /** Whether it is to end. */
  isPaused(): boolean;
  /** What waits for a moment between two submits. */
  runAsides(): Promise<void>;
}

export class Trainer {
  readonly #net: Net;
  readonly #looks: Looks;
  readonly #keeper: Keeper;
  readonly #post: Post;

  constructor(net: Net, looks: Looks, keeper: Keeper, post: Post) {
    [this.#net, this.#looks, this.#keeper, this.#post] = [net, looks, keeper, post];
  }

  async train(epochs: number, meanwhile: Meanwhile): Promise<void> {
    const net = this.#net;
    if (meanwhile.isPaused()) {
      this.#post({ kind: "running", isRunning: false });
      return;
    }
    const { model, setup } = net;
    const { train, validation } = net.samples;
    this.#post({ kind: "running", isRunning: true });
    try {
      await model.fit(train.x, train.y, {
        epochs: net.epoch + epochs,
        initialEpoch: net.epoch,
        batchSize: setup.batchSize,
        validationData: [validation.x, validation.y],
        validationBatchSize: 512,
        verbose: 0,
        callbacks: [...net.callbacks, this.#watcher(meanwhile)],
      });
    } finally {
      this.#post({ kind: "running", isRunning: false });
    }
    await this.#keeper.keep();
    await this.#looks.show();
  }

  async oneStep(): Promise<void> {
    const net = this.#net;
    const { train } = net.samples;
    const batch = batchOf(train, net.row, net.setup.batchSize);
    net.row = (net.row + batch.count) % train.count;
    const [loss] = await net.model.trainOnBatch(batch.x, batch.y);
    net.step++;
    this.#post({ kind: "progress", epoch: net.epoch, step: net.step, points: [], stepsPerSecond: 0 });
    if (!Number.isFinite(loss)) this.#tellLoss(loss, `step ${net.step}`);
    await this.#looks.show();
    await this.#keeper.keep();
  }

  #watcher(meanwhile: Meanwhile): Callback {
    const net = this.#net;
    const { stepsAnEpoch } = net;
    const { key, hasUnit = false } = metricOf(net.setup.metric, net.samples.spec.task);
    const { unit = 1 } = net.samples;
    const begin = performance.now();
    let toldAt = begin;
    const every = {
      boundary: new Pace(boundaryMs, begin),
      layers: new Pace(layersMs, begin),
      keep: new Pace(keepMs, begin),
    };
    let waiting: EpochPoint[] = [];
    const begun = { at: begin, step: net.step };
    let before = net.step;
    const tell = () => {
      const now = performance.now();
      const { epoch, step } = net;
      const stepsPerSecond = ((step - begun.step) / Math.max(1, now - begun.at)) * 1000;
      // Of the last second or two: the first steps compile.
      if (now - begun.at > 2000) [begun.at, begun.step] = [now, step];
      const points = waiting;
      waiting = [];
      toldAt = now;
      this.#post({ kind: "progress", epoch, step, points, stepsPerSecond });
    };
    return {
      onEpochBegin: () => {
        before = net.step;
        if (meanwhile.isPaused()) net.stop();
      },
      onBoundary: async (_model, { steps }) => {
        if (steps > 0) net.step = before + steps;
        await meanwhile.runAsides();
        if (performance.now() - toldAt > progressMs) tell();
        if (this.#looks.views.boundary) await every.boundary.run(() => this.#looks.boundary());
        if (this.#looks.views.layers) await every.layers.run(() => this.#looks.layers());
        await every.keep.run(() => this.#keeper.keep());
        if (meanwhile.isPaused()) net.stop();
      },
      onEpochEnd: (epoch, logs, _model, { steps }) => {
        net.epoch = epoch + 1;
        net.step = before + (steps || stepsAnEpoch);
        before = net.step;
        const point = pointOf(net.epoch, logs, key, hasUnit ? unit : 1);
        net.history.push(point);
        waiting.push(point);
        if (Number.isFinite(point.loss)) return;
        net.stop();
        this.#tellLoss(point.loss, `epoch ${net.epoch}`);
      },
      onTrainEnd: tell,
    };
  }

  /** What has been kept before stays: its weights are numbers. */
  #tellLoss(loss: number, where: string): void {
    this.#net.isSpoilt = true;
    this.#post({
      kind: "problem",
      about: "loss",
      text: `The loss is ${loss} in ${where}: the weights are lost. Lower the learning rate, or set a limit for gradients; Reset begins with new weights.`,
    });
  }
}

/** @param unit what the metric is told in */
function pointOf(
  epoch: number,
  logs: Readonly<Record<string, number | undefined>>,
  key: string,
  unit: number,
): EpochPoint {
  const ofValidation = `val${key[0].toUpperCase()}${key.slice(1)}`;
  const told = (value: number | undefined) => (value === undefined ? undefined : value * unit);
  return {
    epoch,
    loss: logs.loss as number,
    valLoss: logs.valLoss as number,
    metric: told(logs[key]),
    valMetric: told(logs[ofValidation]),
  };
}

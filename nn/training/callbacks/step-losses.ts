// StepLosses: the loss of each step, kept on the device while it trains and read a few hundred at a time.

import { add, arange, equal, type Tensor, type Variable, variable, where } from "../../../engine/index.ts";
import { stepsToTake } from "../../objective/sums.ts";
import type { History, Logs } from "../history.ts";
import type { TrainedModel } from "../model.ts";
import type { Callback, FitContext } from "./callback.ts";

/**
 * A callback that records the loss of each step, as it was descended: the batch's, with penalties. `history.steps.loss` has one number
 * a step. They stay on the device, from where they are read with the sums: no step is a submit of its own.
 *
 *     const { steps } = await model.fit(x, y, { callbacks: new StepLosses() });
 */
export class StepLosses implements Callback {
  #ring: Variable | undefined;
  #next: Variable | undefined;
  #steps: History["steps"] | undefined;
  /** Those of the epoch's steps that are under way to the host, in their order. */
  #read: Promise<Float32Array>[] = [];
  /** Steps of the epoch whose losses are read. */
  #taken = 0;

  onTrainBegin({ device }: TrainedModel, context: FitContext): void {
    const { trainer, history, use } = context;
    const options = { device, trainable: false };
    const ring = use(variable(new Float32Array(stepsToTake), { ...options, name: "steps/loss" }));
    const next = use(variable(0, { ...options, dtype: "i32", name: "steps/next" }));
    trainer.inStep.push((loss: Tensor) => {
      ring.assign(where(equal(arange(stepsToTake, { dtype: "i32", device }), next), loss, ring));
      next.assign(add(next, 1));
    });
    this.#ring = ring;
    this.#next = next;
    this.#steps = history.steps;
    this.#begin();
  }

  onEpochBegin(): void {
    this.#begin();
  }

  onBoundary(_model: TrainedModel, { steps }: FitContext): void {
    if (steps > 0 && steps % stepsToTake === 0) this.#take(steps);
  }

  async onEpochEnd(_epoch: number, _logs: Logs, _model: TrainedModel, { steps }: FitContext): Promise<void> {
    this.#take(steps);
    for (const losses of await Promise.all(this.#read)) this.#steps?.loss.push(...losses);
    this.#read = [];
  }

  async state() {
    const read = await Promise.all(this.#read);
    const ring = ((await this.#ring?.data()) as Float32Array | undefined) ?? new Float32Array(0);
    const next = (await this.#next?.item()) ?? 0;
    return {
      losses: Float32Array.from(this.#steps?.loss ?? []),
      running: Float32Array.from([...read.flatMap((losses) => [...losses]), ...ring.slice(0, next)]),
    };
  }

  restore({ losses, running }: { losses: Float32Array; running: Float32Array }): void {
    this.#steps?.loss.splice(0, Infinity, ...losses);
    const whole = running.length - (running.length % stepsToTake);
    this.#read = whole === 0 ? [] : [Promise.resolve(running.slice(0, whole))];
    this.#taken = whole;
    const ring = new Float32Array(stepsToTake);
    ring.set(running.subarray(whole));
    this.#ring?.set(ring);
    this.#next?.set([running.length - whole]);
  }

  #begin(): void {
    this.#read = [];
    this.#taken = 0;
    this.#next?.set([0]);
  }

  /** Has those of the steps since the last time read, without waiting for the device. */
  #take(steps: number): void {
    const count = steps - this.#taken;
    if (count === 0 || this.#ring === undefined) return;
    const read = this.#ring.data().then((values) => (values as Float32Array).slice(0, count));
    // Whoever awaits it gets the error.
    read.catch(() => {});
    this.#read.push(read);
    this.#taken = steps;
    this.#next?.set([0]);
  }
}

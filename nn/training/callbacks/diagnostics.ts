// Diagnostics: a look into some of fit's steps, on the device: gradients, updates, dead and saturated units by layer, with
// warnings in words.

import { ArgumentError } from "../../../engine/index.ts";
import { atLeastOne, checkOptions, kindOf, type OptionNames } from "../../../engine/internal.ts";
import { Diagnosis } from "../diagnosis/diagnosis.ts";
import { layersOf } from "../diagnosis/report.ts";
import { LayerWatch } from "../diagnosis/step-watch.ts";
import { loggedValues, type ValueLog } from "../diagnosis/values.ts";
import type { Logs } from "../history.ts";
import type { LayeredModel } from "../layer-values.ts";
import type { TrainedModel } from "../model.ts";
import type { Callback, CallbackState, FitContext } from "./callback.ts";

export interface DiagnosticsOptions {
  /** Steps of an epoch from one look to the next; the first step of each epoch is looked into. Default 100. */
  every?: number;
  /** Whether values are counted in buckets, too, for the log; default false. */
  histograms?: boolean;
  /** Takes each warning when it first comes; default: the console. */
  print?: (line: string) => void;
  /** Whether the table of the layers is printed after each epoch, too; default false. */
  table?: boolean;
}

const diagnosticsOptions: OptionNames<DiagnosticsOptions> = {
  every: true,
  histograms: true,
  print: true,
  table: true,
};

/**
 * A callback that looks into every hundredth step, or however many, by layer: norms of gradients, how much a step changes
 * weights, what comes out, dead and saturated units. It is computed on the device within the traced step; other steps are
 * those without it, and all numbers of the training are the same. What is wrong is told in words, once each.
 *
 *     const diagnostics = new Diagnostics({ every: 50 });
 *     await model.fit(x, y, { callbacks: [diagnostics, new TensorBoard("logs")] });
 *     console.log(String(diagnostics.reports.at(-1)));
 *
 * With TensorBoard beside it, the numbers and the warnings are in its log as well. Units count as dead that gave 0 for every sample
 * of all steps of the epoch that were looked into so far.
 *
 * @throws ArgumentError for wrong options, and for two of them in one run
 */
export class Diagnostics implements Callback {
  /** One for each step that was looked into, in their order. */
  reports: Diagnosis[] = [];
  readonly #every: number;
  readonly #options: DiagnosticsOptions;
  #watch: LayerWatch | undefined;
  /** The numbers of the last look, under way to the host. */
  #reading: { readonly step: number; readonly values: Promise<ArrayLike<number> | undefined> } | undefined;
  #stepsBefore = 0;
  #told = new Set<string>();

  constructor(options: DiagnosticsOptions = {}) {
    checkOptions("Diagnostics", options, diagnosticsOptions);
    const { every = 100, print } = options;
    this.#every = atLeastOne("Diagnostics", "every", every);
    if (print !== undefined && typeof print !== "function")
      throw new ArgumentError(`Diagnostics: print must be a function, got ${kindOf(print)}`);
    this.#options = options;
  }

  onTrainBegin(model: TrainedModel, context: FitContext): void {
    const { trainer, use, epoch, params } = context;
    if (trainer.watch !== undefined)
      throw new ArgumentError("fit: two Diagnostics are among the callbacks; one looks into all layers");
    const watch = use(new LayerWatch(model as LayeredModel, this.#options.histograms ?? false));
    trainer.watch = {
      every: this.#every,
      around: (fn) => watch.around(fn),
      gradients: (...args) => watch.gradients(...args),
    };
    this.#watch = watch;
    this.#reading = undefined;
    this.#stepsBefore = epoch * (params.steps || 0);
    this.#told = new Set();
    this.reports = [];
  }

  onEpochBegin(): void {
    this.#watch?.forget();
  }

  async onBoundary(_model: TrainedModel, context: FitContext): Promise<void> {
    if (context.steps > 0) await this.#look(context);
  }

  async onEpochEnd(_epoch: number, _logs: Logs, _model: TrainedModel, context: FitContext): Promise<void> {
    await this.#look(context);
    await this.#settle(context);
    this.#stepsBefore += context.steps;
    const last = this.reports.at(-1);
    if (this.#options.table && last !== undefined) this.#print(String(last));
  }

  state(): CallbackState {
    return { stepsBefore: this.#stepsBefore, told: [...this.#told] };
  }

  restore(state: { stepsBefore: number; told: string[] }): void {
    this.#stepsBefore = state.stepsBefore;
    this.#told = new Set(state.told);
  }

  /** Has the numbers of the step before read, if it was looked into, without waiting for the device. */
  async #look(context: FitContext): Promise<void> {
    const step = context.steps - 1;
    if (step % this.#every !== 0 || this.#watch === undefined || this.#reading?.step === step) return;
    await this.#settle(context);
    // A look that goes with the device is left out.
    const values = this.#watch.found.data().catch(() => undefined);
    this.#reading = { step, values };
  }

  async #settle(context: FitContext): Promise<void> {
    const [reading, watch] = [this.#reading, this.#watch];
    this.#reading = undefined;
    const values = await reading?.values;
    if (reading === undefined || values === undefined || watch === undefined) return;
    const report = new Diagnosis({ epoch: context.epoch, step: reading.step }, layersOf(watch, values));
    this.reports.push(report);
    for (const { kind, layer, text } of report.warnings) {
      const key = `${kind} ${layer}`;
      if (this.#told.has(key)) continue;
      this.#told.add(key);
      this.#print(`epoch ${report.epoch + 1}, step ${report.step + 1}: ${text}`);
    }
    const logged = loggedValues(report);
    for (const callback of context.callbacks) {
      await (callback as Partial<ValueLog>).logValues?.(this.#stepsBefore + report.step, logged);
    }
  }

  #print(text: string): void {
    const { print = console.warn } = this.#options;
    print(text);
  }
}

// The net that is in training: its samples, its model, and how far it is.

import { type Device, DeviceLostError } from "gradgpu";
import type { Callback, Model, Sequential } from "gradgpu/nn";
import type { EpochPoint, KeptRun } from "../runs/kept-runs.ts";
import type { OwnData } from "../setup/own-data.ts";
import type { Setup } from "../setup/setup.ts";
import { checkFits } from "./fits.ts";
import { callbacksOf, compileFor, makeModel } from "./make-model.ts";
import type { Post } from "./messages.ts";
import { knowNames } from "./rare-names.ts";
import { type Samples, samplesOf } from "./samples.ts";
import { rowsOf } from "./summary.ts";

export class Net {
  epoch = 0;
  step = 0;
  /** Where in the training samples single steps are. */
  row = 0;
  history: EpochPoint[] = [];
  /** Whether weights are no numbers any more. */
  isSpoilt = false;
  /** The file that it was loaded from. */
  file: string | undefined;
  /** Whether its first weights are those that the set-up's seed gives. */
  #isMade = false;
  /** What follows its curves while it trains. */
  callbacks: readonly Callback[] = [];
  #setup: Setup | undefined;
  #model: Model | undefined;
  #samples: Samples | undefined;

  get isBuilt(): boolean {
    return this.#model !== undefined;
  }

  /** Whether the set-up makes it again as it is. */
  get isFresh(): boolean {
    return this.#isMade && this.step === 0;
  }

  get hasSamples(): boolean {
    return this.#samples !== undefined;
  }

  get model(): Sequential {
    if (this.#model === undefined)
      throw new Error("There is no net yet: look at what the layers say, and mend that first.");
    return this.#model as Sequential;
  }

  get samples(): Samples {
    if (this.#samples === undefined) throw new Error("There are no samples yet: choose data first.");
    return this.#samples;
  }

  get setup(): Setup {
    return this.#setup as Setup;
  }

  get stepsAnEpoch(): number {
    return Math.ceil(this.samples.train.count / this.setup.batchSize);
  }

  /** The samples of a set-up; the net of before is gone. */
  async prepare(setup: Setup, own: OwnData | undefined): Promise<void> {
    this.forget();
    this.#samples = undefined;
    await knowNames(setup);
    this.#samples = await samplesOf(setup, own);
    this.#setup = setup;
  }

  /** The net with its first weights, or as it was kept. */
  async make(device: Device, kept: KeptRun | undefined): Promise<void> {
    const { setup } = this;
    [this.epoch, this.step, this.row, this.history, this.isSpoilt] = [0, 0, 0, [], false];
    device.setSeed(setup.seed);
    this.callbacks = callbacksOf(setup);
    this.#isMade = kept === undefined;
    this.file = kept?.file;
    if (kept === undefined) {
      this.#model = makeModel(setup, this.samples.spec, this.stepsAnEpoch);
      return;
    }
    const { loadModel } = await import("./loading.ts");
    const loaded = await loadModel(kept.model).catch((error: unknown) => {
      // A lost device is opened, and it is read again.
      if (error instanceof DeviceLostError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(
        `The kept run could not be read. Reset begins with new weights; other runs stand under Runs and files. What went wrong: ${why}`,
      );
    });
    checkFits(loaded, this.samples.spec, "The kept run");
    this.#model = loaded;
    [this.epoch, this.step, this.history] = [kept.epoch, kept.step, [...kept.history]];
    await Promise.all(
      this.callbacks.map((callback, i) =>
        kept.callbacks?.[i] === undefined ? undefined : callback.restore?.(kept.callbacks[i]),
      ),
    );
  }

  /** A net out of a file takes its place. */
  async load(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<void> {
    const { loadModel } = await import("./loading.ts");
    const loaded = await loadModel(bytes).catch((error: Error) => {
      // The page's reader knows the file, and not the function.
      error.message = error.message.replace(/^loadModel: the bytes:/, `${name}:`);
      throw error;
    });
    const { spec } = this.samples;
    checkFits(loaded, spec, name);
    // Its optimizer goes on where it was; the page's loss and metric are those that it shows.
    compileFor(loaded, this.setup, spec, loaded.optimizer ?? "adam");
    this.forget();
    this.#model = loaded;
    this.#isMade = false;
    this.file = name;
    // A net that was saved with a schedule says its rate itself.
    this.callbacks = loaded.optimizer?.schedule === undefined ? callbacksOf(this.setup) : [];
    [this.epoch, this.step, this.row, this.history, this.isSpoilt] = [0, 0, 0, [], false];
  }

  setRate(learningRate: number): void {
    const { optimizer } = this.model;
    if (optimizer !== undefined) optimizer.learningRate = learningRate;
    this.#setup = { ...this.setup, learningRate };
  }

  /** Training ends after the steps that are on their way. */
  stop(): void {
    if (this.#model !== undefined) this.#model.stopTraining = true;
  }

  forget(): void {
    this.#model?.dispose();
    this.#model = undefined;
  }

  /** Says what there is now. */
  tell(post: Post, run: string): void {
    const { train, validation, spec } = this.samples;
    const { epoch, step, history, file } = this;
    post({
      kind: "built",
      rows: rowsOf(this.model),
      classNames: spec.classNames ?? [],
      trainCount: train.count,
      validationCount: validation.count,
      epoch,
      step,
      history: [...history],
      run,
      file,
    });
  }
}

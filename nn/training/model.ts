// What training, prediction and callbacks need of a model.

import type { Device, Shape, Variable } from "../../engine/index.ts";
import type { Optimizer } from "../../optim/index.ts";
import type { NamedActivation } from "../layers/activations.ts";
import type { CallOptions } from "../layers/layer.ts";
import type { SampleShape } from "../layers/spec.ts";
import type { Declared } from "../layers/weights.ts";
import type { KeptModel } from "../state/model-state.ts";
import type { WeightValue } from "../state/weights.ts";
import type { DataTree } from "./data.ts";
import type { Logs } from "./history.ts";
import type { EvaluateOptions } from "./options.ts";

/** A model as callbacks meet it: every {@link Sequential} is one. */
export interface TrainedModel extends KeptModel {
  readonly name: string;
  /** Set it to end `fit` after the steps that are under way. */
  stopTraining: boolean;
  readonly device: Device;
  /** Shapes of one input and one output, without the batch axis, where there is one of each. */
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  /** @internal Of every output. */
  readonly outputShapes: readonly SampleShape[];
  /** The compiled optimizer. */
  readonly optimizer: Optimizer | undefined;
  /** Names by which data and logs tell inputs and outputs apart. */
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Where its graph starts and ends. */
  // biome-ignore lint/suspicious/noExplicitAny: placeholders in the form that the model has
  readonly inputs: any;
  // biome-ignore lint/suspicious/noExplicitAny: placeholders in the form that the model has
  readonly outputs: any;
  readonly weights: readonly Variable[];
  readonly trainableWeights: readonly Variable[];
  /** @internal Those that come last, output by output. */
  readonly outputActivations: readonly (NamedActivation | undefined)[];
  /** @internal Input by input, how many rows the table has that its numbers choose from; undefined where they don't. */
  readonly idCounts: readonly (number | undefined)[];
  /** @internal Whether a layer in it makes masks. */
  readonly usesMasks: boolean;
  /** @internal Weights with a penalty or with bounds. */
  weightRules(): Iterable<Declared>;
  /** @internal The weights that training changes where the layers of a set are frozen. */
  trainedBut(frozen: ReadonlySet<object>): readonly Variable[];
  // biome-ignore lint/suspicious/noExplicitAny: of the form that the model's inputs and outputs have
  call(x: any, options?: CallOptions): any;
  // biome-ignore lint/suspicious/noExplicitAny: of the form that the model's outputs have
  predict(x: DataTree, options?: EvaluateOptions): Promise<any>;
  evaluate(x: DataTree, y: DataTree, options: EvaluateOptions & { returnDict: true }): Promise<Logs>;
  evaluate(x: DataTree, y: DataTree, options?: EvaluateOptions & { returnDict?: false }): Promise<number[]>;
  getWeights(): Promise<WeightValue[]>;
  setWeights(values: readonly (WeightValue | ArrayLike<number>)[]): this;
  /** How errors name it. */
  describe(): string;
}

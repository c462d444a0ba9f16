// What training, prediction and callbacks need of a model.

import type { Device, Shape, Tensor, Tree, Variable } from "../../engine/index.ts";
import type { Optimizer } from "../../optim/index.ts";
import type { NamedActivation } from "../layers/activations.ts";
import type { CallOptions } from "../layers/layer.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import type { WeightValue } from "../state/weights.ts";
import type { DataLike } from "./data.ts";
import type { Logs } from "./history.ts";
import type { EvaluateOptions } from "./options.ts";

/** A model as callbacks meet it: every {@link Sequential} is one. */
export interface TrainedModel {
  readonly name: string;
  /** Set it to end `fit` after the steps that are under way. */
  stopTraining: boolean;
  readonly device: Device;
  /** Shapes of one input and one output, without the batch axis. */
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  /** The compiled optimizer. */
  readonly optimizer: Optimizer | undefined;
  /** Where its graph starts and ends. */
  readonly inputs: Tree<Placeholder>;
  readonly outputs: Tree<Placeholder>;
  readonly weights: readonly Variable[];
  readonly trainableWeights: readonly Variable[];
  /** @internal Those that come last, output by output. */
  readonly outputActivations: readonly (NamedActivation | undefined)[];
  /** @internal Input by input, how many rows the table has that its numbers choose from; undefined where they don't. */
  readonly idCounts: readonly (number | undefined)[];
  /** @internal The weights that training changes where the layers of a set are frozen. */
  trainedBut(frozen: ReadonlySet<object>): readonly Variable[];
  // biome-ignore lint/suspicious/noExplicitAny: of the form that the model's inputs and outputs have
  call(x: any, options?: CallOptions): any;
  predict(x: DataLike, options?: EvaluateOptions): Promise<Tensor>;
  evaluate(x: DataLike, y: DataLike, options: EvaluateOptions & { returnDict: true }): Promise<Logs>;
  evaluate(x: DataLike, y: DataLike, options?: EvaluateOptions & { returnDict?: false }): Promise<number[]>;
  getWeights(): Promise<WeightValue[]>;
  setWeights(values: readonly (WeightValue | ArrayLike<number>)[]): this;
  /** How errors name it. */
  describe(): string;
}

// What training, prediction and callbacks need of a model.

import type { Device, Shape, Tensor, Variable } from "../../engine/index.ts";
import type { Optimizer } from "../../optim/index.ts";
import type { CallOptions } from "../layers/layer.ts";
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
  readonly weights: Variable[];
  readonly trainableWeights: Variable[];
  /** @internal The last activation, where a loss may take it over. */
  readonly fusibleActivation: string;
  /** @internal How many rows the table of a first Embedding has. */
  readonly idCount: number | undefined;
  call(x: Tensor, options?: CallOptions): Tensor;
  callLogits(x: Tensor, options?: CallOptions): Tensor;
  predict(x: DataLike, options?: EvaluateOptions): Promise<Tensor>;
  evaluate(x: DataLike, y: DataLike, options: EvaluateOptions & { returnDict: true }): Promise<Logs>;
  evaluate(x: DataLike, y: DataLike, options?: EvaluateOptions & { returnDict?: false }): Promise<number[]>;
  getWeights(): Promise<WeightValue[]>;
  setWeights(values: readonly (WeightValue | ArrayLike<number>)[]): this;
  /** How errors name it. */
  describe(): string;
}

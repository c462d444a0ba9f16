// What compile() was told, read and checked.

import { ArgumentError, type Tensor } from "../../engine/index.ts";
import { checkOptions, type OptionNames } from "../../engine/internal.ts";
import { type Optimizer, optimizers } from "../../optim/index.ts";
import * as losses from "../objective/losses.ts";
import * as metrics from "../objective/metrics.ts";
import { beginUse } from "./optimizer-users.ts";

export interface CompileOptions {
  /** By name, with its defaults, or an Optimizer. */
  optimizer: string | Optimizer;
  /** By name, a Loss, or a function (targets, outputs) => losses. */
  loss: string | losses.Loss | ((targets: Tensor, outputs: Tensor) => Tensor);
  /** Names, Metrics or functions (targets, outputs) => values, one or several; default none. */
  metrics?: metrics.MetricLike | readonly metrics.MetricLike[];
}

const compileOptions: OptionNames<CompileOptions> = { optimizer: true, loss: true, metrics: true };

export interface Compiled {
  readonly optimizer: Optimizer;
  /** Whether the model made it. */
  readonly isOwn: boolean;
  readonly loss: losses.Loss;
  readonly metrics: readonly metrics.MetricLike[];
  /** Layers that are not trained: as they said at `compile`, or where there were no weights by then, at the first step. */
  frozen: ReadonlySet<object> | undefined;
}

/**
 * @param model how errors name it
 * @throws ArgumentError for an unknown name, with the nearest known one
 */
export function compiled(model: string, options: CompileOptions): Compiled {
  checkOptions("compile", options, compileOptions);
  for (const part of ["optimizer", "loss"] as const) {
    if (options?.[part] === undefined) {
      throw new ArgumentError(`compile: ${model}: needs ${part === "loss" ? "a loss" : "an optimizer"}`);
    }
  }
  const optimizer = optimizers.get(options.optimizer);
  const loss = losses.get(options.loss);
  const list = options.metrics ?? [];
  const wanted = Array.isArray(list) ? list : [list as metrics.MetricLike];
  metrics.check(wanted);
  beginUse(optimizer);
  return {
    optimizer,
    isOwn: optimizer !== options.optimizer,
    loss,
    metrics: [...wanted],
    frozen: undefined,
  };
}

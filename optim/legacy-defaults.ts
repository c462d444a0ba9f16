// The defaults that older Keras had, as options for today's optimizers.

import { ArgumentError } from "../engine/index.ts";
import { kindOf, lookup } from "../engine/internal.ts";
import type { AdadeltaOptions } from "./adadelta.ts";
import type { AdagradOptions } from "./adagrad.ts";
import type { AdamOptions } from "./adam.ts";
import type { AdamaxOptions } from "./adamax.ts";
import type { NadamOptions } from "./nadam.ts";
import type { RMSpropOptions } from "./rmsprop.ts";
import type { SGDOptions } from "./sgd.ts";

/** By optimizer, which options it had; those that are as they were are left out. */
interface LegacyOptions {
  readonly SGD: SGDOptions;
  readonly Adagrad: AdagradOptions;
  readonly Adadelta: AdadeltaOptions;
  readonly RMSprop: RMSpropOptions;
  readonly Adam: AdamOptions;
  readonly Adamax: AdamaxOptions;
  readonly Nadam: NadamOptions;
}

const table: LegacyOptions = {
  SGD: { learningRate: 0.01, momentum: 0, decay: 0, nesterov: false },
  Adagrad: { learningRate: 0.01, epsilon: 1e-6, initialAccumulatorValue: 0, decay: 0 },
  Adadelta: { learningRate: 1, rho: 0.95, epsilon: 1e-6, decay: 0 },
  RMSprop: { learningRate: 0.001, rho: 0.9, epsilon: 1e-6, decay: 0 },
  Adam: { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, decay: 0, amsgrad: false },
  Adamax: { learningRate: 0.002, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, decay: 0 },
  Nadam: { learningRate: 0.002, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
};

/**
 * The options by which an optimizer begins as in older Keras: `new Adagrad(legacyDefaults("Adagrad"))`, or with changes,
 * `new Adagrad({ ...legacyDefaults("Adagrad"), learningRate: 0.1 })`.
 *
 * @throws ArgumentError for an optimizer that older Keras had not
 */
export function legacyDefaults<N extends keyof LegacyOptions>(optimizer: N): LegacyOptions[N] {
  if (typeof optimizer !== "string") {
    throw new ArgumentError(
      `legacyDefaults: takes an optimizer's name (${Object.keys(table).join(", ")}), got ${kindOf(optimizer)}`,
    );
  }
  const found = lookup(
    "optimizer of older Keras",
    optimizer,
    table as unknown as Readonly<Record<string, object>>,
  );
  return { ...found } as LegacyOptions[N];
}

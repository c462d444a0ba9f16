// What layers take for one of their weights: how it starts, its penalty, and what it becomes after each update.

import type { OptionNames } from "../../engine/internal.ts";
import { type ConstraintLike, get as constraintOf } from "./constraints.ts";
import { type Initializer, get as initializerOf } from "./initializers.ts";
import { type RegularizerLike, get as regularizerOf } from "./regularizers.ts";
import type { WeightConstraint, WeightRegularizer } from "./weights.ts";

export interface KernelOptions {
  /** Default "glorotUniform". */
  kernelInitializer?: string | Initializer;
  /** A penalty on the kernel that is added to the loss: "l2", an object or a function. */
  kernelRegularizer?: RegularizerLike | null;
  /** What the kernel becomes after each update: "maxNorm", an object or a function. */
  kernelConstraint?: ConstraintLike | null;
}

export const kernelOptions: OptionNames<KernelOptions> = {
  kernelInitializer: true,
  kernelRegularizer: true,
  kernelConstraint: true,
};

export interface BiasOptions {
  /** Default true. */
  useBias?: boolean;
  /** Default "zeros". */
  biasInitializer?: string | Initializer;
  /** A penalty on the bias that is added to the loss: "l2", an object or a function. */
  biasRegularizer?: RegularizerLike | null;
  /** What the bias becomes after each update: "maxNorm", an object or a function. */
  biasConstraint?: ConstraintLike | null;
}

export const biasOptions: OptionNames<BiasOptions> = {
  useBias: true,
  biasInitializer: true,
  biasRegularizer: true,
  biasConstraint: true,
};

/** What a layer was told of one of its weights. */
export interface WeightRules {
  readonly initializer: Initializer;
  readonly regularizer: WeightRegularizer | undefined;
  readonly constraint: WeightConstraint | undefined;
}

/** The options `<weight>Initializer`, `<weight>Regularizer` and `<weight>Constraint`, their names looked up. */
export function rulesOf(
  weight: string,
  options: object,
  initializer: string | Initializer = "zeros",
): WeightRules {
  const of = (what: string) => (options as Record<string, unknown>)[`${weight}${what}`];
  return {
    initializer: initializerOf((of("Initializer") ?? initializer) as string | Initializer),
    regularizer: regularizerOf(of("Regularizer") as RegularizerLike | null | undefined),
    constraint: constraintOf(of("Constraint") as ConstraintLike | null | undefined),
  };
}

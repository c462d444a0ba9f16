// What normalizations take for gamma, which multiplies what was normalized, and beta, which is added to it.

import type { OptionNames } from "../../../engine/internal.ts";
import type { ConstraintLike } from "../constraints.ts";
import type { Initializer } from "../initializers.ts";
import type { RegularizerLike } from "../regularizers.ts";
import { rulesOf, type WeightRules } from "../weight-options.ts";

export interface AffineOptions {
  /** Whether beta is added; default true. */
  center?: boolean;
  /** Whether gamma multiplies; default true. */
  scale?: boolean;
  /** Default "zeros". */
  betaInitializer?: string | Initializer;
  /** Default "ones". */
  gammaInitializer?: string | Initializer;
  /** A penalty on beta that is added to the loss: "l2", an object or a function. */
  betaRegularizer?: RegularizerLike | null;
  /** A penalty on gamma that is added to the loss: "l2", an object or a function. */
  gammaRegularizer?: RegularizerLike | null;
  /** What beta becomes after each update: "nonNeg", an object or a function. */
  betaConstraint?: ConstraintLike | null;
  /** What gamma becomes after each update: "nonNeg", an object or a function. */
  gammaConstraint?: ConstraintLike | null;
}

export const affineOptions: OptionNames<AffineOptions> = {
  center: true,
  scale: true,
  betaInitializer: true,
  gammaInitializer: true,
  betaRegularizer: true,
  gammaRegularizer: true,
  betaConstraint: true,
  gammaConstraint: true,
};

export interface AffineRules {
  readonly gamma: WeightRules;
  readonly beta: WeightRules;
}

export const affineRulesOf = (options: AffineOptions): AffineRules => ({
  gamma: rulesOf("gamma", options, "ones"),
  beta: rulesOf("beta", options),
});

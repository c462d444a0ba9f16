// Rates that fall with the steps, each in its own form: exponential, by inverse time, polynomial, stepwise, cosine.

import {
  ArgumentError,
  add,
  div,
  exp,
  less,
  lessEqual,
  maximum,
  minimum,
  mul,
  pow,
  sub,
  type Tensor,
  where,
} from "../../engine/index.ts";
import { aboveZero, atLeastZero, type OptionNames } from "../../engine/internal.ts";
import { checkRequired, halfCosine, named, passed, type Schedule } from "./schedule.ts";

interface DecayOptions {
  /** The rate at step 0. */
  readonly initialLearningRate: number;
  /** Steps in which the rate decays once. */
  readonly decaySteps: number;
}

const decayOptions: OptionNames<DecayOptions> = { initialLearningRate: true, decaySteps: true };

export interface ExponentialDecayOptions extends DecayOptions {
  /** What is left of the rate after `decaySteps` steps. */
  readonly decayRate: number;
  /** Decay all at once every `decaySteps` steps. Default false. */
  readonly staircase?: boolean;
}

const exponentialOptions: OptionNames<ExponentialDecayOptions> = {
  ...decayOptions,
  decayRate: true,
  staircase: true,
};

/** rate(t) = initialLearningRate · decayRate^(t / decaySteps), the exponent rounded down if `staircase`. */
export function exponentialDecay(options: ExponentialDecayOptions): Schedule {
  const name = "exponentialDecay";
  const {
    initialLearningRate,
    decaySteps,
    decayRate,
    staircase = false,
  } = checkDecay(name, options, exponentialOptions);
  aboveZero(name, "decayRate", decayRate);
  return named({ schedule: name, initialLearningRate, decaySteps, decayRate, staircase }, (step) =>
    mul(exp(mul(passed(step, decaySteps, staircase), Math.log(decayRate))), initialLearningRate),
  );
}

export interface InverseTimeDecayOptions extends DecayOptions {
  readonly decayRate: number;
  /** Decay all at once every `decaySteps` steps. Default false. */
  readonly staircase?: boolean;
}

const inverseTimeOptions: OptionNames<InverseTimeDecayOptions> = exponentialOptions;

/** rate(t) = initialLearningRate / (1 + decayRate · t / decaySteps), the quotient rounded down if `staircase`. */
export function inverseTimeDecay(options: InverseTimeDecayOptions): Schedule {
  const name = "inverseTimeDecay";
  const {
    initialLearningRate,
    decaySteps,
    decayRate,
    staircase = false,
  } = checkDecay(name, options, inverseTimeOptions);
  atLeastZero(name, "decayRate", decayRate);
  return named({ schedule: name, initialLearningRate, decaySteps, decayRate, staircase }, (step) =>
    div(initialLearningRate, add(mul(passed(step, decaySteps, staircase), decayRate), 1)),
  );
}

export interface PolynomialDecayOptions extends DecayOptions {
  /** The rate from step `decaySteps` on. Default 0.0001. */
  readonly endLearningRate?: number;
  /** Default 1, a straight line. */
  readonly power?: number;
  /** Begin again, each time with the next multiple of `decaySteps` as the end. Default false. */
  readonly cycle?: boolean;
}

const polynomialOptions: OptionNames<PolynomialDecayOptions> = {
  ...decayOptions,
  endLearningRate: true,
  power: true,
  cycle: true,
};

/** rate(t) = (initial - end) · (1 - min(t, T) / T)^power + end, T = decaySteps (or, with `cycle`, a multiple of it). */
export function polynomialDecay(options: PolynomialDecayOptions): Schedule {
  const name = "polynomialDecay";
  const { initialLearningRate, decaySteps } = checkDecay(name, options, polynomialOptions);
  const { endLearningRate = 1e-4, power = 1, cycle = false } = options;
  atLeastZero(name, "endLearningRate", endLearningRate);
  aboveZero(name, "power", power);
  const config = { initialLearningRate, decaySteps, endLearningRate, power, cycle };
  return named({ schedule: name, ...config }, (step) => {
    const begun = cycle ? maximum(passed(add(step, decaySteps - 1), decaySteps, true), 1) : undefined;
    const share = div(step, begun === undefined ? decaySteps : mul(begun, decaySteps));
    const left = sub(1, minimum(share, 1));
    // Drivers' pow takes the logarithm of 0.
    const raised = power === 1 ? left : where(lessEqual(left, 0), 0, pow(maximum(left, 1e-30), power));
    return add(mul(raised, initialLearningRate - endLearningRate), endLearningRate);
  });
}

export interface PiecewiseConstantOptions {
  /** Steps, ascending: values[0] up to and including boundaries[0], values[1] up to boundaries[1], ... */
  readonly boundaries: readonly number[];
  /** One more than boundaries; the last one holds from the last boundary on. */
  readonly values: readonly number[];
}

const piecewiseOptions: OptionNames<PiecewiseConstantOptions> = { boundaries: true, values: true };

/** A rate that changes at given steps. */
export function piecewiseConstant(options: PiecewiseConstantOptions): Schedule {
  const name = "piecewiseConstant";
  checkRequired(name, options, piecewiseOptions);
  const { boundaries, values } = options;
  if (!Array.isArray(boundaries) || !Array.isArray(values) || values.length !== boundaries.length + 1) {
    throw new ArgumentError(
      `${name}: needs one value more than boundaries, got ${values?.length} values and ${boundaries?.length} boundaries`,
    );
  }
  for (const [i, boundary] of boundaries.entries()) {
    atLeastZero(name, `boundary ${i}`, boundary);
    if (i > 0 && boundary <= boundaries[i - 1])
      throw new ArgumentError(
        `${name}: the boundaries must ascend, got ${boundaries[i - 1]} before ${boundary}`,
      );
  }
  for (const [i, value] of values.entries()) atLeastZero(name, `value ${i}`, value);
  return named({ schedule: name, boundaries: [...boundaries], values: [...values] }, (step) => {
    let rate: Tensor | undefined;
    for (let i = boundaries.length - 1; i >= 0; i--)
      rate = where(lessEqual(step, boundaries[i]), values[i], rate ?? values[i + 1]);
    return rate ?? add(mul(step, 0), values[0]);
  });
}

export interface CosineDecayOptions extends DecayOptions {
  /** What is left of the rate at the end, as a share of it. Default 0. */
  readonly alpha?: number;
  /** First rise in a straight line from `initialLearningRate` to `warmupTarget`, and decay from there. */
  readonly warmupSteps?: number;
  readonly warmupTarget?: number;
}

const cosineOptions: OptionNames<CosineDecayOptions> = {
  ...decayOptions,
  alpha: true,
  warmupSteps: true,
  warmupTarget: true,
};

/**
 * rate(t) = top · ((1 - alpha) · (1 + cos(π · min(t, T) / T)) / 2 + alpha), T = decaySteps and top =
 * initialLearningRate; after a warm-up t counts from its end and top is warmupTarget. Source: Loshchilov and Hutter 2016.
 */
export function cosineDecay(options: CosineDecayOptions): Schedule {
  const name = "cosineDecay";
  const { initialLearningRate, decaySteps } = checkDecay(name, options, cosineOptions);
  const { alpha = 0, warmupSteps = 0, warmupTarget = initialLearningRate } = options;
  atLeastZero(name, "alpha", alpha);
  atLeastZero(name, "warmupSteps", warmupSteps);
  atLeastZero(name, "warmupTarget", warmupTarget);
  if ((options.warmupTarget === undefined) !== (warmupSteps === 0)) {
    throw new ArgumentError(
      `${name}: a warm-up needs warmupSteps above 0 and a warmupTarget, got ${warmupSteps} and ${options.warmupTarget}`,
    );
  }
  const plain = { schedule: name, initialLearningRate, decaySteps, alpha };
  const config = warmupSteps > 0 ? { ...plain, warmupSteps, warmupTarget } : plain;
  return named(config, (step) => {
    const share = minimum(div(maximum(sub(step, warmupSteps), 0), decaySteps), 1);
    const decayed = mul(add(mul(halfCosine(share), 1 - alpha), alpha), warmupTarget);
    if (warmupSteps === 0) return decayed;
    const slope = (warmupTarget - initialLearningRate) / warmupSteps;
    return where(less(step, warmupSteps), add(mul(step, slope), initialLearningRate), decayed);
  });
}

function checkDecay<O extends DecayOptions>(name: string, options: O, known: OptionNames<O>): O {
  checkRequired(name, options, known);
  atLeastZero(name, "initialLearningRate", options.initialLearningRate);
  if (!Number.isInteger(options.decaySteps) || options.decaySteps < 1) {
    throw new ArgumentError(
      `${name}: decaySteps must be a whole number of at least 1, got ${options.decaySteps}`,
    );
  }
  return options;
}

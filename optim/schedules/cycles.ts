// Rates that rise and fall: cosine decay with restarts, cyclic rates, and one cycle.

import {
  ArgumentError,
  add,
  cast,
  div,
  exp,
  gather,
  greaterEqual,
  less,
  lessEqual,
  maximum,
  minimum,
  mul,
  sub,
  sum,
  type Tensor,
  tensor,
  where,
} from "../../engine/index.ts";
import {
  aboveZero,
  atLeastOne,
  atLeastZero,
  choiceOf,
  type OptionNames,
  showGiven,
} from "../../engine/internal.ts";
import { checkRequired, halfCosine, named, passed, type Schedule } from "./schedule.ts";

export interface CosineDecayRestartsOptions {
  /** The rate at step 0. */
  readonly initialLearningRate: number;
  /** Steps until the first restart. */
  readonly firstDecaySteps: number;
  /** How many times as long as the one before each period is. Default 2. */
  readonly tMul?: number;
  /** What each period begins with, as a share of what the one before began with. Default 1. */
  readonly mMul?: number;
  /** What is left of the rate at the end of a period, as a share of `initialLearningRate`. Default 0. */
  readonly alpha?: number;
}

const restartsOptions: OptionNames<CosineDecayRestartsOptions> = {
  initialLearningRate: true,
  firstDecaySteps: true,
  tMul: true,
  mMul: true,
  alpha: true,
};

/**
 * In period i, a share x of which has passed: initialLearningRate · ((1 - alpha) · mMulⁱ · (1 + cos πx) / 2 + alpha).
 * Source: Loshchilov and Hutter 2016, as Keras 3 has it.
 */
export function cosineDecayRestarts(options: CosineDecayRestartsOptions): Schedule {
  const name = "cosineDecayRestarts";
  checkRequired(name, options, restartsOptions);
  const { initialLearningRate, firstDecaySteps, tMul = 2, mMul = 1, alpha = 0 } = options;
  atLeastZero(name, "initialLearningRate", initialLearningRate);
  atLeastOne(name, "firstDecaySteps", firstDecaySteps);
  if (!(Number.isFinite(tMul) && tMul >= 1)) {
    throw new ArgumentError(`${name}: tMul must be a finite number of at least 1, got ${showGiven(tMul)}`);
  }
  aboveZero(name, "mMul", mMul);
  atLeastZero(name, "alpha", alpha);
  const config = { schedule: name, initialLearningRate, firstDecaySteps, tMul, mMul, alpha };
  const rate = (share: Tensor, factor: Tensor) =>
    mul(add(mul(mul(halfCosine(share), 1 - alpha), factor), alpha), initialLearningRate);
  if (tMul === 1) {
    return named(config, (step) => {
      const period = passed(step, firstDecaySteps, true);
      const share = div(sub(step, mul(period, firstDecaySteps)), firstDecaySteps);
      return rate(share, exp(mul(period, Math.log(mMul))));
    });
  }
  // The periods that begin before the step counter ends: found by looking them up, logarithms would miss by one.
  const [starts, lengths, factors]: number[][] = [[], [], []];
  for (let start = 0, length = firstDecaySteps; start < 2 ** 31; start += length, length *= tMul) {
    factors.push(mMul ** starts.length);
    starts.push(start);
    lengths.push(length);
    if (starts.length > 4096)
      throw new ArgumentError(
        `${name}: tMul ${tMul} is so near 1 that thousands of periods differ; pass 1, or at least 1.01`,
      );
  }
  return named(config, (step) => {
    const begun = sum(cast(greaterEqual(step, tensor(starts)), "i32"));
    const index = sub(begun, 1);
    const at = (values: readonly number[]) => gather(tensor([...values]), index);
    return rate(div(sub(step, at(starts)), at(lengths)), at(factors));
  });
}

export interface CyclicOptions {
  /** The rate at step 0, and the lowest. */
  readonly baseLearningRate: number;
  /** The highest rate, of the first cycle at least. */
  readonly maxLearningRate: number;
  /** Steps in which it rises. Default 2000. */
  readonly stepSizeUp?: number;
  /** Steps in which it falls again. Default: as many. */
  readonly stepSizeDown?: number;
  /** Every cycle as high, each half as high as the one before, or as high as gammaˢᵗᵉᵖ says. Default "triangular". */
  readonly mode?: "triangular" | "triangular2" | "expRange";
  /** Default 1. */
  readonly gamma?: number;
}

const cyclicOptions: OptionNames<CyclicOptions> = {
  baseLearningRate: true,
  maxLearningRate: true,
  stepSizeUp: true,
  stepSizeDown: true,
  mode: true,
  gamma: true,
};

/**
 * Rises from baseLearningRate to maxLearningRate in a straight line, and falls again, over and over. Source: Smith 2015, as
 * PyTorch's CyclicLR has it.
 */
export function cyclic(options: CyclicOptions): Schedule {
  const name = "cyclic";
  checkRequired(name, options, cyclicOptions);
  const {
    baseLearningRate,
    maxLearningRate,
    stepSizeUp = 2000,
    stepSizeDown = stepSizeUp,
    gamma = 1,
  } = options;
  atLeastZero(name, "baseLearningRate", baseLearningRate);
  atLeastZero(name, "maxLearningRate", maxLearningRate);
  atLeastOne(name, "stepSizeUp", stepSizeUp);
  atLeastOne(name, "stepSizeDown", stepSizeDown);
  aboveZero(name, "gamma", gamma);
  const modes = ["triangular", "triangular2", "expRange"] as const;
  const mode = choiceOf(`${name} mode`, options.mode ?? "triangular", modes);
  const period = stepSizeUp + stepSizeDown;
  const height = maxLearningRate - baseLearningRate;
  const config = { baseLearningRate, maxLearningRate, stepSizeUp, stepSizeDown, mode, gamma };
  return named({ schedule: name, ...config }, (step) => {
    const cycle = passed(step, period, true);
    const at = sub(step, mul(cycle, period));
    const share = where(lessEqual(at, stepSizeUp), div(at, stepSizeUp), div(sub(period, at), stepSizeDown));
    const rise = mul(share, height);
    const raised =
      mode === "triangular"
        ? rise
        : mul(rise, mode === "triangular2" ? exp(mul(cycle, -Math.LN2)) : exp(mul(step, Math.log(gamma))));
    return add(raised, baseLearningRate);
  });
}

export interface OneCycleOptions {
  readonly maxLearningRate: number;
  /** Steps of the cycle; the rate stays what it is at their end. */
  readonly totalSteps: number;
  /** The share of them in which the rate rises. Default 0.3. */
  readonly pctStart?: number;
  /** The rate at step 0 is maxLearningRate / divFactor. Default 25. */
  readonly divFactor?: number;
  /** The rate at the end is that of step 0 / finalDivFactor. Default 10,000. */
  readonly finalDivFactor?: number;
  /** By a half cosine or a straight line. Default "cos". */
  readonly annealStrategy?: "cos" | "linear";
}

const oneCycleOptions: OptionNames<OneCycleOptions> = {
  maxLearningRate: true,
  totalSteps: true,
  pctStart: true,
  divFactor: true,
  finalDivFactor: true,
  annealStrategy: true,
};

/** Rises once, and falls far below where it began. Source: Smith and Topin 2017, as PyTorch's OneCycleLR has it. */
export function oneCycle(options: OneCycleOptions): Schedule {
  const name = "oneCycle";
  checkRequired(name, options, oneCycleOptions);
  const { maxLearningRate, totalSteps, pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4 } = options;
  atLeastZero(name, "maxLearningRate", maxLearningRate);
  atLeastOne(name, "totalSteps", totalSteps);
  if (!(pctStart > 0 && pctStart < 1)) {
    throw new ArgumentError(
      `${name}: pctStart must be between 0 and 1 (exclusive), got ${showGiven(pctStart)}`,
    );
  }
  aboveZero(name, "divFactor", divFactor);
  aboveZero(name, "finalDivFactor", finalDivFactor);
  const annealStrategy = choiceOf(`${name} annealStrategy`, options.annealStrategy ?? "cos", [
    "cos",
    "linear",
  ]);
  const top = pctStart * totalSteps - 1;
  const end = totalSteps - 1;
  if (top <= 0) {
    throw new ArgumentError(
      `${name}: the rate rises until step pctStart · totalSteps - 1, which must be above 0, got ${top}; take more steps or a larger pctStart`,
    );
  }
  const initial = maxLearningRate / divFactor;
  const final = initial / finalDivFactor;
  const config = { maxLearningRate, totalSteps, pctStart, divFactor, finalDivFactor, annealStrategy };
  /** From `from` to `to` while `share` goes from 0 to 1. */
  const between = (from: number, to: number, share: Tensor) => {
    const held = minimum(maximum(share, 0), 1);
    const left = annealStrategy === "cos" ? halfCosine(held) : sub(1, held);
    return add(mul(left, from - to), to);
  };
  return named({ schedule: name, ...config }, (step) =>
    where(
      less(step, top),
      between(initial, maxLearningRate, div(step, top)),
      between(maxLearningRate, final, div(sub(step, top), end - top)),
    ),
  );
}

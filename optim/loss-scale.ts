// Loss scaling: gradients of a loss that is multiplied by a scale, which grows while they stay finite and is halved where not.

import {
  ArgumentError,
  add,
  all,
  div,
  equal,
  isFinite as isFiniteTensor,
  logicalAnd,
  maximum,
  minimum,
  mul,
  Tensor,
  tidy,
  type ValueAndGrads,
  Variable,
  valueAndGrad,
  where,
} from "../engine/index.ts";
import { aboveZero, atLeastOne, checkOptions, kindOf, type OptionNames } from "../engine/internal.ts";
import { Optimizer } from "./optimizer.ts";

export interface LossScaleOptions {
  /** What the loss is multiplied by at first, from 2^-126 to 2^126. Powers of two change no digits. Default 2^15. */
  initialScale?: number;
  /** The scale is doubled after so many updates in a row whose gradients were finite. Default 2000. */
  dynamicGrowthSteps?: number;
}

const lossScaleOptions: OptionNames<LossScaleOptions> = { initialScale: true, dynamicGrowthSteps: true };

/** What a scale is now and what it has met: {@link lossScaleState}. */
export interface LossScaleState {
  /** What the next loss is multiplied by. */
  readonly scale: number;
  /** Updates since the scale changed last. */
  readonly finiteSteps: number;
  /** Updates that were skipped, because gradients were infinite or NaN. */
  readonly skippedSteps: number;
}

/** Scalars of the optimizer; its state has them, and so have files. */
const scaleName = "lossScale";
const finiteName = "finiteSteps";
const skippedName = "skippedSteps";

/** Between them, a scale and its reciprocal are normal numbers of f32. */
const least = 2 ** -126;
const most = 2 ** 126;

/**
 * Gives an optimizer loss scaling that finds its scale, and gives it back: the rule of Keras's LossScaleOptimizer and PyTorch's
 * GradScaler. Products whose operands are rounded to float16 (`matmulPrecision`) lose gradients below 6e-8. With this, what is
 * differentiated is the loss times a scale, and the gradients are divided by it. Where they overflowed, the update is skipped,
 * with parameters, slots and iterations as they were, and the scale is halved.
 *
 *     const optimizer = withLossScaling(new Adam());
 *     model.compile({ optimizer, loss: "meanSquaredError" });
 *     await model.fit(x, y);
 *     console.log(await lossScaleState(optimizer)); // { scale: 32768, finiteSteps: 80, skippedSteps: 0 }
 *
 * @throws ArgumentError for options out of their range, and for an optimizer that has it or knows its variables already
 */
export function withLossScaling<O extends Optimizer>(optimizer: O, options: LossScaleOptions = {}): O {
  return scaled("withLossScaling", optimizer, options, {}, (_, compute) => compute());
}

/**
 * Gives the optimizer loss scaling, for {@link withLossScaling} and what comes with more.
 *
 * @param more what files remember besides the options
 * @param around has `compute` give the scaled loss and the gradients
 */
export function scaled<O extends Optimizer>(
  who: string,
  optimizer: O,
  options: LossScaleOptions,
  more: object,
  around: <T extends ValueAndGrads<Tensor[]>>(scale: Variable, compute: () => T) => T,
): O {
  checkOptions(who, options, lossScaleOptions);
  if (!(optimizer instanceof Optimizer))
    throw new ArgumentError(
      `${who}: the first argument must be an Optimizer, as in ${who}(new Adam()), got ${kindOf(optimizer)}`,
    );
  const initialScale = aboveZero(who, "initialScale", options.initialScale ?? 2 ** 15);
  if (initialScale > most || initialScale < least)
    throw new ArgumentError(`${who}: initialScale must be from 2^-126 to 2^126, got ${initialScale}`);
  const dynamicGrowthSteps = atLeastOne(who, "dynamicGrowthSteps", options.dynamicGrowthSteps ?? 2000);
  const { inside, name } = optimizer;
  if (inside.built !== undefined || inside.scaling !== undefined)
    throw new ArgumentError(
      `${who}: ${name} ${inside.scaling ? "scales losses" : "knows its variables"} already; call it once, as soon as the optimizer is made`,
    );
  const taken = [scaleName, finiteName, skippedName].find((scalar) =>
    Object.hasOwn(optimizer.remembered.scalars, scalar),
  );
  if (taken !== undefined)
    throw new ArgumentError(`${who}: "${taken}" is a scalar of ${name}'s rule; name the rule's otherwise`);

  inside.scaling = {
    options: { initialScale, dynamicGrowthSteps, ...more },
    starts: { [scaleName]: initialScale, [finiteName]: 0, [skippedName]: 0 },

    gradients(loss, variables, { scalars }) {
      const scale = scalars[scaleName];
      const compute = valueAndGrad(
        (..._: Tensor[]) => {
          const value = loss();
          if (!(value instanceof Tensor))
            throw new ArgumentError(
              `${name}: the function must return a Tensor, the loss, got ${kindOf(value)}`,
            );
          // Times 1: a copy, for a variable's handle is not to be given away.
          return [mul(value, scale), value instanceof Variable ? mul(value, 1) : value];
        },
        { hasAux: true },
      );
      return tidy(() => {
        const { grads, aux } = around(scale, () => compute(...variables));
        const inverse = div(1, scale);
        return { value: aux, grads: grads.map((gradient) => mul(gradient, inverse)) };
      });
    },

    decide(gradient, { scalars }, isLast, next) {
      const isSound = all(isFiniteTensor(gradient));
      const [scale, finite, skipped] = [scaleName, finiteName, skippedName].map((scalar) => scalars[scalar]);
      const count = add(finite, 1);
      const grows = equal(count, dynamicGrowthSteps);
      /** What becomes of a scalar at an update; nothing while gradients are only summed up. */
      const put = (held: Variable, sound: Tensor, overflowed: Tensor | number) => {
        const then = where(isSound, sound, overflowed);
        next.set(held, isLast ? where(isLast, then, held) : then);
      };
      put(scale, where(grows, minimum(mul(scale, 2), most), scale), maximum(mul(scale, 0.5), least));
      put(finite, where(grows, 0, count), 0);
      put(skipped, skipped, add(skipped, 1));
      return isLast ? logicalAnd(isLast, isSound) : isSound;
    },
  };
  return optimizer;
}

/**
 * What the scale of an optimizer {@link withLossScaling} is, and how many updates it skipped; read from the device.
 *
 * @throws ArgumentError for an optimizer without it
 */
export async function lossScaleState(optimizer: Optimizer): Promise<LossScaleState> {
  const inside = optimizer instanceof Optimizer ? optimizer.inside : undefined;
  if (inside?.scaling === undefined)
    throw new ArgumentError(
      `lossScaleState: the argument must be an optimizer that withLossScaling(...) or mixedPrecision(...) gave, got ${inside ? `${optimizer.name} without it` : kindOf(optimizer)}`,
    );
  const { built, waiting, scaling } = inside;
  const read = (name: string) =>
    built?.scalars[name].item() ?? waiting?.state.scalars?.[name] ?? scaling.starts[name];
  const [scale, finiteSteps, skippedSteps] = await Promise.all(
    [scaleName, finiteName, skippedName].map(read),
  );
  return { scale, finiteSteps, skippedSteps };
}

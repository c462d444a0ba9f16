// Loss: what every loss is, and what is checked of each. The losses themselves stand in the files beside.

import { ArgumentError, type Shape, ShapeError, showShape, Tensor, tidy } from "../../engine/index.ts";
import { checkOptions, choiceOf, kindOf, type OptionNames } from "../../engine/internal.ts";
import { madeBy } from "../layers/made.ts";
import { equalShapes, type SampleShape } from "../layers/spec.ts";

/** How a batch's losses l with weights w become one number. A divisor of 0 gives a loss and a gradient of 0. */
export const reductions = ["sumOverBatchSize", "meanWithSampleWeight", "sum", "none"] as const;
/**
 * - `sumOverBatchSize`: Σ w l / n, n losses, those that a mask or `ignoreClass` leaves out not counted;
 * - `meanWithSampleWeight`: Σ w l / Σ w;
 * - `sum`: Σ w l;
 * - `none`: w l as they are; `fit` descends their sum and reports their mean.
 */
export type Reduction = (typeof reductions)[number];

export interface Loss {
  readonly name: string;
  /**
   * What targets must be:
   * - `values`: f32 of the outputs' shape; `probabilities`: the same, from 0 to 1;
   * - `classes`: whole numbers from 0 to classes - 1, of the outputs' shape without the axis of the classes;
   * - `sequences`: i32 [batch, length], of any length, which {@link checkTargets} looks at;
   * - `any`: not checked.
   */
  readonly targets: "values" | "probabilities" | "classes" | "sequences" | "any";
  /** The activation before which it takes the outputs; undefined for a loss that takes what the model gives. */
  readonly logitsOf?: "softmax" | "sigmoid";
  /** How a batch's losses become one number; default "sumOverBatchSize". */
  readonly reduction?: Reduction;
  /** The label that counts as none: its losses are 0, and neither divisors nor metrics count it. */
  readonly ignoreClass?: number;
  /** Where the outputs have their classes; default -1, the last axis. */
  readonly axis?: number;
  /** The same loss from logits: set where that is stabler, and taken by `fit` when a model ends with `logitsOf` of it. */
  withLogits?(): Loss;
  /**
   * The sum of a batch's losses and the rows whose largest output is at the target, worked out together: set where
   * one kernel gives both. For outputs [batch, classes].
   */
  summary?(targets: Tensor, outputs: Tensor): { loss: Tensor; hits: Tensor };
  /** Set where `call` takes the outputs' mask itself, as its third argument: what says which losses count. */
  maskOfLosses?(mask: Tensor): Tensor;
  /**
   * What `fit` asks of sequences before a step is taken; throws for what is wrong.
   *
   * @param what how errors begin
   * @param row the shape of a sample's targets
   * @param outputs that of a sample's outputs
   */
  checkTargets?(what: string, values: ArrayLike<number>, row: Shape, outputs: SampleShape): void;
  /** Loss of each sample: [batch] (or [batch, ...], or a scalar). Targets are f32, classes and sequences i32. */
  call(targets: Tensor, outputs: Tensor, mask?: Tensor): Tensor;
}

/** What `compile` takes for a loss: a name, a Loss, or a function (targets, outputs) => losses. */
export type LossLike = string | Loss | ((targets: Tensor, outputs: Tensor) => Tensor);

export interface LossOptions {
  /** How a batch's losses become one number: "sumOverBatchSize" (the default), "meanWithSampleWeight", "sum", "none". */
  reduction?: Reduction;
}

/** What a loss is made of. */
type LossParts = Omit<Loss, "name" | "reduction">;

/** By `withLogits` and `summary` of a loss of ours: the `call` that they compute the same as. */
const callOf = new WeakMap<object, Loss["call"]>();

/**
 * A loss; its `call` checks shapes and frees what it makes on the way.
 *
 * @param own the names of the options that it has besides {@link LossOptions}: any others are refused, before `make`
 *   looks at them
 */
export function makeLoss<O extends LossOptions>(
  name: string,
  options: O,
  own: OptionNames<Omit<O, keyof LossOptions>>,
  make: (options: O, what: string) => LossParts,
): Loss {
  const what = `losses.${name}`;
  checkOptions<object>(what, options, { reduction: true, ...own });
  const reduction = choiceOf(`${what} reduction`, options.reduction ?? "sumOverBatchSize", reductions);
  const parts = make(options, what);
  const loss: Loss = {
    name,
    ...parts,
    reduction,
    call(targets, outputs, mask) {
      checkShapes(loss, targets, outputs);
      return tidy(() => parts.call(targets, outputs, mask));
    },
  };
  for (const part of [loss.withLogits, loss.summary]) if (part !== undefined) callOf.set(part, loss.call);
  return madeBy(what, [options], loss);
}

/** The shape of one sample's targets beside outputs of a shape (both without the batch axis); of `any`, the outputs'. */
export function targetShape({ targets, axis = -1 }: Loss, outputShape: Shape): Shape {
  if (targets !== "classes") return outputShape;
  // Counted with the batch axis.
  const at = axis < 0 ? outputShape.length + axis : axis - 1;
  return outputShape.filter((_, k) => k !== at);
}

/** Targets of another shape than the outputs would be broadcast, and give a number that means nothing. */
function checkShapes(loss: Loss, targets: Tensor, outputs: Tensor): void {
  const { name, axis = -1 } = loss;
  for (const [what, value] of Object.entries({ targets, outputs })) {
    if (!(value instanceof Tensor)) {
      throw new ArgumentError(`losses.${name}: ${what} must be a Tensor, got ${kindOf(value)}`);
    }
  }
  if (axis >= outputs.rank || axis < -outputs.rank) {
    throw new ShapeError(
      `losses.${name}: outputs ${showShape(outputs.shape)} have no axis ${axis} for the classes`,
    );
  }
  // Labels are looked at by the op, which names both shapes, too.
  if (loss.targets === "classes" || loss.targets === "sequences" || equalShapes(targets.shape, outputs.shape))
    return;
  const isOneShort = targets.rank === outputs.rank - 1;
  const remedy =
    name === "categoricalCrossentropy" && isOneShort
      ? "integer labels are for sparseCategoricalCrossentropy"
      : "reshape the one that is wrong";
  throw new ShapeError(
    `losses.${name}: targets ${showShape(targets.shape)} and outputs ${showShape(outputs.shape)} must have the same shape; ${remedy}`,
  );
}

/** The loss; without what belongs to another `call` where it was made of a loss of ours with its `call` replaced. */
export function dropForeignExtras(loss: Loss): Loss {
  const isForeign = (part: object | undefined) =>
    part !== undefined && (callOf.get(part) ?? loss.call) !== loss.call;
  if (!isForeign(loss.withLogits) && !isForeign(loss.summary)) return loss;
  return { ...loss, withLogits: undefined, summary: undefined };
}

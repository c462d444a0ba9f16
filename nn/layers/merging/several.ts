// What merging layers check of their inputs, and how their masks become one.

import { ArgumentError, logicalOr, notEqual, ShapeError, Tensor } from "../../../engine/index.ts";
import { kindOf } from "../../../engine/internal.ts";
import type { CallContext } from "../call-context.ts";
import type { Mask } from "../masks.ts";
import { type SampleShape, type SampleSpec, showSpecs } from "../spec.ts";

/** @throws ArgumentError unless the inputs stand in an array, so many of them */
export function checkSeveral(what: string, inputs: unknown, exactly?: number): void {
  if (Array.isArray(inputs) && (exactly === undefined ? inputs.length >= 2 : inputs.length === exactly))
    return;
  const wanted = exactly === undefined ? "at least 2 inputs" : `${exactly} inputs`;
  const got = Array.isArray(inputs)
    ? `${inputs.length}`
    : inputs instanceof Tensor
      ? "one tensor"
      : "one input";
  throw new ArgumentError(
    `${what}: takes ${wanted} in an array, as in layer.call([a, b]), got ${got === "one input" && typeof inputs !== "object" ? kindOf(inputs) : got}`,
  );
}

/** @throws ShapeError unless the shapes broadcast, aligned at the last axis behind the batch */
export function broadcastSamples(what: string, inputs: readonly SampleSpec[]): SampleShape {
  const rank = Math.max(...inputs.map(({ shape }) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const lengths = inputs.map(({ shape }) => {
      const at = axis - rank + shape.length;
      return at < 0 ? 1 : shape[at];
    });
    const known = [...new Set(lengths.filter((length) => length !== null && length !== 1))];
    if (known.length > 1) {
      throw new ShapeError(
        `${what}: takes inputs of one shape, got ${showSpecs(inputs)}; from the last axis on, lengths must be equal or one of them 1. Bring them to one, as with a Dense or a Reshape layer`,
      );
    }
    return known[0] ?? (lengths.includes(null) ? null : 1);
  });
}

/** A step of what comes out counts if it does in any of the inputs; where one of them has no mask, all steps do. */
export function anyMask(mask: CallContext["mask"]): Mask {
  const masks = mask as readonly Mask[];
  if (masks.some((one) => one === undefined)) return undefined;
  const flags = (masks as readonly Tensor[]).map((one) => (one.dtype === "bool" ? one : notEqual(one, 0)));
  return flags.reduce((a, b) => logicalOr(a, b));
}

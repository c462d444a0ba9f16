// What a layer's call checks of inputs and outputs, and of names: functions without a state.

import {
  ArgumentError,
  reshape,
  type Shape,
  ShapeError,
  showShape,
  Tensor,
  type Tree,
} from "../../engine/index.ts";
import { checkedName, kindOf, leavesOf, mapTree } from "../../engine/internal.ts";
import {
  checkSampleShape,
  equalShapes,
  fitsShape,
  isSpec,
  type SampleShape,
  type SampleSpec,
  showSpecs,
  specsIn,
} from "./spec.ts";

/** @throws ShapeError, ArgumentError for outputs that are not what `outputSpec` says */
export function checkOutputs(
  layer: string,
  inputs: Tree<Tensor>,
  outputs: Tree<Tensor>,
  wanted: readonly SampleSpec[],
): void {
  const first = inputs instanceof Tensor ? inputs : leavesOf(inputs)[0];
  const found = outputs instanceof Tensor ? [outputs] : leavesOf(outputs);
  found.forEach((out: unknown, i) => {
    if (!(out instanceof Tensor)) {
      throw new ArgumentError(`${layer}: forward must return a Tensor, got ${kindOf(out)}`);
    }
    const batch = first?.shape[0] ?? out.shape[0];
    const fits =
      i < wanted.length && out.shape[0] === batch && fitsShape(out.shape.slice(1), wanted[i].shape);
    if (!fits) {
      const says = wanted[i] === undefined ? "no such output" : showOut(batch, wanted[i].shape);
      throw new ShapeError(
        `${layer}: gave an output of shape ${showShape(out.shape)} for inputs ${showShape(first?.shape ?? [])}; outputSpec says ${says}`,
      );
    }
  });
  if (found.length === wanted.length) return;
  throw new ShapeError(`${layer}: gave ${found.length} outputs; outputSpec says ${wanted.length}`);
}

/** Whether two shapes are the same but for the batch. */
export const sameSample = (a: Shape, b: Shape): boolean => {
  if (a.length !== b.length) return false;
  for (let axis = 1; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
};

/** Whether specs of one form have the same shapes. */
export function sameSpecs(a: Tree<SampleSpec>, b: Tree<SampleSpec>): boolean {
  const [left, right] = [specsIn(a), specsIn(b)];
  return left.length === right.length && left.every(({ shape }, i) => equalShapes(shape, right[i].shape));
}

const showOut = (batch: number, shape: SampleShape): string =>
  showShape([batch, ...shape.map((length) => length ?? "any")] as unknown as Shape);

/** Tensors of their own where the layer did nothing: who frees them keeps the inputs. */
export function apartFrom(inputs: Tree<Tensor>, outputs: Tree<Tensor>): Tree<Tensor> {
  if (outputs instanceof Tensor) {
    const isInput = outputs === inputs || (!(inputs instanceof Tensor) && leavesOf(inputs).includes(outputs));
    return isInput ? reshape(outputs, outputs.shape) : outputs;
  }
  return mapTree(outputs, (out: Tensor) => apartFrom(inputs, out) as Tensor);
}

/** A shape as the spec of the one input; specs as they are. */
export function specsOf(what: string, inputs: SampleShape | Tree<SampleSpec>): Tree<SampleSpec> {
  const isShape = Array.isArray(inputs) && inputs.every((part) => part === null || typeof part !== "object");
  if (isShape) {
    checkSampleShape(what, inputs as SampleShape);
    return { shape: [...(inputs as SampleShape)], dtype: "f32" };
  }
  return inputs as Tree<SampleSpec>;
}

/** The shape of the one value. */
export function shapeOf(layer: string, what: string, specs: Tree<SampleSpec> | undefined): Shape | undefined {
  if (specs === undefined) return undefined;
  if (isSpec(specs)) return (specs as SampleSpec).shape as Shape;
  throw new ArgumentError(
    `${what}: ${layer} has several, ${showSpecs(specs)}; read inputSpec and outputSpec`,
  );
}

/** @throws ArgumentError for a name that paths can't hold */
export function checkedLayerName(type: string, name: string): string {
  checkedName(type, name);
  if (name.includes("/")) {
    throw new ArgumentError(
      `${type}: the name "${name}" holds a "/", which separates the names of layers in the paths of weights; leave it out`,
    );
  }
  return name;
}

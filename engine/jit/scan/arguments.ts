// What scan() is given: trees of tensors, and how many steps they make.

import { ArgumentError, kindOf, ShapeError } from "../../base/errors.ts";
import { atLeastOne } from "../../base/number-checks.ts";
import { leavesOf, mapTree, type Tree } from "../../base/tree.ts";
import { reshape } from "../../ops/layout/reshape.ts";
import { slice } from "../../ops/layout/slice.ts";
import { Tensor } from "../../tensor/tensor.ts";

export function tensorsOf(what: string, tree: Tree<Tensor>): Tensor[] {
  const leaves = leavesOf<unknown>(tree);
  leaves.forEach((leaf) => {
    if (!(leaf instanceof Tensor)) {
      throw new ArgumentError(
        `scan: ${what} must be tensors, alone or in arrays and plain objects; it holds ${kindOf(leaf)}`,
      );
    }
  });
  return leaves as Tensor[];
}

export function leafPaths(tree: Tree<Tensor>): string[] {
  const paths: string[] = [];
  mapTree(tree, (_, path) => paths.push(path));
  return paths;
}

export function lengthOf(xs: readonly Tensor[], given: number | undefined): number {
  if (given !== undefined) atLeastOne("scan", "length", given);
  const single = xs.find(({ rank }) => rank === 0);
  if (single !== undefined)
    throw new ShapeError("scan: xs holds a single number; each of xs is [steps, ...], a row a step");
  const lengths = [...new Set(xs.map(({ shape }) => shape[0]))];
  if (given !== undefined) lengths.push(given);
  if (lengths.length === 0)
    throw new ArgumentError("scan: there are no xs; pass length, the number of steps");
  const [length] = lengths;
  if (lengths.some((other) => other !== length)) {
    throw new ShapeError(
      `scan: xs, and length where it is given, disagree about the number of steps: ${[...new Set(lengths)].join(" and ")}`,
    );
  }
  if (length === 0) throw new ShapeError("scan: xs have no rows; there must be at least one step");
  return length;
}

export function rowOf(x: Tensor, at: number): Tensor {
  const [, ...shape] = x.shape;
  return reshape(slice(x, at, at + 1), shape);
}

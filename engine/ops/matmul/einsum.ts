// Products of vectors and einsum: sums of products named by indices. Plain functions over matmul, mul, sum and the
// movement ops, whose gradients they have; two operands that share a summed index become one matrix product.

import { ArgumentError, kindOf, ShapeError } from "../../base/errors.ts";
import { type Shape, showShape, sizeOf } from "../../base/shape.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { mul } from "../elementwise/arithmetic.ts";
import { expand, transpose } from "../layout/movement.ts";
import { reshape } from "../layout/reshape.ts";
import { slice } from "../layout/slice.ts";
import { sum } from "../reduce/reduce.ts";
import { matmul } from "./matmul.ts";

/**
 * The inner product Σ aᵢ bᵢ of two vectors [n], a scalar. For matrices, see `matmul`.
 *
 * @throws ShapeError unless both have one axis, of the same length
 */
export function dot(a: Tensor, b: Tensor): Tensor {
  checkTensor("dot", a);
  checkTensor("dot", b, 2);
  if (a.shape.length !== 1 || b.shape.length !== 1 || a.shape[0] !== b.shape[0]) {
    throw new ShapeError(
      `dot: a ${showShape(a.shape)} and b ${showShape(b.shape)} must be vectors of the same length; use matmul() for matrices`,
    );
  }
  return sum(mul(a, b));
}

/**
 * The outer product aᵢ bⱼ of two vectors [m] and [n]: [m, n].
 *
 * @throws ShapeError unless both have one axis
 */
export function outer(a: Tensor, b: Tensor): Tensor {
  checkTensor("outer", a);
  checkTensor("outer", b, 2);
  if (a.shape.length !== 1 || b.shape.length !== 1) {
    throw new ShapeError(
      `outer: a ${showShape(a.shape)} and b ${showShape(b.shape)} must be vectors, one axis each`,
    );
  }
  return mul(reshape(a, [-1, 1]), b);
}

/** A tensor with an index for every axis. */
interface Term {
  readonly tensor: Tensor;
  readonly indices: readonly string[];
}

/**
 * Sum of products by Einstein's notation: each operand's axes are named by letters, the result has those after "->" and
 * every other index is summed.
 *
 *     einsum("bij,bjk->bik", a, b)   // batched matrix product
 *     einsum("ii->i", a)             // diagonal;  "ii->" is the trace
 *     einsum("ij->ji", a)            // transpose; "ij->j" sums columns
 *     einsum("...ij,...jk", a, b)    // "..." stands for any axes, which broadcast
 *
 * Without "->" the result has the indices that occur once, in alphabetical order, after those of "...". Operands are
 * multiplied from left to right: put the ones that shrink the most first.
 *
 * @throws ArgumentError for a malformed equation
 * @throws ShapeError when an operand's axes are not as many as its indices, or an index has two lengths
 */
export function einsum(equation: string, ...operands: Tensor[]): Tensor {
  if (typeof equation !== "string") {
    throw new ArgumentError(
      `einsum: argument 1 must be the equation, as in "ij,jk->ik", got ${kindOf(equation)}`,
    );
  }
  for (let k = 0; k < operands.length; k++) checkTensor("einsum", operands[k], k + 2);
  const { inputs, output } = parse(equation, operands);
  const lengths = lengthsOf(equation, inputs, operands);
  return tidy(() => {
    const terms = operands.map((tensor, k) => broadcast(diagonal({ tensor, indices: inputs[k] }), lengths));
    let [result] = terms;
    for (let k = 1; k < terms.length; k++) {
      const needed = new Set([...output, ...terms.slice(k + 1).flatMap(({ indices }) => indices)]);
      result = multiply(sumUnless(result, new Set([...needed, ...terms[k].indices])), terms[k], needed);
    }
    result = sumUnless(result, new Set(output));
    const { tensor } = arrange(result, output);
    // Where nothing was to do, a tensor of its own: who frees it keeps the operand.
    return operands.includes(tensor) ? reshape(tensor, tensor.shape) : tensor;
  });
}

const ellipsis = "...";

/** Letters of one side of the equation; "..." is one item. */
function tokens(equation: string, text: string): string[] {
  const found = text.match(/\.\.\.|\S/g) ?? [];
  const wrong = found.find((token) => token !== ellipsis && !/^[A-Za-z]$/.test(token));
  if (wrong !== undefined) {
    throw new ArgumentError(
      `einsum: "${equation}" has "${wrong}" in "${text.trim()}"; indices are letters, and "..." stands for any axes`,
    );
  }
  if (found.filter((token) => token === ellipsis).length > 1) {
    throw new ArgumentError(`einsum: "${equation}" has "..." twice in "${text.trim()}"; once is allowed`);
  }
  return found;
}

function parse(equation: string, operands: readonly Tensor[]): { inputs: string[][]; output: string[] } {
  const [left, right, ...more] = equation.split("->");
  if (more.length > 0) {
    throw new ArgumentError(`einsum: "${equation}" has "->" more than once`);
  }
  const sides = left.split(",").map((text) => tokens(equation, text));
  if (sides.length !== operands.length) {
    throw new ArgumentError(`einsum: "${equation}" names ${sides.length} operands, got ${operands.length}`);
  }
  const named = sides.map((indices, k) => {
    const { shape } = operands[k];
    const own = indices.filter((index) => index !== ellipsis).length;
    const hasRest = own < indices.length;
    if (hasRest ? shape.length < own : shape.length !== own) {
      throw new ShapeError(
        `einsum: operand ${k + 1} ${showShape(shape)} has ${shape.length} axes, but "${indices.join("")}" in "${equation}" names ${hasRest ? "at least " : ""}${own}`,
      );
    }
    // Axes under "..." are named from the last on, so that they broadcast as NumPy's do.
    const rest = Array.from({ length: shape.length - own }, (_, i) => `.${shape.length - own - 1 - i}`);
    return indices.flatMap((index) => (index === ellipsis ? rest : [index]));
  });
  const all = named.flat();
  const rest = [...new Set(all.filter((index) => index.startsWith(".")))].sort(
    (a, b) => Number(b.slice(1)) - Number(a.slice(1)),
  );
  if (right === undefined) {
    const once = all.filter(
      (index) => !index.startsWith(".") && all.indexOf(index) === all.lastIndexOf(index),
    );
    return { inputs: named, output: [...rest, ...once.sort()] };
  }
  const output = tokens(equation, right).flatMap((index) => (index === ellipsis ? rest : [index]));
  output.forEach((index, i) => {
    if (!all.includes(index)) {
      throw new ArgumentError(`einsum: "${index}" in the result of "${equation}" is in no operand`);
    }
    if (output.indexOf(index) !== i) {
      throw new ArgumentError(`einsum: "${index}" is twice in the result of "${equation}"; once is allowed`);
    }
  });
  return { inputs: named, output };
}

/** Length of every index. Those under "..." may be 1 where they are longer elsewhere. */
function lengthsOf(
  equation: string,
  inputs: readonly (readonly string[])[],
  operands: readonly Tensor[],
): Map<string, number> {
  const lengths = new Map<string, number>();
  inputs.forEach((indices, k) => {
    indices.forEach((index, axis) => {
      const length = operands[k].shape[axis];
      const known = lengths.get(index);
      const isRest = index.startsWith(".");
      if (known === undefined || (isRest && known === 1)) lengths.set(index, length);
      else if (known !== length && !(isRest && length === 1)) {
        const shapes = operands.map(({ shape }) => showShape(shape)).join(", ");
        const what = isRest ? 'an axis under "..."' : `index "${index}"`;
        throw new ShapeError(
          `einsum: ${what} of "${equation}" is ${known} long and ${length} in operand ${k + 1} (operands ${shapes}); it must be the same everywhere`,
        );
      }
    });
  });
  return lengths;
}

/** The diagonal along every index that an operand has more than once. */
function diagonal({ tensor, indices }: Term): Term {
  const index = indices.find((name, axis) => indices.indexOf(name) !== axis);
  if (index === undefined) return { tensor, indices };
  const [first, second] = indices.flatMap((name, axis) => (name === index ? [axis] : []));
  const others = indices.map((_, axis) => axis).filter((axis) => axis !== first && axis !== second);
  const length = tensor.shape[first];
  const lead = others.map((axis) => tensor.shape[axis]);
  const rows = transpose(tensor, [...others, first, second]);
  // Every (n + 1)-th of the n² elements of a matrix is on its diagonal.
  const flat = reshape(rows, [...lead, length * length]);
  const steps = [...lead.map(() => 1), length + 1];
  const found = slice(flat, [], [], { steps });
  return diagonal({ tensor: found, indices: [...others.map((axis) => indices[axis]), index] });
}

/** Axes under "..." that are 1 where others are longer, made as long. */
function broadcast({ tensor, indices }: Term, lengths: ReadonlyMap<string, number>): Term {
  const shape = indices.map((index) => lengths.get(index)!);
  return {
    tensor: tensor.shape.every((n, axis) => n === shape[axis]) ? tensor : expand(tensor, shape),
    indices,
  };
}

/** Sums over the indices that nothing needs any more. */
function sumUnless({ tensor, indices }: Term, needed: ReadonlySet<string>): Term {
  const axes = indices.flatMap((index, axis) => (needed.has(index) ? [] : [axis]));
  if (axes.length === 0) return { tensor, indices };
  return { tensor: sum(tensor, axes), indices: indices.filter((index) => needed.has(index)) };
}

/** A term with its axes in the order of `indices`. */
function arrange({ tensor, indices }: Term, order: readonly string[]): Term {
  if (indices.every((index, axis) => index === order[axis])) return { tensor, indices };
  return {
    tensor: transpose(
      tensor,
      order.map((index) => indices.indexOf(index)),
    ),
    indices: order,
  };
}

/** The product of two terms, summed over the indices that they share and nothing needs any more. */
function multiply(a: Term, rawB: Term, needed: ReadonlySet<string>): Term {
  const b = sumUnless(rawB, new Set([...needed, ...a.indices]));
  const shared = a.indices.filter((index) => b.indices.includes(index));
  const batch = shared.filter((index) => needed.has(index));
  const summed = shared.filter((index) => !needed.has(index));
  const left = a.indices.filter((index) => !shared.includes(index));
  const right = b.indices.filter((index) => !shared.includes(index));
  if (summed.length === 0 || left.length + right.length === 0) {
    const order = [...batch, ...left, ...right, ...summed];
    const product = mul(alignTo(a, order), alignTo(b, order));
    return sumUnless({ tensor: product, indices: order }, needed);
  }
  const lengthOf = (index: string): number => {
    const of = a.indices.includes(index) ? a : b;
    return of.tensor.shape[of.indices.indexOf(index)];
  };
  const sizes = (indices: readonly string[]) => sizeOf(indices.map(lengthOf));
  const outs: [readonly string[], Term][] = [
    [left, a],
    [right, b],
  ];
  const [first, second] = outs.map(([own, term]) => {
    // Either order of the last two runs of axes is a matrix that matmul reads as it lies.
    const turned = [...batch, ...summed, ...own];
    const isTurned = own.length > 0 && term.indices.every((index, axis) => index === turned[axis]);
    const order = isTurned ? turned : [...batch, ...own, ...summed];
    const [rows, columns] = isTurned ? [summed, own] : [own, summed];
    const { tensor } = arrange(term, order);
    const matrix: Shape = [...(batch.length > 0 ? [sizes(batch)] : []), sizes(rows), sizes(columns)];
    return { matrix: reshape(tensor, matrix), isTurned };
  });
  const product = matmul(first.matrix, second.matrix, {
    transposeA: first.isTurned,
    transposeB: !second.isTurned,
  });
  const indices = [...batch, ...left, ...right];
  return { tensor: reshape(product, indices.map(lengthOf)), indices };
}

/** A term with its axes in `order` and length 1 where it lacks an index: ready to broadcast. */
function alignTo(term: Term, order: readonly string[]): Tensor {
  const own = order.filter((index) => term.indices.includes(index));
  const { tensor } = arrange(term, own);
  if (own.length === order.length) return tensor;
  return reshape(
    tensor,
    order.map((index) => (own.includes(index) ? tensor.shape[own.indexOf(index)] : 1)),
  );
}

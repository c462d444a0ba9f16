// einsum against the sum that its equation names, written out in plain loops; dot and outer; matmul with vectors.

import { beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  checkGradients,
  type Device,
  dot,
  einsum,
  matmul,
  outer,
  ShapeError,
  type Tensor,
  tensor,
} from "../../engine/index.ts";
import { expectCloseArrays } from "../support/compare.ts";
import { referenceDevice } from "../support/devices.ts";
import { uniforms } from "../support/op-cases.ts";

let device: Device;
beforeAll(async () => {
  device = await referenceDevice();
});

function filled(shape: readonly number[], seed: number): Tensor {
  const next = uniforms(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float64Array.from({ length: size }, () => next() * 2 - 1),
    { shape, device },
  );
}

/** Every product of the equation, one assignment of all indices at a time; single letters only. */
async function naive(equation: string, operands: readonly Tensor[]) {
  const [left, right] = equation.split("->");
  const inputs = left.split(",").map((text) => [...text]);
  const names = [...new Set(inputs.flat())];
  const lengths = new Map(inputs.flatMap((list, k) => list.map((name, i) => [name, operands[k].shape[i]])));
  const values = await Promise.all(operands.map((operand) => operand.dataFloat64()));
  const shape = [...right].map((name) => lengths.get(name) as number);
  const out = new Float64Array(shape.reduce((a, b) => a * b, 1));
  const total = names.reduce((product, name) => product * (lengths.get(name) as number), 1);
  for (let n = 0; n < total; n++) {
    let rest = n;
    const at = new Map(
      names.map((name) => {
        const length = lengths.get(name) as number;
        const index = rest % length;
        rest = Math.floor(rest / length);
        return [name, index];
      }),
    );
    const flat = (list: readonly string[]) =>
      list.reduce((i, name) => i * (lengths.get(name) as number) + (at.get(name) as number), 0);
    out[flat([...right])] += inputs.reduce((product, list, k) => product * values[k][flat(list)], 1);
  }
  return { shape, out };
}

const equations: [equation: string, ...shapes: number[][]][] = [
  ["bij,bjk->bik", [2, 3, 4], [2, 4, 5]],
  ["ij,jk->ik", [3, 4], [4, 5]],
  ["ij,jk->ki", [3, 4], [4, 5]],
  ["ji,jk->ik", [4, 3], [4, 5]],
  ["ij,kj->ik", [3, 4], [5, 4]],
  ["bji,bkj->bik", [2, 4, 3], [2, 5, 4]],
  ["bhqd,bhkd->bhqk", [2, 3, 4, 5], [2, 3, 6, 5]],
  ["bqhd,bkhd->bhqk", [2, 4, 3, 5], [2, 6, 3, 5]],
  ["bhqk,bkhd->bqhd", [2, 3, 4, 6], [2, 6, 3, 5]],
  ["ij->ji", [3, 4]],
  ["ij->", [3, 4]],
  ["ij->j", [3, 4]],
  ["ii->", [4, 4]],
  ["ii->i", [4, 4]],
  ["iji->j", [3, 4, 3]],
  ["iii->i", [3, 3, 3]],
  ["iijj->ij", [3, 3, 2, 2]],
  ["i,i->", [7], [7]],
  ["i,j->ij", [3], [4]],
  ["i,j->", [3], [4]],
  ["ij,ij->ij", [3, 4], [3, 4]],
  ["ij,ij->", [3, 4], [3, 4]],
  ["bi,bi->b", [3, 4], [3, 4]],
  ["ij,j->i", [3, 4], [4]],
  ["i,ij->j", [3], [3, 4]],
  ["ii,ij->j", [3, 3], [3, 4]],
  ["ijk,k->ji", [2, 3, 4], [4]],
  ["ab,bc,cd->ad", [2, 3], [3, 4], [4, 5]],
  ["ab,ac,ad->abcd", [2, 3], [2, 2], [2, 4]],
  ["bn,anm,bm->ba", [2, 3], [4, 3, 5], [2, 5]],
  ["abcd,cdef->abef", [2, 2, 3, 2], [3, 2, 2, 3]],
  ["abc,d->ac", [2, 3, 4], [5]],
  [",i->i", [], [4]],
  ["ij,jk->ik", [3, 0], [0, 5]],
];

describe("einsum", () => {
  it.each(equations)("%s", async (equation, ...shapes) => {
    const operands = shapes.map((shape, k) => filled(shape, k + 1));
    const { shape, out } = await naive(equation, operands);
    const got = einsum(equation, ...operands);
    expect(got.shape).toEqual(shape);
    expectCloseArrays(await got.dataFloat64(), out, 1e-12, equation);
    if (operands.every((operand) => operand.size > 0)) {
      await checkGradients((...inputs) => einsum(equation, ...inputs), operands, { elements: 6 });
    }
  });

  it("takes axes under ... as they come, broadcast", async () => {
    const [a, b] = [filled([2, 1, 3, 4], 1), filled([5, 4, 2], 2)];
    expectCloseArrays(
      await einsum("...ij,...jk->...ik", a, b).dataFloat64(),
      await matmul(a, b).dataFloat64(),
      1e-12,
      "batched product",
    );
    expect(einsum("...ij,...jk", a, b).shape).toEqual([2, 5, 3, 2]);
    expect(einsum("...ij->...", a).shape).toEqual([2, 1]);
    expect(einsum("i...->...i", a).shape).toEqual([1, 3, 4, 2]);
    expect(einsum("...,...->...", filled([3, 1], 1), filled([4], 2)).shape).toEqual([3, 4]);
    await checkGradients((x, y) => einsum("...ij,...jk->i...k", x, y), [a, b], { elements: 8 });
  });

  it("without -> gives the indices that occur once, in alphabetical order", async () => {
    const [a, b] = [filled([3, 4], 1), filled([4, 2], 2)];
    expect(einsum("ij,jk", a, b).shape).toEqual([3, 2]);
    expect(einsum("ba", a).shape).toEqual([4, 3]);
    expect(einsum("ii", filled([3, 3], 3)).shape).toEqual([]);
    expect(einsum(" i j , j k -> i k ", a, b).shape).toEqual([3, 2]);
  });

  it("names what is wrong", () => {
    const [a, b] = [filled([3, 4], 1), filled([5, 2], 2)];
    expect(() => einsum("ij,jk->ik", a, b)).toThrow(
      'einsum: index "j" of "ij,jk->ik" is 4 long and 5 in operand 2 (operands [3, 4], [5, 2]); it must be the same everywhere',
    );
    expect(() => einsum("ijk->i", a)).toThrow(
      'einsum: operand 1 [3, 4] has 2 axes, but "ijk" in "ijk->i" names 3',
    );
    expect(() => einsum("ij,jk->ik", a)).toThrow('einsum: "ij,jk->ik" names 2 operands, got 1');
    expect(() => einsum("ij->ik", a)).toThrow('einsum: "k" in the result of "ij->ik" is in no operand');
    expect(() => einsum("ij->ii", a)).toThrow(/"i" is twice in the result/);
    expect(() => einsum("i1->i", a)).toThrow(/has "1" in "i1"; indices are letters/);
    expect(() => einsum("ij->i->j", a)).toThrow(/has "->" more than once/);
    expect(() => einsum("...i...->i", a)).toThrow(/has "..." twice/);
    expect(() => einsum("...ijk->i", a)).toThrow(/names at least 3/);
    expect(() => einsum("...i,...i->i", filled([3, 4], 1), filled([2, 4], 2))).toThrow(/an axis under "..."/);
    expect(() => einsum("ij->ik", a)).toThrow(ArgumentError);
    expect(() => einsum("ijk->i", a)).toThrow(ShapeError);
  });
});

describe("dot and outer", () => {
  it("multiply vectors", async () => {
    const a = tensor([1, 2, 3], { device });
    const b = tensor([4, 5, 6], { device });
    expect(await dot(a, b).item()).toBe(32);
    expect(dot(a, b).shape).toEqual([]);
    expect(await outer(a, tensor([10, 1], { device })).array()).toEqual([
      [10, 1],
      [20, 2],
      [30, 3],
    ]);
    expect(outer(a, tensor([], { shape: [0], device })).shape).toEqual([3, 0]);
    await checkGradients((x, y) => [dot(x, y), outer(x, y)], [a, b], { order: 2 });
  });

  it("say what they take", () => {
    const m = filled([2, 3], 1);
    expect(() => dot(m, m)).toThrow(
      "dot: a [2, 3] and b [2, 3] must be vectors of the same length; use matmul() for matrices",
    );
    expect(() => dot(filled([2], 1), filled([3], 2))).toThrow(/a \[2\] and b \[3\]/);
    expect(() => outer(m, filled([3], 2))).toThrow(
      "outer: a [2, 3] and b [3] must be vectors, one axis each",
    );
  });
});

// `gradgpu/methods`: every public op that has a tensor in front is a method, gives what the function gives, and hides nothing
// that tensors and variables have of their own.

import { beforeAll, describe, expect, it } from "vitest";
import * as g from "../../engine/index.ts";
import * as ops from "../../engine/ops/index.ts";
import { publicFunctions } from "../support/public-functions.ts";

/** What tensors have without methods, before the module that brings them is loaded. */
const own = [g.Tensor, g.Variable].flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype));

beforeAll(async () => {
  await import("../../engine/methods.ts");
  await g.init({ device: "cpu" });
});

const methods = () => Object.getOwnPropertyNames(g.Tensor.prototype).filter((name) => !own.includes(name));

describe("methods", () => {
  it("are the public ops whose first argument is a tensor, and no others", () => {
    const first = new Map(
      publicFunctions({ engine: ["engine/index.ts"] }).map(({ name, parameters }) => [
        name.replace("engine.", ""),
        parameters[0]?.kind,
      ]),
    );
    const withTensor = Object.entries(ops)
      .filter(([name, op]) => typeof op === "function" && /^tensor(Like)?$/.test(first.get(name) ?? ""))
      .map(([name]) => name)
      // Its limits come in two forms, so that its parameters have no one type.
      .concat("clip")
      // A generator's state is what they begin with.
      .filter((name) => !name.startsWith("random"));
    expect(withTensor.length).toBeGreaterThan(120);
    expect(methods().sort()).toEqual(withTensor.sort());
  });

  it("hide nothing that tensors have", () => {
    expect(own.filter((name) => Object.hasOwn(ops, name))).toEqual([]);
    expect(Object.keys(g.Tensor.prototype)).toEqual([]);
  });

  it("give what the functions give, typed as they are", async () => {
    const x = g.tensor([[1, -2]]);
    const y: g.Tensor = x
      .matmul([
        [3, 1],
        [1, 4],
      ])
      .add([1, 1])
      .relu();
    expect(await y.array()).toEqual([[2, 0]]);
    expect(await x.sum(-1, { keepDims: true }).array()).toEqual([[-1]]);
    expect(await x.clip({ min: 0 }).array()).toEqual([[1, 0]]);
    expect(await x.clip(-1, 0.5).array()).toEqual([[0.5, -1]]);
    const [left, right]: g.Tensor[] = x.split(2, 1);
    expect(await left.sub(right).item()).toBe(3);
    expect(x.topK(1).values.shape).toEqual([1, 1]);
    expect(await g.variable([1, 2]).mul(2).array()).toEqual([2, 4]);
    const [dx] = g.grad((a: g.Tensor) => a.square().sum())(x);
    expect(await dx.array()).toEqual([[2, -4]]);
    // @ts-expect-error: an axis is a number
    expect(() => x.sum("rows")).toThrow(g.ArgumentError);
    // @ts-expect-error: there is no such method
    expect(x.randomNormal).toBeUndefined();
  });
});

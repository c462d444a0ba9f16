// What all errors of the package have in common.

import { afterEach, describe, expect, it } from "vitest";
import { ArgumentError, GradgpuError, kindOf, nearest, ShapeError } from "../../engine/base/errors.ts";
import { choiceOf, lookup, NameTable, spellingOf } from "../../engine/base/names.ts";

describe("GradgpuError", () => {
  const limit = Error.stackTraceLimit;
  afterEach(() => {
    Error.stackTraceLimit = limit;
  });

  /** Throws a ShapeError from `depth` calls down. */
  const deep = (depth: number): never => {
    if (depth > 0) return deep(depth - 1);
    throw new ShapeError("far down");
  };
  function userProgram(): Error {
    try {
      return deep(40);
    } catch (error) {
      return error as Error;
    }
  }

  it("names the program's line however deep it was thrown", () => {
    Error.stackTraceLimit = 10;
    expect(userProgram().stack).toContain("userProgram");
    expect(Error.stackTraceLimit).toBe(10);
  });

  it("keeps to a limit that is higher, or none at all", () => {
    Error.stackTraceLimit = 0;
    expect(userProgram().stack).not.toContain("    at ");
    expect(Error.stackTraceLimit).toBe(0);
    Error.stackTraceLimit = 200;
    expect(userProgram().stack).toContain("userProgram");
    expect(Error.stackTraceLimit).toBe(200);
  });

  it("is named after its class and has a cause", () => {
    const cause = new RangeError("first");
    const error = new ArgumentError("then", { cause });
    expect(error).toBeInstanceOf(GradgpuError);
    expect(error.name).toBe("ArgumentError");
    expect(error.cause).toBe(cause);
  });
});

describe("the nearest name", () => {
  it.each([
    ["rellu", ["selu", "relu"], "relu"],
    ["tahn", ["relu", "tanh"], "tanh"],
    ["adm", ["adam", "sgd"], "adam"],
    ["sdg", ["adam", "sgd"], "sgd"],
    ["batch_sise", ["batchSize"], "batchSize"],
    ["sparseCategoricalCrossentorpy", ["sparseCategoricalCrossentropy"], "sparseCategoricalCrossentropy"],
    ["transB", ["transposeA", "transposeB"], "transposeB"],
  ])("of %s", (name, known, want) => {
    expect(nearest(name, known)).toBe(want);
  });

  it.each([
    ["auc", ["acc", "accuracy", "mse", "mae"]],
    ["mape", ["mae"]],
    ["rmse", ["mse"]],
    ["adamax", ["adam"]],
    ["relu6", ["relu"]],
    ["iou", ["mae", "acc"]],
    ["validationSteps", ["validationSplit", "validationData"]],
    ["validation_batch_size", ["validationSplit", "batchSize"]],
    ["kernelRegularizer", ["kernelInitializer", "biasInitializer"]],
    ["kernel_constraint", ["kernelInitializer"]],
    ["hinge", ["huber"]],
    ["poisson", ["meanSquaredError"]],
    ["gradient", ["padding"]],
  ])("is none for %s, which is another thing", (name, known) => {
    expect(nearest(name, known)).toBeUndefined();
  });
});

describe("names", () => {
  it("are found in any spelling, and told back in ours", () => {
    const known = ["valLoss", "loss", "my_metric"];
    expect(["val_loss", "VALLOSS", "valLoss"].map((name) => spellingOf(name, known))).toEqual(
      Array(3).fill("valLoss"),
    );
    expect(spellingOf("myMetric", known)).toBe("my_metric");
    expect(spellingOf("", known)).toBeUndefined();
    expect(spellingOf("valLos", known)).toBeUndefined();
    expect(lookup("thing", "First_One", { firstOne: 1 }, { uno: "firstOne" })).toBe(1);
    expect(lookup("thing", "UNO", { firstOne: 1 }, { uno: "firstOne" })).toBe(1);
    // What every object has is no name of a table.
    expect(() => lookup("thing", "toString", { firstOne: 1 })).toThrow('unknown thing "toString"');
    expect(choiceOf("Conv2D padding", "SAME", ["valid", "same"])).toBe("same");
    expect(() => choiceOf("padding", 3, ["valid", "same"])).toThrow('unknown padding "3"');
  });

  it("of functions that make things are no things", () => {
    const table = new NameTable("loss", "losses.*()", { huber: () => 1 }, {}, "dice");
    expect(() => table.checkNotMaker(table.get("huber"))).toThrow("call it, as in losses.huber(...)");
    // Of one that is not built in.
    const dice = (options = {}) => options;
    expect(() => table.checkNotMaker(dice)).toThrow("call it, as in losses.dice(...)");
    const own = { dice: (targets: number, outputs: number) => targets + outputs, huber: () => 1 };
    expect(() => table.checkNotMaker(own.dice)).not.toThrow();
    expect(() => table.checkNotMaker(own.huber)).not.toThrow();
  });

  it("of the rest are found once they are added, and the error says how", () => {
    const aliases = { mse: "meanSquared", overlap: "dice" };
    const table = new NameTable("loss", "losses.*()", { meanSquared: 1 }, aliases, "dice logCosh");
    expect([table.get("MSE"), table.get("mean_squared"), table.nameOf("mse")]).toEqual([1, 1, "meanSquared"]);
    const { names, spellings } = table;
    expect([names, spellings]).toEqual([["meanSquared"], ["meanSquared", "mse"]]);
    for (const name of ["dice", "overlap"])
      expect(() => table.get(name)).toThrow(
        `the loss "${name}" is not built in; write import "gradgpu/names" at the top of the program, which knows all names, or pass losses.dice()`,
      );
    expect(() => table.get("log_cos")).toThrow(
      'Did you mean "logCosh"? Known: meanSquared, mse, overlap, dice',
    );
    for (const name of ["toString", "", "constructor"]) expect(() => table.get(name)).toThrow(ArgumentError);
    table.add({ dice: 2, logCosh: 3 });
    expect([table.get("dice"), table.get("overlap"), table.get("log_cosh")]).toEqual([2, 2, 3]);
    expect([names, spellings]).toEqual([
      ["meanSquared", "dice", "logCosh"],
      ["meanSquared", "mse", "dice", "logCosh", "overlap"],
    ]);
    expect(table.misfit(" or a loss", 3).message).toContain("losses.get: takes a name (meanSquared, mse,");
  });
});

describe("kindOf", () => {
  function* count() {
    yield 1;
  }
  class Own {}
  it.each<[unknown, string]>([
    [count(), "a Generator"],
    [Object.create(null), "an object"],
    [new (class {})(), "an object"],
    [Own, "the class Own; make one with new Own(...)"],
    [new Own(), "an Own"],
    [() => 1, "a function"],
    [count, "the function count"],
    [new ArrayBuffer(2), "an ArrayBuffer"],
    [[1, 2][Symbol.iterator](), "an Array Iterator"],
    [Symbol("s"), "the symbol Symbol(s)"],
    [10n, "the bigint 10"],
    [{ a: 1 }, "an object"],
  ])("%# is told as a kind, always", (value, told) => {
    expect(kindOf(value)).toBe(told);
  });
});

// Names that users give: checked where they enter, and shown so that a terminal does not obey them.

import { beforeAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  GradgpuError,
  mean,
  nameScope,
  setDevice,
  square,
  sub,
  type Tensor,
  tensor,
  variable,
} from "../../engine/index.ts";
import { Dense, EarlyStopping, Input, type Metric, Sequential } from "../../nn/index.ts";
import { modelSummary } from "../../nn/model/summary.ts";
import { showLogs } from "../../nn/training/progress.ts";
import { Adam, optimizers } from "../../optim/index.ts";
import { referenceDevice } from "../support/devices.ts";

beforeAll(async () => setDevice(await referenceDevice()));

const bad: [string, unknown][] = [
  ["a number", 3],
  ["null", null],
  ["the empty string", ""],
  ["ESC", "a\x1b[31mred"],
  ["NUL", "a\0b"],
  ["a line end", "a\nb"],
  ["a C1 control", "a\x9b2J"],
  ["a turn of direction", "a\u202eb"],
  ["__proto__", "__proto__"],
];

const errorsOf = (targets: Tensor, outputs: Tensor): Tensor => mean(square(sub(targets, outputs)));
const named = (name: string) => {
  const metric = (targets: Tensor, outputs: Tensor) => errorsOf(targets, outputs);
  return Object.defineProperty(metric, "name", { value: name });
};
const model = () => new Sequential([new Input([1]), new Dense(1)]);
const compile = (metrics: never) => model().compile({ optimizer: "sgd", loss: "mse", metrics });

describe.each(bad)("%s is no name", (kind, given) => {
  const name = given as string;
  const makers: [string, () => unknown][] = [
    ["a variable's", () => variable([1], { name })],
    ["a layer's", () => new Dense(1, { name })],
    ["a model's", () => new Sequential([], { name })],
    ["an optimizer's", () => new Adam({ name })],
    ["a scope's", () => nameScope(name, () => 1)],
    ["a metric's", () => compile([{ name, values: errorsOf } satisfies Metric] as never)],
  ];
  if (typeof given === "string" && given !== "")
    makers.push(["a metric function's", () => compile([named(name)] as never)]);
  it.each(makers)("%s", (_, make) => {
    // What is not given is made up; only undefined is not given.
    expect(make, kind).toThrow(ArgumentError);
    expect(make).toThrow(/name/);
    let message = "";
    try {
      make();
    } catch (error) {
      message = (error as Error).message;
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });
});

describe("names that objects have already", () => {
  it.each(["constructor", "toString", "hasOwnProperty", "valueOf"])("%s may be a metric's", async (name) => {
    const trained = model();
    trained.compile({ optimizer: "sgd", loss: "mse", metrics: [named(name)] });
    const { history } = await trained.fit([[1], [2]], [1, 2], { epochs: 2, verbose: 0 });
    expect(Object.hasOwn(history, name)).toBe(true);
    expect(history[name]).toHaveLength(2);
    trained.dispose();
  });

  it("are no metrics where there are none", async () => {
    const trained = model();
    trained.compile({ optimizer: "sgd", loss: "mse" });
    const callbacks = [new EarlyStopping({ monitor: "constructor" })];
    await expect(trained.fit([[1]], [1], { verbose: 0, callbacks })).rejects.toThrow(
      /monitor "constructor" is not in the logs/,
    );
    expect(() => trained.compile({ optimizer: "constructor", loss: "mse" })).toThrow(/unknown optimizer/);
    expect(() => trained.compile({ optimizer: "sgd", loss: "__proto__" })).toThrow(/unknown loss/);
    expect(() => optimizers.get("toString")).toThrow(/unknown optimizer/);
    trained.dispose();
  });
});

describe("text on a terminal", () => {
  it("shows control characters of what it quotes", () => {
    expect(new GradgpuError("line\nnext\tcell \x1b[2J").message).toBe("line\nnext\tcell \\x1b[2J");
    expect(showLogs({ loss: 1, "\x1b[2J": 2 })).toBe("loss: 1.0000 - \\x1b[2J: 2.0000");
    const { type, calls, inputNames, trainableWeights, nonTrainableWeights } = model();
    const odd = { name: "a\0b", nameOf: () => "\x1b[2J" };
    const text = modelSummary({ ...odd, type, calls, inputNames, trainableWeights, nonTrainableWeights });
    expect(text).toContain('Model: "a\\x00b"');
    expect(text).toContain(" \\x1b[2J (Dense)");
    const changed = variable([1]);
    changed.name = "\x1b[2J";
    expect(() => changed.assign(tensor([1, 2]))).toThrow('variable "\\x1b[2J"');
    changed.dispose();
  });
});

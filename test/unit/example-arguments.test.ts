// The command line of the training examples: defaults, values, and what is refused with which words.

import { describe, expect, it } from "vitest";
import { parseTrainingArguments, UsageError } from "../../examples/support/arguments.ts";

const parse = (...args: string[]) => parseTrainingArguments(args, { epochs: 10, seed: 1, device: "auto" });

describe("training arguments", () => {
  it("have defaults", () => {
    expect(parse()).toEqual({ epochs: 10, seed: 1, device: "auto", isHelp: false });
  });

  it("are read in both forms", () => {
    expect(parse("--epochs", "3", "--seed=7", "--device", "cpu")).toEqual({
      epochs: 3,
      seed: 7,
      device: "cpu",
      isHelp: false,
    });
    expect(parse("-h").isHelp).toBe(true);
    expect(parse("--seed", "0").seed).toBe(0);
  });

  it.each([
    [["--epochs", "0"], /--epochs is "0"; it must be a whole number from 1 to/],
    [["--epochs", "2.5"], /--epochs is "2.5"/],
    [["--epochs=-1"], /--epochs is "-1"/],
    [["--epochs", "1e3"], /--epochs is "1e3"/],
    [["--seed", "9007199254740992"], /--seed is "9007199254740992".*9007199254740991/],
    [["--seed", "abc"], /--seed is "abc"/],
    [["--device", "gpu"], /--device is "gpu"; it must be one of auto, webgpu, cpu/],
    [["--epoch", "3"], /--epoch/],
    [["10"], /10/],
    [["--epochs"], /--epochs/],
  ])("refuse %j", (args, message) => {
    expect(() => parse(...args)).toThrow(UsageError);
    expect(() => parse(...args)).toThrow(message);
  });
});

// The command line of the training examples: epochs, seed, device. Prints nothing: what is wrong comes back as a
// UsageError whose message is for the person who typed it.

import { parseArgs } from "node:util";

export interface TrainingArguments {
  epochs: number;
  seed: number;
  device: "auto" | "webgpu" | "cpu";
  isHelp: boolean;
}

export class UsageError extends Error {}

const devices = ["auto", "webgpu", "cpu"] as const;

export function parseTrainingArguments(
  args: readonly string[],
  defaults: Omit<TrainingArguments, "isHelp">,
): TrainingArguments {
  const options = {
    epochs: { type: "string", default: String(defaults.epochs) },
    seed: { type: "string", default: String(defaults.seed) },
    device: { type: "string", default: defaults.device },
    help: { type: "boolean", short: "h", default: false },
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options; strict: true }>>["values"];
  try {
    ({ values } = parseArgs({ args: [...args], options, strict: true, allowPositionals: false }));
  } catch (error) {
    // Node adds advice about positional arguments that start with "-"; there are none here.
    throw new UsageError((error as Error).message.split(". To specify")[0]);
  }
  const device = devices.find((name) => name === values.device);
  if (device === undefined) {
    throw new UsageError(`--device is "${values.device}"; it must be one of ${devices.join(", ")}`);
  }
  return {
    epochs: wholeNumber("--epochs", values.epochs, 1, 100_000),
    seed: wholeNumber("--seed", values.seed, 0, Number.MAX_SAFE_INTEGER),
    device,
    isHelp: values.help,
  };
}

function wholeNumber(name: string, text: string, low: number, high: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value) || value < low || value > high) {
    throw new UsageError(`${name} is "${text}"; it must be a whole number from ${low} to ${high}`);
  }
  return value;
}

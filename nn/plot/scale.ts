// Scales of axes: where ticks lie and what they say. Logarithmic ones are plotted as powers, on an even axis.

import { ArgumentError } from "../../engine/index.ts";
import { choiceOf } from "../../engine/internal.ts";
import { numberText, powerText } from "./text.ts";

export type ScaleKind = "linear" | "log";

export interface Scale {
  readonly kind: ScaleKind;
  /** Ends of the axis, as plotted. */
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly { readonly at: number; readonly label: string }[];
  /** Where a value is plotted; NaN for one that can't be. */
  to(value: number): number;
}

export interface ScaleOptions {
  readonly what: string;
  readonly kind?: ScaleKind;
  /** All that must be seen. */
  readonly values: Iterable<number>;
  readonly min?: number;
  readonly max?: number;
  /** How many ticks, about. */
  readonly ticks: number;
  /** Whether the axis ends at the data, not at the next tick. */
  readonly isTight?: boolean;
  readonly isWhole?: boolean;
  /** Powers of ten that a logarithmic axis goes beyond the data, at least. */
  readonly room?: number;
  readonly format?: (value: number) => string;
}

/** @throws ArgumentError for ends that make no axis */
export function scaleOf(options: ScaleOptions): Scale {
  const { what, min, max } = options;
  const kind = choiceOf(`${what} scale`, options.kind ?? "linear", ["linear", "log"]);
  for (const [name, end] of [["min", min] as const, ["max", max] as const]) {
    if (end !== undefined && !Number.isFinite(end))
      throw new ArgumentError(`${what}: ${name} must be a finite number, got ${end}`);
    if (end !== undefined && kind === "log" && end <= 0)
      throw new ArgumentError(`${what}: ${name} is ${end}; a logarithmic axis begins above 0`);
  }
  if (min !== undefined && max !== undefined && min >= max)
    throw new ArgumentError(`${what}: min is ${min} and max is ${max}; min must be the lesser`);
  let [low, high] = [Infinity, -Infinity];
  for (const value of options.values) {
    if (!Number.isFinite(value) || (kind === "log" && value <= 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) [low, high] = kind === "log" ? [0.1, 1] : [0, 1];
  low = min ?? Math.min(low, max ?? low);
  high = max ?? Math.max(high, low);
  return kind === "log" ? logScale(low, high, options) : linearScale(low, high, options);
}

function linearScale(lowest: number, highest: number, options: ScaleOptions): Scale {
  let [low, high] = [lowest, highest];
  if (low === high) {
    const room = options.isWhole ? 1 : Math.abs(low) / 2 || 0.5;
    if (options.min === undefined) low -= room;
    if (options.max === undefined || low === high) high += room;
  }
  const step = niceStep((high - low) / options.ticks, options.isWhole);
  if (options.isTight !== true) {
    if (options.min === undefined) low = Math.floor(low / step + 1e-9) * step;
    if (options.max === undefined) high = Math.ceil(high / step - 1e-9) * step;
  }
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const text = options.format ?? ((value: number) => numberText(value, digits <= 4 ? digits : undefined));
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) {
    const at = Number((k * step).toPrecision(12));
    ticks.push({ at, label: text(at) });
  }
  // Epochs begin with the first.
  if (options.isTight === true && options.isWhole === true && (ticks[0]?.at ?? high) - low > step * 0.6)
    ticks.unshift({ at: low, label: text(low) });
  return { kind: "linear", min: low, max: high, ticks, to: (value) => value };
}

function logScale(lowest: number, highest: number, options: ScaleOptions): Scale {
  const text = options.format;
  let [low, high] = [Math.log10(lowest), Math.log10(highest)];
  if (options.isTight !== true) {
    const room = Math.max((high - low) * 0.05, options.room ?? 0.05);
    [low, high] = [low - room, high + room];
  }
  if (options.min !== undefined) low = Math.log10(options.min);
  if (options.max !== undefined) high = Math.log10(options.max);
  if (high - low < 1e-6) [low, high] = [low - 0.5, high + 0.5];
  const ticks: { at: number; label: string }[] = [];
  const every = Math.max(1, Math.ceil((high - low) / options.ticks));
  const factors = high - low <= 1.5 ? [1, 2, 5] : high - low <= 2.2 ? [1, 3] : [1];
  for (let power = Math.floor(low); power <= high; power++) {
    for (const factor of factors) {
      const at = power + Math.log10(factor);
      if (power % (factors.length > 1 ? 1 : every) !== 0 || at < low - 1e-9 || at > high + 1e-9) continue;
      const value = factor * 10 ** power;
      const plain = factor === 1 ? powerText(power) : numberText(Number(value.toPrecision(6)));
      ticks.push({ at, label: text?.(Number(value.toPrecision(12))) ?? plain });
    }
  }
  return {
    kind: "log",
    min: low,
    max: high,
    ticks,
    to: (value) => (value > 0 ? Math.log10(value) : Number.NaN),
  };
}

/** 1, 2 or 5 times a power of ten, at least `step`. */
function niceStep(step: number, isWhole = false): number {
  const power = 10 ** Math.floor(Math.log10(step) + 1e-9);
  const factor = [1, 2, 5, 10].find((one) => one * power >= step * (1 - 1e-9)) ?? 10;
  return isWhole ? Math.max(1, factor * power) : factor * power;
}

// Sparklines: a curve in a line of a terminal.

import { ArgumentError } from "../../engine/index.ts";
import { atLeastOne, checkOptions, type OptionNames } from "../../engine/internal.ts";
import { type Numbers, numbersOf } from "./data.ts";

export interface SparklineOptions {
  /** Characters at most; longer curves are averaged. Default 60. */
  width?: number;
  /** What the lowest and the highest mark stand for; default the least and the largest value. */
  min?: number;
  max?: number;
}

const sparklineOptions: OptionNames<SparklineOptions> = { width: true, min: true, max: true };
const marks = "▁▂▃▄▅▆▇█";

/**
 * A curve as a line of text: `▇▅▃▂▁▁`. A value that is not finite is a blank.
 *
 *     console.log(`loss ${sparkline(history.history.loss)}`);
 *
 * @throws ArgumentError for what are no numbers
 */
export function sparkline(values: Numbers, options: SparklineOptions = {}): string {
  checkOptions("sparkline", options, sparklineOptions);
  const given = numbersOf("sparkline", "values", values);
  const width = atLeastOne("sparkline", "width", options.width ?? 60);
  const count = Math.min(width, given.length);
  const points = Array.from({ length: count }, (_, i) => {
    const part = given.slice(
      Math.floor((i * given.length) / count),
      Math.floor(((i + 1) * given.length) / count),
    );
    const finite = part.filter(Number.isFinite);
    return finite.length === 0 ? Number.NaN : finite.reduce((sum, value) => sum + value, 0) / finite.length;
  });
  const finite = points.filter(Number.isFinite);
  const low = options.min ?? Math.min(...finite);
  const high = options.max ?? Math.max(...finite);
  if (options.min !== undefined && options.max !== undefined && !(low < high))
    throw new ArgumentError(`sparkline: min is ${low} and max is ${high}; min must be the lesser`);
  return points
    .map((value) => {
      if (!Number.isFinite(value)) return " ";
      const share = high > low ? (value - low) / (high - low) : 0.5;
      return marks[Math.min(7, Math.max(0, Math.floor(share * 8)))];
    })
    .join("");
}

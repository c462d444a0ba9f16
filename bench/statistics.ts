// Small statistics on plain numbers. What they are of is nobody's business here.

/** The value below which `share` (0 to 1) of the values lie, interpolated between the nearest two; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

export const median = (values: readonly number[]) => quantile(values, 0.5);

/** What a row says of its samples. */
export function summarise(timesMs: readonly number[]) {
  return {
    medianMs: median(timesMs),
    minMs: Math.min(...timesMs),
    q1Ms: quantile(timesMs, 0.25),
    q3Ms: quantile(timesMs, 0.75),
    samples: timesMs.length,
    timesMs: timesMs.map((ms) => Number(ms.toPrecision(5))),
  };
}

/** The quantity in units of 10^9 a second, to four digits. */
export const billionsPerSecond = (amount: number, ms: number) => Number((amount / ms / 1e6).toPrecision(4));

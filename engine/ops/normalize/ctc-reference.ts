// CTC losses and gradients in float64, by sums of probabilities' logarithms over one sample's states.

import type { ReferenceTensor } from "../../kernel/kernel-op.ts";
import type { CtcAttrs } from "./ctc-kernels.ts";

const none = Number.NEGATIVE_INFINITY;

function logSum(...logs: readonly number[]): number {
  const high = Math.max(...logs);
  if (high === none) return none;
  return high + Math.log(logs.reduce((total, x) => total + Math.exp(x - high), 0));
}

/** One sample's: ways to each state of each step, ways from there (without the step's own probability), and all. */
function waysOf(inputs: readonly ReferenceTensor[], { blank }: CtcAttrs, sample: number) {
  const [logs, labels, lengths, labelLengths] = inputs;
  const [, most, classes] = logs.shape;
  const mostLabels = labels.shape[1];
  const limited = (value: number, limit: number) => Math.max(0, Math.min(value, limit));
  const steps = limited(lengths.data[sample], most);
  const count = limited(labelLengths.data[sample], mostLabels);
  const states = Array.from({ length: 2 * count + 1 }, (_, s) =>
    s % 2 === 0 ? blank : labels.data[sample * mostLabels + (s - 1) / 2],
  );
  const last = states.length - 1;
  const at = (t: number, s: number) =>
    states[s] >= 0 && states[s] < classes ? logs.data[(sample * most + t) * classes + states[s]] : none;
  const maySkip = (s: number) => s % 2 === 1 && states[s] !== states[s - 2];
  const to = Array.from({ length: steps }, () => new Float64Array(states.length).fill(none));
  const from = to.map((row) => row.slice());
  for (let t = 0; t < steps; t++) {
    for (let s = 0; s <= last; s++) {
      const before = to[t - 1];
      const ways =
        before === undefined
          ? s < 2
            ? 0
            : none
          : logSum(before[s], s < 1 ? none : before[s - 1], s < 2 || !maySkip(s) ? none : before[s - 2]);
      to[t][s] = ways + at(t, s);
    }
  }
  for (let t = steps - 1; t >= 0; t--) {
    for (let s = last; s >= 0; s--) {
      const way = (next: number) => (next > last ? none : from[t + 1][next] + at(t + 1, next));
      if (t === steps - 1) from[t][s] = s >= last - 1 ? 0 : none;
      else from[t][s] = logSum(way(s), way(s + 1), s + 2 <= last && maySkip(s + 2) ? way(s + 2) : none);
    }
  }
  const ends = to[steps - 1];
  const total = ends === undefined ? (count === 0 ? 0 : none) : logSum(ends[last], ends[last - 1] ?? none);
  return { to, from, states, total, most, classes };
}

export function lossReference(
  inputs: readonly ReferenceTensor[],
  attrs: CtcAttrs,
  [out]: readonly ReferenceTensor[],
): void {
  for (let b = 0; b < out.data.length; b++) {
    const { total } = waysOf(inputs, attrs, b);
    out.data[b] = total === none && attrs.zeroInfinity ? 0 : -total;
  }
}

export function gradientReference(
  inputs: readonly ReferenceTensor[],
  attrs: CtcAttrs,
  [out]: readonly ReferenceTensor[],
): void {
  out.data.fill(0);
  for (let b = 0; b < inputs[0].shape[0]; b++) {
    const { to, from, states, total, most, classes } = waysOf(inputs, attrs, b);
    if (total === none) continue;
    to.forEach((row, t) => {
      row.forEach((ways, s) => {
        const share = Math.exp(ways + from[t][s] - total);
        if (share !== 0) out.data[(b * most + t) * classes + states[s]] -= share * inputs[4].data[b];
      });
    });
  }
}

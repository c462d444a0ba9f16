// Takes samples of several in turn, so that what disturbs the machine disturbs all of them alike. Knows neither what is
// run nor by whom.

import { setTimeout } from "node:timers/promises";

export interface Pace {
  /** A sample is made of as many runs as take about this long, and of `minRuns` at least. */
  readonly sampleMs: number;
  readonly minRuns: number;
  readonly maxRuns: number;
  /** No new round begins when all of them together have taken this long. */
  readonly totalMs: number;
  readonly minRounds: number;
  readonly maxRounds: number;
  /** Milliseconds of nothing before each sample: some keep a thread busy for a while after their turn. */
  readonly restMs: number;
}

export interface Contestant {
  /** Milliseconds of a sample, all of it done. */
  sample(): Promise<number>;
  /** Runs in a sample. */
  readonly runs: number;
  /** Milliseconds a run, of each sample. */
  readonly times: number[];
  /** Samples taken, those that were not timed included. */
  taken: number;
}

/** While others had their turn, one's code and data left the caches: where samples are this short, one goes before. */
const shortMs = 500;
/** A sample longer than this is taken in a few rounds only, one that is very long in a single one. */
export const longMs = 2_000;
export const veryLongMs = 10_000;
const longRounds = 3;

/** Samples of that many runs; where one takes long, of fewer than wanted. */
export function runsFor(runMs: number, { sampleMs, minRuns, maxRuns }: Pace): number {
  const least = Math.max(1, Math.min(minRuns, Math.floor(longMs / runMs)));
  return Math.max(least, Math.min(maxRuns, Math.ceil(sampleMs / runMs)));
}

/**
 * Rounds in which each takes one sample. One that throws is out, and told by `onDrop`; those whose samples take
 * seconds sit out the later rounds.
 *
 * @returns those who were not dropped
 */
export async function takeTurns<C extends Contestant>(
  contestants: readonly C[],
  pace: Pace,
  onDrop: (contestant: C, error: unknown) => void,
  now: () => number = () => performance.now(),
): Promise<C[]> {
  const left = [...contestants];
  const started = now();
  for (let round = 0; round < pace.maxRounds; round++) {
    if (round >= pace.minRounds && now() - started > pace.totalMs) break;
    for (const contestant of [...left]) {
      const { times, runs } = contestant;
      const last = (times.at(-1) ?? 0) * runs;
      if (times.length >= (last > veryLongMs ? 1 : longRounds) && last > longMs) continue;
      const sample = () => {
        contestant.taken++;
        return contestant.sample();
      };
      try {
        if (pace.restMs > 0) await setTimeout(pace.restMs);
        let ms = await sample();
        if (ms < shortMs) ms = await sample();
        times.push(ms / runs);
      } catch (error) {
        onDrop(contestant, error);
        left.splice(left.indexOf(contestant), 1);
      }
    }
  }
  return left;
}

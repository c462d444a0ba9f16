// Reads what runs kept, and puts numbers over seeds into words.

import { type Kept, NotMeasured, type Outcome, type Run, type Verdict } from "./lesson.ts";

/** A history, as `fit` gives it: one value an epoch by name. */
export type Curves = Readonly<Record<string, readonly number[]>>;

export function keptBy(run: Run, name: string): Kept {
  const value = run.kept.get(name);
  if (value === undefined) throw new NotMeasured(`"${name}" was not reached with seed ${run.seed}`);
  return value;
}

export const curvesOf = (run: Run, name: string) => keptBy(run, name) as Curves;
export const numberOf = (run: Run, name: string) => keptBy(run, name) as number;
export const numbersOf = (run: Run, name: string) => keptBy(run, name) as readonly number[];
export const rowsOf = (run: Run, name: string) => keptBy(run, name) as readonly (readonly number[])[];
export const textOf = (run: Run, name: string) => keptBy(run, name) as string;

export const last = (values: readonly number[]) => values[values.length - 1];
export const least = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b), Infinity);
export const most = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), -Infinity);
export const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
/** Where the least value stands, from 0. */
export const argLeast = (values: readonly number[]) => values.indexOf(least(values));

export const deviation = (values: readonly number[]) => {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
};

/** A number with as many digits as a reader wants. */
export function show(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "-∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(Math.max(digits - 2, 1)).replace("e+", "e");
  if (Number.isInteger(value)) return String(value);
  return value.toPrecision(Math.max(digits, Math.ceil(Math.log10(size)))).replace(/^(-?\d+)\.0+$/, "$1");
}

/** The mean, and from where to where the seeds lie: "0.0921 (0.0905 to 0.094)". */
export function spread(values: readonly number[], format: (value: number) => string = show): string {
  if (values.length === 1) return format(values[0]);
  return `${format(mean(values))} (${format(least(values))} to ${format(most(values))})`;
}

export const percent = (share: number) => `${(100 * share).toFixed(share > 0 && share < 0.01 ? 2 : 1)} %`;

/** Held where it did with every seed. */
export const verdictOf = (held: readonly boolean[]): Verdict => (held.every(Boolean) ? "held" : "not held");

/** "in each of 3 seeds", "in 2 of 3 seeds", and nothing of one. */
export function inSeeds(held: readonly boolean[]): string {
  const count = held.filter(Boolean).length;
  if (held.length === 1) return "";
  return count === held.length ? `, with each of ${count} seeds` : `, with ${count} of ${held.length} seeds`;
}

/** What a difference is worth beside that between seeds: whether its sign is always the same. */
export function bySeedsDiffers(
  differences: readonly number[],
  format: (value: number) => string = percent,
): string {
  const text = `The difference is ${spread(differences, format)}`;
  if (differences.length === 1) return `${text}; one seed does not tell it from chance.`;
  const isSame = differences.every((value) => value > 0) || differences.every((value) => value < 0);
  return isSame ? `${text}.` : `${text}: its sign changes with the seed.`;
}

/**
 * Judges a claim seed by seed: `measure` gives the numbers of one, `isTrue` says whether they bear it out, `tell` puts
 * them into words, each as a text over all seeds.
 */
export function bySeed<N extends Record<string, number>>(
  runs: readonly Run[],
  parts: {
    measure: (run: Run) => N;
    isTrue: (numbers: N) => boolean;
    tell: (text: (name: keyof N, format?: (value: number) => string) => string, all: readonly N[]) => string;
    range?: string | ((all: readonly N[]) => string | undefined);
  },
): Outcome {
  const all = runs.map(parts.measure);
  const held = all.map(parts.isTrue);
  const text = (name: keyof N, format?: (value: number) => string) =>
    spread(
      all.map((numbers) => numbers[name]),
      format,
    );
  const range = typeof parts.range === "function" ? parts.range(all) : parts.range;
  return {
    verdict: verdictOf(held),
    measured: `${parts.tell(text, all)}${inSeeds(held)}`,
    ...(range === undefined ? {} : { range }),
    numbers: Object.fromEntries(
      Object.keys(all[0] ?? {}).map((name) => [name, all.map((numbers) => numbers[name])]),
    ),
  };
}

/** An exact figure: held where what came out is what the note prints. */
export function exactly(runs: readonly Run[], name: string, expected: number | string): Outcome {
  const found = runs.map((run) => keptBy(run, name) as number | string);
  const isRight = found.every((value) => value === expected);
  const isText = typeof expected === "string" && expected.length > 60;
  return {
    isExact: true,
    verdict: isRight ? "held" : "not held",
    measured: isText
      ? isRight
        ? "the same text, byte for byte"
        : "another text"
      : [...new Set(found)].join(", "),
    ...(typeof expected === "number" ? { numbers: { [name]: found as number[] } } : {}),
  };
}

/** Element by element, the mean over the seeds' series; as long as the shortest. */
export function meanSeries(series: readonly (readonly number[])[]): number[] {
  const length = least(series.map((values) => values.length));
  return Array.from({ length }, (_, i) => mean(series.map((values) => values[i])));
}

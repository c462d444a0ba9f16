// What a lesson is: a program that a learner reads, and beside it what the notes claim, how that is judged and drawn.

import type { Callback } from "gradgpu/nn";
import type { Figure } from "./figure.ts";

/** What a program keeps: numbers, series by name, or texts. */
export type Kept =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | readonly (readonly number[])[]
  | { readonly [name: string]: readonly number[] };

/** Options for `model.fit`: its progress is shown, its history kept under a name, and Ctrl-C ends it. */
export interface Watched {
  verbose: 0;
  signal: AbortSignal;
  callbacks: Callback[];
}

/** How much work a lesson is: rows, epochs, and what else it counts. */
export type Size = Readonly<Record<string, number>>;

/** What a program gets. */
export interface Course<S extends Size = Size> {
  readonly seed: number;
  readonly size: S;
  /** Where the lesson's files go: logs and the like. */
  readonly folder: string;
  /** For `fit`: `model.fit(x, y, { epochs, ...watch("with dropout") })`. More callbacks come behind the name. */
  watch(name: string, ...callbacks: Callback[]): Watched;
  /** Keeps what was measured, for claims, pictures and numbers.json; an interrupted lesson has what it kept so far. */
  keep(name: string, value: Kept): void;
  /** In a loop of one's own: shows progress, lets other tasks run, and ends the program after Ctrl-C. */
  tick(done: number, of: number): Promise<void>;
}

export type Verdict = "held" | "not held" | "not applicable" | "not measured";

/** What came of a claim. */
export interface Outcome {
  readonly verdict: Verdict;
  /** What was measured, with its spread over the seeds. */
  readonly measured: string;
  /** Where it holds, as far as this lesson can tell. */
  readonly range?: string;
  /** Whether it is a figure that must come out exactly, whatever the adapter. */
  readonly isExact?: true;
  /** The numbers behind it, one a seed; those of times are left out of comparisons. */
  readonly numbers?: Readonly<Record<string, readonly number[]>>;
}

export interface Claim {
  /** The note, "000" to "004". */
  readonly note: string;
  /** What it says, in English. */
  readonly says: string;
  judge(runs: readonly Run[]): Outcome;
}

/** A table for the page: the first row is the head. */
export interface Table {
  readonly title: string;
  readonly rows: readonly (readonly (string | number)[])[];
}

/** A part of the page under a heading of its own. */
export interface Section {
  readonly title: string;
  readonly text: string;
}

/** What one seed's program kept. */
export interface Run {
  readonly seed: number;
  readonly kept: ReadonlyMap<string, Kept>;
  readonly seconds: number;
  /** Whether the program came to its end. */
  readonly isWhole: boolean;
}

export const topics = [
  "The notes' own programs",
  "How a network computes",
  "Starting weights and gradients",
  "Overfitting and its cures",
  "Batch normalization",
  "Learning rates and optimizers",
  "Batches, memory and devices",
] as const;
export type Topic = (typeof topics)[number];

export type Form = "quick" | "usual" | "full" | "cpu";

export interface Lesson<S extends Size = Size> {
  readonly name: string;
  readonly title: string;
  /** The notes' Korean term. */
  readonly korean: string;
  readonly notes: readonly string[];
  /** Under which heading of the index it stands. */
  readonly topic: Topic;
  /** Experiments of the notes' list, "E1" to "E16". */
  readonly experiments?: readonly string[];
  /** What is shown, in Markdown. */
  readonly about: string;
  /** The Keras original, where the program is one of the notes' own. */
  readonly keras?: string;
  /** `cpu` is for the float64 reference, which is slow. */
  readonly sizes: Readonly<Record<Form, S>>;
  /** How many seeds each form takes. */
  readonly seeds: Readonly<Record<Form, number>>;
  /** What `quick` and `usual` leave out of what `full` does. */
  readonly cut?: string;
  /** Whether it weighs memory, and so wants a device that holds nothing of other lessons. */
  readonly isWeighing?: true;
  /** How many things a seed's program watches or ticks through: for the time left. */
  parts(size: S): number;
  program(course: Course<S>): void | Promise<void>;
  readonly claims: readonly Claim[];
  readonly figures: readonly ((runs: readonly Run[]) => Figure)[];
  tables?(runs: readonly Run[]): readonly Table[];
  /** More parts of the page, in Markdown. */
  sections?(runs: readonly Run[]): readonly Section[] | Promise<readonly Section[]>;
  /** Names of kept values that are times or bytes of this machine: not compared between runs. */
  readonly machine?: readonly string[];
}

/** A lesson whatever it counts, for lists of them. */
// biome-ignore lint/suspicious/noExplicitAny: a program takes the sizes of its own lesson
export type AnyLesson = Lesson<any>;

/** Thrown where a claim or picture needs what an interrupted program did not reach. */
export class NotMeasured extends Error {}

/** Checks a lesson's type; gives it back. */
export const lesson = <S extends Size>(description: Lesson<S>): Lesson<S> => description;

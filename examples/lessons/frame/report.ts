// What a run of a lesson comes to: claims judged, pictures drawn, numbers and a page written.

import { drawFigure } from "./draw.ts";
import type { Figure } from "./figure.ts";
import {
  type AnyLesson,
  type Claim,
  type Form,
  NotMeasured,
  type Outcome,
  type Run,
  type Section,
  type Size,
  type Table,
} from "./lesson.ts";

export interface Judged extends Outcome {
  readonly note: string;
  readonly says: string;
}

export interface Drawn {
  readonly figure: Figure;
  /** Names of files, beside the page. */
  readonly files: readonly string[];
}

/** A lesson that has been run. */
export interface Outcomes {
  readonly lesson: AnyLesson;
  readonly form: Form;
  readonly size: Size;
  readonly runs: readonly Run[];
  readonly seconds: number;
  readonly device: string;
  readonly isCut: boolean;
  readonly claims: readonly Judged[];
  readonly drawn: readonly Drawn[];
  readonly tables: readonly Table[];
  readonly sections: readonly Section[];
}

export type Ran = Pick<Outcomes, "lesson" | "form" | "size" | "runs" | "seconds" | "device" | "isCut">;

type JudgedRan = Ran & Pick<Outcomes, "claims">;

/** What an interrupted program did not reach is left out. */
function whereReached<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof NotMeasured) return undefined;
    throw error;
  }
}

function judge({ note, says, judge }: Claim, runs: readonly Run[]): Judged {
  const outcome = runs.length === 0 ? undefined : whereReached(() => judge(runs));
  const missing: Outcome = { verdict: "not measured", measured: "the lesson was cut short before it" };
  return { note, says, ...(outcome ?? missing) };
}

/** The claims, judged: before anything is drawn, so that a picture that fails loses no run. */
export const judged = ({ lesson, runs }: Ran): JudgedRan["claims"] =>
  lesson.claims.map((claim) => judge(claim, runs));

/** Draws the pictures into `folder`. */
export async function report(ran: JudgedRan, folder: string): Promise<Outcomes> {
  const { lesson, runs } = ran;
  const drawn: Drawn[] = [];
  for (const make of runs.length === 0 ? [] : lesson.figures) {
    const figure = whereReached(() => make(runs));
    if (figure) drawn.push({ figure, files: await drawFigure(folder, figure) });
  }
  const tables = runs.length === 0 ? [] : (whereReached(() => lesson.tables?.(runs) ?? []) ?? []);
  const sections = runs.length === 0 ? [] : ((await whereReached(() => lesson.sections?.(runs))) ?? []);
  return { ...ran, drawn, tables, sections };
}

/** Histories and numbers of all seeds, and the claims, as JSON. */
export function numbersText({ lesson, form, size, runs, seconds, device, isCut, claims }: JudgedRan): string {
  const content = {
    lesson: lesson.name,
    form,
    size,
    seconds: round(seconds),
    device,
    ...(isCut ? { isInterrupted: true } : {}),
    claims,
    runs: runs.map(({ seed, kept, seconds: taken, isWhole }) => ({
      seed,
      seconds: round(taken),
      ...(isWhole ? {} : { isInterrupted: true }),
      kept: Object.fromEntries(kept),
    })),
  };
  // JSON has no NaN and no infinity; seven digits are what f32 holds.
  const text = (_: string, value: unknown) => {
    if (typeof value !== "number") return value;
    return Number.isFinite(value) ? Number(value.toPrecision(7)) : String(value);
  };
  // Lists of numbers on one line.
  const lines = JSON.stringify(content, text, 1);
  return `${lines.replace(/\[\s+([^[\]{}]*?)\s+\]/g, (_, inner) => `[${inner.replace(/\s+/g, " ")}]`)}\n`;
}

const round = (seconds: number) => Math.round(10 * seconds) / 10;

/** The claims as lines for a terminal. */
export function claimLines({ claims }: Outcomes): string[] {
  const mark = { held: "✓", "not held": "✗", "not applicable": "–", "not measured": "?" };
  return claims.flatMap(({ note, says, verdict, measured, range }) => [
    `${mark[verdict]} ${verdict}: "${says}" (note ${note})`,
    `  measured: ${measured}`,
    ...(range ? [`  ${range}`] : []),
  ]);
}

/** What {@link numbersText} wrote, as it was run. @throws Error where it is of another lesson */
export function ranFrom(text: string, lesson: AnyLesson): Ran {
  const number = (value: unknown) => (/^-?(?:NaN|Infinity)$/.test(String(value)) ? Number(value) : value);
  const read = JSON.parse(text, (_, value) => (typeof value === "string" ? number(value) : value));
  if (read.lesson !== lesson.name)
    throw new Error(`these are the numbers of ${read.lesson}, not of ${lesson.name}`);
  const runs = read.runs.map(
    (run: { seed: number; seconds: number; isInterrupted?: true; kept: object }) => ({
      seed: run.seed,
      seconds: run.seconds,
      isWhole: run.isInterrupted !== true,
      kept: new Map(Object.entries(run.kept)),
    }),
  );
  const { form, size, seconds, device, isInterrupted = false } = read;
  return { lesson, form, size, runs, seconds, device, isCut: isInterrupted };
}

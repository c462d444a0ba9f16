// Progress of a lesson with the time left: a line that changes on a terminal, elsewhere a line for each part.

/** Between two changes of the line. */
const redrawMs = 200;

export interface Progress {
  /** A lesson begins, that has so many parts over all seeds. */
  begin(lesson: string, parts: number): void;
  /** How far a part is; at 1 it is done, and the next call tells of the next one. */
  part(label: string, share: number): void;
  /** So many seeds are behind: what they counted wrongly is set right. */
  beginSeed(done: number): void;
  end(): void;
}

export interface ProgressOutput {
  /** Columns of the terminal; 0 where there is none. */
  readonly columns: number;
  write(text: string): void;
}

/** Standard error, whose width scripts/run.mjs tells, since it is a pipe to it. */
export const standardError = (): ProgressOutput => ({
  columns: Number(process.env.GRADGPU_STDERR_COLUMNS ?? process.stderr.columns ?? 0),
  write: (text) => process.stderr.write(text),
});

export function makeProgress({ columns, write }: ProgressOutput, now = () => performance.now()): Progress {
  let lesson = "";
  let parts = 1;
  let perSeed = 0;
  let done = 0;
  let begun = 0;
  let drawnAt = -Infinity;
  let isOver = false;

  const line = (label: string, share: number) => {
    const whole = Math.min((done + share) / parts, 1);
    const seconds = (now() - begun) / 1000;
    const left = whole > 0.02 ? `, about ${duration((seconds * (1 - whole)) / whole)} left` : "";
    return `${lesson}: ${(100 * whole).toFixed(0)} %, ${duration(seconds)}${left}${label && ` (${label})`}`;
  };
  const clear = () => columns > 0 && write(`\r${" ".repeat(columns - 1)}\r`);

  return {
    begin(name, count) {
      [lesson, parts, perSeed, done, begun, isOver] = [name, Math.max(count, 1), 0, 0, now(), false];
      drawnAt = -Infinity;
    },
    part(label, share) {
      if (isOver) return;
      const isDone = share >= 1;
      if (columns > 0 && (isDone || now() - drawnAt >= redrawMs)) {
        drawnAt = now();
        write(
          `\r${line(label, share)
            .slice(0, columns - 1)
            .padEnd(columns - 1)}`,
        );
      }
      if (isDone) {
        if (columns === 0) write(`${line(label, 1)}\n`);
        done++;
      }
    },
    beginSeed(seeds) {
      perSeed ||= done / seeds;
      done = Math.min(seeds * perSeed, parts);
      // A program may have had fewer parts, or more, than it was taken to have.
      if (seeds === 1 && done > 0) parts = Math.max(parts, done);
    },
    end() {
      if (!isOver) clear();
      isOver = true;
    },
  };
}

export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

// Says on standard error what is being timed: a bar that is drawn over on a terminal, a line each elsewhere.

export interface Progress {
  /** The next of the counted cases. */
  begin(what: string): void;
  /** A stage of it, which may take long: how long is shown. */
  note(what: string): void;
  end(): void;
}

const barWidth = 24;
const tickMs = 1_000;
/** Where there is no terminal to draw on, a stage that takes long says so this often. */
const quietTickMs = 60_000;

const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;

/** Columns of the terminal behind standard error: its own, or what scripts/run.mjs tells, which pipes it there. */
export function columnsOf(stream: Pick<NodeJS.WriteStream, "isTTY" | "columns">, env = process.env) {
  if (stream.isTTY) return stream.columns || 80;
  return Number(env.GRADGPU_STDERR_COLUMNS) || undefined;
}

/** @param columns of the terminal that it is drawn on; undefined where there is none */
export function progressOn(
  stream: Pick<NodeJS.WritableStream, "write">,
  total: number,
  columns?: number,
): Progress {
  const isLive = columns !== undefined;
  const started = performance.now();
  let done = 0;
  let what = "";
  let since = started;
  let timer: NodeJS.Timeout | undefined;

  const bar = () => {
    const share = total === 0 ? 0 : Math.max(0, done - 1) / total;
    const filled = Math.round(share * barWidth);
    const left =
      share > 0.02 ? `, about ${seconds(((performance.now() - started) / share) * (1 - share))} left` : "";
    return `[${"=".repeat(filled)}${".".repeat(barWidth - filled)}] ${done}/${total}${left}  `;
  };
  const draw = (line: string) => stream.write(`\r\x1b[2K${line.slice(0, (columns ?? 80) - 1)}`);
  const show = (text: string) => {
    what = text;
    since = performance.now();
    if (isLive) draw(bar() + text);
    else stream.write(`[${String(done).padStart(String(total).length)}/${total}] ${text}\n`);
    timer ??= setInterval(tick, isLive ? tickMs : quietTickMs).unref();
  };
  const tick = () => {
    const waited = performance.now() - since;
    if (isLive) draw(`${bar()}${what}${waited > 2 * tickMs ? `, ${seconds(waited)}` : ""}`);
    else if (waited > quietTickMs / 2) stream.write(`      ${what}: ${seconds(waited)} so far\n`);
  };
  return {
    begin(text) {
      done++;
      show(text);
    },
    note(text) {
      // Where lines stay, only what takes long is worth one: the tick tells it.
      if (isLive) return show(text);
      what = text;
      since = performance.now();
    },
    end() {
      clearInterval(timer);
      timer = undefined;
      if (isLive) stream.write("\r\x1b[2K");
    },
  };
}

// Says on standard error what is being timed: one line that is written over on a terminal, a line each elsewhere.

export interface Progress {
  begin(what: string): void;
  /** A stage that is not counted. */
  note(what: string): void;
  end(): void;
}

export function progressOn(stream: NodeJS.WriteStream, total: number): Progress {
  let done = 0;
  const isLive = stream.isTTY === true;
  const show = (line: string) =>
    stream.write(isLive ? `\r\x1b[2K${line.slice(0, (stream.columns ?? 80) - 1)}` : `${line}\n`);
  return {
    begin(what) {
      done++;
      show(`[${String(done).padStart(String(total).length)}/${total}] ${what}`);
    },
    note: show,
    end() {
      if (isLive) stream.write("\r\x1b[2K");
    },
  };
}

// Runs a program on a pseudo-terminal, as a person would see it and press Ctrl-C: by `script` of util-linux, which Debian
// always has.

import { spawn, spawnSync } from "node:child_process";
import { Screen } from "./screen.ts";

/** Why there is no pseudo-terminal here; undefined where there is. Other systems' `script` takes other options. */
export const withoutTerminal: string | undefined = spawnSync("script", ["--version"], {
  encoding: "utf8",
}).stdout?.includes("util-linux")
  ? undefined
  : "this machine has no `script` of util-linux to make a pseudo-terminal with";

export interface TerminalRun {
  readonly screen: Screen;
  /** As a shell would say it: 128 and the signal's number, where one ended it. */
  readonly code: number | null;
}

export interface Keyboard {
  /** The line discipline makes SIGINT of it, for the whole foreground group. */
  ctrlC(): void;
  /** Of the process that was started. */
  readonly pid: number;
}

const shellWord = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

export interface TerminalOptions {
  readonly columns?: number;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** What is waited for before `act`. */
  readonly until: RegExp;
  readonly act: (keyboard: Keyboard) => void;
}

/** Runs it to its end; one that has not ended three minutes after `act` is killed, and its code is 137. */
export function inTerminal(
  command: readonly string[],
  { columns = 80, cwd, env, until, act }: TerminalOptions,
): Promise<TerminalRun> {
  // The shell that tells its number becomes the program.
  const line = `stty cols ${columns} rows 40; echo "pid $$"; exec ${command.map(shellWord).join(" ")}`;
  const child = spawn("script", ["--quiet", "--return", "--flush", "--command", line, "/dev/null"], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let text = "";
  let hasActed = false;
  let timer: NodeJS.Timeout | undefined;
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.stdout.setEncoding("utf8");
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (hasActed || !until.test(text)) return;
      hasActed = true;
      const pid = Number(/pid (\d+)/.exec(text)?.[1]);
      timer = setTimeout(() => process.kill(pid, "SIGKILL"), 180_000);
      act({ pid, ctrlC: () => child.stdin.write("\x03") });
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      const [, shown] = /^pid \d+\r\n([\s\S]*)$/.exec(text) ?? ["", text];
      const screen = new Screen(columns).write(shown);
      resolve({ screen, code });
    });
  });
}

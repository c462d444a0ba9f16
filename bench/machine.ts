// What a bench ran on, as far as Node can tell.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

export interface Machine {
  processor: string;
  cores: number;
  memoryGiB: number;
  system: string;
  node: string;
  /** Version of the npm package that brings Dawn; absent where it is not installed. */
  webgpu?: string;
  gradgpu?: string;
  /** The commit, with a "+" where files differ from it; absent outside of a repository. */
  commit?: string;
  date: string;
}

export function describeMachine(): Machine {
  const [cpu] = os.cpus();
  return {
    processor: cpu?.model.trim() ?? "unknown",
    cores: os.availableParallelism(),
    memoryGiB: Math.round((os.totalmem() / 2 ** 30) * 10) / 10,
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    webgpu: versionIn("node_modules", "webgpu", "package.json"),
    gradgpu: versionIn("package.json"),
    commit: commit(),
    date: new Date().toISOString(),
  };
}

/** The version in a package file below the working directory, which `npm run` makes the repository's root. */
function versionIn(...file: string[]): string | undefined {
  try {
    return JSON.parse(readFileSync(path.join(process.cwd(), ...file), "utf8")).version;
  } catch {
    return undefined;
  }
}

function commit(): string | undefined {
  const git = (...args: string[]) => {
    const { status, stdout } = spawnSync("git", args, { encoding: "utf8", timeout: 10_000 });
    return status === 0 ? stdout.trim() : undefined;
  };
  const head = git("rev-parse", "--short", "HEAD");
  return head && `${head}${git("status", "--porcelain", "--untracked-files=no") === "" ? "" : "+"}`;
}

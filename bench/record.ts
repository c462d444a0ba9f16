// Names the files that keep a run in bench/results/, and finds out beforehand whether files can be written.

import { access, constants, stat } from "node:fs/promises";
import path from "node:path";

import type { Report } from "./report.ts";

/**
 * "llvmpipe-llvm-19-1-7-256-bits" of the adapter, or "cpu-reference"; with what the run was, where it was a part, so
 * that no part takes the name of the whole.
 */
export function recordName({ rows, options }: Pick<Report, "rows" | "options">): string {
  const adapter = rows.find(({ backend }) => backend === "webgpu")?.adapter;
  const { device = "all", hasPeers, isQuick, isInterrupted, filter } = options;
  const parts = [
    // "cpu reference" says already that WebGPU is left out.
    ...(adapter === undefined ? ["cpu reference"] : [adapter, device === "all" ? "" : device]),
    hasPeers ? "peers" : "",
    isQuick ? "quick" : "",
    isInterrupted ? "interrupted" : "",
    filter,
  ];
  return parts.map(slug).filter(Boolean).join("-");
}

const slug = (text: string) =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");

/** Why a file of that name can't be written; undefined where it can. Makes nothing. */
export async function unwritable(file: string): Promise<string | undefined> {
  const found = await kindOf(file);
  if (found === "folder") return `${file} is a folder; name a file in it`;
  if (found === "file") return (await isOpen(file)) ? undefined : `${file} may not be written; name another`;
  // The folders that are missing are made when it is written.
  let folder = path.dirname(path.resolve(file));
  let kind = await kindOf(folder);
  while (kind === undefined && folder !== path.dirname(folder)) {
    folder = path.dirname(folder);
    kind = await kindOf(folder);
  }
  if (kind === "file") return `${file} lies below ${folder}, which is a file; name a folder`;
  return (await isOpen(folder))
    ? undefined
    : `${file}: ${folder} may not be written into; name another folder`;
}

async function kindOf(name: string): Promise<"folder" | "file" | undefined> {
  try {
    return (await stat(name)).isDirectory() ? "folder" : "file";
  } catch {
    return undefined;
  }
}

const isOpen = (name: string) =>
  access(name, constants.W_OK).then(
    () => true,
    () => false,
  );

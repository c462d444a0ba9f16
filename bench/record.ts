// Names the files that keep a run in bench/results/.

import type { Report } from "./report.ts";

/** "llvmpipe-llvm-19-1-7-256-bits" of the adapter, or "cpu-reference"; with what the run was, where it was a part. */
export function recordName({ rows, options }: Pick<Report, "rows" | "options">): string {
  const adapter = rows.find(({ backend }) => backend === "webgpu")?.adapter ?? "cpu reference";
  const parts = [adapter, options.hasPeers ? "peers" : "", options.isQuick ? "quick" : "", options.filter];
  return parts.map(slug).filter(Boolean).join("-");
}

const slug = (text: string) =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");

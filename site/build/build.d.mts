export function buildSite(
  out: string,
  options?: { only?: "docs" },
): Promise<{
  files: number;
  bytes: number;
  seconds: number;
  /** Programs of the docs, and how many of them a page runs. */
  snippets: { all: number; running: number };
}>;

// Types of pure.mjs for the tests.
export function markPure(
  code: string,
  options: { rewrite: (source: string) => string; emptied: readonly string[] },
): { code: string; effects: number[] };

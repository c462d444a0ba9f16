// Types of what TypeScript takes from run.mjs.

export function noiseFilter(): { push(chunk: string): string; rest(): string };
export function terminalEnv(stream: { readonly isTTY?: boolean; readonly columns?: number }): {
  GRADGPU_STDERR_COLUMNS: string;
};
/** Bundles a program into the cache and returns the file. */
export function bundle(entry: string): Promise<string>;

// Types of what TypeScript takes from run.mjs.

export function noiseFilter(): { push(chunk: string): string; rest(): string };
export function terminalEnv(stream: { readonly isTTY?: boolean; readonly columns?: number }): {
  GRADGPU_STDERR_COLUMNS: string;
};

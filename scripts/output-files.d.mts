// Types of output-files.mjs.

export function unwritable(file: string): Promise<string | undefined>;
export function writeWhole(file: string, data: string | Uint8Array): Promise<void>;

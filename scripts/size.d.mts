// Types of size.mjs for the tests.
export function sizesOf(program: string, folder: string): Promise<{ whole: number; atFirst: number }>;

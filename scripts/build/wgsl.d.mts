// Types of wgsl.mjs for the tests.
export function minifyWgsl(source: string): string;

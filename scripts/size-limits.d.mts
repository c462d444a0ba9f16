// Types of size-limits.mjs for the tests.
export const limits: { name: string; most: number; mostAtFirst?: number; program: string }[];
export const tarball: { packed: number; unpacked: number };

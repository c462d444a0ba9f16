// Types of pack.mjs for the tests.
export interface Packed {
  folder: string;
  packed: number;
  unpacked: number;
  files: string[];
  remove(): void;
}
export function packedPackage(others?: string[], at?: string): Promise<Packed>;

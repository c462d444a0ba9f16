// Tar: several files as one, in the form that every system unpacks.

import { joined } from "./wire.ts";

const block = 512;

/** @param files by their paths, of at most 255 bytes; the last part of 100 */
export function tar(files: ReadonlyMap<string, Uint8Array>, seconds = Date.now() / 1000): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [path, bytes] of files) {
    parts.push(header(path, bytes.length, Math.floor(seconds)), bytes);
    parts.push(new Uint8Array((block - (bytes.length % block)) % block));
  }
  return joined([...parts, new Uint8Array(2 * block)]);
}

function header(path: string, size: number, seconds: number): Uint8Array {
  const bytes = new Uint8Array(block);
  const put = (at: number, text: string) => bytes.set(new TextEncoder().encode(text), at);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  const slash = path.lastIndexOf("/");
  put(0, path.slice(slash + 1));
  put(100, octal(0o644, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(size, 11));
  put(136, octal(seconds, 11));
  // The checksum counts as spaces while it is taken.
  put(148, "        ");
  put(156, "0");
  put(257, "ustar\u000000");
  put(345, path.slice(0, Math.max(0, slash)));
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return bytes;
}

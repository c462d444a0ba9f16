// The files in which a Node program keeps what is known of an adapter. What bundles for pages take in its place is
// store-files.browser.ts.

import { hash } from "../../base/hash.ts";
import { nodeModule, nodeProcess } from "../../base/host.ts";
import type { Known } from "../../kernel/variants.ts";

export interface Stored extends Known {
  readonly key: string;
}

const mostBytes = 2 ** 24;

interface FileSystem {
  statSync(path: string): { isFile(): boolean; size: number };
  readFileSync(path: string, encoding: "utf8"): string;
  writeFileSync(path: string, text: string): void;
  mkdirSync(path: string, options: { recursive: true }): void;
  renameSync(from: string, to: string): void;
  rmSync(path: string, options: { force: true }): void;
}

/** The file of a key; undefined where there are no files. `GRADGPU_CACHE` names another folder, or "off". */
export function fileFor(key: string) {
  const process = nodeProcess();
  const fs = nodeModule<FileSystem>("node:fs");
  const os = nodeModule<{ homedir(): string }>("node:os");
  if (process === undefined || fs === undefined || os === undefined) return undefined;
  const { GRADGPU_CACHE, XDG_CACHE_HOME } = process.env;
  if (GRADGPU_CACHE === "off") return { read: async () => undefined, write: () => {} };
  const folder = GRADGPU_CACHE || `${XDG_CACHE_HOME || `${os.homedir()}/.cache`}/gradgpu`;
  const path = `${folder}/kernels-${hash(key)}.json`;
  return {
    read: async (): Promise<unknown> => {
      const file = fs.statSync(path);
      // A pipe would be waited for, and what is far larger was not written here.
      return file.isFile() && file.size <= mostBytes ? JSON.parse(fs.readFileSync(path, "utf8")) : undefined;
    },
    write: (stored: Stored) => {
      fs.mkdirSync(folder, { recursive: true });
      // Whole or not at all: others may be reading, and other workers of this process may be writing.
      const whole = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}`;
      try {
        fs.writeFileSync(whole, JSON.stringify(stored, null, 2));
        fs.renameSync(whole, path);
      } finally {
        // Still there where the disk was full, or the file's place is taken.
        fs.rmSync(whole, { force: true });
      }
    },
  };
}

// What is used of Node's modules, which browsers have not.

import { importByName, nodeProcess } from "../../engine/internal.ts";

/** An open file. */
export interface Handle {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  write(bytes: Uint8Array, offset: number, length: number): Promise<{ bytesWritten: number }>;
  stat(): Promise<{ size: number; isFile(): boolean }>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Files {
  open(path: string, flags?: string): Promise<Handle>;
  readFile(path: string, encoding: "utf8"): Promise<string>;
  writeFile(path: string, text: string, options: { flag: string }): Promise<void>;
  realpath(path: string): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  link(from: string, to: string): Promise<void>;
  rm(path: string, options: { force: boolean }): Promise<void>;
}

export const files = (): Promise<Files> => importByName("node:fs/promises");
export const paths = (): Promise<{ resolve(path: string): string; dirname(path: string): string }> =>
  importByName("node:path");
export const hostName = async (): Promise<string> =>
  (await importByName<{ hostname(): string }>("node:os")).hostname();

/** This process, and whether another one is alive. */
export const ownPid = (): number => nodeProcess()?.pid ?? 0;
export function hasProcess(pid: number): boolean {
  try {
    (nodeProcess() as unknown as { kill(pid: number, signal: number): void }).kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

export const codeOf = (error: unknown): string | undefined => (error as { code?: string }).code;

// The packed package, once for all tests of it: in a project of its own that has webgpu too.

import type { TestProject } from "vitest/node";
import { packedPackage } from "../../scripts/build/pack.mjs";

export default async function setup(project: TestProject): Promise<() => void> {
  const packed = await packedPackage(["webgpu"]);
  const { folder, files, packed: packedBytes, unpacked } = packed;
  project.provide("packed", { folder, files, packed: packedBytes, unpacked });
  return () => packed.remove();
}

declare module "vitest" {
  export interface ProvidedContext {
    packed: { folder: string; files: string[]; packed: number; unpacked: number };
  }
}

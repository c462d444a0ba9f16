// The package as npm would publish it, built and packed once a run, in a project that has webgpu too.

import { type Packed, packedPackage } from "../../scripts/build/pack.mjs";
import { onceARun } from "./once.ts";

export const packed = (): Promise<Omit<Packed, "remove">> =>
  onceARun(
    "package",
    async (folder) => {
      const { remove: _, ...made } = await packedPackage(["webgpu"], folder);
      return made;
    },
    "outside",
  );

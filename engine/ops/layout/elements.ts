// Kernels whose file ends with `element(i)`: the loop that calls it is the same for all.

import elementsSource from "../../../shaders/elements.wgsl";
import { type Shader, shader } from "../../kernel/kernel.ts";

/** A shader whose `element` makes a part of the result; `source` is all of it but elements.wgsl. */
export const elementsShader = (name: string, source: string): Shader =>
  shader(name, `${source}\n${elementsSource}`);

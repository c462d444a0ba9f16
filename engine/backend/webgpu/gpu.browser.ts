// The page's own WebGPU: bundlers take this for gpu.ts, by the field "browser" of package.json.

import type { FoundGpu } from "./gpu.ts";

export const findGpu = async (): Promise<FoundGpu> => ({ gpu: navigator.gpu });

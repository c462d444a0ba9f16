// What does not change with gradgpu: how fast the adapter and the processor are right now. Two runs are compared by it,
// and a run whose ends differ was disturbed.

import { type AdapterPeaks, init, measurePeaks } from "../engine/index.ts";

export interface Controls {
  /** Milliseconds of a fixed piece of plain JavaScript. */
  readonly hostMs: number;
  /** Absent where there is no adapter. */
  readonly peaks?: AdapterPeaks;
}

const size = 160;
const tries = 7;

/** Multiplies two small matrices in plain loops: the best of some tries, after V8 has compiled it. */
function measureHost(): number {
  const a = Float64Array.from({ length: size * size }, (_, i) => (i % 17) - 8);
  const result = new Float64Array(size * size);
  let best = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < tries; attempt++) {
    const started = performance.now();
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        let sum = 0;
        for (let k = 0; k < size; k++) sum += a[i * size + k] * a[k * size + j];
        result[i * size + j] = sum;
      }
    }
    best = Math.min(best, performance.now() - started);
  }
  return best;
}

/** Opens a device of its own for it. */
export async function measureControls(hasAdapter: boolean): Promise<Controls> {
  const hostMs = measureHost();
  if (!hasAdapter) return { hostMs };
  const device = await init({ device: "webgpu" });
  try {
    return { hostMs, peaks: await measurePeaks(device) };
  } finally {
    device.dispose();
  }
}

// Weights of samples: what is refused before a step is taken.

import { ArgumentError } from "../../engine/index.ts";
import { showGiven } from "../../engine/internal.ts";

/**
 * What `fit` asks of sample weights before a step.
 *
 * @param what how errors begin: `fit: model "sequential"`
 * @throws ArgumentError for one that is negative, NaN or infinite, and where all are 0
 */
export function checkSampleWeight(what: string, values: ArrayLike<number>): void {
  let isAny = values.length === 0;
  for (let i = 0; i < values.length; i++) {
    const weight = values[i];
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) {
      throw new ArgumentError(
        `${what}: sample weight ${showGiven(weight)} at position ${i} is none; weights must be finite numbers of at least 0, 0 for a sample that does not count`,
      );
    }
    isAny ||= weight > 0;
  }
  if (!isAny) {
    throw new ArgumentError(
      `${what}: all ${values.length} sample weights are 0, so nothing would be learned; give at least one sample a weight above 0`,
    );
  }
}

// Weights of samples as fit takes them, checked before a step.

import { checkSampleWeight } from "../objective/sample-weights.ts";
import type { Feed } from "./feed.ts";

/** @throws ArgumentError for sample weights that are negative, NaN or infinite, and where all are 0 */
export function checkWeights(what: string, { givenWeights }: Feed): void {
  for (const values of givenWeights) checkSampleWeight(what, values);
}

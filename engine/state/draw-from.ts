// How whatever draws random numbers advances its state: RandomGenerator, and layers that draw in training.

import { advance } from "../ops/random/random.ts";
import { noGrad } from "../tensor/recording.ts";
import { tidy } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Variable } from "../tensor/variable.ts";

/** The next state, u32 [4], which `state` is assigned too. Backward may draw by it again: later draws do not touch it. */
export function advanced(state: Variable): Tensor {
  const next = noGrad(() => advance(state));
  state.assign(next);
  return next;
}

/** What `make` draws by the next state, u32 [4], which `state` is then assigned. Backward may draw by it again: it stays as it is. */
export const drawFrom = (state: Variable, make: (next: Tensor) => Tensor): Tensor =>
  tidy(() => {
    const next = noGrad(() => advance(state));
    const drawn = make(next);
    state.assign(next);
    return drawn;
  });

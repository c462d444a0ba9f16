// Gradient centralization (Yong et al. 2020): gradients of kernels less their mean over what feeds each output.

import { mean, sub, type Tensor } from "../engine/index.ts";

/** The gradient less its means over all axes but the last, as kernels have their outputs there; of vectors, as it is. */
export function centralized(gradient: Tensor): Tensor {
  if (gradient.rank < 2) return gradient;
  const axes = gradient.shape.slice(1).map((_, axis) => axis);
  return sub(gradient, mean(gradient, axes, { keepDims: true }));
}

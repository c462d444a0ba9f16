// Tensors joined along the first axis by copies: what `concat` does by kernels, for those that need no other axis.

import { Tensor } from "./tensor.ts";

/** @internal Rows of one shape and dtype, none of them bytes, one tensor after the other; without a gradient. */
export function joinRows(parts: readonly Tensor[]): Tensor {
  const [{ device, dtype, shape }] = parts;
  const spec = { dtype, shape: [parts.reduce((rows, part) => rows + part.shape[0], 0), ...shape.slice(1)] };
  const { backend } = device;
  const memory = backend.allocate(spec, "rows that are joined");
  let start = 0;
  for (const part of parts) {
    const place = backend.slice(memory, start * 4, part);
    backend.copy(part.memory, place, part);
    place.release();
    start += part.size;
  }
  return new Tensor(device, spec, memory);
}

// Tensors joined along the first axis by copies: what `concat` does by kernels, for those that need no other axis.

import { Tensor } from "./tensor.ts";

/** @internal Rows of one shape and dtype, none of them bytes, one tensor after the other; without a gradient. */
export function joinRows(parts: readonly Tensor[]): Tensor {
  const [{ device, dtype, shape }] = parts;
  const spec = { dtype, shape: [parts.reduce((rows, part) => rows + part.shape[0], 0), ...shape.slice(1)] };
  const { backend } = device;
  // Before anything is taken: a part may be disposed.
  const memories = parts.map((part) => part.memory);
  const memory = backend.allocate(spec, "rows that are joined");
  let start = 0;
  parts.forEach((part, i) => {
    const place = backend.slice(memory, start * 4, part);
    backend.copy(memories[i], place, part);
    place.release();
    start += part.size;
  });
  return new Tensor(device, spec, memory);
}

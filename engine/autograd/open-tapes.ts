// Which tapes are open, so that a tensor alone leads to the tape that recorded it. References are weak: a tape that
// is dropped without dispose() must not be held here.

import type { RecordedTape } from "../tensor/tape-node.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What is asked of a tape by those who look for one. */
export interface OpenTape extends RecordedTape {
  readonly isDisposed: boolean;
  /** @internal Whether the gradient of a value on it can depend on the tensor. */
  knows(tensor: Tensor): boolean;
  /** @internal Looks at the tensor's handle in walks: for hooks and for gradients to retain. */
  mark(tensor: Tensor): void;
}

const open = new Set<WeakRef<OpenTape>>();
const references = new WeakMap<OpenTape, WeakRef<OpenTape>>();

export function openTape(tape: OpenTape): void {
  const reference = new WeakRef(tape);
  references.set(tape, reference);
  open.add(reference);
}

export function closeTape(tape: OpenTape): void {
  const reference = references.get(tape);
  if (reference !== undefined) open.delete(reference);
}

/** The open tapes, the newest first. */
export function openTapes(): OpenTape[] {
  const found: OpenTape[] = [];
  for (const reference of open) {
    const tape = reference.deref();
    if (tape === undefined) open.delete(reference);
    else found.push(tape);
  }
  return found.reverse();
}

/** Results of a tape keep it: a loss is all that its user may hold. */
const recordedBy = new WeakMap<Tensor, OpenTape>();

export function tieToTape(results: Iterable<Tensor>, tape: OpenTape): void {
  for (const tensor of results) recordedBy.set(tensor, tape);
}

/** The tape whose record() returned the tensor, open or not. */
export function tapeThatReturned(tensor: Tensor): OpenTape | undefined {
  return recordedBy.get(tensor);
}

// A block: a function of tensors that tapes shall see as one op. It runs unseen by them, and what it reads from
// outside is noted, so that no gradient is lost without a word.

import { ArgumentError, kindOf } from "../base/errors.ts";
import { handleOn } from "../tensor/handle.ts";
import type { Op } from "../tensor/op.ts";
import { type Recorder, recorders, recordOnTapes } from "../tensor/recording.ts";
import { isTracked } from "../tensor/scope-stack.ts";
import { Tensor } from "../tensor/tensor.ts";

/** What a block may return: a tensor, or several. */
export type BlockResult = Tensor | readonly Tensor[];

/** Looks on while a block runs: follows which values depend on something that a tape around it tracks. */
class Onlooker implements Recorder {
  readonly captured = new Map<number, Tensor>();
  readonly #outer = recorders.value;
  readonly #arguments: ReadonlySet<number>;
  /** Values made inside that depend on something tracked. */
  readonly #inside = new Set<number>();

  constructor(args: readonly Tensor[]) {
    this.#arguments = new Set(args.map(({ id }) => id));
  }

  record(op: Op, _attrs: unknown, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
    if ("notDifferentiable" in op.vjp) return;
    let depends = false;
    for (const tensor of inputs) {
      if (!this.tracks(tensor)) continue;
      depends = true;
      this.#capture(tensor);
    }
    if (depends) for (const out of outputs) this.#inside.add(out.id);
  }

  /** Told of what the block returns: it may come from outside without passing any op. */
  returns(tensor: Tensor): void {
    if (this.tracks(tensor)) this.#capture(tensor);
  }

  #capture(tensor: Tensor): void {
    if (this.#inside.has(tensor.id) || this.#arguments.has(tensor.id)) return;
    this.captured.set(tensor.id, tensor);
  }

  tracks(tensor: Tensor): boolean {
    return this.#inside.has(tensor.id) || this.#outer.some((recorder) => recorder.tracks(tensor));
  }
}

/** Runs `fn` unseen; errors call it `name`. To be called in a scope of its own, which owns what is made. */
export function runBlock<R extends BlockResult>(
  fn: () => R,
  args: readonly Tensor[],
  name: string,
): { readonly result: R; readonly outputs: readonly Tensor[]; readonly captured: readonly Tensor[] } {
  const onlooker = new Onlooker(args);
  const result = recorders.with([onlooker], fn);
  const list = result instanceof Tensor ? [result] : result;
  if (!Array.isArray(list) || !list.every((one) => one instanceof Tensor))
    throw new ArgumentError(
      `${name}: the function must return a Tensor, or an array of them, got ${kindOf(result)}`,
    );
  const seen = new Set<Tensor>();
  const outputs = (list as Tensor[]).map((output) => {
    onlooker.returns(output);
    // What the block only hands on gets a name of its own: a value comes out of one op.
    const own =
      isTracked(output) && !seen.has(output) ? output : handleOn(output.device, output, output.memory);
    seen.add(own);
    return own;
  });
  return {
    result: (result instanceof Tensor ? outputs[0] : outputs) as R,
    outputs,
    captured: [...onlooker.captured.values()],
  };
}

/** Tells the tapes of a block as one call of `op`. */
export function recordBlock(op: Op, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
  recordOnTapes(op, {}, inputs, outputs);
}

// Runs one call on the adapter and on the reference and compares the results.

import type { Device, Op, Tensor } from "../../engine/index.ts";
import type { Sample } from "../../engine/op.ts";
import { expectClose, forwardDefault, forwardTolerance } from "./compare.ts";
import { applySample, drawAll, makeInputs, showSample } from "./op-cases.ts";

export interface Pair {
  readonly gpu: Device;
  readonly reference: Device;
}

/** The op with the kernels that it has on real GPUs, which software adapters do not choose. */
export const asOnGpu = <A>(op: Op<A>): Op<A> => ({
  ...op,
  kernels: (context) => op.kernels!({ ...context, profile: { ...context.profile, isSoftware: false } }),
});

/** Every output of `op` on the sample's inputs, adapter against reference. */
export async function compareForward(
  op: Op,
  sample: Sample,
  pair: Pair,
  seed = 1,
  tolerance?: number,
): Promise<void> {
  const values = drawAll(sample, seed);
  const [got, want] = [pair.gpu, pair.reference].map((device) => {
    const inputs = makeInputs(sample, values, device);
    const outputs = applySample(op, sample, inputs);
    for (const tensor of inputs) tensor.dispose();
    return outputs;
  });
  const allowed = tolerance ?? forwardTolerance[op.name] ?? forwardDefault;
  for (let i = 0; i < want.length; i++)
    await expectClose(got[i], want[i], allowed, `${op.name} ${showSample(sample)} output ${i}`);
  for (const tensor of [...got, ...want]) tensor.dispose();
}

/** The same for a plain function of tensors. */
export async function compareCall(
  call: (device: Device) => Tensor,
  pair: Pair,
  what: string,
  tolerance = forwardDefault,
): Promise<void> {
  const got = call(pair.gpu);
  const want = call(pair.reference);
  await expectClose(got, want, tolerance, what);
  got.dispose();
  want.dispose();
}

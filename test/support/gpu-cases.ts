// Runs one call on the adapter and on the reference and compares the results.

import type { Device, Op, Tensor } from "../../engine/index.ts";
import type { AdapterProfile, Variants } from "../../engine/kernel/kernel.ts";
import type { Sample } from "../../engine/kernel/kernel-op.ts";
import { expectClose, forwardDefault, forwardTolerance } from "./compare.ts";
import { applySample, drawAll, makeInputs, showSample } from "./op-cases.ts";

export interface Pair {
  readonly gpu: Device;
  readonly reference: Device;
}

/** The op by one variant wherever it has it, of the adapter's profile or of one that is changed. */
export const forced = <A>(op: Op<A>, variant: string, change: Partial<AdapterProfile> = {}): Op<A> => {
  const choose = ({ names }: Variants) => (names.includes(variant) ? variant : names[0]);
  return {
    ...op,
    kernels: (context) =>
      op.kernels!({ ...context, profile: { ...context.profile, ...change, choices: { choose } } }),
  };
};

type Forcing = <A>(op: Op<A>, change?: Partial<AdapterProfile>) => Op<A>;

/** Both variants of kernels of rows, in the sizes that software adapters have them, and in those of real GPUs. */
export const rowKernels: [string, Forcing][] = ["own-row", "shared-row"].flatMap(
  (variant): [string, Forcing][] => [
    [`${variant}, as on software adapters`, (op, more) => forced(op, variant, { isSoftware: true, ...more })],
    [`${variant}, as on real GPUs`, (op, more) => forced(op, variant, { isSoftware: false, ...more })],
  ],
);

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

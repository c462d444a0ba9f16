// Every variant of every family of kernels on the device at hand: whether it computes what the reference does, and how long
// each takes at sizes that nets have.

import { faultOf, measure, variantsOf } from "../../engine/backend/tuning/trial.ts";
import { sizeOf } from "../../engine/base/shape.ts";
import type { Device } from "../../engine/index.ts";
import type { AdapterProfile } from "../../engine/kernel/kernel.ts";
import { type Family, registeredFamilies } from "../../engine/kernel/variants.ts";
import { type Call, familyCalls } from "../gpu-report/kernels.ts";

export interface Checked {
  readonly family: string;
  readonly variant: string;
  /** What is wrong with it; undefined where nothing is. */
  readonly fault?: string;
}

export interface Timed {
  readonly family: string;
  /** The op and the shapes of its inputs. */
  readonly name: string;
  /** Milliseconds by variant, the profile's favourite first. */
  readonly ms: Readonly<Record<string, number>>;
  readonly bytes: number;
  /** Of products. */
  readonly multiplyAdds?: number;
}

/** Ends a part of the run when its time is over. */
export type IsOver = () => boolean;

/** What plans kernels on a GPU, software or not; the CPU reference has none. */
function profileOf({ backend, kind }: Device): AdapterProfile {
  if (backend.profile === undefined) throw new Error(`on-gpu: needs a WebGPU device, got ${kind}`);
  return backend.profile;
}

function variantNames(family: Family, profile: AdapterProfile): string[] {
  const names = family.checks(profile).flatMap(({ op, inputs, attrs = {} }) => {
    const specs = inputs.map(({ shape, dtype = "f32" }) => ({ shape, dtype }));
    return variantsOf({ op, inputs: specs, attrs }, profile)?.names ?? [];
  });
  return [...new Set(names)];
}

/** Checks as those that a GPU's device makes when it opens, of all variants whatever the driver. */
export async function checkFamilies(device: Device, isOver: IsOver): Promise<Checked[]> {
  const { backend } = device;
  const profile = profileOf(device);
  const found: Checked[] = [];
  for (const family of registeredFamilies()) {
    for (const variant of variantNames(family, profile)) {
      if (isOver()) return found;
      const fault = await faultOf(family, variant, backend, profile);
      found.push({ family: family.name, variant, fault: fault?.reason });
    }
  }
  return found;
}

const elementsOf = ({ inputs }: Call) => inputs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);

/** Multiply-adds of a product of matrices. */
function multiplyAddsOf({ op, inputs, attrs }: Call): number | undefined {
  if (op.name !== "matmul") return undefined;
  const [out] = op.infer(inputs, attrs);
  const [a] = inputs;
  return sizeOf(out.shape) * ("transposeA" in attrs && attrs.transposeA ? a.shape[0] : a.shape[1]);
}

/** What a software adapter computes in a few milliseconds. */
const small = { elements: 1 << 18, multiplyAdds: 1 << 23 };

/** Times the variants of each call in turn. */
export async function timeFamilies(device: Device, isSmall: boolean, isOver: IsOver): Promise<Timed[]> {
  const { backend } = device;
  const profile = profileOf(device);
  const calls = familyCalls(profile).filter(
    (call) =>
      !isSmall || (elementsOf(call) <= small.elements && (multiplyAddsOf(call) ?? 0) <= small.multiplyAdds),
  );
  const found: Timed[] = [];
  for (const call of calls) {
    const variants = variantsOf(call, profile);
    if (variants === undefined || isOver()) continue;
    const { op, inputs, attrs } = call;
    // Without a problem's name there are variants that would take minutes.
    const names = variants.problem === undefined ? variants.names.slice(0, 1) : variants.names;
    const { ms } = await measure(call, names, backend, profile);
    const outputs = op.infer(inputs, attrs);
    found.push({
      family: variants.family,
      name: `${op.name} ${inputs.map(({ shape }) => shape.join("x")).join(" ")}`,
      ms,
      bytes: 4 * (elementsOf(call) + outputs.reduce((sum, { shape }) => sum + sizeOf(shape), 0)),
      multiplyAdds: multiplyAddsOf(call),
    });
  }
  return found;
}

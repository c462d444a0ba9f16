// Runs single variants of a family on a backend of their own, where what they break harms nobody: to see whether one
// computes what the reference does, and how long each takes.

import type { Backend, Memory } from "../backend/backend.ts";
import { hostArray } from "../dtype.ts";
import { ShaderError } from "../errors.ts";
import type { KernelContext, Spec } from "../kernel.ts";
import type { Op, ReferenceTensor } from "../op.ts";
import { showShape, sizeOf } from "../shape.ts";
import type { Family, Measured, Variants } from "./variants.ts";

/** A call that warm-up may measure. */
export interface TrialCall {
  readonly family: Family;
  readonly inputs: readonly Spec[];
  readonly attrs: unknown;
}

/** An op like the family's whose kernels are one variant's, if the call has it. */
function opWith(family: Family, name: string): Op {
  return {
    ...family.op,
    kernels: (context) => family.variants(context).plans.get(name)!(),
  };
}

export const variantsOf = (
  { family, inputs, attrs }: TrialCall,
  profile: KernelContext["profile"],
): Variants => family.variants({ inputs, outputs: family.op.infer(inputs, attrs), attrs, profile });

/** Numbers that do not repeat in step with any tile, of both signs, exact in f32. */
const valueAt = (i: number, salt: number): number => ((i * 7919 + salt * 104_729) % 4093) / 2048 - 1;

/** Relative to the largest result: what rounding alone may differ by. */
const tolerance = 1e-5;

/** What is wrong with a variant. */
export interface Fault {
  readonly reason: string;
  /** Whether it would be found again; else the adapter may just have had no memory left, say. */
  readonly isLasting: boolean;
}

/**
 * Runs the family's checks on one variant.
 *
 * @returns undefined if it computes what the reference does, as far as a check asks it
 */
export async function faultOf(family: Family, name: string, backend: Backend): Promise<Fault | undefined> {
  const op = opWith(family, name);
  const profile = backend.profile!;
  for (const { inputs, attrs } of family.checks(profile)) {
    if (!variantsOf({ family, inputs, attrs }, profile).plans.has(name)) continue;
    const [spec] = family.op.infer(inputs, attrs);
    const host: ReferenceTensor[] = inputs.map((input, salt) => ({
      ...input,
      data: Float64Array.from({ length: sizeOf(input.shape) }, (_, i) => valueAt(i, salt + 1)),
    }));
    const want = { ...spec, data: new Float64Array(sizeOf(spec.shape)) };
    family.op.reference!(host, attrs, [want]);
    const memories = host.map((input) => backend.allocate(input, "a self-check"));
    host.forEach((input, k) => {
      backend.write(memories[k], input, input.data);
    });
    const result = backend.allocate(spec, "a self-check");
    // What a kernel leaves out must not look right.
    backend.write(result, spec, hostArray("f32", sizeOf(spec.shape)).fill(Number.NaN));
    try {
      backend.run(op, attrs, { specs: inputs, memories }, { specs: [spec], memories: [result] });
      const got = await backend.read(result, "f32", want.data.length);
      const scale = want.data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const wrong = want.data.findIndex((x, i) => !(Math.abs(got[i] - x) <= tolerance * scale));
      if (wrong >= 0) {
        const shapes = inputs.map(({ shape }) => showShape(shape)).join(" and ");
        const reason = `of ${shapes} it makes ${got[wrong]} of element ${wrong}, which is ${Math.fround(want.data[wrong])}`;
        return { reason, isLasting: true };
      }
    } catch (error) {
      // Without the shader's numbered lines.
      const lines = (error as Error).message.split("\n").filter((line) => !/^ *\d+ \| /.test(line));
      return { reason: lines.join("\n"), isLasting: error instanceof ShaderError };
    } finally {
      for (const memory of [...memories, result]) memory.release();
    }
  }
  return undefined;
}

/** A sample lasts at least so many milliseconds, so that submitting and waiting weigh little. */
const sampleMs = 5;
const samples = 3;
const mostRuns = 200;
/** What a variant must save to take the favourite's place: less may be noise. */
const margin = 0.95;

/** Times the named variants of a call, in turn. */
export async function measure(
  call: TrialCall,
  names: readonly string[],
  backend: Backend,
): Promise<Measured> {
  const { family, inputs, attrs } = call;
  const outputs = family.op.infer(inputs, attrs);
  const memories: Memory[] = [];
  try {
    for (const spec of [...inputs, ...outputs]) {
      const memory = backend.allocate(spec, "a measured kernel");
      memories.push(memory);
      const values = new Float32Array(sizeOf(spec.shape)).map((_, i) => valueAt(i, 1));
      backend.write(memory, spec, values);
    }
    const given = { specs: inputs, memories: memories.slice(0, inputs.length) };
    const made = { specs: outputs, memories: memories.slice(inputs.length) };
    const trials = names.map((name) => ({
      name,
      op: opWith(family, name),
      runs: 1,
      best: Number.POSITIVE_INFINITY,
    }));
    const time = async ({ op, runs }: (typeof trials)[number]): Promise<number> => {
      const started = performance.now();
      for (let run = 0; run < runs; run++) backend.run(op, attrs, given, made);
      await backend.sync();
      return (performance.now() - started) / runs;
    };
    for (const trial of trials) {
      await time(trial); // compiles
      trial.runs = Math.max(1, Math.min(mostRuns, Math.ceil(sampleMs / Math.max(0.001, await time(trial)))));
    }
    for (let sample = 0; sample < samples; sample++)
      for (const trial of trials) trial.best = Math.min(trial.best, await time(trial));
    const [favourite] = trials;
    const quickest = trials.reduce((a, b) => (b.best < a.best ? b : a));
    return {
      chosen: quickest.best < favourite.best * margin ? quickest.name : favourite.name,
      ms: Object.fromEntries(trials.map(({ name, best }) => [name, best])),
    };
  } finally {
    for (const memory of memories) memory.release();
  }
}

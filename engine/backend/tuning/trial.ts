// Runs single variants of a family on a backend of their own, where what they break harms nobody: to see whether one
// computes what the reference does, and how long each takes.

import { ShaderError } from "../../base/errors.ts";
import { showShape, sizeOf } from "../../base/shape.ts";
import type { AdapterProfile, Spec, Variants } from "../../kernel/kernel.ts";
import type { KernelOp, SampleInput } from "../../kernel/kernel-op.ts";
import type { Memory } from "../../kernel/memory.ts";
import type { TrialCall } from "../../kernel/variants.ts";
import { chosen, type Family, type Measured } from "../../kernel/variants.ts";
import type { Backend, PlannedCall } from "../backend.ts";

/** A variant of a family. */
export interface Candidate {
  readonly family: Family;
  readonly name: string;
}

export const variantsOf = ({ op, inputs, attrs }: TrialCall, profile: AdapterProfile): Variants | undefined =>
  op.variants?.({ inputs, outputs: op.infer(inputs, attrs), attrs, profile });

/** The call's op with one variant, whatever the device would choose; all else goes as it does. */
function opWith(name: string, call: TrialCall, profile: AdapterProfile): KernelOp {
  const tried = variantsOf(call, profile);
  const choose = (asked: Variants) =>
    asked.family === tried?.family && asked.problem === tried.problem ? name : chosen(asked, profile);
  return {
    ...call.op,
    kernels: (context) => call.op.kernels!({ ...context, profile: { ...profile, choices: { choose } } }),
  };
}

/** Numbers that do not repeat in step with any tile, from -1 up to 1, exact in f32. */
const valueAt = (i: number, salt: number): number => ((i * 7919 + salt * 104_729) % 4093) / 2048 - 1;

function valuesOf({ shape, dtype = "f32", low = -1, high = 1 }: SampleInput, salt: number): Float64Array {
  const round = dtype === "f32" ? Math.fround : Math.floor;
  return Float64Array.from({ length: sizeOf(shape) }, (_, i) =>
    round(low + ((high - low) * (valueAt(i, salt) + 1)) / 2),
  );
}

/** Relative to the largest result: what rounding alone may differ by. */
const tolerance = 1e-5;

/** What is wrong with a variant. */
export interface Fault {
  readonly reason: string;
  /** Whether it would be found again; else the adapter may just have had no memory left, say. */
  readonly isLasting: boolean;
}

type HostValues = Spec & { readonly data: Float64Array };

/** A call that a variant must compute, with its numbers: what goes in, and what the reference makes of it. */
interface Check extends PlannedCall {
  readonly inputs: readonly HostValues[];
  readonly outputs: readonly HostValues[];
}

const checksOf = (family: Family, profile: AdapterProfile): Check[] =>
  family.checks(profile).map(({ op, inputs: samples, attrs = {} }) => {
    const inputs = samples.map((sample, k) => {
      const { shape, dtype = "f32" } = sample;
      return { shape, dtype, data: valuesOf(sample, k + 1) };
    });
    const outputs = op
      .infer(inputs, attrs)
      .map((spec) => ({ ...spec, data: new Float64Array(sizeOf(spec.shape)) }));
    op.reference!(inputs, attrs, outputs);
    return { op, attrs, inputs, outputs };
  });

/**
 * Runs a variant of the check's op on the check. All of it is asked for before this first waits, so that several may be
 * under way.
 *
 * @returns undefined if it computes what the reference does
 */
async function faultIn(
  family: string,
  { op, attrs, inputs: given, outputs: wanted }: Check,
  backend: Backend,
): Promise<Fault | undefined> {
  const held: Memory[] = [];
  try {
    for (const spec of [...given, ...wanted]) held.push(backend.allocate(spec, "a self-check"));
    const [sources, results] = [held.slice(0, given.length), held.slice(given.length)];
    given.forEach((input, k) => {
      backend.write(sources[k], input, input.data);
    });
    // What a kernel leaves out must not look right.
    wanted.forEach((want, k) => {
      const wrong = want.dtype === "f32" ? Number.NaN : -1;
      backend.write(results[k], want, new Float64Array(want.data.length).fill(wrong));
    });
    backend.run(op, attrs, { specs: given, memories: sources }, { specs: wanted, memories: results });
    // All of them end before the memory is let go, and before another run might be given what went wrong here.
    const made = await Promise.allSettled(
      wanted.map(({ dtype, data }, k) => backend.read(results[k], dtype, data.length)),
    );
    const failed = made.find(({ status }) => status === "rejected");
    if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
    for (const [k, { data }] of wanted.entries()) {
      const got = (made[k] as PromiseFulfilledResult<ArrayLike<number>>).value;
      const scale = data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const wrong = data.findIndex((x, i) => !(Math.abs(got[i] - x) <= tolerance * scale));
      if (wrong < 0) continue;
      const shapes = given.map(({ shape }) => showShape(shape)).join(" and ");
      const which = wanted.length === 1 ? "" : ` of output ${k}`;
      const reason = `of ${shapes} it makes ${got[wrong]} of element ${wrong}${which}, which is ${Math.fround(data[wrong])}`;
      return { reason: op.name === family ? reason : `${op.name} ${reason}`, isLasting: true };
    }
    return undefined;
  } catch (error) {
    // Without the shader's lines.
    const lines = (error as Error).message.split("\n").filter((line) => !/^ *\d* +\| /.test(line));
    return { reason: lines.join("\n"), isLasting: error instanceof ShaderError };
  } finally {
    for (const memory of held) memory.release();
  }
}

/** What a variant runs: each check that may choose it, by an op that has. */
const runsOf = (name: string, checks: readonly Check[], profile: AdapterProfile): Check[] =>
  checks
    .filter((check) => variantsOf(check, profile)?.names.includes(name))
    .map((check) => ({ ...check, op: opWith(name, check, profile) }));

/**
 * Runs the families' checks on variants, side by side: their kernels compile together and their results are waited for
 * together, since a wait may cost more than a check.
 *
 * @returns those that compute what the reference does, as far as a check asks it. What is wrong with one of the others, if
 *   anything, {@link faultOf} tells of it alone: another's kernel may have made it wrong, or have failed in its place
 */
export async function soundOf(
  candidates: readonly Candidate[],
  backend: Backend,
  profile: AdapterProfile,
): Promise<ReadonlySet<Candidate>> {
  // What the reference makes of a check is the same for all variants of a family.
  const families = new Set(candidates.map(({ family }) => family));
  const checks = new Map([...families].map((family) => [family, checksOf(family, profile)]));
  const runs = candidates.flatMap((candidate) =>
    runsOf(candidate.name, checks.get(candidate.family)!, profile).map((check) => ({ candidate, ...check })),
  );
  const compiled = await backend.compileAhead?.(runs);
  const sound = new Set(candidates);
  runs.forEach(({ candidate }, k) => {
    if (compiled?.[k] === false) sound.delete(candidate);
  });
  const tried = runs.filter(({ candidate }) => sound.has(candidate));
  const found = await Promise.all(tried.map((run) => faultIn(run.candidate.family.name, run, backend)));
  if (found.some((fault) => fault?.isLasting === false)) {
    // What else comes of it must not be taken for the fault of what is tried next.
    await backend.sync().catch(() => {});
    return new Set();
  }
  tried.forEach(({ candidate }, k) => {
    if (found[k] !== undefined) sound.delete(candidate);
  });
  return sound;
}

/** What is wrong with a single variant; undefined as {@link soundOf} has it. */
export async function faultOf(
  family: Family,
  name: string,
  backend: Backend,
  profile: AdapterProfile,
): Promise<Fault | undefined> {
  const runs = runsOf(name, checksOf(family, profile), profile);
  const found = await Promise.all(runs.map((run) => faultIn(family.name, run, backend)));
  return found.find((fault) => fault !== undefined);
}

/** A sample lasts at least so many milliseconds, so that submitting and waiting weigh little. */
const sampleMs = 5;
const samples = 3;
const mostRuns = 200;
const mostValues = 2 ** 20;
/** What a variant must save to take the favourite's place: less may be noise. */
const margin = 0.95;

/** Times the named variants of a call, in turn. */
export async function measure(
  call: TrialCall,
  names: readonly string[],
  backend: Backend,
  profile: AdapterProfile,
): Promise<Measured> {
  const { op, inputs, attrs } = call;
  const outputs = op.infer(inputs, attrs);
  const memories: Memory[] = [];
  try {
    for (const spec of [...inputs, ...outputs]) {
      const memory = backend.allocate(spec, "a measured kernel");
      memories.push(memory);
      // What is left of a large one stays as it is: writing it would take longer than the kernels do.
      const values = new Float32Array(Math.min(sizeOf(spec.shape), mostValues)).map((_, i) => valueAt(i, 1));
      backend.write(memory, { shape: [values.length], dtype: spec.dtype }, values);
    }
    const given = { specs: inputs, memories: memories.slice(0, inputs.length) };
    const made = { specs: outputs, memories: memories.slice(inputs.length) };
    const trials = names.map((name) => ({
      name,
      op: opWith(name, call, profile),
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

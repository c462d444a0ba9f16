// Measures one op on one adapter against the float64 reference.

import { sizeOf } from "../../engine/base/shape.ts";
import { indexAt, minNormalF32, relativeError, ulpError, worstOf } from "../../engine/checks/compare.ts";
import {
  disposeAll,
  GradgpuError,
  GradientError,
  grad,
  type Op,
  type Tensor,
  tidy,
} from "../../engine/index.ts";
import type { Sample } from "../../engine/kernel/kernel-op.ts";
import { forwardDefault, forwardTolerance, gradientDefault, gradientTolerance } from "../support/compare.ts";
import {
  chosen,
  differences,
  gradientInputs,
  ruleGradients,
  weightedGradients,
  weightedSum,
} from "../support/differences.ts";
import type { Pair } from "../support/gpu-cases.ts";
import { applySample, drawAll, isDifferentiable, makeInputs, showSample } from "../support/op-cases.ts";
import { limitOf } from "./limits.ts";
import type { Cell, CellName, Row } from "./row.ts";
import { sweep } from "./sweep.ts";

/** Values a function is measured at. */
const sweepSize = 1 << 14;
/** Lengths that every axis of a sample takes in turn. */
const oddLengths = [1, 3, 7, 65, 129, 0];
/** Results of other shapes and values than the samples' are compared a little more loosely. */
const looser = 10;

const pass: Cell = "pass";

export async function measureOp(op: Op, pair: Pair): Promise<Row> {
  const cell = async (name: CellName, check: () => Promise<string | undefined>): Promise<Cell> => {
    let found: string | undefined;
    try {
      found = await check();
    } catch (error) {
      found = (error as Error).message;
    }
    if (found === undefined) return pass;
    if (found === sizesAreAttributes) return `none: ${found}`;
    const limit = limitOf(op, name);
    return limit === undefined ? `FAIL: ${found}` : `limit: ${limit}`;
  };
  const none = isDifferentiable(op)
    ? undefined
    : `none: ${(op.vjp as { notDifferentiable: string }).notDifferentiable}`;
  const hasGradient = none === undefined && op.samples.some((sample) => gradientInputs(sample).length > 0);
  let accuracy: Measurement = { error: 0, unit: "1 + |y|", bound: "" };
  const forward = await cell("forward", () => forwardCheck(op, pair));
  const accuracyCell = await cell("accuracy", async () => {
    accuracy = await accuracyOf(op, pair);
    return accuracy.failure;
  });
  return {
    op: op.name,
    forward,
    gradient:
      none ?? (hasGradient ? await cell("gradient", () => gradientCheck(op, pair)) : "none: no f32 input"),
    second: none ?? (hasGradient ? await cell("second", () => secondCheck(op, pair)) : "none: no f32 input"),
    error: accuracy.error,
    unit: accuracy.unit,
    bound: accuracy.bound,
    accuracy: accuracyCell,
    special: await cell("special", () => specialCheck(op, pair)),
    shapes: await cell("shapes", () => shapesCheck(op, pair)),
  };
}

// ------------------------------------------------------------------------------------------------ running

interface Outputs {
  readonly shape: readonly number[];
  readonly isFloat: boolean;
  readonly got: Float64Array;
  readonly want: Float64Array;
}

/** A call's results on both devices. */
async function runBoth(
  op: Op,
  sample: Sample,
  values: readonly Float64Array[],
  pair: Pair,
): Promise<Outputs[]> {
  const [got, want] = [pair.gpu, pair.reference].map((device) => {
    const inputs = makeInputs(sample, values, device);
    const outputs = applySample(op, sample, inputs);
    disposeAll(inputs);
    return outputs;
  });
  const results: Outputs[] = [];
  for (let i = 0; i < want.length; i++) {
    if (`${got[i].shape}` !== `${want[i].shape}`)
      throw new Error(`output ${i} is [${got[i].shape}], the reference's [${want[i].shape}]`);
    results.push({
      shape: want[i].shape,
      isFloat: want[i].dtype === "f32",
      got: await got[i].dataFloat64(),
      want: await want[i].dataFloat64(),
    });
  }
  disposeAll([...got, ...want]);
  return results;
}

const toleranceOf = (op: Op): number => forwardTolerance[op.name] ?? forwardDefault;

/** The first output element that is off, in words. */
function firstOff(outputs: readonly Outputs[], tolerance: number): string | undefined {
  for (const { got, want, shape, isFloat } of outputs) {
    const { at, error } = worstOf(got, want, relativeError);
    if (error > (isFloat ? tolerance : 0))
      return `element [${indexAt(at, shape)}] is ${show(got[at])}, not ${show(want[at])}`;
  }
  return undefined;
}

const show = (x: number): string => (Object.is(x, -0) ? "-0" : String(Number(x.toPrecision(4))));

// ------------------------------------------------------------------------------------------------ columns

async function forwardCheck(op: Op, pair: Pair): Promise<string | undefined> {
  for (const sample of op.samples) {
    const off = firstOff(await runBoth(op, sample, drawAll(sample), pair), toleranceOf(op));
    if (off !== undefined) return `${showSample(sample)}: ${off}`;
  }
  return undefined;
}

async function gradientCheck(op: Op, pair: Pair): Promise<string | undefined> {
  const tolerance = gradientTolerance[op.name] ?? gradientDefault;
  return derivativeCheck(op, pair, {
    of: (inputs, sample, wanted) => ruleGradients(op, sample, inputs, wanted),
    value: (inputs, sample) => weightedSum(op, sample, inputs),
    tolerance,
    differencesTolerance: 1e-6,
  });
}

async function secondCheck(op: Op, pair: Pair): Promise<string | undefined> {
  const tolerance = (gradientTolerance[op.name] ?? gradientDefault) * looser;
  return derivativeCheck(op, pair, {
    of: (inputs, sample, wanted) => secondGradients(op, sample, inputs, wanted),
    value: (inputs, sample, wanted) => weightedGradients(op, sample, inputs, wanted),
    tolerance,
    differencesTolerance: 1e-5,
  });
}

interface Derivative {
  of(inputs: readonly Tensor[], sample: Sample, wanted: readonly number[]): Tensor[] | undefined;
  value(inputs: readonly Tensor[], sample: Sample, wanted: readonly number[]): Tensor;
  tolerance: number;
  differencesTolerance: number;
}

async function derivativeCheck(op: Op, pair: Pair, check: Derivative): Promise<string | undefined> {
  for (const sample of op.samples) {
    const wanted = gradientInputs(sample);
    if (wanted.length === 0) continue;
    const values = drawAll(sample);
    const [got, want] = [pair.gpu, pair.reference].map((device) =>
      tidy(() => check.of(makeInputs(sample, values, device), sample, wanted)),
    );
    for (let i = 0; i < wanted.length; i++) {
      const k = wanted[i];
      const exact = want === undefined ? new Float64Array(values[k].length) : await want[i].dataFloat64();
      if (want !== undefined && got !== undefined) {
        const { at, error } = worstOf(await got[i].dataFloat64(), exact);
        if (error > check.tolerance)
          return `${showSample(sample)}, input ${k}: element ${at} is off by ${error.toExponential(1)}`;
      }
      const at = chosen(values[k].length, 4);
      const slopes = await differences(
        (moved) => check.value(moved, sample, wanted),
        sample,
        values,
        k,
        at,
        pair.reference,
      );
      const worst = worstOf(
        at.map((j) => exact[j]),
        slopes,
      );
      if (worst.error > check.differencesTolerance)
        return `${showSample(sample)}, input ${k}: the rule gives ${exact[at[worst.at]]}, differences ${slopes[worst.at]}`;
    }
    disposeAll([got ?? [], want ?? []]);
  }
  return undefined;
}

/** Undefined where the gradient is constant, or depends on the inputs through comparisons only. */
function secondGradients(
  op: Op,
  sample: Sample,
  inputs: readonly Tensor[],
  wanted: readonly number[],
): Tensor[] | undefined {
  const rest = [...inputs];
  try {
    return grad((...targets) => {
      wanted.forEach((k, i) => {
        rest[k] = targets[i];
      });
      return weightedGradients(op, sample, rest, wanted);
    })(...wanted.map((k) => inputs[k]));
  } catch (error) {
    if (
      error instanceof GradientError &&
      /does not depend on anything|is not differentiable/.test(error.message)
    )
      return undefined;
    throw error;
  }
}

interface Measurement {
  readonly error: number;
  readonly unit: Row["unit"];
  readonly bound: string;
  readonly failure?: string;
}

/** The worst error, by what the op promises; over its samples where it promises nothing. */
async function accuracyOf(op: Op, pair: Pair): Promise<Measurement> {
  const { accuracy } = op;
  if (accuracy === undefined || !isElementwise(op)) {
    let error = 0;
    let isExact = true;
    for (const sample of op.samples) {
      for (const { got, want, isFloat } of await runBoth(op, sample, drawAll(sample), pair)) {
        error = Math.max(error, worstOf(got, want).error);
        if (isFloat && got.some((value, i) => !Object.is(value, Math.fround(want[i])) && value !== want[i]))
          isExact = false;
      }
    }
    return { error: isExact ? 0 : error, unit: isExact ? "exact" : "1 + |y|", bound: "" };
  }
  const isExact = accuracy.ulp === 0;
  const bound = accuracy.ulp ?? accuracy.relative ?? 0;
  const unit: Row["unit"] = isExact ? "exact" : accuracy.ulp !== undefined ? "ULP" : "relative";
  const text = isExact ? "exact" : accuracy.ulp !== undefined ? `${bound} ULP` : `${bound} relative`;
  let error = 0;
  let failure: string | undefined;
  for (const attrs of distinctAttrs(op.samples)) {
    const [first] = op.samples;
    const sample: Sample = {
      inputs: first.inputs.map(({ dtype }) => ({ shape: [sweepSize], dtype })),
      attrs,
    };
    const values = sample.inputs.map(({ dtype }, k) =>
      (dtype ?? "f32") === "f32"
        ? sweep(accuracy.domain?.[k], sweepSize, 1 + k)
        : drawAll({ inputs: [{ shape: [sweepSize], dtype }] }, 3 + k)[0],
    );
    const [{ got, want, isFloat }] = await runBoth(op, sample, values, pair);
    const scale = unit === "relative" ? sensitivity(op, sample, values, want) : undefined;
    for (let i = 0; i < want.length; i++) {
      const off = isExact
        ? ulpError(got[i], isFloat ? Math.fround(want[i]) : want[i])
        : scale === undefined
          ? ulpError(got[i], want[i])
          : relativeTo(got[i], want[i], scale[i]);
      if (off <= error) continue;
      error = off;
      if (off > bound)
        failure = `(${values.map((input) => show(input[i]))})${attrs === undefined ? "" : ` with ${JSON.stringify(attrs)}`} is ${got[i]}, not ${Math.fround(want[i])}: ${show(off)} against ${bound}`;
    }
  }
  return { error, unit, bound: text + domainText(accuracy.domain), failure };
}

/** Whether an output is made of the inputs' elements at its own place: rows and tables that an op looks up are not. */
const isElementwise = ({ pointwise }: Op): boolean =>
  pointwise !== undefined && pointwise.rawInputs === undefined && pointwise.wholeInputs === undefined;

const relativeTo = (got: number, want: number, scale: number): number => {
  if (got === want || Math.fround(want) === got || (Number.isNaN(got) && Number.isNaN(want))) return 0;
  if (Math.abs(want) < minNormalF32 && Math.abs(got) <= minNormalF32) return 0;
  // A subnormal intermediate that was flushed.
  if (Math.abs(got - want) <= minNormalF32) return 0;
  return Math.abs(got - want) / Math.max(scale, minNormalF32);
};

/** The larger of |y| and |x y'| at each element, y' by differences of the reference. */
function sensitivity(
  op: Op,
  sample: Sample,
  values: readonly Float64Array[],
  want: Float64Array,
): Float64Array {
  const scale = want.map(Math.abs);
  const specs = sample.inputs.map(({ shape, dtype }) => ({ shape, dtype: dtype ?? ("f32" as const) }));
  const evaluate = (inputs: readonly Float64Array[]): Float64Array => {
    const data = new Float64Array(want.length);
    const [out] = op.infer(specs, sample.attrs ?? {});
    op.reference?.(
      inputs.map((input, k) => ({ ...specs[k], data: input })),
      sample.attrs ?? {},
      [{ ...out, data }],
    );
    return data;
  };
  values.forEach((input, k) => {
    if (specs[k].dtype !== "f32") return;
    const step = 2 ** -20;
    const moved = (by: number) =>
      evaluate(values.map((other, j) => (j === k ? input.map((x) => x * (1 + by)) : other)));
    const [up, down] = [moved(step), moved(-step)];
    for (let i = 0; i < scale.length; i++) {
      const slope = Math.abs(up[i] - down[i]) / (2 * step);
      if (Number.isFinite(slope)) scale[i] = Math.max(scale[i], slope);
    }
  });
  return scale;
}

function distinctAttrs(samples: readonly Sample[]): unknown[] {
  const found = new Map<string, unknown>();
  for (const { attrs } of samples) found.set(JSON.stringify(attrs), attrs);
  return [...found.values()].slice(0, 4);
}

function domainText(domain: readonly (readonly [number, number])[] | undefined): string {
  if (domain === undefined) return "";
  return ` on ${domain.map(([low, high]) => `[${show(low)}, ${show(high)}]`).join(" x ")}`;
}

const subnormal = 2 ** -130;
const specials = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  subnormal,
  -subnormal,
];

/** Special values through the op: pointwise ones in all combinations, others one at a time in the first sample. */
async function specialCheck(op: Op, pair: Pair): Promise<string | undefined> {
  const sample = op.samples.find((one) => one.inputs.some((spec) => (spec.dtype ?? "f32") === "f32"));
  if (sample === undefined) return undefined;
  const floats = sample.inputs.flatMap((spec, k) => ((spec.dtype ?? "f32") === "f32" ? [k] : []));
  const isElementwise =
    op.pointwise !== undefined && sample.inputs.length === floats.length && acceptsAnyShape(op, sample);
  if (isElementwise) {
    const candidates = [...specials, 1.5, -2.5];
    const size = candidates.length ** floats.length;
    const values = floats.map((_, k) =>
      Float64Array.from(
        { length: size },
        (_, i) => candidates[Math.floor(i / candidates.length ** k) % candidates.length],
      ),
    );
    const wide: Sample = { inputs: floats.map(() => ({ shape: [size] })), attrs: sample.attrs };
    return specialOff(op, wide, values, pair, (i) => `(${values.map((input) => show(input[i]))})`);
  }
  const drawn = drawAll(sample);
  for (const k of floats) {
    if (drawn[k].length === 0) continue;
    for (const special of specials) {
      const values = drawn.map((array) => array.slice());
      values[k][Math.floor(values[k].length / 2)] = special;
      const off = await specialOff(op, sample, values, pair, () => `${show(special)} in input ${k}`);
      if (off !== undefined) return off;
    }
  }
  return undefined;
}

async function specialOff(
  op: Op,
  sample: Sample,
  values: readonly Float64Array[],
  pair: Pair,
  name: (i: number) => string,
): Promise<string | undefined> {
  const exact = await runBoth(op, sample, values, pair);
  // An adapter may take subnormal inputs for zeros: all of them, or those of one input.
  const flush = (array: Float64Array) => array.map((x) => (Math.abs(x) < minNormalF32 ? x * 0 : x));
  const variants = [
    values.map(flush),
    ...values.map((_, k) => values.map((x, j) => (j === k ? flush(x) : x))),
  ];
  const flushed: Outputs[][] = [];
  for (const variant of variants)
    flushed.push(await runBoth(op, sample, variant, { gpu: pair.reference, reference: pair.reference }));
  const tolerance = op.accuracy?.ulp === 0 ? 0 : toleranceOf(op) * looser;
  const texts = new Set<string>();
  exact.forEach(({ got, want, isFloat }, output) => {
    for (let i = 0; i < want.length; i++) {
      // The sign of a zero result counts where a zero went in: limits at infinity round to either.
      const isSigned = values.some((input) => input.length === want.length && input[i] === 0);
      const isRight = (wanted: number) => isSame(got[i], wanted, isFloat ? tolerance : 0, isSigned);
      if (isRight(want[i]) || flushed.some((other) => isRight(other[output].want[i]))) continue;
      texts.add(`${name(i)} gives ${show(got[i])}, not ${show(want[i])}`);
    }
  });
  if (texts.size === 0) return undefined;
  const [first] = texts;
  return texts.size === 1 ? first : `${first} (and ${texts.size - 1} more)`;
}

/** NaN is NaN, an infinity itself, and a zero has its sign, unless the result was rounded or flushed to it. */
function isSame(got: number, want: number, tolerance: number, isSigned: boolean): boolean {
  if (got === 0 && want === 0) return !isSigned || Object.is(got, want);
  if (Math.abs(want) < minNormalF32 && Math.abs(got) <= minNormalF32) return true;
  return relativeError(got, want) <= Math.max(tolerance, 1e-7);
}

const acceptsAnyShape = (op: Op, sample: Sample): boolean => {
  const specs = sample.inputs.map(({ dtype }) => ({ shape: [11], dtype: dtype ?? ("f32" as const) }));
  try {
    return `${op.infer(specs, sample.attrs ?? {})[0].shape}` === "11";
  } catch {
    return false;
  }
};

/** Every distinct axis length of the samples in turn replaced by odd ones, wherever it stands. */
async function shapesCheck(op: Op, pair: Pair): Promise<string | undefined> {
  const tried = new Set<string>();
  for (const sample of op.samples) {
    if (holdsSizes(op, sample)) continue;
    const lengths = new Set(sample.inputs.flatMap(({ shape }) => [...shape]));
    for (const from of lengths) {
      for (const to of oddLengths) {
        const variant = relengthened(sample, from, to);
        const key = showSample(variant);
        if (tried.has(key) || !accepts(op, variant)) continue;
        tried.add(key);
        const off = firstOff(await runBoth(op, variant, drawAll(variant), pair), toleranceOf(op) * looser);
        if (off !== undefined) return `${key}: ${off}`;
      }
    }
  }
  return tried.size > 0 ? undefined : sizesAreAttributes;
}

const sizesAreAttributes = "sizes are attributes: the samples hold the odd ones, and tests of its own";
/** Attributes that name axes, not lengths. */
const axisNames = ["axis", "axes", "order", "permutation", "perm"];
/** Ops whose attributes fit some lengths only, which the public function checks, not `infer`. */
const sized = ["pad", "split", "scatterAddAlongAxis", "repeat", "roll"];

/** Whether attributes depend on the sample's lengths: other lengths would be a call that the public function refuses. */
function holdsSizes(op: Op, sample: Sample): boolean {
  if (sized.includes(op.name)) return true;
  const specs = sample.inputs.map(({ shape, dtype }) => ({ shape, dtype: dtype ?? ("f32" as const) }));
  const outputs = op.infer(specs, sample.attrs ?? {});
  const lengths = new Set([...specs, ...outputs].flatMap(({ shape }) => [...shape]));
  const holds = (value: unknown): boolean => {
    if (typeof value === "number") return value >= 2 && lengths.has(value);
    if (Array.isArray(value)) return value.some(holds);
    if (value === null || typeof value !== "object") return false;
    return Object.entries(value).some(([name, part]) => !axisNames.includes(name) && holds(part));
  };
  return holds(sample.attrs);
}

function relengthened(sample: Sample, from: number, to: number): Sample {
  return {
    ...sample,
    inputs: sample.inputs.map((spec) => {
      const shape = spec.shape.map((length) => (length === from ? to : length));
      const { values } = spec;
      if (values === undefined) return { ...spec, shape };
      const count = sizeOf(shape);
      return {
        ...spec,
        shape,
        values: Array.from({ length: count }, (_, i) => values[i % values.length] ?? 0),
      };
    }),
  };
}

function accepts(op: Op, sample: Sample): boolean {
  try {
    op.infer(
      sample.inputs.map(({ shape, dtype }) => ({ shape, dtype: dtype ?? ("f32" as const) })),
      sample.attrs ?? {},
    );
    return true;
  } catch (error) {
    if (error instanceof GradgpuError) return false;
    throw error;
  }
}

// Ops from outside the package: one definition each, by an elementwise expression, by a shader, or as a function of
// other ops with a gradient of its own. What it hands on is the same `Op` that the engine's own are.

import {
  ArgumentError,
  checkFunction,
  checkOptions,
  DeviceError,
  GradientError,
  type OptionNames,
} from "../base/errors.ts";
import type { KernelContext, KernelPlan, Spec } from "../kernel/kernel.ts";
import type { ReferenceTensor, Sample, Traits } from "../kernel/kernel-op.ts";
import { type ElementwiseDefinition, elementwiseOp } from "../ops/elementwise/elementwise.ts";
import { elementwiseShader } from "../ops/pointwise/pointwise-code.ts";
import { defineMultiOp as makeMultiOp, defineOp as makeOp } from "../tensor/define.ts";
import type { NotDifferentiable, Op, OpFunction, TensorLike, Vjp } from "../tensor/op.ts";
import { recorders } from "../tensor/recording.ts";
import { tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type BlockResult, recordBlock, runBlock } from "./block.ts";

/** What every op made outside the package states. */
export interface CustomOp<P extends unknown[], A> {
  /** Names it in errors, steps and profiles; letters and digits. */
  readonly name: string;
  /**
   * How the function's arguments map to inputs and attributes; default: all of them are inputs. Attributes are plain
   * data: kernels are kept by them.
   */
  readonly call?: (...args: P) => { inputs: readonly TensorLike[]; attrs: A };
  /** The backward rule in public ops, or `notDifferentiable(reason)`. */
  readonly vjp: Vjp<A> | NotDifferentiable;
  /** Which inputs and outputs the rule reads; reading another one throws. Default none. */
  readonly saves?: Op["saves"];
  /** What `jit` may rely on, as in `{ movesOnly: true }`. */
  readonly traits?: Traits;
  /** Calls that a test may make. */
  readonly samples?: readonly Sample<A>[];
}

/** An op with a shader of its own. */
export interface CustomKernelOp<P extends unknown[], A> extends CustomOp<P, A> {
  /** Shapes and dtypes of the outputs; throws for inputs that do not fit. */
  infer(inputs: readonly Spec[], attrs: A): readonly Spec[];
  /** The dispatches that compute it. */
  kernels(context: KernelContext<A>): KernelPlan;
  /** The same in plain loops: fills `outputs`. Without it the op does not run on the CPU reference. */
  readonly reference?: (
    inputs: readonly ReferenceTensor[],
    attrs: A,
    outputs: readonly ReferenceTensor[],
  ) => void;
}

/** An op on each element by itself, its inputs broadcast. */
export interface CustomElementwiseOp<P extends unknown[], A>
  extends CustomOp<P, A>,
    Pick<ElementwiseDefinition<A>, "arity" | "wgsl" | "helpers" | "dtypes" | "inputDTypes" | "outputDType"> {
  /** The same on one element of each input. Without it the op does not run on the CPU reference. */
  readonly reference?: ElementwiseDefinition<A>["reference"];
}

/** The function of an op with a shader of its own and one output. */
export function defineOp<P extends unknown[] = TensorLike[], A = object>(
  definition: CustomKernelOp<P, A>,
): OpFunction<P, Tensor> {
  return makeOp(kernelOp("defineOp", definition));
}

/** The function of an op with a shader of its own and several outputs. */
export function defineMultiOp<P extends unknown[] = TensorLike[], A = object>(
  definition: CustomKernelOp<P, A>,
): OpFunction<P, Tensor[]> {
  return makeMultiOp(kernelOp("defineMultiOp", definition));
}

/**
 * The function of an elementwise op: its WGSL expression works on vec4 values named `a`, `b`, ... by input, and is
 * fused with its neighbours by `jit` as the engine's own are.
 */
export function defineElementwise<P extends unknown[] = TensorLike[], A = object>(
  definition: CustomElementwiseOp<P, A>,
): OpFunction<P, Tensor> {
  const { name, arity } = definition;
  const stated = identify("defineElementwise", definition);
  if (!Number.isInteger(arity) || arity < 1 || arity > 8) {
    throw new ArgumentError(`defineElementwise: "${name}" has arity ${arity}; it must be from 1 to 8`);
  }
  for (const [helper, code] of Object.entries(definition.helpers ?? {})) checkHelper(name, helper, code);
  const op = elementwiseOp<A>({
    ...definition,
    saves: stated.saves,
    samples: stated.samples,
    traits: definition.traits,
    reference: definition.reference ?? (() => noReference(name)),
  });
  const call = (...args: P) => {
    const mapped = stated.call(...args);
    if (mapped.inputs.length !== arity) {
      throw new ArgumentError(`${name}: takes ${arity} inputs, got ${mapped.inputs.length}`);
    }
    return mapped;
  };
  return makeOp({ ...op, call, isForeign: true, lacksReference: definition.reference === undefined });
}

/** WGSL's functions that shaders here call, or that expressions may. */
const wgslFunctions = new Set(
  (
    "abs acos acosh all any asin asinh atan atan2 atanh bitcast ceil clamp cos cosh cross degrees determinant distance dot " +
    "exp exp2 faceForward floor fma fract frexp inverseSqrt ldexp length log log2 max min mix modf normalize " +
    "pow quantizeToF16 radians reflect refract reverseBits round saturate select sign sin sinh smoothstep sqrt step tan tanh " +
    "transpose trunc arrayLength countOneBits countLeadingZeros countTrailingZeros extractBits insertBits"
  ).split(" "),
);

/** A helper is one function, and takes the name of none that its kernels call. */
function checkHelper(op: string, name: string, code: unknown): void {
  const what = `defineElementwise: the helper "${name}" of "${op}"`;
  const declared = typeof code === "string" ? /^\s*fn\s+(\w+)\s*\(/.exec(code)?.[1] : undefined;
  if (declared !== name) {
    throw new ArgumentError(
      `${what} must be the WGSL function of that name, as in "fn ${name}(x: vec4f) -> vec4f { ... }"`,
    );
  }
  const own = new RegExp(`^fn\\s+${name}\\s*\\(`, "m");
  if (wgslFunctions.has(name) || own.test(elementwiseShader.source)) {
    throw new ArgumentError(
      `${what} has the name of a function that kernels call; call it otherwise, as in "my_${name}"`,
    );
  }
}

function kernelOp<P extends unknown[], A>(what: string, definition: CustomKernelOp<P, A>) {
  const { name, infer, kernels } = definition;
  const stated = identify(what, definition);
  for (const [field, value] of Object.entries({ infer, kernels })) {
    if (typeof value !== "function")
      throw new ArgumentError(`${what}: "${name}" needs the function ${field}`);
  }
  return { ...definition, ...stated, reference: definition.reference ?? (() => noReference(name)) };
}

function noReference(name: string): never {
  throw new DeviceError(
    `${name}: has no reference and so does not run on the CPU reference; give its definition one, or use a WebGPU device`,
  );
}

/** The parts that all definitions share, checked and filled in. */
function identify<P extends unknown[], A>(what: string, definition: CustomOp<P, A>) {
  const { name, vjp } = definition;
  if (typeof name !== "string" || !/^[A-Za-z]\w*$/.test(name)) {
    throw new ArgumentError(`${what}: the name ${JSON.stringify(name)} must be letters and digits`);
  }
  const isCut = typeof (vjp as NotDifferentiable | undefined)?.notDifferentiable === "string";
  if (typeof vjp !== "function" && !isCut) {
    throw new ArgumentError(
      `${what}: "${name}" needs its backward rule, vjp, or notDifferentiable(reason) in its place`,
    );
  }
  const map =
    definition.call ?? ((...args: P) => ({ inputs: args as readonly TensorLike[], attrs: {} as A }));
  return {
    isForeign: true,
    saves: definition.saves ?? {},
    samples: definition.samples ?? [],
    call: (...args: P) => {
      const mapped = map(...args);
      const hidden = Object.entries(mapped.attrs as object).find(([, value]) => typeof value === "function");
      if (hidden !== undefined) {
        throw new ArgumentError(
          `${name}: the attribute ${hidden[0]} is a function; attributes are plain data, by which kernels are kept`,
        );
      }
      return mapped;
    },
  };
}

export interface CustomGradientOptions {
  /** Names it in errors and steps; default: the function's name, else "customGradient". */
  name?: string;
}

const gradientOptions: OptionNames<CustomGradientOptions> = { name: true };

/**
 * A function of ops with a gradient of its own: `fn` runs unrecorded, tapes see one op, and walks back call `vjp`, which
 * may read every input and output. Everything that gets a gradient is an argument.
 *
 *     const clipGradient = customGradient(
 *       (x) => x,
 *       ({ grad }) => [minimum(maximum(grad(), -1), 1)],
 *     );
 *
 * Arguments that are no tensors are handed to `fn` as they are; `inputs` counts tensors only.
 *
 * @throws GradientError where `fn` reads a value that needs a gradient and is no argument, and, in the walk back, where
 *   the rule gives too few or too many gradients, or one that does not fit
 */
export function customGradient<F extends (...args: Tensor[]) => BlockResult>(
  fn: F,
  vjp: Vjp<object>,
  options?: CustomGradientOptions,
): (...args: Parameters<F>) => ReturnType<F>;
export function customGradient<P extends unknown[], R extends BlockResult>(
  fn: (...args: P) => R,
  vjp: Vjp<object>,
  options?: CustomGradientOptions,
): (...args: P) => R;
export function customGradient<P extends unknown[], R extends BlockResult>(
  fn: (...args: P) => R,
  vjp: Vjp<object>,
  options: CustomGradientOptions = {},
): (...args: P) => R {
  checkOptions("customGradient", options, gradientOptions);
  checkFunction(
    "customGradient",
    fn,
    "computes the value, as in (x) => square(x)",
    "it is run wherever the result is called",
  );
  const name = options.name ?? (fn.name || "customGradient");
  if (typeof vjp !== "function")
    throw new ArgumentError(`${name}: customGradient needs a function for its vjp`);
  return (...args) => {
    if (recorders.value.length === 0) return tidy(() => fn(...args));
    const inputs = args.filter((arg): arg is Tensor & P[number] => arg instanceof Tensor);
    return tidy(() => {
      const { result, outputs, captured } = runBlock(() => fn(...args), inputs, name);
      if (captured.length > 0) {
        throw new GradientError(
          `${name}: its function reads ${captured[0].describe()}, whose gradient is wanted, and does not take it as an argument; pass it, or stopGradient(...) it`,
        );
      }
      const op: Op<object> = {
        name,
        infer: () => [],
        vjp,
        saves: { inputs: inputs.map((_, i) => i), outputs: outputs.map((_, i) => i) },
        samples: [],
      };
      recordBlock(op, inputs, outputs);
      return result;
    });
  };
}

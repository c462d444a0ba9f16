// KernelOp: how an op is computed, as eager execution, jit, the CPU reference and the tests all read it.

import type { DType, ReferenceArray } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";
import type { EpilogueChain, PointwiseChain } from "./chain.ts";
import type { AdapterProfile, KernelContext, KernelPlan, Operand, Spec, Variants } from "./kernel.ts";
import type { OpGraph } from "./op-graph.ts";

/** Attributes of an op among many: each op knows its own, lists of ops can't. */
// biome-ignore lint/suspicious/noExplicitAny: an op is contravariant in its attributes, so `unknown` would not do
export type AnyAttrs = any;

/** A tensor of the CPU reference: f32 values are held in float64. */
export interface ReferenceTensor extends Spec {
  readonly data: ReferenceArray;
}

/** One input of a sample: values drawn uniformly from [low, high), or given. */
export interface SampleInput {
  readonly shape: Shape;
  readonly dtype?: DType;
  readonly low?: number;
  readonly high?: number;
  readonly values?: readonly number[];
}

/** A call that the tests make of every op: GPU against reference, gradient against differences. */
export interface Sample<A = AnyAttrs> {
  readonly inputs: readonly SampleInput[];
  readonly attrs?: A;
  /** Which inputs to check gradients of; default: every f32 input. */
  readonly differentiable?: readonly number[];
}

/** A bound on the error of f32 results against the float64 reference, on stated inputs. */
export interface Accuracy {
  /** In units in the last place of the result; 0 means exact. */
  readonly ulp?: number;
  /** For functions composed of several: as a multiple of the larger of |y| and |x y'|. */
  readonly relative?: number;
  /** By input: the closed interval on which the bound holds; default every finite f32. */
  readonly domain?: readonly (readonly [low: number, high: number])[];
}

/** What executes an op: shapes, kernels, reference. Names no tensor, so devices and jit stand on it alone. */
export interface KernelOp<A = AnyAttrs> {
  readonly name: string;
  /** Shapes and dtypes of the outputs; throws a typed error for inputs that do not fit. */
  infer(inputs: readonly Spec[], attrs: A): readonly Spec[];
  /** The dispatches that compute it; absent for views, which share their input's memory. */
  readonly kernels?: (context: KernelContext<A>) => KernelPlan;
  /** Where its kernels come in variants: this call's, from which `kernels` and all below choose; undefined if it has one. */
  readonly variants?: (context: KernelContext<A>) => Variants | undefined;
  /** Set where `reference` does no more than say that there is none. */
  readonly lacksReference?: boolean;
  /** The float64 reference: fills `outputs`. Absent for views. */
  readonly reference?: (
    inputs: readonly ReferenceTensor[],
    attrs: A,
    outputs: readonly ReferenceTensor[],
  ) => void;
  /** What the tests call it with. The published package leaves those of its own ops out. */
  readonly samples: readonly Sample<A>[];
  /** How close results come to the reference on every adapter; what the conformance page checks. */
  readonly accuracy?: Accuracy;
  /** Of an op that addresses by whole numbers on the device: which they are, so that debugging can look at them. */
  readonly places?: (inputs: readonly Spec[], attrs: A) => Places | undefined;
  /** How the op reads as a pointwise expression, for eager kernels and for fusing. */
  readonly pointwise?: Pointwise<A>;
  /** The op that it computes, where it is a form of another that only jit makes, and the inputs it has there. */
  readonly specialises?: {
    readonly op: KernelOp;
    inputs(inputs: readonly Spec[], attrs: A): readonly Spec[];
  };
  /** What jit may rely on, stated by the op: an op of a user's takes part as the engine's own do. */
  readonly traits?: Traits;
  /** Another op on one of its inputs that its kernel can compute on the way. */
  readonly companion?: Companion<A>;
  /** Where pointwise work that makes one of its inputs can be done while that is read. */
  readonly prologues?: (context: KernelContext<A>) => readonly PrologueSite[];
  /** Where pointwise work on the op's result can ride along in its kernel, if it can. */
  readonly epilogue?: (context: KernelContext<A>) => EpilogueSite | undefined;
}

/** Whole numbers on the device that address something. No kernel can throw: what is out of range has a meaning. */
export interface Places {
  /** The input that holds them. */
  readonly input: number;
  /** They must be from 0 to this less 1. */
  readonly count: number;
  /** What one that is out of range does, as in "gives zeros". */
  readonly outside: string;
}

export interface Traits {
  /** The result is input 0 wherever it has as many elements and the same dtype, as that of a cast to the own dtype. */
  readonly keepsEqualSize?: boolean;
  /** The result's elements are elements of input 0, moved or repeated: one number everywhere stays that. */
  readonly movesOnly?: boolean;
  /** By input: the number that, wherever it stands in that input, leaves the other input as the result. */
  readonly neutral?: readonly (number | undefined)[];
  /** A literal 0 among its inputs must stay unknown to the compiler, which may take 0 * x for 0. */
  readonly isProduct?: boolean;
  /** Its kernels write nothing past the result's end, not even to fill up a vec4. */
  readonly writesExactly?: boolean;
  /** The result is the inputs as vectors, each from the element on that `attrs.offsets` says, and zeros between. */
  readonly packs?: boolean;
  /** The result is rows of input 0, from the row on that input 1 says, moved to where they all fit. */
  readonly takesRows?: boolean;
  /**
   * The result is rows of input 0 that input 1 names, by `attrs.axis` where there may be zeros for rows that are not there:
   * what is computed of each element can be computed of the result instead.
   */
  readonly picks?: "rows" | "or zeros";
  /**
   * The op that does the same with rows read where they lie: its input 0 is what the rows are a slice of, its attributes
   * have the slice's shape as `slice`, and its last input says at which element the slice begins.
   */
  readonly readsRows?: () => KernelOp;
  /**
   * The results are sums of many inputs, by which gradients of weights are added up over samples: products, or "elements"
   * of one input, where a sum is little beside what it is of.
   */
  readonly sums?: true | "elements";
  /** Outputs that tell of rows as a whole, to be kept in full where others are kept in halves. */
  readonly statistics?: readonly number[];
  /** Puts ops that do the work of several in their places, in a graph that the op is in, before kernels are fused. */
  readonly rewrites?: (graph: OpGraph<KernelOp>, profile: AdapterProfile) => OpGraph<KernelOp>;
}

/** An op on one of a structured op's inputs, computed by its kernel: row sums of what a matmul reads, say. */
export interface Companion<A = AnyAttrs> {
  /** Whether `other`, which reads the same value as input `k`, can be computed on the way. */
  accepts(
    attrs: A,
    inputs: readonly Spec[],
    k: number,
    other: KernelOp,
    otherAttrs: unknown,
    otherInputs: readonly Spec[],
  ): boolean;
  /** The kernels with the companion's result stored in `target`. */
  attach(plan: KernelPlan, target: Operand, profile: AdapterProfile): KernelPlan;
}

/** A structured kernel's place for pointwise work on one of its inputs. */
export interface PrologueSite {
  readonly input: number;
  /** Whether the chain may ask for an element's number. */
  readonly knowsElement: boolean;
  /** Operations on an element that are worth doing there, where it is read more than once. */
  readonly mostWork: number;
  /** The kernels with `chain`'s only output in the input's place; `inputOperands` are what the chain reads. */
  attach(plan: KernelPlan, chain: PointwiseChain, inputOperands: readonly Operand[]): KernelPlan;
}

/** A structured kernel's place for pointwise work on one of its outputs before that is stored. */
export interface EpilogueSite {
  /** The output that the work continues from. */
  readonly output: number;
  /** Whether the work may ask for an element's number, as drawing random words does. */
  readonly knowsElement: boolean;
  /** Names of the op's inputs that the chain can read as `name[i]`, element by element, by input. */
  readonly inputNames?: readonly (string | undefined)[];
  /** Whether the kernel can reach a further input of this spec while it stores an output of shape `out`. */
  reaches(read: Spec, out: Spec): boolean;
  /** The kernels with `chain` put in; its input 0 is the op's output, and outputs are stored as the chain says. */
  attach(plan: KernelPlan, chain: EpilogueChain): KernelPlan;
}

/** A pointwise op's WGSL on vec4 values named `a`, `b`, `c`, ... by input; `i` is the vec4's number. */
export interface Pointwise<A = AnyAttrs> {
  /** An expression of the output's vec4 type. */
  expression(attrs: A, inputs: readonly Spec[]): string;
  /** Inputs that are not broadcast but read whole: the expression sees their first vec4 (a random state). */
  readonly wholeInputs?: readonly number[];
  /**
   * Inputs that the expression indexes itself: WGSL types of their bindings, by input; undefined for all others. The
   * expression names such a binding `$a`, `$b`, ...
   */
  rawInputs?(attrs: A, inputs: readonly Spec[]): readonly (string | undefined)[];
  /** Whether the op is pointwise for these inputs; default yes. Where not, its `kernels` serve. */
  applies?(attrs: A, inputs: readonly Spec[]): boolean;
  /** WGSL functions that the expression calls, by name. */
  readonly helpers?: Readonly<Record<string, string>>;
}

const ids = new WeakMap<KernelOp, number>();
let nextId = 1;

/** Tells ops apart in keys of caches: by definition, since nothing keeps a user's op from being called as another. */
export function opId(op: KernelOp): number {
  let id = ids.get(op);
  if (id === undefined) {
    id = nextId++;
    ids.set(op, id);
  }
  return id;
}

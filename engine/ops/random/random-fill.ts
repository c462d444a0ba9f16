// Ops that fill a tensor from random words alone, each word giving one element: what they share, from the check of the
// random state to the kernel. Which distributions there are, this file does not know.

import philoxSource from "../../../shaders/philox.wgsl";
import randomFillSource from "../../../shaders/random-fill.wgsl";
import type { DType } from "../../base/dtype.ts";
import { ArgumentError, checkOptions, DTypeError, kindOf, ShapeError } from "../../base/errors.ts";
import { philoxFill, purpose } from "../../base/random/philox.ts";
import { checkShape, type Shape, showShape, sizeOf } from "../../base/shape.ts";
import {
  type AdapterProfile,
  grid,
  input,
  output,
  type SizeWord,
  type Spec,
  shader,
  wgslFloat,
} from "../../kernel/kernel.ts";
import type { ReferenceTensor, SampleInput } from "../../kernel/kernel-op.ts";
import { defineOp } from "../../tensor/define.ts";
import { notDifferentiable, type OpFunction } from "../../tensor/op.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { vectorTypes } from "../pointwise/pointwise-code.ts";

const fillShader = shader("random-fill", `${philoxSource}\n${randomFillSource}`);

export const notOfValues = notDifferentiable("random numbers do not depend on the values of anything");

export function checkState(op: string, spec: Spec): void {
  if (spec.dtype !== "u32") {
    throw new DTypeError(
      `${op}: the random state must be u32, got ${spec.dtype}; make it from device().random.state()`,
    );
  }
  if (spec.shape.length !== 1 || spec.shape[0] !== 4) {
    throw new ShapeError(
      `${op}: the random state has shape ${showShape(spec.shape)}; it must be [4]: key low, key high, counter, stream`,
    );
  }
}

/** How many vec4s there are, how many one workgroup walks, and the workgroups. */
export function segments(length: number, profile: AdapterProfile) {
  const count = Math.ceil(length / 4);
  const groups = Math.min(Math.ceil(count / 64), profile.workgroupTarget);
  const segment = Math.ceil(count / groups / 64) * 64;
  return { count, segment, workgroups: grid(Math.ceil(count / segment), profile) };
}

/** The words that a state stands for, as the device draws them: element i is word i % 4 of block i / 4. */
export function deviceWords(state: ReferenceTensor, count: number): Uint32Array {
  const words = new Uint32Array(count);
  const [key0, key1, counter, stream] = state.data;
  philoxFill(words, counter, stream, purpose.device, key0, key1);
  return words;
}

export const sampleState = (...words: number[]): SampleInput => ({ shape: [4], dtype: "u32", values: words });
export const highState = sampleState(0xffffffff, 0x1fffff, 0xffffffff, 0x80000001);

/** A number that a distribution's code reads: a u32, or a float. */
export type Parameter = SizeWord;

/** A distribution, one word an element. */
export interface Distribution<A> {
  readonly name: string;
  readonly dtype: DType;
  /** Throws for attributes that make no sense. */
  check?(attrs: A): void;
  /** At most four numbers that `code` names. */
  parameters(attrs: A): readonly Parameter[];
  /** WGSL of the elements, as in expressions (bool is vec4<bool>), from that of four words and of the parameters. */
  code(words: string, parameters: readonly string[]): string;
  /** WGSL functions that it calls, by name. */
  readonly helpers?: Readonly<Record<string, string>>;
  /** The same on the host. */
  reference(word: number, attrs: A): number;
  /** Attributes that the tests use. */
  readonly samples: readonly [A, ...A[]];
}

/** The public function of a distribution: a tensor of any shape from a random state. */
export function fillOp<A extends object>(
  distribution: Distribution<A>,
  attrsOf: (options: Partial<A>) => A,
): OpFunction<[state: Tensor, shape: Shape, options?: Partial<A>], Tensor> {
  const { name, dtype, code, helpers, samples } = distribution;
  const known: Record<string, true> = {};
  for (const option of Object.keys(attrsOf({}))) known[option] = true;
  const shapes: readonly [state: SampleInput, shape: Shape][] = [
    [sampleState(1, 2, 3, 4), [7, 13]],
    [highState, [2, 1, 65]],
    [sampleState(0, 0, 0, 0), []],
    [sampleState(5, 0, 0, 0), [3, 0]],
  ];
  return defineOp({
    name,
    saves: {},
    vjp: notOfValues,
    call: (state: Tensor, shape: Shape, options: Partial<A> = {}) => {
      checkOptions<object>(name, options, known);
      if (!(state instanceof Tensor)) {
        throw new ArgumentError(
          `${name}: argument 1 must be a random state, got ${kindOf(state)}; without one, new RandomGenerator() draws by its methods`,
        );
      }
      checkShape(name, shape);
      const attrs = attrsOf(options);
      distribution.check?.(attrs);
      return { inputs: [state], attrs: { ...attrs, shape: [...shape] } };
    },
    infer: ([state], { shape }: A & { shape: Shape }): readonly Spec[] => {
      checkState(name, state);
      return [{ shape, dtype }];
    },
    // For fused chains, with the parameters as literals; eager calls share one pipeline for all of them.
    pointwise: {
      wholeInputs: [0],
      expression: (attrs) =>
        code(
          "random_words(i, a)",
          distribution
            .parameters(attrs)
            .map((value) => (typeof value === "number" ? `${value}u` : wgslFloat(value.f32))),
        ),
      helpers: { philox: philoxSource, ...helpers },
    },
    kernels: ({ outputs: [out], attrs, profile }) => {
      const length = sizeOf(out.shape);
      if (length === 0) return { calls: [] };
      const { count, segment, workgroups } = segments(length, profile);
      const parameters = distribution.parameters(attrs);
      const names = parameters.map((value, i) => {
        const word = `sizes.parameters.${"xyzw"[i]}`;
        return typeof value === "number" ? word : `bitcast<f32>(${word})`;
      });
      const made = code("words", names);
      const stored = dtype === "bool" ? `select(vec4u(), vec4u(1u), ${made})` : made;
      return {
        calls: [
          {
            shader: fillShader,
            hooks: {
              aliases: { Element: vectorTypes[dtype] },
              functions: {
                convert: `fn convert(words: vec4u) -> Element {\n  return ${stored};\n}`,
                ...helpers,
              },
            },
            sizes: [count, segment, 0, 0, ...parameters, ...new Array<number>(4 - parameters.length).fill(0)],
            operands: [input(0), output(0)],
            workgroups,
          },
        ],
      };
    },
    reference: ([state], attrs, [out]) => {
      const words = deviceWords(state, out.data.length);
      for (let i = 0; i < words.length; i++) out.data[i] = distribution.reference(words[i], attrs);
    },
    samples: [
      ...shapes.map(([state, shape]) => ({ inputs: [state], attrs: { ...samples[0], shape } })),
      ...samples.slice(1).map((attrs) => ({ inputs: [highState], attrs: { ...attrs, shape: [5, 27] } })),
    ],
  });
}

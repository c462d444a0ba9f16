// Placeholders: the values of a model that is being put together, and the calls of layers that give them.

import { ArgumentError, type DType, type Tensor, type Tree } from "../../engine/index.ts";
import {
  checkedName,
  checkOptions,
  choiceOf,
  leavesOf,
  mapTree,
  type OptionNames,
  showGiven,
} from "../../engine/internal.ts";
import { checkSampleShape, type SampleShape, type SampleSpec } from "./spec.ts";

/** One use of a layer in a model; a shared layer has several. */
export interface Call<L = unknown> {
  readonly layer: L;
  readonly inputs: Tree<Placeholder>;
  readonly outputs: Tree<Placeholder>;
  /** Counts up from call to call: a model's layers come in this order. */
  readonly order: number;
}

/** A value of a model being put together: what `layer.call` gives for one. It holds no numbers. */
export class Placeholder implements SampleSpec {
  readonly shape: SampleShape;
  readonly dtype: DType;
  /** The call that gives it; undefined of a model's input. */
  readonly producer: Call | undefined;
  /** Which of the call's outputs it is. */
  readonly output: number;
  /** Of an input: the name that it was given. */
  readonly name: string | undefined;
  /** Of an input: what bytes mean, see {@link InputOptions}. */
  readonly byteScale: number;

  /** @internal What errors say of one where a value belongs. */
  get kindForErrors(): string {
    return "a Placeholder, which holds no numbers; do it in a layer, as in new Lambda((x) => relu(x)).call(placeholder)";
  }

  /** @internal {@link input} makes those of users. */
  constructor(
    { shape, dtype }: SampleSpec,
    from: { producer?: Call; output?: number; name?: string; byteScale?: number } = {},
  ) {
    this.shape = [...shape];
    this.dtype = dtype;
    this.producer = from.producer;
    this.output = from.output ?? 0;
    this.name = from.name;
    this.byteScale = from.byteScale ?? 1;
  }
}

/** What a call gives for placeholders in the place of tensors. */
export type Symbolic<T> = 0 extends 1 & T
  ? // biome-ignore lint/suspicious/noExplicitAny: layers of all kinds stand in one list, as Layer<any, any>
    any
  : T extends Tensor
    ? Placeholder
    : { readonly [K in keyof T]: Symbolic<T[K]> };

/** The tensors that a call gets or gives in the places of placeholders. */
export type TensorsOf<P> = 0 extends 1 & P
  ? // biome-ignore lint/suspicious/noExplicitAny: models of all kinds stand in one list
    any
  : P extends Placeholder
    ? Tensor
    : { readonly [K in keyof P]: TensorsOf<P[K]> };

export interface InputOptions {
  /** What the model's data become on the device: "f32" (the default), or "i32" for whole numbers, as an Embedding takes. */
  dtype?: DType;
  /**
   * What bytes mean: u8 data is multiplied by this on the device as it comes in (for 1 / n, n a whole number, divided by
   * n), f32 data is taken as it is. With 1 / 255, images stored as bytes and images stored as floats of 0 to 1 are the
   * same to the model, wherever they come in: `fit`, `evaluate`, `predict`, `call`. Default 1, as in Keras.
   */
  byteScale?: number;
  /** Under which data may be given by name; default "input", "input_1", ... */
  name?: string;
}

const inputOptions: OptionNames<InputOptions> = { dtype: true, byteScale: true, name: true };

/**
 * What a model takes: the start of its graph.
 *
 *     const x = input([784]);
 *     const model = new Model(x, new Dense(10).call(new Dense(64, { activation: "relu" }).call(x)));
 *
 * @param shape of one sample, without the batch axis; null where a length differs from batch to batch
 */
export function input(shape: SampleShape, options: InputOptions = {}): Placeholder {
  checkSampleShape("input", shape);
  checkOptions("input", options, inputOptions);
  const { dtype = "f32", byteScale = 1, name } = options;
  if (!Number.isFinite(byteScale)) {
    throw new ArgumentError(`input: byteScale must be a finite number, got ${showGiven(byteScale)}`);
  }
  choiceOf("input dtype", dtype, ["f32", "i32", "u32"]);
  return new Placeholder(
    { shape, dtype },
    { byteScale, name: name === undefined ? undefined : checkedName("input", name) },
  );
}

/** The specs of values, in their places. */
export const specsOfValues = (values: Tree<Placeholder>): Tree<SampleSpec> =>
  mapTree(values, ({ shape, dtype }: Placeholder): SampleSpec => ({ shape, dtype }));

/** Another input like one, for another model. */
export const copyOfInput = ({ shape, dtype, byteScale, name }: Placeholder): Placeholder =>
  input(shape, { dtype, byteScale, name });

/** Whether there is a placeholder in a tree: then the call is one of a model being put together. */
export const hasPlaceholder = (tree: unknown): boolean =>
  tree instanceof Placeholder ||
  (typeof tree === "object" && leavesOf(tree as Tree<unknown>).some((leaf) => leaf instanceof Placeholder));

let order = 0;

/** Notes a call, and makes the placeholders of what it gives. */
export function noteCall(
  layer: unknown,
  inputs: Tree<Placeholder>,
  makeOutputs: (placeholderOf: (spec: SampleSpec) => Placeholder) => Tree<Placeholder>,
): Tree<Placeholder> {
  const call = { layer, inputs, outputs: [] as Tree<Placeholder>, order: order++ };
  let count = 0;
  call.outputs = makeOutputs((spec) => new Placeholder(spec, { producer: call, output: count++ }));
  return call.outputs;
}

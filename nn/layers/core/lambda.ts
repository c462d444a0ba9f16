// Lambda and Identity: a function of tensors as a layer, and the one that changes nothing.

import { mean, ShapeError, showShape, Tensor, type Tree } from "../../../engine/index.ts";
import { checkFunction, mapTree } from "../../../engine/internal.ts";
import type { CallContext } from "../call-context.ts";
import { Layer, type LayerOptions, type OwnLayerOptions } from "../layer.ts";
import {
  batched,
  checkSampleShape,
  fitsShape,
  isSpec,
  mapSpecs,
  type SampleShape,
  type SampleSpec,
  type SpecOf,
  showSpecs,
} from "../spec.ts";

export interface LambdaOptions extends LayerOptions {
  /**
   * Shape of what comes out for one sample, without the batch axis, or a function that gives it for that of the input;
   * default: the input's.
   */
  // biome-ignore lint/suspicious/noExplicitAny: of the form of the inputs
  outputShape?: SampleShape | ((inputShape: any) => SampleShape) | null;
}

/**
 * Any function of tensors: `new Lambda((x) => mul(x, x))`, or of several inputs, `new Lambda(([a, b]) => sub(a, b), {
 * outputShape: [8] })`. It is traced with the model, so what docs/jit.md says of traced functions holds for it. A function
 * with weights is a layer of one's own (docs/custom.md).
 */
export class Lambda<I = Tensor> extends Layer<I, Tensor> {
  static override readonly positional = ["function"];
  static override readonly samples = () => [
    { make: () => new Lambda((x: Tensor) => mean(x, -1), { outputShape: [128] }), shape: [32, 128, 64] },
  ];
  readonly function: (inputs: I, context: { readonly training: boolean }) => Tensor;
  readonly #outputShape: LambdaOptions["outputShape"];

  /** @param fn gets the inputs, the batch first, and whether this is training */
  constructor(
    fn: (inputs: I, context: { readonly training: boolean }) => Tensor,
    options: LambdaOptions = {},
  ) {
    checkFunction("Lambda", fn, "makes of the inputs what comes out, as in (x) => mul(x, x)", "it is called");
    const { outputShape } = options;
    if (Array.isArray(outputShape)) checkSampleShape("Lambda: outputShape", outputShape as SampleShape);
    super("Lambda", options, { outputShape: true } satisfies OwnLayerOptions<LambdaOptions>);
    this.function = fn;
    this.#outputShape = outputShape;
  }

  override outputSpec(inputs: SpecOf<I>): SampleSpec {
    const given = this.#outputShape;
    if (typeof given === "function")
      return { shape: given(mapSpecs(inputs as Tree<SampleSpec>, ({ shape }) => shape)), dtype: "f32" };
    if (given !== undefined && given !== null) return { shape: given, dtype: "f32" };
    if (isSpec(inputs)) return inputs as unknown as SampleSpec;
    throw new ShapeError(
      `${this.describe()}: has several inputs, ${showSpecs(inputs as unknown as SampleSpec[])}, and does not know what shape comes out; pass it, as in { outputShape: [8] }`,
    );
  }

  protected forward(inputs: I, { training }: CallContext): Tensor {
    const output: unknown = this.function(inputs, { training });
    const specs = mapTree(
      inputs as Tree<Tensor>,
      ({ shape, dtype }: Tensor): SampleSpec => ({
        shape: shape.slice(1),
        dtype,
      }),
    );
    const { shape } = this.outputSpec(specs as SpecOf<I>);
    if (output instanceof Tensor && !fitsShape(output.shape.slice(1), shape)) {
      throw new ShapeError(
        `${this.describe()}: the function gave ${showShape(output.shape)}, where ${batched(shape)} was to come out; pass outputShape: ${JSON.stringify(output.shape.slice(1))}, or a function of the input's shape`,
      );
    }
    return output as Tensor;
  }
}

/** What comes in. */
export class Identity extends Layer<Tensor, Tensor> {
  static override readonly samples = () => [{ make: () => new Identity(), shape: [128, 512] }];

  constructor(options: LayerOptions = {}) {
    super("Identity", options, {});
  }

  override get passesMask(): boolean {
    return true;
  }

  protected forward(x: Tensor): Tensor {
    return x;
  }
}

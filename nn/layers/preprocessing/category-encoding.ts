// CategoryEncoding: numbers of categories as rows that dense layers take.

import { ArgumentError, ShapeError, Tensor } from "../../../engine/index.ts";
import { atLeastOne, choiceOf } from "../../../engine/internal.ts";
import { Layer, type LayerOptions, type LayerSample, type OwnLayerOptions } from "../layer.ts";
import { equalShapes, isSpec, type SampleSpec, showSpecs } from "../spec.ts";
import { type Encoding, encoded, encodedShape } from "./encoding.ts";

export interface CategoryEncodingOptions extends LayerOptions {
  /**
   * "multiHot" (default): a row for each sample with 1 for each category that it names; "count": how often it names each;
   * "oneHot": a row for each number.
   */
  outputMode?: Encoding;
}

const ownOptions: OwnLayerOptions<CategoryEncodingOptions> = { outputMode: true };

/**
 * Whole numbers from 0 to numTokens - 1, [batch], [batch, 1] or [batch, n], as rows [batch, numTokens] (one-hot of n numbers:
 * [batch, n, numTokens]). Where the layer is a model's first, numbers out of range are refused in arrays; elsewhere they count
 * for nothing. In mode "count" the layer takes weights, too, of the numbers' shape: `call([ids, weights])` adds up what each
 * counts for, as Keras's `count_weights` do.
 */
export class CategoryEncoding extends Layer<Tensor | readonly [ids: Tensor, countWeights: Tensor], Tensor> {
  static override readonly positional: readonly string[] = ["numTokens"];
  static override readonly samples = (): LayerSample[] =>
    (["oneHot", "multiHot", "count"] as const).map((outputMode, i) => ({
      make: () => new CategoryEncoding(100, { outputMode }),
      shape: [32, 20 + i],
      limit: 100,
    }));
  readonly numTokens: number;
  readonly outputMode: Encoding;

  constructor(numTokens: number, options: CategoryEncodingOptions = {}) {
    atLeastOne("CategoryEncoding", "numTokens", numTokens);
    const modes = ["oneHot", "multiHot", "count"] as const;
    const mode = choiceOf("CategoryEncoding outputMode", options.outputMode ?? "multiHot", modes);
    super("CategoryEncoding", options, ownOptions);
    this.numTokens = numTokens;
    this.outputMode = mode;
  }

  override get idCount(): number | undefined {
    // A subclass may make categories of anything.
    return this.constructor === CategoryEncoding ? this.numTokens : undefined;
  }

  override outputSpec(inputs: SampleSpec | readonly [SampleSpec, SampleSpec]): SampleSpec {
    const [ids, weights] = isSpec(inputs)
      ? [inputs as SampleSpec]
      : this.#pair(inputs as readonly SampleSpec[]);
    if (weights !== undefined && !equalShapes(ids.shape as number[], weights.shape as number[])) {
      throw new ShapeError(
        `${this.describe()}: numbers and their weights must have one shape, got ${showSpecs([ids, weights])}`,
      );
    }
    return { shape: encodedShape(ids.shape, this.numTokens, this.outputMode), dtype: "f32" };
  }

  protected forward(x: Tensor | readonly [Tensor, Tensor]): Tensor {
    const [ids, weights] = x instanceof Tensor ? [x] : this.#pair(x);
    return encoded(ids, this.numTokens, this.outputMode, weights);
  }

  #pair<T>(inputs: readonly T[]): readonly [ids: T, weights: T] {
    if (!Array.isArray(inputs) || inputs.length !== 2) {
      throw new ArgumentError(
        `${this.describe()}: takes whole numbers, or these and their weights in an array of two, as in layer.call([ids, weights])`,
      );
    }
    if (this.outputMode !== "count") {
      throw new ArgumentError(
        `${this.describe()}: only outputMode "count" takes weights, and this one is "${this.outputMode}"; leave them out, or change it`,
      );
    }
    return [inputs[0], inputs[1]];
  }
}

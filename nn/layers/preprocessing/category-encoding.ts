// CategoryEncoding: numbers of categories as rows that dense layers take.

import type { Tensor } from "../../../engine/index.ts";
import { atLeastOne, choiceOf } from "../../../engine/internal.ts";
import { Layer, type LayerOptions, type LayerSample, type OwnLayerOptions } from "../layer.ts";
import type { SampleSpec } from "../spec.ts";
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
 * for nothing.
 */
export class CategoryEncoding extends Layer<Tensor, Tensor> {
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

  override outputSpec({ shape }: SampleSpec): SampleSpec {
    return { shape: encodedShape(shape, this.numTokens, this.outputMode), dtype: "f32" };
  }

  protected forward(x: Tensor): Tensor {
    return encoded(x, this.numTokens, this.outputMode);
  }
}

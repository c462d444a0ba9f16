// Discretization: numbers as the bins that they fall in.

import { ArgumentError, cast, searchSorted, type Tensor, type Variable } from "../../../engine/index.ts";
import { atLeastOne, choiceOf, showGivenList } from "../../../engine/internal.ts";
import type { Config } from "../config.ts";
import { Layer, type LayerOptions, type LayerSample, type OwnLayerOptions } from "../layer.ts";
import type { SampleSpec } from "../spec.ts";
import type { Weights } from "../weights.ts";
import { type AdaptData, checkAdapted, givenValues, readData } from "./adapted.ts";
import { type Encoding, encoded, encodedShape } from "./encoding.ts";

export interface DiscretizationOptions extends LayerOptions {
  /** Where bins meet, in ascending order: [0, 1] makes the bins below 0, from 0 to below 1, and from 1 on. */
  binBoundaries?: readonly number[];
  /** How many bins `adapt` makes, each with as many of the data. */
  numBins?: number;
  /** "int" (default): the bins' numbers, i32; or these encoded as {@link CategoryEncoding} does. */
  outputMode?: "int" | Encoding;
}

const ownOptions: OwnLayerOptions<DiscretizationOptions> = {
  binBoundaries: true,
  numBins: true,
  outputMode: true,
};

/**
 * The number of the bin that each number falls in, from 0 on. Bins are given by `binBoundaries`, or `adapt` finds them in
 * data: the quantiles at 1 / numBins, 2 / numBins, ..., exact ones (Keras's are approximate).
 */
export class Discretization extends Layer<Tensor, Tensor> {
  static override readonly samples = (): LayerSample[] => [
    { make: () => new Discretization({ binBoundaries: [1.5, 4, 6] }), shape: [128, 64], limit: 9 },
  ];
  readonly outputMode: "int" | Encoding;
  readonly numBins: number;
  #given: readonly number[] | undefined;
  #boundaries: Variable | undefined;

  constructor(options: DiscretizationOptions) {
    super("Discretization", options, ownOptions);
    const { binBoundaries, numBins } = options ?? {};
    if ((binBoundaries === undefined) === (numBins === undefined)) {
      throw new ArgumentError(
        "Discretization: give either binBoundaries, where bins meet, or numBins, how many adapt is to make",
      );
    }
    const isSorted =
      binBoundaries === undefined ||
      (Array.isArray(binBoundaries) &&
        binBoundaries.length > 0 &&
        binBoundaries.every((n, i) => Number.isFinite(n) && (i === 0 || n >= binBoundaries[i - 1])));
    if (!isSorted) {
      throw new ArgumentError(
        `Discretization: binBoundaries must be at least one finite number, in ascending order, got ${showGivenList(binBoundaries)}`,
      );
    }
    const bins = numBins === undefined ? undefined : atLeastOne("Discretization", "numBins", numBins);
    const modes = ["int", "oneHot", "multiHot", "count"] as const;
    const mode = choiceOf("Discretization outputMode", options.outputMode ?? "int", modes);
    this.outputMode = mode;
    this.numBins = bins ?? (binBoundaries as readonly number[]).length + 1;
    this.#given = binBoundaries === undefined ? undefined : [...binBoundaries];
  }

  /** Given or adapted; undefined before. */
  get binBoundaries(): readonly number[] | undefined {
    return this.#given;
  }

  /** With boundaries in the place of their number, where there are any. */
  override config(): Config {
    const { numBins, ...rest } = super.config();
    return this.#given === undefined ? { ...rest, numBins } : { ...rest, binBoundaries: this.#given };
  }

  /** A new layer of the same boundaries, also adapted ones. */
  override clone(): this {
    const made = super.clone();
    made.#given = this.#given;
    return made;
  }

  /** Finds the boundaries of `numBins` bins in data, in place of those that there were. */
  async adapt(data: AdaptData): Promise<this> {
    const { values } = await readData(this, data);
    const sorted = Float64Array.from(values).sort();
    this.#given = Array.from({ length: this.numBins - 1 }, (_, k) =>
      quantile(sorted, (k + 1) / this.numBins),
    );
    this.#boundaries?.set(this.#given);
    return this;
  }

  override outputSpec({ shape }: SampleSpec): SampleSpec {
    if (this.outputMode === "int") return { shape, dtype: "i32" };
    return { shape: encodedShape(shape, this.numBins, this.outputMode), dtype: "f32" };
  }

  protected override createWeights(_input: SampleSpec, weights: Weights): void {
    const moved = { role: "moved" } as const;
    this.#boundaries = weights.add("binBoundaries", [this.numBins - 1], givenValues(this.#given ?? 0), moved);
  }

  protected forward(x: Tensor): Tensor {
    checkAdapted(this, "bins", this.#given !== undefined, this.#boundaries, "binBoundaries");
    const numbers = x.dtype === "f32" ? x : cast(x, "f32");
    const bins = searchSorted(this.#boundaries as Tensor, numbers, { side: "right" });
    return this.outputMode === "int" ? bins : encoded(bins, this.numBins, this.outputMode);
  }
}

/** What a share of the sorted numbers is at or below, on the line between two of them. */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * sorted.length - 1;
  const first = Math.max(Math.floor(at), 0);
  const next = Math.min(first + 1, sorted.length - 1);
  return sorted[first] + Math.max(at - first, 0) * (sorted[next] - sorted[first]);
}

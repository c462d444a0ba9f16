// What a look into a training step found, as plain numbers, read from where StepWatch put them.

import { type Buckets, bucketsBetween } from "../../logs/histogram.ts";
import {
  buckets,
  type LayerWatch,
  outputNumbers,
  type WatchedOutput,
  type WatchedWeight,
  weightNumbers,
} from "./step-watch.ts";

/** How values are spread. NaN where one of them is not finite. */
export interface Spread {
  readonly mean: number;
  readonly standardDeviation: number;
  readonly min: number;
  readonly max: number;
  /** Counts in 30 buckets of equal width from `min` to `max`, with `histograms`. */
  readonly histogram: Buckets | undefined;
}

/** What a layer gave for the batch; of a layer with several calls or outputs one each. */
export interface OutputReport extends Spread {
  /** Share of values that are 0. */
  readonly zeros: number;
  /** Share of values where the activation hardly rises: beyond 0.95 of tanh, beyond 0.05 and 0.95 of sigmoid. */
  readonly saturation: number | undefined;
  /** Share of units, of a layer that ends with ReLU, that gave 0 for every sample seen. */
  readonly deadUnits: number | undefined;
}

export interface WeightReport extends Spread {
  /** Below the layer: "kernel". */
  readonly path: string;
  readonly shape: readonly number[];
  readonly norm: number;
  /** Of the loss with its penalties, for the batch; undefined of a frozen weight. */
  readonly gradientNorm: number | undefined;
  /** Norm of what the step changed by the norm of the weight before; undefined of a frozen weight, and of one of zeros. */
  readonly updateRatio: number | undefined;
  /** How the gradient's values are spread, with `histograms`. */
  readonly gradientHistogram: Buckets | undefined;
}

export interface LayerReport {
  /** Where it stands in the model: "dense_1", "encoder/dense". */
  readonly name: string;
  /** The class: "Dense". */
  readonly type: string;
  readonly activation: string | undefined;
  /** Whether what it gives is an output of the model. */
  readonly isOutput: boolean;
  readonly outputs: readonly OutputReport[];
  readonly weights: readonly WeightReport[];
  /** Over the weights that are trained; undefined without any. */
  readonly gradientNorm: number | undefined;
}

/** @param numbers as the watch's `found` holds them */
export function layersOf(
  watch: LayerWatch,
  numbers: ArrayLike<number>,
): { loss: number; layers: LayerReport[] } {
  let at = 0;
  const take = () => numbers[at++];
  const histogram = (low: number, high: number): Buckets | undefined =>
    watch.hasHistograms ? bucketsBetween(low, high, Array.from({ length: buckets }, take)) : undefined;
  const spread = () => ({ mean: take(), standardDeviation: take(), min: take(), max: take() });
  const loss = take();
  const outputs = watch.outputs.map((output): OutputReport => {
    const start = at;
    const found = spread();
    const [zeros, saturation, deadUnits] = [take(), take(), take()];
    at = start + outputNumbers;
    return {
      ...found,
      zeros,
      saturation: isSaturating(output) ? saturation : undefined,
      deadUnits: output.hasUnits ? deadUnits : undefined,
      histogram: histogram(found.min, found.max),
    };
  });
  const weights = watch.weights.map(({ path, variable, isTrained }): WeightReport => {
    const start = at;
    const [gradientNorm, norm, change] = [take(), take(), take()];
    const found = spread();
    at = start + weightNumbers;
    const own = histogram(found.min, found.max);
    const gradient = isTrained && watch.hasHistograms ? histogram(take(), take()) : undefined;
    return {
      path,
      shape: variable.shape,
      ...found,
      norm,
      gradientNorm: isTrained ? gradientNorm : undefined,
      updateRatio: isTrained && norm > 0 ? change / norm : undefined,
      histogram: own,
      gradientHistogram: gradient,
    };
  });
  return { loss, layers: grouped(watch.outputs, outputs, watch.weights, weights) };
}

const isSaturating = ({ activation }: WatchedOutput): boolean =>
  activation === "tanh" || activation === "sigmoid" || activation === "hardSigmoid";

function grouped(
  places: readonly WatchedOutput[],
  outputs: readonly OutputReport[],
  holders: readonly WatchedWeight[],
  weights: readonly WeightReport[],
): LayerReport[] {
  return [...new Set(places.map(({ layer }) => layer))].map((layer): LayerReport => {
    const own = places.flatMap((place, i) => (place.layer === layer ? [{ place, output: outputs[i] }] : []));
    const held = weights.filter((_, i) => holders[i].layer === layer);
    const norms = held.flatMap(({ gradientNorm }) => gradientNorm ?? []);
    return {
      name: layer.path,
      type: layer.type,
      activation: own[0].place.activation,
      isOutput: own.some(({ place }) => place.isEnd),
      // Units are dead that give nothing in any call: the last one knows.
      outputs: own.map(({ output }) => ({ ...output, deadUnits: own.at(-1)?.output.deadUnits })),
      weights: held,
      gradientNorm: norms.length === 0 ? undefined : Math.hypot(...norms),
    };
  });
}

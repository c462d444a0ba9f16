// A diagnosis as values for a log: scalars and histograms by tag, warnings as text.

import type { Buckets } from "../../logs/histogram.ts";
import type { Diagnosis } from "./diagnosis.ts";

export interface LoggedValues {
  readonly scalars: ReadonlyMap<string, number>;
  readonly histograms: ReadonlyMap<string, Buckets>;
  readonly texts: ReadonlyMap<string, string>;
}

/** What takes them: TensorBoard. */
export interface ValueLog {
  /** @internal */
  logValues(step: number, values: LoggedValues): Promise<void>;
}

export function loggedValues({ layers, gradientNorm, warnings }: Diagnosis): LoggedValues {
  const scalars = new Map<string, number>([["diagnosis/gradient_norm", gradientNorm]]);
  const histograms = new Map<string, Buckets>();
  const put = (tag: string, value: number | undefined) => {
    if (value !== undefined) scalars.set(`diagnosis/${tag}`, value);
  };
  for (const { name, outputs, weights, gradientNorm } of layers) {
    put(`${name}/gradient_norm`, gradientNorm);
    outputs.forEach((output, i) => {
      const place = i === 0 ? name : `${name}_${i}`;
      put(`${place}/activation_mean`, output.mean);
      put(`${place}/activation_std`, output.standardDeviation);
      put(`${place}/zeros`, output.zeros);
      put(`${place}/dead_units`, output.deadUnits);
      put(`${place}/saturation`, output.saturation);
      if (output.histogram) histograms.set(`diagnosis/${place}/activations`, output.histogram);
    });
    for (const { path, updateRatio, norm, histogram, gradientHistogram } of weights) {
      put(`${name}/${path}/norm`, norm);
      put(`${name}/${path}/update_ratio`, updateRatio);
      if (histogram) histograms.set(`diagnosis/${name}/${path}`, histogram);
      if (gradientHistogram) histograms.set(`diagnosis/${name}/${path}/gradients`, gradientHistogram);
    }
  }
  const text = warnings.map((warning) => `- ${warning.text}`).join("\n");
  return { scalars, histograms, texts: new Map(text === "" ? [] : [["diagnosis/warnings", text]]) };
}

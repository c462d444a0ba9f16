// Diagnosis: a look into one training step, with its warnings, and as a table for a terminal.

import type { LayerReport } from "./report.ts";
import { type DiagnosisWarning, warningsOf } from "./warnings.ts";

export class Diagnosis {
  /** Of `fit` from 0, and the step in it from 0; both 0 of `diagnose`. */
  readonly epoch: number;
  readonly step: number;
  /** The batch's, with penalties, before the step. */
  readonly loss: number;
  /** Norm of the gradient of all weights that are trained. */
  readonly gradientNorm: number;
  /** In the order in which they are called; layers of models inside the model too. */
  readonly layers: readonly LayerReport[];
  /** What is wrong, in words; empty for a healthy net. */
  readonly warnings: readonly DiagnosisWarning[];

  /** @internal */
  constructor(at: { epoch: number; step: number }, found: { loss: number; layers: readonly LayerReport[] }) {
    this.epoch = at.epoch;
    this.step = at.step;
    this.loss = found.loss;
    this.layers = found.layers;
    this.gradientNorm = Math.hypot(...found.layers.map(({ gradientNorm }) => gradientNorm ?? 0));
    this.warnings = warningsOf(found.loss, found.layers);
  }

  /** A table of the layers, and the warnings below it. */
  toString(): string {
    const head = ["layer", "gradient", "update/weight", "mean", "std", "zeros", "dead", "saturated"];
    const rows = this.layers.map((layer) => {
      const [output] = layer.outputs;
      const ratios = layer.weights.flatMap(({ updateRatio, shape }) =>
        shape.length > 1 ? (updateRatio ?? []) : [],
      );
      return [
        layer.name,
        number(layer.gradientNorm),
        number(ratios.length === 0 ? undefined : Math.max(...ratios)),
        number(output.mean),
        number(output.standardDeviation),
        percent(output.zeros),
        percent(output.deadUnits),
        percent(output.saturation),
      ];
    });
    const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
    const line = (cells: readonly string[]) =>
      cells
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join("  ")
        .trimEnd();
    return [line(head), ...rows.map(line), ...this.warnings.map(({ text }) => `! ${text}`)].join("\n");
  }
}

const number = (value: number | undefined): string => {
  if (value === undefined) return "";
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5)
    ? value.toExponential(1)
    : String(Number(value.toPrecision(3)));
};

const percent = (share: number | undefined): string =>
  share === undefined ? "" : `${Math.round(100 * share)} %`;

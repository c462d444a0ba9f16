// What a diagnosis says in words: what is wrong with which layer, and what to do about it.

import type { LayerReport, WeightReport } from "./report.ts";

export type DiagnosisKind =
  | "not-finite"
  | "dead-units"
  | "saturation"
  | "vanishing-gradient"
  | "exploding-gradient"
  | "exploding-activations"
  | "large-updates"
  | "small-updates";

export interface DiagnosisWarning {
  readonly kind: DiagnosisKind;
  /** The layer that it is about, by name; undefined where it is about all. */
  readonly layer: string | undefined;
  /** What was found, with its numbers, and what to do. */
  readonly text: string;
}

/** From where on a number is told of. */
export const limits = {
  deadUnits: 0.4,
  saturation: 0.5,
  /** A layer's gradient, a weight, by the largest of a layer behind it. */
  vanishing: 1e-3,
  /** The gradient's norm by the weights'. */
  exploding: 100,
  /** Standard deviation of what comes late by that of what comes first. */
  growth: 1e4,
  /** What a step changes of a matrix of weights, by norms. */
  largeUpdate: 0.1,
  smallUpdate: 1e-8,
};

const percent = (share: number): string => `${Math.round(100 * share)} %`;
const short = (value: number): string => Number(value.toPrecision(2)).toString();

/** Matrices and kernels: scales and biases begin at ones and zeros, and say nothing by themselves. */
const kernelsOf = ({ weights }: LayerReport): WeightReport[] =>
  weights.filter(({ shape }) => shape.length > 1);

export function warningsOf(loss: number, layers: readonly LayerReport[]): DiagnosisWarning[] {
  const lost = notFinite(loss, layers);
  if (lost !== undefined) return [lost];
  return [...layers.flatMap(ofUnits), ...ofGradients(layers), ...ofUpdates(layers)];
}

/** What comes after the first number that is not finite says nothing more. */
function notFinite(loss: number, layers: readonly LayerReport[]): DiagnosisWarning | undefined {
  const remedy =
    "lower the learning rate, clip gradients (clipping: globalClipNorm(1)), or look for NaN and huge values in the data";
  for (const { name, outputs, weights } of layers) {
    const what = weights.some(({ norm }) => !Number.isFinite(norm))
      ? "has weights that are not finite"
      : outputs.some(({ mean }) => !Number.isFinite(mean))
        ? "gives values that are not finite"
        : undefined;
    if (what !== undefined)
      return { kind: "not-finite", layer: name, text: `layer ${name} ${what}; ${remedy}` };
  }
  const layer = layers.find(
    ({ gradientNorm }) => gradientNorm !== undefined && !Number.isFinite(gradientNorm),
  );
  if (layer !== undefined) {
    // A rule makes weights that are not finite of such a gradient, so nobody applied it.
    const isSkipped = layers.every(({ weights }) =>
      weights.every(({ updateRatio = 0 }) => updateRatio === 0),
    );
    const skipped =
      "and the step left all weights as they were. With withLossScaling or mixedPrecision that is nothing to mend unless it goes on (lossScaleState counts it as skippedSteps; where its scale is down to 1 and steps are still skipped, train without mixedPrecision to see whether float16 is too small for what the layers compute); otherwise";
    return {
      kind: "not-finite",
      layer: layer.name,
      text: `the gradient of layer ${layer.name} is not finite${isSkipped ? `, ${skipped} ` : "; "}${remedy}`,
    };
  }
  if (Number.isFinite(loss)) return undefined;
  return { kind: "not-finite", layer: undefined, text: `the loss is ${loss}; ${remedy}` };
}

function ofUnits({ name, activation, isOutput, outputs }: LayerReport): DiagnosisWarning[] {
  const made: DiagnosisWarning[] = [];
  const dead = outputs[0].deadUnits;
  if (dead !== undefined && dead >= limits.deadUnits)
    made.push({
      kind: "dead-units",
      layer: name,
      text: `layer ${name}: ${percent(dead)} of units give 0 for every sample; lower the learning rate or use LeakyReLU`,
    });
  const saturation = Math.max(...outputs.map((one) => one.saturation ?? 0));
  // The output of a good classifier lies at the ends.
  if (!isOutput && saturation >= limits.saturation) {
    const ends = activation === "tanh" ? "beyond -0.95 and 0.95" : "beyond 0.05 and 0.95";
    made.push({
      kind: "saturation",
      layer: name,
      text: `layer ${name}: ${percent(saturation)} of what ${activation} gives lies ${ends}, where its gradient is almost 0; use smaller initial weights (glorotUniform), batch normalization before it, or ReLU`,
    });
  }
  return made;
}

function ofGradients(layers: readonly LayerReport[]): DiagnosisWarning[] {
  const made: DiagnosisWarning[] = [];
  const trained = layers.flatMap((layer) => {
    const kernels = kernelsOf(layer).filter(({ gradientNorm }) => gradientNorm !== undefined);
    const size = kernels.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const norm = Math.hypot(...kernels.map(({ gradientNorm }) => gradientNorm as number));
    return kernels.length === 0 ? [] : [{ layer, norm: norm / Math.sqrt(size) }];
  });
  const worst = trained
    .map(({ layer, norm }, i) => {
      const behind = trained.slice(i + 1).reduce((most, one) => (one.norm > most.norm ? one : most), {
        layer,
        norm: 0,
      });
      return { layer, norm, behind, share: behind.norm > 0 ? norm / behind.norm : 1 };
    })
    .reduce((least, one) => (one.share < least.share ? one : least), { share: 1 } as Vanishing);
  // Behind units that are all dead there is no gradient to speak of; that is told already.
  if (worst.share < limits.vanishing && !(isCut(layers) && worst.norm === 0)) {
    const { layer, norm, behind, share } = worst;
    const times = norm === 0 ? "is 0" : `is ${short(norm)} a weight, ${short(1 / share)} times less than`;
    const rest =
      norm === 0
        ? `, and that of ${behind.layer.name} is ${short(behind.norm)} a weight`
        : ` that of ${behind.layer.name}`;
    made.push({
      kind: "vanishing-gradient",
      layer: layer.name,
      text: `the gradient of layer ${layer.name} ${times}${rest}: it vanishes on its way back; use ReLU with initializers.heNormal(), batch normalization or shortcuts around layers`,
    });
  }
  const all = layers.flatMap(({ weights }) =>
    weights.filter(({ gradientNorm }) => gradientNorm !== undefined),
  );
  const gradient = Math.hypot(...all.map(({ gradientNorm }) => gradientNorm as number));
  const weight = Math.hypot(...all.map(({ norm }) => norm));
  if (weight > 0 && gradient / weight >= limits.exploding)
    made.push({
      kind: "exploding-gradient",
      layer: undefined,
      text: `the gradient's norm is ${short(gradient)}, that of the weights ${short(weight)}: it explodes; clip it (clipping: globalClipNorm(1)), use smaller initial weights or batch normalization, and scale targets to about 1`,
    });
  const spreads = layers.flatMap((layer) =>
    kernelsOf(layer).length === 0
      ? []
      : layer.outputs.map(({ standardDeviation }) => ({ layer, standardDeviation })),
  );
  const [first] = spreads;
  const last = spreads.reduce(
    (most, one) => (one.standardDeviation > most.standardDeviation ? one : most),
    first,
  );
  if (
    first !== undefined &&
    last.standardDeviation >= limits.growth * first.standardDeviation &&
    first.standardDeviation > 0
  )
    made.push({
      kind: "exploding-activations",
      layer: last.layer.name,
      text: `what layers give grows from a spread of ${short(first.standardDeviation)} (${first.layer.name}) to ${short(last.standardDeviation)} (${last.layer.name}); use smaller initial weights (glorotUniform, heNormal) or batch normalization`,
    });
  return made;
}

/** Whether nothing goes on behind a layer, and no gradient comes back through it. */
const isCut = (layers: readonly LayerReport[]): boolean =>
  layers.some(({ outputs }) => (outputs[0].deadUnits ?? 0) > 0.99);

interface Vanishing {
  readonly layer: LayerReport;
  readonly norm: number;
  readonly behind: { readonly layer: LayerReport; readonly norm: number };
  readonly share: number;
}

function ofUpdates(layers: readonly LayerReport[]): DiagnosisWarning[] {
  const updates = layers.flatMap((layer) =>
    kernelsOf(layer).flatMap(({ updateRatio: ratio }) => (ratio === undefined ? [] : [{ layer, ratio }])),
  );
  if (updates.length === 0) return [];
  const largest = updates.reduce((most, one) => (one.ratio > most.ratio ? one : most));
  if (largest.ratio >= limits.largeUpdate) {
    const { name } = largest.layer;
    return [
      {
        kind: "large-updates",
        layer: name,
        text: `a step changes the weights of layer ${name} by ${percent(largest.ratio)} of their norm; 0.1 % is usual: lower the learning rate`,
      },
    ];
  }
  if (largest.ratio > limits.smallUpdate || isCut(layers)) return [];
  return [
    {
      kind: "small-updates",
      layer: undefined,
      text: `a step changes no layer's weights by more than ${short(largest.ratio)} of their norm; 0.001 is usual: raise the learning rate`,
    },
  ];
}

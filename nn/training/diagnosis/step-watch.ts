// StepWatch: what a training step is looked into for, on the device: statistics of what layers give, of gradients, weights
// and updates, one behind the other in one variable.

import {
  abs,
  add,
  cast,
  concat,
  equal,
  greater,
  keep,
  less,
  max,
  maximum,
  mean,
  min,
  mul,
  noGrad,
  norm,
  reshape,
  slice,
  standardDeviation,
  sub,
  type Tensor,
  type Tree,
  tidy,
  type Variable,
  variable,
  zeros,
} from "../../../engine/index.ts";
import { leavesOf } from "../../../engine/internal.ts";
import type { Layer, LayerVariable } from "../../layers/layer.ts";
import type { Call, Placeholder } from "../../layers/placeholder.ts";
import { countsOf } from "../../logs/histogram.ts";
import type { LayeredModel } from "../layer-values.ts";
import { callWatch } from "../step-watch.ts";

export const buckets = 30;
/** Of an output: mean, standard deviation, least, largest, shares of zeros, of saturated values and of dead units. */
export const outputNumbers = 7;
/** Of a weight: norms of gradient, weight and update; mean, standard deviation, least, largest. */
export const weightNumbers = 7;

/** One output of one call. */
export interface WatchedOutput {
  readonly layer: Layer;
  readonly activation: string | undefined;
  /** Whether units that give 0 are looked for. */
  readonly hasUnits: boolean;
  /** Whether what comes out is the model's output. */
  readonly isEnd: boolean;
}

export interface WatchedWeight {
  readonly layer: Layer;
  /** Below the layer: "kernel", "cell/recurrentKernel". */
  readonly path: string;
  readonly variable: Variable;
  readonly isTrained: boolean;
}

/** What activation a layer ends with, by name. */
const activationOf = (layer: Layer): string | undefined => {
  const { outputActivation, type } = layer;
  if (outputActivation !== undefined && outputActivation.name !== "linear") return outputActivation.name;
  return type === "ReLU" ? "relu" : undefined;
};

const isModel = (layer: Layer): layer is Layer & Pick<LayeredModel, "calls"> => "calls" in layer;

/** The outputs in the order in which a run of the model comes by them; layers in models inside it, too. */
function outputsOf(model: Pick<LayeredModel, "calls" | "outputs">): WatchedOutput[] {
  const ends = new Set(leavesOf(model.outputs as Tree<Placeholder>));
  return model.calls.flatMap((call: Call<Layer>) => {
    const { layer } = call;
    if (isModel(layer)) return outputsOf(layer as unknown as LayeredModel);
    return floatsOf(call).map((output): WatchedOutput => {
      const activation = activationOf(layer);
      return { layer, activation, hasUnits: activation === "relu", isEnd: ends.has(output) };
    });
  });
}

const floatsOf = ({ outputs }: Call<Layer>): Placeholder[] =>
  leavesOf(outputs).filter(({ dtype }) => dtype === "f32");

/** The layers that hold weights, as a run comes by them, each once. */
function weightsOf(outputs: readonly WatchedOutput[], model: LayeredModel): WatchedWeight[] {
  const trained = new Map<Variable, LayerVariable>();
  for (const entry of model.variables()) trained.set(entry.variable, entry);
  const seen = new Set<Variable>();
  return [...new Set(outputs.map(({ layer }) => layer))].flatMap((layer) =>
    [...layer.variables()].flatMap(({ path, variable, role }): WatchedWeight[] => {
      if (role !== "trained" || variable.size === 0 || seen.has(variable)) return [];
      seen.add(variable);
      return [{ layer, path, variable, isTrained: trained.get(variable)?.isTrained ?? false }];
    }),
  );
}

export class LayerWatch {
  readonly outputs: readonly WatchedOutput[];
  readonly weights: readonly WatchedWeight[];
  readonly hasHistograms: boolean;
  /** What the last watched step found. */
  readonly found: Variable;
  /** By layer, the largest value that each unit has given so far. */
  readonly #alive = new Map<Layer, Variable>();
  #parts: Tensor[] = [];
  #at = 0;

  constructor(model: LayeredModel, hasHistograms: boolean) {
    this.outputs = outputsOf(model);
    this.weights = weightsOf(this.outputs, model);
    this.hasHistograms = hasHistograms;
    const options = { device: model.device, trainable: false };
    this.found = variable(new Float32Array(this.#count), { ...options, name: "diagnosis/found" });
    this.found.isFleeting = true;
    for (const { layer, hasUnits } of this.outputs) {
      if (!hasUnits || this.#alive.has(layer)) continue;
      const units = layer.outputShape?.at(-1) as number;
      const alive = variable(new Float32Array(units), { ...options, name: `diagnosis/${layer.path}` });
      alive.isFleeting = true;
      this.#alive.set(layer, alive);
    }
  }

  get #count(): number {
    const spread = this.hasHistograms ? buckets : 0;
    return (
      1 +
      this.outputs.length * (outputNumbers + spread) +
      this.weights.length * (weightNumbers + spread) +
      this.weights.filter(({ isTrained }) => isTrained).length * (this.hasHistograms ? buckets + 2 : 0)
    );
  }

  /** Units count as dead from now on until they give something. */
  forget(): void {
    for (const alive of this.#alive.values()) alive.set(new Float32Array(alive.size));
  }

  /** Runs a step's pass forward, and looks at what layers give. */
  around<R>(fn: () => R): R {
    this.#parts = [];
    this.#at = 0;
    return callWatch.with((call, outputs, isRaw) => this.#look(call, outputs, isRaw), fn);
  }

  /** Told the gradients before they are applied; gives what is to be called after. */
  gradients(loss: Tensor, variables: readonly Variable[], grads: readonly Tensor[]): () => void {
    const byWeight = new Map(variables.map((weight, i) => [weight, grads[i]]));
    return noGrad(() => {
      const before = this.weights.map(({ variable }) => keep(mul(variable, 1)));
      this.#parts.unshift(keep(reshape(loss, [1])));
      return () =>
        noGrad(() => {
          for (const [i, { variable }] of this.weights.entries())
            this.#weigh(variable, before[i], byWeight.get(variable));
          tidy(() => this.found.assign(concat(this.#parts)));
          for (const tensor of [...this.#parts, ...before]) tensor.dispose();
          this.#parts = [];
        });
    });
  }

  dispose(): void {
    this.found.dispose();
    for (const alive of this.#alive.values()) alive.dispose();
  }

  #look(call: Call<Layer>, outputs: Tree<Tensor>, isRaw: boolean): void {
    if (isModel(call.layer)) return;
    const floats = leavesOf(outputs).filter(({ dtype }) => dtype === "f32");
    noGrad(() => {
      for (const output of floats) this.#put(() => this.#output(this.outputs[this.#at++], output, isRaw));
    });
  }

  #output({ layer, activation, hasUnits }: WatchedOutput, output: Tensor, isRaw: boolean): Tensor[] {
    const y = isRaw ? (layer.outputActivation?.call(output) ?? output) : output;
    return [
      ...spreadOf(y),
      share(equal(y, 0)),
      saturated(activation, y),
      hasUnits ? this.#dead(layer, y) : zeros([], { device: y.device }),
      ...(this.hasHistograms ? [this.#counts(y)] : []),
    ];
  }

  #dead(layer: Layer, y: Tensor): Tensor {
    const alive = this.#alive.get(layer) as Variable;
    const axes = y.shape.map((_, axis) => axis).slice(0, -1);
    alive.assign(maximum(alive, max(abs(y), axes)));
    return share(equal(alive, 0));
  }

  #weigh(after: Variable, before: Tensor, gradient: Tensor | undefined): void {
    this.#put(() => [
      gradient === undefined ? zeros([], { device: before.device }) : norm(gradient),
      norm(before),
      norm(sub(after, before)),
      ...spreadOf(before),
      ...(this.hasHistograms ? [this.#counts(before)] : []),
      ...(this.hasHistograms && gradient !== undefined
        ? [min(gradient), max(gradient), this.#counts(gradient)]
        : []),
    ]);
  }

  /** The last of the counts is that of what is not finite. */
  #counts(values: Tensor): Tensor {
    const { counts } = countsOf(values, buckets);
    return cast(slice(counts, [0], [buckets]), "f32");
  }

  #put(compute: () => readonly Tensor[]): void {
    this.#parts.push(
      ...tidy(() => compute().map((value) => keep(value.rank === 1 ? value : reshape(value, [1])))),
    );
  }
}

const spreadOf = (values: Tensor): Tensor[] => [
  mean(values),
  standardDeviation(values),
  min(values),
  max(values),
];

const share = (flags: Tensor): Tensor => mean(cast(flags, "f32"));

/** The share of values at the ends of what the activation can give, where it hardly rises. */
function saturated(activation: string | undefined, y: Tensor): Tensor {
  if (activation === "tanh") return share(greater(abs(y), 0.95));
  if (activation === "sigmoid" || activation === "hardSigmoid")
    return add(share(less(y, 0.05)), share(greater(y, 0.95)));
  return zeros([], { device: y.device });
}

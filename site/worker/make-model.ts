// The model of a set-up: its layers, and what it is compiled with.

import {
  Activation,
  AveragePooling2D,
  BatchNormalization,
  Bidirectional,
  type Callback,
  Conv1D,
  Conv2D,
  Dense,
  Dropout,
  Embedding,
  Flatten,
  GaussianNoise,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalMaxPooling1D,
  GRU,
  Input,
  type Layer,
  LayerNormalization,
  LSTM,
  losses,
  MaxPooling1D,
  MaxPooling2D,
  type MetricLike,
  type Model,
  metrics,
  ReduceLROnPlateau,
  Reshape,
  regularizers,
  Sequential,
  SimpleRNN,
  type TrainedModel,
} from "gradgpu/nn";
import {
  Adadelta,
  Adafactor,
  Adagrad,
  Adam,
  Adamax,
  AdamW,
  globalClipNorm,
  Lamb,
  Lion,
  Muon,
  Nadam,
  type Optimizer,
  type OptimizerOptions,
  RMSprop,
  SGD,
  schedules,
} from "gradgpu/optim";
import { isOfEditor, type LayerSetup, type LayerType, sizesOf, specOf } from "../setup/layers.ts";
import { type DataSpec, outputLayer, type Setup } from "../setup/setup.ts";
import { metricOf, optimizerOf } from "../setup/training.ts";

// biome-ignore lint/suspicious/noExplicitAny: their arguments differ; the set-up's table says which they are
type Maker = new (...args: any[]) => Layer;

const makers: Readonly<Record<LayerType, Maker>> = {
  Activation,
  AveragePooling2D,
  BatchNormalization,
  Conv1D,
  Conv2D,
  Dense,
  Dropout,
  Embedding,
  Flatten,
  GaussianNoise,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalMaxPooling1D,
  GRU,
  LayerNormalization,
  LSTM,
  MaxPooling1D,
  MaxPooling2D,
  Reshape,
  SimpleRNN,
};

const optimizerMakers: Readonly<Record<string, new (options: OptimizerOptions) => Optimizer>> = {
  Adadelta,
  Adafactor,
  Adagrad,
  Adam,
  Adamax,
  AdamW,
  Lamb,
  Lion,
  Muon,
  Nadam,
  RMSprop,
  SGD,
};

/** By the names that they report under; accuracy is the one that fits the loss. */
const metricMakers: Readonly<Record<string, () => MetricLike>> = {
  auc: () => metrics.auc(),
  meanAbsoluteError: () => "meanAbsoluteError",
  precision: () => metrics.precision(),
  r2Score: () => metrics.r2Score(),
  recall: () => metrics.recall(),
  rootMeanSquaredError: () => metrics.rootMeanSquaredError(),
  sparseTopKCategoricalAccuracy: () => metrics.sparseTopKCategoricalAccuracy({ k: 3 }),
};

/** @param steps of an epoch, which schedules count in */
export function makeModel(setup: Setup, data: DataSpec, steps: number): Sequential {
  // Pixels come as bytes, and go in as 0 to 1.
  const isText = setup.data === "text";
  const input = new Input([...data.shape], isText ? { dtype: "i32" } : { byteScale: 1 / 255 });
  const model = new Sequential([input]);
  for (const layer of setup.layers) model.add(makeLayer(layer));
  // A row of outputs is what the losses take.
  if (model.outputShape.length > 1) model.add(new Flatten());
  const { units, activation } = outputLayer(data);
  model.add(new Dense(units, { activation }));
  compileFor(model, setup, data, makeOptimizer(setup, steps));
  return model;
}

/** With the set-up's loss and metric. */
export function compileFor(
  model: Model,
  setup: Setup,
  { task }: DataSpec,
  optimizer: Optimizer | string,
): void {
  const metric = metricMakers[metricOf(setup.metric, task).key]?.() ?? "accuracy";
  model.compile({ optimizer, loss: losses.get(setup.loss), metrics: [metric] });
}

function makeLayer({ type, options }: LayerSetup): Layer {
  const spec = specOf(type);
  const named: Record<string, unknown> = {};
  const positional: unknown[] = [];
  for (const { name, kind } of spec.options) {
    const value = kind === "sizes" ? sizesOf(String(options[name])) : options[name];
    if (spec.positional.includes(name)) positional.push(value);
    else if (!isOfEditor(name)) named[name] = value;
  }
  const strength = Number(options.strength);
  if (options.regularizer === "l1") named.kernelRegularizer = regularizers.l1(strength);
  if (options.regularizer === "l2") named.kernelRegularizer = regularizers.l2(strength);
  if (options.regularizer === "l1l2")
    named.kernelRegularizer = regularizers.l1l2({ l1: strength, l2: strength });
  const layer = new makers[type](...positional, named);
  return options.bothWays === true ? new Bidirectional(layer as LSTM) : layer;
}

function makeOptimizer(setup: Setup, steps: number): Optimizer {
  const { className, fixed } = optimizerOf(setup.optimizer);
  return new optimizerMakers[className]({
    learningRate: rateOf(setup, steps),
    ...fixed,
    clipping: setup.clip > 0 ? globalClipNorm(setup.clip) : undefined,
  });
}

/** Its rate rises for three tenths of the steps, which have to be more than one. */
const leastOfCycle = 4;

function rateOf({ learningRate, schedule, decayEpochs }: Setup, steps: number) {
  const decaySteps = decayEpochs * steps;
  const decay = { initialLearningRate: learningRate, decaySteps };
  switch (schedule) {
    case "cosine":
      return schedules.cosineDecay(decay);
    case "exponential":
      return schedules.exponentialDecay({ ...decay, decayRate: 0.1 });
    case "step":
      return schedules.exponentialDecay({ ...decay, decayRate: 0.5, staircase: true });
    case "warmup":
      return schedules.cosineDecay({
        initialLearningRate: 0,
        decaySteps,
        warmupTarget: learningRate,
        warmupSteps: decaySteps / 10,
      });
    case "oneCycle":
      if (decaySteps < leastOfCycle)
        throw new Error(
          `One cycle takes ${leastOfCycle} steps or more: ${decayEpochs} epochs of ${steps} steps are ${decaySteps}. Give it more epochs, or smaller batches.`,
        );
      return schedules.oneCycle({ maxLearningRate: learningRate, totalSteps: decaySteps });
    default:
      return learningRate;
  }
}

/** What follows the curves of a run; it stays with the net while it trains on. */
export const callbacksOf = ({ schedule, decayEpochs }: Setup): Callback[] =>
  schedule === "plateau" ? [new LastingPlateau({ factor: 0.5, patience: decayEpochs })] : [];

/** A run of the page is one `fit` from each start to the next pause: what was seen before counts on. */
class LastingPlateau extends ReduceLROnPlateau {
  override onTrainBegin(model: TrainedModel): void {
    const seen = this.state();
    super.onTrainBegin(model);
    this.restore(seen);
  }
}

// The model of a set-up: its layers, and what it is compiled with.

import {
  Activation,
  AveragePooling2D,
  BatchNormalization,
  Bidirectional,
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
  Reshape,
  regularizers,
  Sequential,
  SimpleRNN,
} from "gradgpu/nn";
import {
  Adagrad,
  Adam,
  AdamW,
  globalClipNorm,
  Lion,
  Nadam,
  type Optimizer,
  type OptimizerOptions,
  RMSprop,
  SGD,
  schedules,
} from "gradgpu/optim";
import { isOfEditor, type LayerSetup, type LayerType, sizesOf, specOf } from "../setup/layers.ts";
import { type DataSpec, outputLayer, type Setup } from "../setup/setup.ts";
import { optimizerOf } from "../setup/training.ts";

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
  Adagrad,
  Adam,
  AdamW,
  Lion,
  Nadam,
  RMSprop,
  SGD,
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
  model.compile({
    optimizer: makeOptimizer(setup, steps),
    loss: losses.get(setup.loss),
    metrics: data.task === "regression" ? [] : ["accuracy"],
  });
  return model;
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

function rateOf({ learningRate, schedule, decayEpochs }: Setup, steps: number) {
  const decaySteps = decayEpochs * steps;
  if (schedule === "cosine") return schedules.cosineDecay({ initialLearningRate: learningRate, decaySteps });
  if (schedule === "exponential")
    return schedules.exponentialDecay({ initialLearningRate: learningRate, decaySteps, decayRate: 0.1 });
  return learningRate;
}

// All lessons, in the order of the index.

import type { AnyLesson } from "./frame/lesson.ts";
import activations from "./reports/activations.ts";
import adagrad from "./reports/adagrad.ts";
import augmentation from "./reports/augmentation.ts";
import backPropagation from "./reports/back-propagation.ts";
import batchAsMatrix from "./reports/batch-as-matrix.ts";
import batchNormFormula from "./reports/batch-norm-formula.ts";
import batchNormOrder from "./reports/batch-norm-order.ts";
import batchNormalization from "./reports/batch-normalization.ts";
import batchSizes from "./reports/batch-sizes.ts";
import capacity from "./reports/capacity.ts";
import counting from "./reports/counting.ts";
import covariateShift from "./reports/covariate-shift.ts";
import cpuAndGpu from "./reports/cpu-and-gpu.ts";
import diagrams from "./reports/diagrams.ts";
import dropout from "./reports/dropout.ts";
import dropoutEnsemble from "./reports/dropout-ensemble.ts";
import dyingRelu from "./reports/dying-relu.ts";
import earlyStopping from "./reports/early-stopping.ts";
import explodingGradients from "./reports/exploding-gradients.ts";
import hyperParameters from "./reports/hyper-parameters.ts";
import initialization from "./reports/initialization.ts";
import l1Sparsity from "./reports/l1-sparsity.ts";
import l2 from "./reports/l2.ts";
import largerThanMemory from "./reports/larger-than-memory.ts";
import largestBatch from "./reports/largest-batch.ts";
import learningRates from "./reports/learning-rates.ts";
import linearStack from "./reports/linear-stack.ts";
import lossFunctions from "./reports/loss-functions.ts";
import momentum from "./reports/momentum.ts";
import moreData from "./reports/more-data.ts";
import note000 from "./reports/note-000-imdb.ts";
import note001 from "./reports/note-001-mnist.ts";
import note002 from "./reports/note-002-summary.ts";
import note002Topics from "./reports/note-002-topics.ts";
import note003 from "./reports/note-003-pipeline.ts";
import note004 from "./reports/note-004-fashion.ts";
import optimizerPaths from "./reports/optimizer-paths.ts";
import optimizers from "./reports/optimizers.ts";
import overfitting from "./reports/overfitting.ts";
import pipelineCures from "./reports/pipeline-cures.ts";
import rateDecay from "./reports/rate-decay.ts";
import sgdNoise from "./reports/sgd-noise.ts";
import underfitting from "./reports/underfitting.ts";
import vanishingGradients from "./reports/vanishing-gradients.ts";

export const lessons: readonly AnyLesson[] = [
  note000,
  note001,
  note002,
  note002Topics,
  note003,
  note004,
  diagrams,
  batchAsMatrix,
  counting,
  activations,
  linearStack,
  lossFunctions,
  backPropagation,
  initialization,
  vanishingGradients,
  explodingGradients,
  dyingRelu,
  underfitting,
  overfitting,
  capacity,
  l2,
  l1Sparsity,
  dropout,
  dropoutEnsemble,
  moreData,
  augmentation,
  earlyStopping,
  pipelineCures,
  batchNormFormula,
  covariateShift,
  batchNormalization,
  batchNormOrder,
  learningRates,
  rateDecay,
  momentum,
  adagrad,
  sgdNoise,
  optimizerPaths,
  optimizers,
  hyperParameters,
  batchSizes,
  largestBatch,
  largerThanMemory,
  cpuAndGpu,
];

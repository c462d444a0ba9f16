// All cases, in the order in which they are run and shown.

import type { BenchCase } from "../bench-case.ts";
import { coldBench } from "./cold.ts";
import { elementwiseBench } from "./elementwise.ts";
import { fitBench } from "./fit.ts";
import { fitDatasetBench } from "./fit-dataset.ts";
import { hostBench } from "./host.ts";
import { layerBench } from "./layers.ts";
import { matmulBench } from "./matmul.ts";
import { movementBench } from "./movement.ts";
import { optimizerBench } from "./optimizer.ts";
import { reductionBench } from "./reductions.ts";
import { savingBench } from "./saving.ts";
import { scalingBench } from "./scaling.ts";
import { trainingBench } from "./training.ts";

export const allCases: readonly BenchCase[] = [
  ...matmulBench,
  ...elementwiseBench,
  ...reductionBench,
  ...movementBench,
  ...optimizerBench,
  ...layerBench,
  ...coldBench,
  ...trainingBench,
  ...hostBench,
  ...fitBench,
  ...savingBench,
  ...fitDatasetBench,
  ...scalingBench,
];

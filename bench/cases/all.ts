// All cases, in the order in which they are run and shown.

import type { BenchCase } from "../bench-case.ts";
import { hostBench } from "./host.ts";
import { kernelBench } from "./kernels.ts";
import { trainingBench } from "./training.ts";

export const allCases: readonly BenchCase[] = [...kernelBench, ...trainingBench, ...hostBench];

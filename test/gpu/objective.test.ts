// Losses, metrics, regularizers and constraints on this adapter, against PyTorch's and scikit-learn's numbers.

import { gpuDevice } from "../support/devices.ts";
import { describeObjectives } from "../support/objective-cases.ts";

describeObjectives(gpuDevice, 4e-6);

// Losses, metrics, regularizers and constraints on the CPU reference, against PyTorch's and scikit-learn's numbers.

import { referenceDevice } from "../support/devices.ts";
import { describeObjectives } from "../support/objective-cases.ts";

describeObjectives(referenceDevice, 3e-7);

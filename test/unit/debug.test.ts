// Debugging and noLeaks on the CPU reference.

import { debugCases } from "../support/debug-cases.ts";
import { referenceDevice } from "../support/devices.ts";

debugCases(referenceDevice);

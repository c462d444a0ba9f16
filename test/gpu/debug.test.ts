// Debugging and noLeaks on the adapter.

import { debugCases } from "../support/debug-cases.ts";
import { gpuDevice } from "../support/devices.ts";

debugCases(gpuDevice);

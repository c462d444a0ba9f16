// Software drivers on which the tests run all variants of all families, so that a device need not check them when it
// opens: pipelines take long to compile there.

import type { DeviceInfo } from "../backend.ts";

/** Pages are told no driver; SwiftShader's has been 5.0.0 for years, so that its name there says as much. */
const drivers = [/\bMesa 25\.0\.7\b.*\bLLVM 15\./, /^SwiftShader driver 5\.0\.0\b|^swiftshader$/];

export const isTested = ({
  adapter,
  driver,
  isSoftware,
}: Pick<DeviceInfo, "adapter" | "driver" | "isSoftware">): boolean =>
  isSoftware && drivers.some((pattern) => pattern.test(driver || adapter));

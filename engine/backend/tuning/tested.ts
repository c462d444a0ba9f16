// Software drivers on which the tests run all variants of all families, so that a device need not check them when it
// opens: pipelines take long to compile there.

import type { DeviceInfo } from "../backend.ts";

const drivers = [/\bMesa 25\.0\.7\b.*\bLLVM 15\./, /^SwiftShader driver 5\.0\.0\b/];

export const isTested = ({ driver, isSoftware }: Pick<DeviceInfo, "driver" | "isSoftware">): boolean =>
  isSoftware && drivers.some((pattern) => pattern.test(driver));

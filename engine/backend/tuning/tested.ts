// Software drivers on which the tests run all variants of all families, so that a device need not check them when it
// opens: pipelines take long to compile there.

import type { DeviceInfo } from "../backend.ts";

const drivers = [/\bMesa 25\.0\.7\b.*\bLLVM 15\./, /^SwiftShader driver 5\.0\.0\b/];

/** Pages are told a driver's name alone; SwiftShader's has been 5.0.0 for years, so that the name says as much. */
const isNamed = ({ adapter, driver }: Pick<DeviceInfo, "adapter" | "driver">): boolean =>
  driver === "" && adapter === "swiftshader";

export const isTested = (info: Pick<DeviceInfo, "adapter" | "driver" | "isSoftware">): boolean =>
  info.isSoftware && (isNamed(info) || drivers.some((pattern) => pattern.test(info.driver)));

// What a run on a GPU found, as a short text.

import type { DeviceInfo } from "../../engine/index.ts";
import type { Checked, Timed } from "./families.ts";
import type { Stepped } from "./nets.ts";

export interface OnGpu {
  readonly date: string;
  readonly device: DeviceInfo;
  readonly isSmall: boolean;
  readonly seconds: Readonly<Record<string, number>>;
  readonly checked: readonly Checked[];
  readonly timed: readonly Timed[];
  readonly steps: readonly Stepped[];
  readonly torch: string;
}

const short = (value: number): string =>
  value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));

/** Less is noise. */
const margin = 1.05;

function timedLine({ name, ms, bytes, multiplyAdds }: Timed): string {
  const each = Object.entries(ms);
  const [favourite, favouriteMs] = each[0];
  const [best, bestMs] = each.reduce((a, b) => (b[1] < a[1] ? b : a));
  const rate =
    multiplyAdds === undefined
      ? `${short(bytes / bestMs / 1e6)} GB/s`
      : `${short((2 * multiplyAdds) / bestMs / 1e9)} TFLOP/s`;
  const verdict =
    favouriteMs > bestMs * margin
      ? `, ${best} is ${short(favouriteMs / bestMs)} times as fast as ${favourite}`
      : "";
  const times = each.map(([variant, taken]) => `${variant} ${short(taken * 1e3)}`).join(", ");
  return `  ${name}: ${times} us; ${rate}${verdict}`;
}

export function renderText(run: OnGpu): string {
  const { device, checked, timed, steps } = run;
  const faults = checked.filter(({ fault }) => fault !== undefined);
  const families = new Set(checked.map(({ family }) => family));
  return [
    `gradgpu on ${device.adapter}, ${device.driver}${run.isSmall ? " (small sizes)" : ""}, ${run.date}`,
    `seconds: ${Object.entries(run.seconds)
      .map(([part, taken]) => `${part} ${taken.toFixed(0)}`)
      .join(", ")}`,
    "",
    `Correctness: ${checked.length - faults.length} of ${checked.length} variants of ${families.size} families compute what the reference does`,
    ...faults.map(({ family, variant, fault }) => `  WRONG ${family}/${variant}: ${fault}`),
    "",
    "Kernels, the profile's favourite first:",
    ...timed.map(timedLine),
    "",
    "Training steps, milliseconds:",
    ...steps.map(
      ({ net, ms }) =>
        `  ${net}: ${Object.entries(ms)
          .map(([who, value]) => `${who} ${typeof value === "number" ? short(value) : `- (${value})`}`)
          .join(", ")}`,
    ),
    run.torch,
    "",
  ].join("\n");
}

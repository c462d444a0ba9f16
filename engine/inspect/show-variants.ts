// The table of kernel variants of a device, as a person reads it.

import { keyOf } from "../kernel/variants.ts";
import type { Device } from "../tensor/device.ts";

/**
 * Which variant of each kernel family a device uses, what was measured, and what is broken here: a line for each. Empty on
 * the CPU reference, which has none.
 */
export function showVariants({ variants }: Device): string {
  if (variants === undefined) return "";
  const { adapter, names: families, pinned, usesMeasured, known } = variants;
  const lines = [`kernel variants on ${adapter}`];
  for (const [family, names] of families) {
    const fixed = pinned.get(family);
    const byProfile = `${usesMeasured ? "measured, else " : ""}as the adapter's profile says`;
    lines.push(`${family}: ${fixed === undefined ? byProfile : `pinned to ${fixed}`}`);
    for (const name of names) {
      const verdict = variants.verdict(family, name) ?? "not tried";
      lines.push(`  ${name}  ${verdict === true ? "sound" : verdict}`);
    }
    const prefix = keyOf(family, "");
    for (const [key, { chosen, ms }] of Object.entries(known.measured)) {
      if (!key.startsWith(prefix)) continue;
      const times = Object.entries(ms).map(([name, time]) => `${name} ${time.toPrecision(3)} ms`);
      const note = usesMeasured ? "" : " (not asked)";
      lines.push(`  ${key.slice(prefix.length)}: ${chosen}${note}, of ${times.join(", ")}`);
    }
  }
  return lines.join("\n");
}

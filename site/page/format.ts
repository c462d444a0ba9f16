// Numbers as the page shows them.

const whole = new Intl.NumberFormat("en");

export const count = (value: number): string => whole.format(value);

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Three digits or so, however large or small. */
export function short(value: number | undefined): string {
  if (value === undefined) return "–";
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(1).replace("-", "−");
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

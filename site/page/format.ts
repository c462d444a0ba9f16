// Numbers as the page shows them.

const whole = new Intl.NumberFormat("en");
/** As 610M. */
const large = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

export const count = (value: number): string => whole.format(value);

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Three digits or so, however large or small. */
export function short(value: number | undefined): string {
  if (value === undefined) return "–";
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e5 && size < 1e15) return large.format(value).replace("-", "−");
  if (size !== 0 && (size < 1e-3 || size >= 1e15)) return value.toExponential(1).replace("-", "−");
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

/** Four digits that count, of any size, as 1,996 or 610,200,000. */
export const full = (value: number): string =>
  Math.abs(value) < 1e15 && (value === 0 || Math.abs(value) >= 1e-4)
    ? value.toLocaleString("en", { maximumSignificantDigits: 4 })
    : value.toPrecision(4);

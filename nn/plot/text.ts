// Text as charts need it: how wide it is, about, how it breaks into lines, and numbers as people write them.

import { fontFamily } from "./theme.ts";

/** Widths in ems after DejaVu Sans, which is wider than what most pages have. */
function emsOf(character: string): number {
  if (/[ijlI|.,:;'!()[\]]/.test(character)) return 0.36;
  if (/[ftr\-/ "]/.test(character)) return 0.4;
  if (/[mwMW%@→]/.test(character)) return 0.95;
  if (/[A-Z]/.test(character)) return 0.71;
  // Chinese, Japanese, Korean and other wide letters.
  return character.charCodeAt(0) >= 0x1100 && !/[\u2000-\u2bff]/.test(character) ? 1.02 : 0.63;
}

/** Pixels, a little too many rather than too few. */
export function widthOf(text: string, size: number, isBold = false): number {
  let ems = 0;
  for (const character of text) ems += emsOf(character);
  return ems * size * (isBold ? 1.1 : 1);
}

/** Lines of at most `width` pixels, broken at blanks; a word that is longer stays whole. */
export function linesOf(text: string, width: number, size: number, isBold = false): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      const longer = line === "" ? word : `${line} ${word}`;
      if (line !== "" && widthOf(longer, size, isBold) > width) {
        lines.push(line);
        line = word;
      } else line = longer;
    }
    lines.push(line);
  }
  return lines;
}

/** The text, or its beginning with an ellipsis where it is too wide. */
export function fitted(text: string, width: number, size: number): string {
  if (widthOf(text, size) <= width) return text;
  let short = text;
  while (short.length > 1 && widthOf(`${short}…`, size) > width) short = short.slice(0, -1);
  return `${short.trimEnd()}…`;
}

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const raised = (exponent: number): string =>
  `${exponent < 0 ? "⁻" : ""}${[...String(Math.abs(exponent))].map((digit) => superscripts[Number(digit)]).join("")}`;

/** 10 to a whole power: 0.01, 1, 1,000 as they are, others with a raised exponent. */
export const powerText = (exponent: number): string =>
  exponent >= -3 && exponent <= 4 ? numberText(10 ** exponent) : `10${raised(exponent)}`;

/** With thousands apart and a true minus. @param digits behind the point; default as many as four leading digits need */
export function numberText(value: number, digits?: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e7 || size < 1e-3)) {
    const exponent = Math.floor(Math.log10(size) + 1e-12);
    const factor = value / 10 ** exponent;
    const shown = String(Number(factor.toPrecision(3))).replace("-", "−");
    return shown === "1" ? `10${raised(exponent)}` : `${shown}·10${raised(exponent)}`;
  }
  const fixed = digits === undefined ? String(Number(value.toPrecision(4))) : value.toFixed(digits);
  const [whole, rest] = fixed.replace(/^-/, "").split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  const sign = value < 0 && Number(fixed) !== 0 ? "−" : "";
  return `${sign}${grouped}${rest === undefined ? "" : `.${rest}`}`;
}

export interface TextOptions {
  readonly x: number;
  /** Of the middle of its line. */
  readonly y: number;
  readonly text: string;
  readonly size: number;
  readonly colour: string;
  readonly align?: "left" | "center" | "right";
  readonly isBold?: boolean;
  readonly rotation?: number;
}

/** A text as ECharts' graphic component has it. */
export const textGraphic = ({ x, y, text, size, colour, align = "left", isBold, rotation }: TextOptions) => ({
  type: "text",
  x,
  y,
  rotation,
  silent: true,
  style: {
    text,
    fill: colour,
    fontSize: size,
    fontFamily,
    fontWeight: isBold ? "bold" : "normal",
    textAlign: align,
    textVerticalAlign: "middle",
  },
});

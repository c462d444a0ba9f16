// Colours of numbers: from one colour to another for amounts, with a middle for what goes both ways.

import type { Theme } from "./theme.ts";

export type Rgb = readonly [red: number, green: number, blue: number];

/** Cividis, which those who see no red or green read as well: dark to light. */
const cividis: readonly Rgb[] = [
  [0, 34, 78],
  [18, 53, 112],
  [59, 73, 108],
  [87, 93, 109],
  [112, 113, 115],
  [138, 134, 120],
  [165, 156, 116],
  [195, 179, 105],
  [225, 204, 85],
  [254, 232, 56],
];
/** Blue for less, orange for more. */
const below: readonly Rgb[] = [
  [8, 72, 130],
  [48, 120, 180],
  [130, 180, 216],
];
const above: readonly Rgb[] = [
  [244, 176, 116],
  [217, 110, 30],
  [150, 60, 0],
];

/** @param share from 0 to 1 */
function between(stops: readonly Rgb[], share: number): Rgb {
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const i = Math.min(stops.length - 2, Math.floor(at));
  const mix = (k: 0 | 1 | 2) => Math.round(stops[i][k] + (at - i) * (stops[i + 1][k] - stops[i][k]));
  return [mix(0), mix(1), mix(2)];
}

export type ColourScale = "sequential" | "diverging";

/** From the page's own colour to what stands out most on it. */
const amounts: Readonly<Record<Theme["name"], readonly Rgb[]>> = {
  light: [
    [255, 255, 255],
    [183, 214, 236],
    [86, 152, 204],
    [16, 92, 156],
    [6, 44, 92],
  ],
  dark: [
    [20, 24, 29],
    [17, 58, 98],
    [24, 108, 172],
    [92, 170, 226],
    [222, 240, 252],
  ],
};

/** Of a share from 0 to 1: the least and the largest of what is shown. */
export function rgbOf(kind: ColourScale | "height", share: number, theme: Theme): Rgb {
  if (!Number.isFinite(share)) return hexRgb(theme.grid);
  if (kind === "height") return between(cividis, share);
  if (kind === "sequential") return between(amounts[theme.name], share);
  return between([...below, hexRgb(theme.page), ...above], share);
}

export const cssOf = ([red, green, blue]: Rgb): string =>
  `#${[red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("")}`;

export const hexRgb = (hex: string): Rgb =>
  [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;

/** Ink that can be read on a colour. */
export function inkOn([red, green, blue]: Rgb): string {
  const linear = (part: number) => (part / 255) ** 2.2;
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue) > 0.3 ? "#1b232c" : "#ffffff";
}

/** A colour over another, by its share. */
export const mixed = (a: Rgb, b: Rgb, share: number): Rgb =>
  [0, 1, 2].map((k) => Math.round(a[k] * share + b[k] * (1 - share))) as unknown as Rgb;

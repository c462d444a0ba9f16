// What several charts are made of: legends and the labels of axes.

import { type Canvas, ink, text } from "./draw.ts";

export const legend = (names: readonly string[]) => ({
  data: [...names],
  top: 0,
  left: 0,
  itemGap: 26,
  itemWidth: 14,
  itemHeight: 10,
  textStyle: { ...text, color: ink },
});

/** Rows that a legend of so many names takes. */
export const legendHeight = (names: readonly string[], { width }: Canvas) => {
  const characters = names.reduce((sum, name) => sum + name.length + 7, 0);
  return 29 * Math.max(1, Math.ceil((characters * 7) / width)) + 12;
};

/** 1500 as 1.5k, 0.001 as it is. */
export function short(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (value >= 1e3) return `${Number((value / 1e3).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

/** How many times further than the outermost points a logarithmic axis goes, so that none lies on the frame. */
const margin = 1.25;
/** The power of ten that leaves such room below a value, or above it. */
export const decadeBelow = (value: number) => 10 ** Math.floor(Math.log10(value / margin));
export const decadeAbove = (value: number) => 10 ** Math.ceil(Math.log10(value * margin));
/** The ends of an axis that leave such room on both sides. */
export const rangeAround = (values: readonly number[]) => ({
  min: Math.min(...values) / margin,
  max: Math.max(...values) * margin,
});

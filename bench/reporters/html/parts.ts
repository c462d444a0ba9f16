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

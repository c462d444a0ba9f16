// The bar that says which colour stands for which number, below what is coloured.

import { cssOf, type Rgb } from "./colours.ts";
import type { Box } from "./panel.ts";
import { numberText, textGraphic, widthOf } from "./text.ts";
import { sizes, type Theme } from "./theme.ts";

export const colourBarHeight = 50;

/**
 * @param box its left, top and width count
 * @param range of the numbers that have colours
 */
export function drawColourBar(
  box: Pick<Box, "left" | "top" | "width">,
  {
    colourAt,
    range,
    label,
    format,
  }: {
    /** Of a share from 0 to 1. */
    colourAt: (share: number) => Rgb;
    range: readonly [number, number];
    label?: string;
    format?: (value: number) => string;
  },
  theme: Theme,
): object[] {
  const [low, high] = range;
  const words = label ? widthOf(label, sizes.label) + 12 : 0;
  // Beside its words where there is room, else below them.
  const isBeside = words > 0 && words + 200 <= box.width;
  const inset = 14;
  const left = box.left + inset + (isBeside ? words : 0);
  const width = Math.min(320, box.width - 2 * inset - (isBeside ? words : 0));
  const top = box.top + (words > 0 && !isBeside ? 18 : 4);
  const text = format ?? ((value: number) => numberText(Number(value.toPrecision(2))));
  const stops = Array.from({ length: 21 }, (_, i) => ({
    offset: i / 20,
    color: cssOf(colourAt(i / 20)),
  }));
  const fill = { type: "linear", x: 0, y: 0, x2: 1, y2: 0, colorStops: stops };
  return [
    ...(label
      ? [
          textGraphic({
            x: box.left,
            y: isBeside ? top + 6 : box.top + 6,
            text: label,
            size: sizes.label,
            colour: theme.muted,
          }),
        ]
      : []),
    {
      type: "rect",
      silent: true,
      shape: { x: left, y: top, width, height: 12, r: 2 },
      style: { fill, stroke: theme.grid, lineWidth: 1 },
    },
    ...[0, 0.5, 1].map((share) =>
      textGraphic({
        x: left + share * width,
        y: top + 23,
        text: text(low + share * (high - low)),
        size: sizes.tick,
        colour: theme.muted,
        align: "center",
      }),
    ),
  ];
}

// Legends: rows of names with their marks, above what they tell of and never on it.

import type { LegendItem } from "./panel.ts";
import { fitted, textGraphic, widthOf } from "./text.ts";
import { sizes, type Theme } from "./theme.ts";

const markWidth = 24;
const textGap = 7;
const itemGap = 20;
export const legendRow = 22;

interface Placed {
  readonly item: LegendItem;
  readonly text: string;
  readonly x: number;
  readonly row: number;
}

/** Where each item stands, from the left, and how many rows there are. */
function place(items: readonly LegendItem[], width: number): { placed: Placed[]; rows: number } {
  const placed: Placed[] = [];
  let [x, row] = [0, 0];
  for (const item of items) {
    const text = fitted(item.name, width - markWidth - textGap, sizes.label);
    const wide = markWidth + textGap + widthOf(text, sizes.label);
    if (x > 0 && x + wide > width) [x, row] = [0, row + 1];
    placed.push({ item, text, x, row });
    x += wide + itemGap;
  }
  return { placed, rows: items.length === 0 ? 0 : row + 1 };
}

/** Pixels that it takes. */
export const legendHeight = (items: readonly LegendItem[], width: number): number =>
  place(items, width).rows * legendRow;

export function drawLegend(
  items: readonly LegendItem[],
  at: { left: number; top: number; width: number },
  theme: Theme,
): object[] {
  return place(items, at.width).placed.flatMap(({ item, text, x, row }) => {
    const left = at.left + x;
    const middle = at.top + row * legendRow + legendRow / 2;
    return [
      ...markOf(item, left, middle, theme),
      textGraphic({
        x: left + markWidth + textGap,
        y: middle,
        text,
        size: sizes.label,
        colour: theme.ink,
      }),
    ];
  });
}

export const dashes = { line: undefined, dashed: [6, 4], dotted: [2, 3] } as const;

function markOf({ mark, colour }: LegendItem, left: number, middle: number, theme: Theme): object[] {
  if (mark === "box") {
    const shape = { x: left + 5, y: middle - 7, width: 14, height: 14, r: 2 };
    return [{ type: "rect", silent: true, shape, style: { fill: colour } }];
  }
  if (mark === "triangle" || mark === "diamond") {
    const centre = left + markWidth / 2;
    const [up, side] = [middle - 6, mark === "triangle" ? middle + 5 : middle];
    const points = [
      [centre, up],
      [centre + 6, side],
      ...(mark === "diamond" ? [[centre, middle + 6]] : []),
      [centre - 6, side],
    ];
    return [{ type: "polygon", silent: true, shape: { points }, style: { fill: colour } }];
  }
  if (mark === "point") {
    const shape = { cx: left + markWidth / 2, cy: middle, r: 5 };
    return [{ type: "circle", silent: true, shape, style: { fill: colour, stroke: theme.page } }];
  }
  const shape = { x1: left, y1: middle, x2: left + markWidth, y2: middle };
  const lineDash = dashes[mark];
  return [{ type: "line", silent: true, shape, style: { stroke: colour, lineWidth: 2.5, lineDash } }];
}

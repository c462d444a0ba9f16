// Where the boxes of a diagram stand: below what they come from, beside what stands as deep; arrows that pass a row keep a lane.

import { ArgumentError } from "../../../engine/index.ts";

export interface Arrow {
  readonly from: number;
  readonly to: number;
}

/** A box by its number, or undefined for the lane of an arrow that passes. */
export interface Place {
  readonly box: number | undefined;
  /** Of {@link Rows.lanes}: which arrow passes here. */
  readonly arrow: number | undefined;
}

export interface Rows {
  /** From the top down, each from left to right. */
  readonly rows: readonly (readonly Place[])[];
  /** By box: the number of its row. */
  readonly depth: readonly number[];
}

/** @throws ArgumentError where arrows lead in a circle; those from a box to itself don't count */
export function rowsOf(what: string, names: readonly string[], arrows: readonly Arrow[]): Rows {
  const onward = arrows.filter(({ from, to }) => from !== to);
  const depth = depthsOf(what, names, onward);
  const rows: Place[][] = Array.from({ length: Math.max(0, ...depth) + 1 }, () => []);
  for (const [box, row] of depth.entries()) rows[row].push({ box, arrow: undefined });
  for (const [arrow, { from, to }] of arrows.entries())
    for (let row = depth[from] + 1; row < depth[to]; row++) rows[row].push({ box: undefined, arrow });
  // Each stands near the middle of what leads to it.
  for (let row = 1; row < rows.length; row++) {
    const above = new Map<string, number>(rows[row - 1].map((place, i) => [keyOf(place), i]));
    const last = Math.max(1, rows[row - 1].length - 1);
    const middle = (place: Place): number => {
      const sources = onward.flatMap((arrow) => {
        const i = arrows.indexOf(arrow);
        const isHere = place.box === undefined ? place.arrow === i : arrow.to === place.box;
        const at = isHere ? (above.get(`arrow ${i}`) ?? above.get(`box ${arrow.from}`)) : undefined;
        return at === undefined ? [] : [at / last];
      });
      return sources.length === 0 ? 0.5 : sources.reduce((sum, at) => sum + at, 0) / sources.length;
    };
    rows[row] = rows[row]
      .map((place) => ({ place, at: middle(place) }))
      .sort((a, b) => a.at - b.at)
      .map(({ place }) => place);
  }
  return { rows, depth };
}

const keyOf = ({ box, arrow }: Place): string => (box === undefined ? `arrow ${arrow}` : `box ${box}`);

/** The longest way to each box. */
function depthsOf(what: string, names: readonly string[], arrows: readonly Arrow[]): number[] {
  const depth = names.map(() => 0);
  const waiting = names.map((_, box) => arrows.filter(({ to }) => to === box).length);
  const ready = names.map((_, box) => box).filter((box) => waiting[box] === 0);
  let done = 0;
  for (let box = ready.shift(); box !== undefined; box = ready.shift()) {
    done++;
    for (const { from, to } of arrows) {
      if (from !== box) continue;
      depth[to] = Math.max(depth[to], depth[box] + 1);
      if (--waiting[to] === 0) ready.push(to);
    }
  }
  if (done < names.length) {
    const left = names.filter((_, box) => waiting[box] > 0);
    throw new ArgumentError(
      `${what}: edges lead in a circle, among ${left.slice(0, 4).join(", ")}; only an edge from a node to itself may lead back`,
    );
  }
  // What nothing leads to stands just above the first that it leads to.
  for (const box of names.keys()) {
    const next = arrows.filter(({ from }) => from === box).map(({ to }) => depth[to]);
    if (next.length > 0 && !arrows.some(({ to }) => to === box)) depth[box] = Math.min(...next) - 1;
  }
  return depth;
}

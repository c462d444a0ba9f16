// Lines of equal height over a grid of values (marching squares), joined into as few lines as they are.

type Point = readonly [x: number, y: number];

/**
 * @param values along x first
 * @returns lines in units of the grid's places
 */
export function levelLines(
  values: readonly number[],
  width: number,
  height: number,
  level: number,
): Point[][] {
  const segments: [Point, Point][] = [];
  const at = (x: number, y: number) => values[y * width + x];
  for (let y = 0; y + 1 < height; y++) {
    for (let x = 0; x + 1 < width; x++) {
      const corners = [at(x, y), at(x + 1, y), at(x + 1, y + 1), at(x, y + 1)];
      if (!corners.every(Number.isFinite)) continue;
      const places: Point[] = [
        [x, y],
        [x + 1, y],
        [x + 1, y + 1],
        [x, y + 1],
      ];
      // Where the level crosses each side, in the order of the sides.
      const crossings = corners.flatMap((from, i): { side: number; point: Point }[] => {
        const to = corners[(i + 1) % 4];
        if (from < level === to < level) return [];
        const share = (level - from) / (to - from);
        const [a, b] = [places[i], places[(i + 1) % 4]];
        return [{ side: i, point: [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])] }];
      });
      if (crossings.length === 2) segments.push([crossings[0].point, crossings[1].point]);
      if (crossings.length === 4) {
        // A saddle: the middle says which sides belong together.
        const isHigh = corners.reduce((sum, value) => sum + value, 0) / 4 >= level;
        const isFirstHigh = corners[0] >= level;
        const [p, q, r, s] = crossings.map(({ point }) => point);
        segments.push(
          ...((isHigh === isFirstHigh
            ? [
                [p, q],
                [r, s],
              ]
            : [
                [s, p],
                [q, r],
              ]) as [Point, Point][]),
        );
      }
    }
  }
  return joined(segments);
}

const keyOf = ([x, y]: Point): string => `${x.toFixed(6)},${y.toFixed(6)}`;

/** Segments that meet, as lines. */
function joined(segments: readonly [Point, Point][]): Point[][] {
  const byEnd = new Map<string, Set<number>>();
  const put = (point: Point, i: number) => {
    const key = keyOf(point);
    byEnd.set(key, (byEnd.get(key) ?? new Set()).add(i));
  };
  for (const [i, [a, b]] of segments.entries()) {
    put(a, i);
    put(b, i);
  }
  const used = new Set<number>();
  const goOn = (line: Point[]) => {
    for (;;) {
      const end = line.at(-1) as Point;
      const next = [...(byEnd.get(keyOf(end)) ?? [])].find((i) => !used.has(i));
      if (next === undefined) return;
      used.add(next);
      const [a, b] = segments[next];
      line.push(keyOf(a) === keyOf(end) ? b : a);
    }
  };
  const lines: Point[][] = [];
  for (const [i, [a, b]] of segments.entries()) {
    if (used.has(i)) continue;
    used.add(i);
    const line: Point[] = [a, b];
    goOn(line);
    line.reverse();
    goOn(line);
    lines.push(line);
  }
  return lines;
}

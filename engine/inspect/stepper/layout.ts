// Where the boxes of a graph stand and how its arrows run: layers from top to bottom, fewest crossings first found by
// barycentres (Sugiyama's method). Knows ids and sizes only.

export interface LayoutNode {
  readonly id: string;
  /** Ids of the nodes that its arrows come from; they come earlier in the list, or are not in it. */
  readonly from: readonly string[];
  /** Put one layer above its first reader, as values that come in are; else below everything it is made of. */
  readonly isLeaf: boolean;
}

export interface LayoutSize {
  readonly width: number;
  readonly height: number;
  readonly gapX: number;
  readonly gapY: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface GraphLayout {
  readonly width: number;
  readonly height: number;
  /** Upper left corners by id. */
  readonly positions: ReadonlyMap<string, Point>;
  readonly edges: readonly {
    readonly from: string;
    readonly to: string;
    readonly points: readonly Point[];
  }[];
}

/** A box, or a place where a long arrow passes a layer. */
interface Cell {
  readonly id: string;
  readonly layer: number;
  readonly width: number;
  /** How much others go by it: ops and passing arrows far more than leaves. */
  readonly weight: number;
  x: number;
  readonly above: Cell[];
  readonly below: Cell[];
}

const sweeps = 8;
const passWidth = 14;
const leafWeight = 1e-3;
/** How far from the middle arrows come in, of a box's width. */
const portSpread = 0.3;

export function layoutGraph(nodes: readonly LayoutNode[], size: LayoutSize): GraphLayout {
  const layerOf = layers(nodes);
  const cells = new Map<string, Cell>();
  const rows: Cell[][] = [];
  const put = (id: string, layer: number, width: number, weight: number): Cell => {
    const cell: Cell = { id, layer, width, weight, x: 0, above: [], below: [] };
    (rows[layer] ??= []).push(cell);
    return cell;
  };
  for (const { id, isLeaf } of nodes) {
    cells.set(id, put(id, layerOf.get(id)!, size.width, isLeaf ? leafWeight : 1));
  }
  const routes = nodes.flatMap(({ id: to, from: sources }) =>
    sources
      .filter((from) => cells.has(from))
      .map((from, k) => {
        const route = [cells.get(from)!];
        const last = cells.get(to)!;
        for (let layer = route[0].layer + 1; layer < last.layer; layer++) {
          route.push(put(`${from}>${to}>${k}>${layer}`, layer, passWidth, 1));
        }
        route.push(last);
        for (let i = 1; i < route.length; i++) {
          route[i - 1].below.push(route[i]);
          route[i].above.push(route[i - 1]);
        }
        return { from, to, route };
      }),
  );
  orderRows(rows);
  placeRows(rows, size.gapX);

  const all = rows.flat();
  const left = all.reduce(
    (least, cell) => Math.min(least, cell.x - cell.width / 2),
    Number.POSITIVE_INFINITY,
  );
  const right = all.reduce((most, cell) => Math.max(most, cell.x + cell.width / 2), Number.NEGATIVE_INFINITY);
  const top = (cell: Cell) => cell.layer * (size.height + size.gapY);
  const positions = new Map(
    nodes.map(({ id }) => {
      const cell = cells.get(id)!;
      return [id, { x: cell.x - cell.width / 2 - left, y: top(cell) }];
    }),
  );
  const edges = routes.map(({ from, to, route }) => ({
    from,
    to,
    points: route.flatMap((cell, i) => {
      const x = cell.x - left;
      const above = { x, y: top(cell) };
      const below = { x, y: top(cell) + size.height };
      if (i === 0) return [below];
      if (i < route.length - 1) return [above, below];
      // Arrows come in from their own side, so that several can be told apart.
      const side = Math.max(-1, Math.min(1, (route[i - 1].x - cell.x) / size.width));
      return [{ x: x + side * size.width * portSpread, y: above.y }];
    }),
  }));
  return {
    width: all.length === 0 ? 0 : right - left,
    height: rows.length * (size.height + size.gapY) - (rows.length === 0 ? 0 : size.gapY),
    positions,
    edges,
  };
}

/** Each node one layer below the lowest of what it is made of; leaves just above their first reader. */
function layers(nodes: readonly LayoutNode[]): Map<string, number> {
  const layer = new Map<string, number>();
  const leaves = new Set(nodes.filter(({ isLeaf }) => isLeaf).map(({ id }) => id));
  for (const { id, from, isLeaf } of nodes) {
    if (isLeaf) continue;
    const above = from.map((source) => (leaves.has(source) ? 0 : (layer.get(source) ?? 0)));
    layer.set(id, 1 + above.reduce((most, one) => Math.max(most, one), 0));
  }
  for (const { id, from, isLeaf } of nodes) {
    if (isLeaf) continue;
    for (const source of from) {
      if (!leaves.has(source)) continue;
      const wanted = layer.get(id)! - 1;
      layer.set(source, Math.min(layer.get(source) ?? wanted, wanted));
    }
  }
  for (const id of leaves) if (!layer.has(id)) layer.set(id, 0);
  return layer;
}

function orderRows(rows: Cell[][]): void {
  const renumber = (row: Cell[]) => {
    row.forEach((cell, i) => {
      cell.x = i;
    });
  };
  rows.forEach(renumber);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const isDown = sweep % 2 === 0;
    for (const row of isDown ? rows : rows.toReversed()) {
      const keys = new Map(row.map((cell) => [cell, mean(isDown ? cell.above : cell.below) ?? cell.x]));
      row.sort((a, b) => keys.get(a)! - keys.get(b)!);
      renumber(row);
    }
  }
}

/** Draws cells to the middle of their neighbours, keeping order and gaps; what stands on a chain of ops goes first. */
function placeRows(rows: Cell[][], gap: number): void {
  for (const row of rows) {
    let x = 0;
    for (const cell of row) {
      cell.x = x + cell.width / 2;
      x += cell.width + gap;
    }
    for (const cell of row) cell.x -= (x - gap) / 2;
  }
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const isDown = sweep % 2 === 0;
    for (const row of isDown ? rows : rows.toReversed()) placeRow(row, gap, isDown);
  }
}

/** Leaves move out of the way of ops, short arrows out of the way of long ones. */
function placeRow(row: readonly Cell[], gap: number, isDown: boolean): void {
  const least = (from: number, to: number) => {
    let between = -(row[from].width + row[to].width) / 2;
    for (let i = from; i <= to; i++) between += row[i].width;
    return between + gap * (to - from);
  };
  const fixed: number[] = [];
  const order = row.map((_, i) => i).sort((a, b) => row[b].weight - row[a].weight);
  for (const i of order) {
    const { above, below } = row[i];
    const ahead = isDown ? above : below;
    let x = weightedMean(ahead.length > 0 ? ahead : [...above, ...below]) ?? row[i].x;
    const left = fixed.filter((k) => k < i).reduce((most, k) => Math.max(most, k), -1);
    const right = fixed.filter((k) => k > i).reduce((first, k) => Math.min(first, k), row.length);
    if (left >= 0) x = Math.max(x, row[left].x + least(left, i));
    if (right < row.length) x = Math.min(x, row[right].x - least(i, right));
    row[i].x = x;
    fixed.push(i);
  }
}

function mean(cells: readonly Cell[]): number | undefined {
  if (cells.length === 0) return undefined;
  return cells.reduce((total, cell) => total + cell.x, 0) / cells.length;
}

function weightedMean(cells: readonly Cell[]): number | undefined {
  if (cells.length === 0) return undefined;
  const total = cells.reduce((sum, cell) => sum + cell.weight, 0);
  return cells.reduce((sum, cell) => sum + cell.x * cell.weight, 0) / total;
}

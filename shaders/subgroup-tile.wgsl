// A register tile of C that one subgroup owns, 4 * lanes rows by as many columns: each lane loads four rows of A and four
// columns of B, and A's are handed around by broadcasts. Stands in front of kernels of products.

// Needs product.wgsl behind. Needs long-sum.wgsl behind.
enable subgroups;
// Kernels branch on what a subgroup's lanes found together.
diagnostic(off, subgroup_uniformity);

const lanes = 8u; // subgroup size and workgroup size: 4 or 8
const blocks = lanes; // of four rows that the tile has; fewer where C has so few rows

// Four columns of the tile, which a lane has. Block i holds the rows whose A lane i loads.
struct Tile {
  c0: Block,
  c1: Block,
  c2: Block,
  c3: Block,
  c4: Block,
  c5: Block,
  c6: Block,
  c7: Block,
}

struct LongTile {
  l0: LongBlock,
  l1: LongBlock,
  l2: LongBlock,
  l3: LongBlock,
  l4: LongBlock,
  l5: LongBlock,
  l6: LongBlock,
  l7: LongBlock,
}

// The same in memory that can be indexed, by rows.
alias Strip = array<vec4f, 32>;

// Adds two steps along K.
fn multiply_tile(tile: ptr<function, Tile>, a: Pair, b: Pair) {
  let a0 = a.first;
  let a1 = a.second;
  let b0 = b.first;
  let b1 = b.second;
  (*tile).c0 = multiply_add(multiply_add((*tile).c0, subgroupBroadcast(a0, 0u), b0), subgroupBroadcast(a1, 0u), b1);
  (*tile).c1 = multiply_add(multiply_add((*tile).c1, subgroupBroadcast(a0, 1u), b0), subgroupBroadcast(a1, 1u), b1);
  (*tile).c2 = multiply_add(multiply_add((*tile).c2, subgroupBroadcast(a0, 2u), b0), subgroupBroadcast(a1, 2u), b1);
  (*tile).c3 = multiply_add(multiply_add((*tile).c3, subgroupBroadcast(a0, 3u), b0), subgroupBroadcast(a1, 3u), b1);
  if (lanes == 8u) {
    (*tile).c4 = multiply_add(multiply_add((*tile).c4, subgroupBroadcast(a0, 4u), b0), subgroupBroadcast(a1, 4u), b1);
    (*tile).c5 = multiply_add(multiply_add((*tile).c5, subgroupBroadcast(a0, 5u), b0), subgroupBroadcast(a1, 5u), b1);
    (*tile).c6 = multiply_add(multiply_add((*tile).c6, subgroupBroadcast(a0, 6u), b0), subgroupBroadcast(a1, 6u), b1);
    (*tile).c7 = multiply_add(multiply_add((*tile).c7, subgroupBroadcast(a0, 7u), b0), subgroupBroadcast(a1, 7u), b1);
  }
}

// A number of lanes 0 to 3, or of 4 to 7.
fn four_lanes(a: f32, first: bool) -> vec4f {
  if (first) {
    return vec4f(subgroupBroadcast(a, 0u), subgroupBroadcast(a, 1u), subgroupBroadcast(a, 2u), subgroupBroadcast(a, 3u));
  }
  return vec4f(subgroupBroadcast(a, 4u), subgroupBroadcast(a, 5u), subgroupBroadcast(a, 6u), subgroupBroadcast(a, 7u));
}

// The same for up to 16 rows and 8 lanes: lane i has loaded rows i (x) and i + 8 (y).
fn multiply_few(tile: ptr<function, Tile>, a: Pair, b: Pair) {
  let x0 = a.first.x;
  let x1 = a.second.x;
  let y0 = a.first.y;
  let y1 = a.second.y;
  let p = b.first;
  let q = b.second;
  (*tile).c0 = multiply_add(multiply_add((*tile).c0, four_lanes(x0, true), p), four_lanes(x1, true), q);
  if (blocks > 1u) {
    (*tile).c1 = multiply_add(multiply_add((*tile).c1, four_lanes(x0, false), p), four_lanes(x1, false), q);
  }
  if (blocks > 2u) {
    (*tile).c2 = multiply_add(multiply_add((*tile).c2, four_lanes(y0, true), p), four_lanes(y1, true), q);
  }
  if (blocks > 3u) {
    (*tile).c3 = multiply_add(multiply_add((*tile).c3, four_lanes(y0, false), p), four_lanes(y1, false), q);
  }
}

fn join_tile(sum: ptr<function, LongTile>, tile: ptr<function, Tile>) {
  join_block(&(*sum).l0, &(*tile).c0);
  if (blocks > 1u) {
    join_block(&(*sum).l1, &(*tile).c1);
  }
  if (blocks > 2u) {
    join_block(&(*sum).l2, &(*tile).c2);
  }
  if (blocks > 3u) {
    join_block(&(*sum).l3, &(*tile).c3);
  }
  if (blocks > 4u) {
    join_block(&(*sum).l4, &(*tile).c4);
    join_block(&(*sum).l5, &(*tile).c5);
    join_block(&(*sum).l6, &(*tile).c6);
    join_block(&(*sum).l7, &(*tile).c7);
  }
}

fn settled_tile(sum: LongTile) -> Tile {
  return Tile(
    settled_block(sum.l0), settled_block(sum.l1), settled_block(sum.l2), settled_block(sum.l3),
    settled_block(sum.l4), settled_block(sum.l5), settled_block(sum.l6), settled_block(sum.l7),
  );
}

fn strip_of(tile: Tile) -> Strip {
  return Strip(
    tile.c0.r0, tile.c0.r1, tile.c0.r2, tile.c0.r3,
    tile.c1.r0, tile.c1.r1, tile.c1.r2, tile.c1.r3,
    tile.c2.r0, tile.c2.r1, tile.c2.r2, tile.c2.r3,
    tile.c3.r0, tile.c3.r1, tile.c3.r2, tile.c3.r3,
    tile.c4.r0, tile.c4.r1, tile.c4.r2, tile.c4.r3,
    tile.c5.r0, tile.c5.r1, tile.c5.r2, tile.c5.r3,
    tile.c6.r0, tile.c6.r1, tile.c6.r2, tile.c6.r3,
    tile.c7.r0, tile.c7.r1, tile.c7.r2, tile.c7.r3,
  );
}

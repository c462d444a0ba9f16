// What attention's kernels share: where heads lie in memory, which keys a query sees, what dropout leaves of a
// probability, and how rows of the other side come by the tile. For the front of those files.

// A thread owns ROWS rows of one side (queries, or keys and values) and walks those of the other in tiles. As it stands
// every thread reads the whole tile from memory; specialising replaces `stage` and `part_a`, `part_b`, `part_c` where
// the lanes of a subgroup hand rows around or a workgroup keeps them, the loads where heads are not whole vec4s, `see`,
// `offset_of` and `keep` where there are masks, a first position and dropout. Variables in loops are set to zeros: drivers
// leave those that are only declared as the last round left them. Needs exp-log.wgsl in front. Needs
// philox.wgsl in front. Needs attention.wgsl behind.

struct Sizes {
  // of queries; how many of them share a head of keys
  heads: u32,
  group: u32,
  queries: u32,
  keys: u32,
  // elements from one token to the next, and before the first head
  q_row: u32,
  q_first: u32,
  k_row: u32,
  k_first: u32,
  v_row: u32,
  v_first: u32,
  o_row: u32,
  // what one head is cut into: blocks of rows, chunks of columns; workgroups
  blocks: u32,
  chunks: u32,
  workgroups: u32,
  // whether queries see no later keys; where the position of a batch's first query is
  causal: u32,
  offset_first: u32,
  offset_step: u32,
  // from one of these to the next in the mask
  mask_batch: u32,
  mask_head: u32,
  mask_query: u32,
  mask_key: u32,
  // of dropout: fours of keys; floor(rate * 2^32); 1 / (1 - rate), 0 where everything is dropped
  quads: u32,
  threshold: u32,
  keep_scale: f32,
  scale: f32,
  // TILE, which the compiler does not know: unrolled, loops would take it long
  tile: u32,
}

alias Element = vec4f;

@group(0) @binding(0) var<uniform> sizes: Sizes;

const LANES = 8u;
const ROWS = 1u;
// vec4s of a query or key, and of a value
const A4 = 4u;
const B4 = 4u;
// the same in elements
const A_SIZE = 4u;
const B_SIZE = 4u;
// vec4s that one workgroup accumulates of them, and that it has of the second in a tile
const A_CHUNK = 4u;
const B_CHUNK = 4u;
const B_TILE = 4u;
// rows of a tile, and how many are worked on together, in fours
const TILE = 8u;
const QUADS = 2u;

// Scores of keys that are not seen, and what no other score falls below.
const unseen = -3.4e38;
const lowest = -3.3e38;

const fours = vec4u(0u, 1u, 2u, 3u);

struct Place {
  batch: u32,
  head: u32,
  // the first row, and the first column in vec4s
  row: u32,
  chunk: u32,
}

// The part of one head that a workgroup has; `heads` of that side.
fn place_of(workgroup: u32, heads: u32) -> Place {
  let block = workgroup / sizes.chunks;
  let head = block / sizes.blocks;
  return Place(head / heads, head % heads, block % sizes.blocks * (LANES * ROWS), workgroup % sizes.chunks);
}

// At which key the batch's first query stands.
fn offset_of(batch: u32) -> u32 {
  return 0u;
}

// How many keys, from the first on, causality lets queries see; none, where there is no such query.
fn ends_of(place: Place, i: vec4u) -> vec4u {
  let causal = min(vec4u(sizes.keys), i + (offset_of(place.batch) + 1u));
  return select(vec4u(), select(vec4u(sizes.keys), causal, vec4<bool>(sizes.causal != 0u)), i < vec4u(sizes.queries));
}

// The scores of queries i and keys j by the mask.
fn see(s: vec4f, place: Place, i: vec4u, j: vec4u) -> vec4f {
  return s;
}

fn scores_of(s: vec4f, place: Place, i: vec4u, j: vec4u) -> vec4f {
  return select(vec4f(unseen), see(s * sizes.scale, place, i, j), j < ends_of(place, i));
}

// e^(s - top) where the key is seen; NaN goes through.
fn probabilities_of(s: vec4f, top: vec4f) -> vec4f {
  return select(exp_4(s - top), vec4f(), s <= vec4f(lowest * 1.01));
}

// Four neighbouring keys of one query after dropout, j a multiple of 4.
fn keep(p: vec4f, place: Place, i: u32, j: u32) -> vec4f {
  return p;
}

fn block_of(place: Place, i: u32, j: u32) -> u32 {
  return ((place.batch * sizes.heads + place.head) * sizes.queries + i) * sizes.quads + (j >> 2u);
}

var<private> tile_first: u32;

// Brings the rows of the tile that begins with row `first`.
fn stage(first: u32, lane: u32) {
  tile_first = first;
}

// vec4 c of row t of the tile: of the queries or keys, and of the values or their like.
fn part_a(t: u32, c: u32) -> vec4f {
  return row_a(tile_first + t, c);
}

fn part_b(t: u32, c: u32) -> vec4f {
  return row_b(tile_first + t, c);
}

// C = A * B where 16x16 threads share one tile of C, 64 * blocks rows by as many columns, for GPUs: each element of A
// and B is read from memory once a tile, into workgroup memory, while the chunk before it is multiplied.

// Needs product.wgsl behind. Needs long-sum.wgsl behind.

const blocks = 2u; // 4x4 blocks along each side of a thread's part of the tile: 1 or 2
const quads = 16u * blocks; // groups of four rows, or of four columns, of the tile
const depth = 16u / blocks; // length of a chunk along K: 256 threads read it with one Pair each

// Two chunks of each operand, by k, then by quad: one is multiplied while the next is stored.
var<workgroup> a_chunks: array<array<array<vec4f, quads>, depth>, 2>;
var<workgroup> b_chunks: array<array<array<vec4f, quads>, depth>, 2>;

// What a thread brings into workgroup memory: half of them bring A, the other half B.
struct Reader {
  brings_b: bool,
  quad: u32,
  k: u32, // within the chunk
  address: Address,
}

fn reader_of(index: u32, starts: vec2u, row: u32, column: u32) -> Reader {
  var reader: Reader;
  reader.brings_b = index >= 128u;
  let share = index % 128u;
  // Neighbouring threads read neighbours in memory: along K where K is the operand's inner axis.
  let along_k = select(sizes.a_k, sizes.b_k, reader.brings_b) == 1u;
  reader.quad = select(share % quads, share / (depth / 2u), along_k);
  reader.k = select(share / quads, share % (depth / 2u), along_k) * 2u;
  if (reader.brings_b) {
    reader.address = address_b(starts.y, column + 4u * reader.quad);
  } else {
    reader.address = address_a(starts.x, row + 4u * reader.quad);
  }
  return reader;
}

fn fetch(reader: Reader, chunk: u32, end: u32) -> Pair {
  let k = chunk + reader.k;
  // Zeros past K on both sides, because 0 times infinity is not 0.
  var pair: Pair;
  if (k < end) {
    if (reader.brings_b) {
      pair = load_b(reader.address, k);
    } else {
      pair = load_a(reader.address, k);
    }
  }
  return Pair(pair.first, select(vec4f(), pair.second, k + 1u < end));
}

fn hand_over(reader: Reader, buffer: u32, pair: Pair) {
  if (reader.brings_b) {
    b_chunks[buffer][reader.k][reader.quad] = pair.first;
    b_chunks[buffer][reader.k + 1u][reader.quad] = pair.second;
  } else {
    a_chunks[buffer][reader.k][reader.quad] = pair.first;
    a_chunks[buffer][reader.k + 1u][reader.quad] = pair.second;
  }
}

@compute @workgroup_size(16, 16)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let tile = group.y * groups.x + group.x;
  if (tile >= sizes.tiles) {
    return;
  }
  let place = place_of(tile);
  let first_row = place.x * (4u * quads);
  let first_column = place.y * (4u * quads);
  let matrix = place.z;
  let end = select(sizes.k, sizes.k_last, matrix % sizes.batch.x + 1u == sizes.batch.x);
  let reader = reader_of(index, matrix_starts(matrix), first_row, first_column);
  // A thread's blocks lie half a tile apart, so that neighbours' reads of a chunk don't meet in one memory bank.
  let row = first_row + 4u * thread.y;
  let column = first_column + 4u * thread.x;

  // By row and column of blocks.
  var c00: Block;
  var c01: Block;
  var c10: Block;
  var c11: Block;
  var l00: LongBlock;
  var l01: LongBlock;
  var l10: LongBlock;
  var l11: LongBlock;
  hand_over(reader, 0u, fetch(reader, 0u, end));
  workgroupBarrier();
  var buffer = 0u;
  for (var chunk = 0u; chunk < end; chunk += depth) {
    // On its way while this chunk is multiplied; past the last one nothing is read.
    let next = fetch(reader, chunk + depth, end);
    for (var k = 0u; k < depth; k += 2u) {
      let a0 = Pair(a_chunks[buffer][k][thread.y], a_chunks[buffer][k + 1u][thread.y]);
      let b0 = Pair(b_chunks[buffer][k][thread.x], b_chunks[buffer][k + 1u][thread.x]);
      observe(0u, b0.first, b0.second);
      c00 = multiply_add_pair(c00, a0, b0);
      if (blocks == 2u) {
        let a1 = Pair(a_chunks[buffer][k][thread.y + 16u], a_chunks[buffer][k + 1u][thread.y + 16u]);
        let b1 = Pair(b_chunks[buffer][k][thread.x + 16u], b_chunks[buffer][k + 1u][thread.x + 16u]);
        observe(1u, b1.first, b1.second);
        c01 = multiply_add_pair(c01, a0, b1);
        c10 = multiply_add_pair(c10, a1, b0);
        c11 = multiply_add_pair(c11, a1, b1);
      }
    }
    buffer = 1u - buffer;
    hand_over(reader, buffer, next);
    workgroupBarrier();
    if (long_k && ((chunk + depth) % block_k == 0u || chunk + depth >= end)) {
      join_block(&l00, &c00);
      if (blocks == 2u) {
        join_block(&l01, &c01);
        join_block(&l10, &c10);
        join_block(&l11, &c11);
      }
    }
  }
  if (long_k) {
    c00 = settled_block(l00);
    c01 = settled_block(l01);
    c10 = settled_block(l10);
    c11 = settled_block(l11);
  }
  store_block(matrix, row, column, c00);
  finish(row, 0u, column);
  if (blocks == 2u) {
    store_block(matrix, row, column + 64u, c01);
    store_block(matrix, row + 64u, column, c10);
    store_block(matrix, row + 64u, column + 64u, c11);
    finish(row, 1u, column + 64u);
  }
}

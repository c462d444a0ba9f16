// C = A * B where threads share one tile of C, 64 * across rows by as many columns, for GPUs: each element of A and B is
// read from memory once a tile, on its way to workgroup memory while the chunk before it is multiplied.

// Needs product.wgsl behind. Needs long-sum.wgsl behind.

const across = 2u; // 4x4 blocks of a thread's part of the tile along its columns: 1 or 2
const down = select(2u, across, long_k); // and along its rows: totals beside 8x4 sums would leave GPUs few threads
const quads = 16u * across; // groups of four rows, or of four columns, of the tile
const depth = 16u; // length of a chunk along K; 8 in the large tile over windows, where reading A takes many registers
const buffers = 32u / depth / across; // chunks that are held
const threads = 256u * across / down;
// Whether a thread reads both operands, with one Pair each; else half of the threads read A, the other half B.
const brings_both = down == 2u && depth == 16u;

// Chunks of A (0) and of B (1), by k, then by quad. Where there are two, one is multiplied while the next is stored.
var<workgroup> chunks: array<array<array<array<vec4f, quads>, depth>, 2>, buffers>;

// What a thread brings of an operand into workgroup memory.
struct Reader {
  brings_b: bool,
  quad: u32,
  k: u32, // within the chunk
  address: Address,
}

// Neighbouring threads read neighbours in memory. Where K is the operand's inner axis, 8 of them store 8 quads all the
// same, as those of one quad would meet in one memory bank, and threads 8 apart read neighbours along K.
fn reader_of(brings_b: bool, share: u32, starts: vec2u, row: u32, column: u32) -> Reader {
  var reader: Reader;
  reader.brings_b = brings_b;
  let along_k = select(sizes.a_k, sizes.b_k, brings_b) == 1u;
  let run = select(quads, 8u, along_k);
  reader.quad = share % run + share / (run * depth / 2u) * run;
  reader.k = share / run % (depth / 2u) * 2u;
  if (brings_b) {
    reader.address = address_b(starts.y, column + 4u * reader.quad);
  } else {
    reader.address = address_a(starts.x, row + 4u * reader.quad);
  }
  return reader;
}

// Past K it reads the last k again: with a branch there, compilers wait for loads at its end, not where they are needed.
fn fetch(reader: Reader, chunk: u32, end: u32) -> Pair {
  let k = min(chunk + reader.k, (end - 1u) & ~1u);
  var pair: Pair;
  if (reader.brings_b) {
    pair = load_b(reader.address, k);
  } else {
    pair = load_a(reader.address, k);
  }
  return pair;
}

// What was fetched of a chunk goes where all can read it: zeros past K on both sides, because 0 times infinity is not 0.
fn hand_over(reader: Reader, buffer: u32, fetched: Pair, chunk: u32, end: u32) {
  let k = chunk + reader.k;
  let pair = Pair(select(vec4f(), fetched.first, k < end), select(vec4f(), fetched.second, k + 1u < end));
  let operand = u32(reader.brings_b);
  // Whoever brings B adds up its columns: each element passes one thread here, and eight or 16 where it is multiplied.
  if (reader.brings_b) {
    observe(0u, pair.first, pair.second);
  }
  chunks[buffer][operand][reader.k][reader.quad] = pair.first;
  chunks[buffer][operand][reader.k + 1u][reader.quad] = pair.second;
}

// Sums of columns, from the parts of all who bring B, for those who keep them: the threads of the tile's first rows.
fn join_sums(reader: Reader, x: u32) {
  if (reader.brings_b) {
    chunks[0][1][reader.k / 2u][reader.quad] = settled(column_sums[0]);
  }
  workgroupBarrier();
  for (var block = 0u; block < across; block++) {
    var sum = vec4f();
    for (var part = 0u; part < depth / 2u; part++) {
      sum += chunks[0][1][part][x + 16u * block];
    }
    column_sums[block] = LongSum(sum, vec4f());
  }
}

// A thread's part of C, by row and column of blocks.
struct Sums {
  c00: Block,
  c01: Block,
  c10: Block,
  c11: Block,
}

fn pair_at(buffer: u32, operand: u32, k: u32, quad: u32) -> Pair {
  return Pair(chunks[buffer][operand][k][quad], chunks[buffer][operand][k + 1u][quad]);
}

// Multiplies what a chunk has at k and k + 1.
fn multiply_at(sums: ptr<function, Sums>, buffer: u32, k: u32, x: u32, y: u32) {
  let a0 = pair_at(buffer, 0u, k, y);
  let b0 = pair_at(buffer, 1u, k, x);
  (*sums).c00 = multiply_add_pair((*sums).c00, a0, b0);
  var a1: Pair;
  if (down == 2u) {
    a1 = pair_at(buffer, 0u, k, y + threads / 16u);
    (*sums).c10 = multiply_add_pair((*sums).c10, a1, b0);
  }
  if (across == 2u) {
    let b1 = pair_at(buffer, 1u, k, x + 16u);
    (*sums).c01 = multiply_add_pair((*sums).c01, a0, b1);
    (*sums).c11 = multiply_add_pair((*sums).c11, a1, b1);
  }
}

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
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
  let starts = matrix_starts(matrix);
  let reader = reader_of(!brings_both && index >= 128u, index % (8u * depth * across), starts, first_row, first_column);
  var other = reader;
  if (brings_both) {
    other = reader_of(true, index, starts, first_row, first_column);
  }
  // A thread's blocks lie half a tile apart, so that neighbours' reads of a chunk don't meet in one memory bank.
  let x = index % 16u;
  let y = index / 16u;
  let row = first_row + 4u * y;
  let column = first_column + 4u * x;

  var sums: Sums;
  var l00: LongBlock;
  var l01: LongBlock;
  var l10: LongBlock;
  var l11: LongBlock;
  hand_over(reader, 0u, fetch(reader, 0u, end), 0u, end);
  if (brings_both) {
    hand_over(other, 0u, fetch(other, 0u, end), 0u, end);
  }
  workgroupBarrier();
  var buffer = 0u;
  for (var chunk = 0u; chunk < end; chunk += depth) {
    // On its way while this chunk is multiplied, and not looked at before.
    let next = fetch(reader, chunk + depth, end);
    var next_other = next;
    if (brings_both) {
      next_other = fetch(other, chunk + depth, end);
    }
    // Written out, because compilers don't unroll as much.
    multiply_at(&sums, buffer, 0u, x, y);
    multiply_at(&sums, buffer, 2u, x, y);
    multiply_at(&sums, buffer, 4u, x, y);
    multiply_at(&sums, buffer, 6u, x, y);
    if (depth == 16u) {
      multiply_at(&sums, buffer, 8u, x, y);
      multiply_at(&sums, buffer, 10u, x, y);
      multiply_at(&sums, buffer, 12u, x, y);
      multiply_at(&sums, buffer, 14u, x, y);
    }
    if (buffers == 1u) {
      workgroupBarrier();
    }
    buffer = (buffer + 1u) % buffers;
    hand_over(reader, buffer, next, chunk + depth, end);
    if (brings_both) {
      hand_over(other, buffer, next_other, chunk + depth, end);
    }
    workgroupBarrier();
    if (long_k && ((chunk + depth) % block_k == 0u || chunk + depth >= end)) {
      join_block(&l00, &sums.c00);
      if (down == 2u) {
        join_block(&l10, &sums.c10);
      }
      if (across == 2u) {
        join_block(&l01, &sums.c01);
        join_block(&l11, &sums.c11);
      }
    }
  }
  if (has_sums) {
    join_sums(other, x);
  }
  if (long_k) {
    sums.c00 = settled_block(l00);
    sums.c01 = settled_block(l01);
    sums.c10 = settled_block(l10);
    sums.c11 = settled_block(l11);
  }
  let next_row = row + threads / 4u;
  store_block(matrix, row, column, sums.c00);
  finish(matrix, row, 0u, column);
  if (down == 2u) {
    store_block(matrix, next_row, column, sums.c10);
  }
  if (across == 2u) {
    store_block(matrix, row, column + 64u, sums.c01);
    store_block(matrix, next_row, column + 64u, sums.c11);
    finish(matrix, row, 1u, column + 64u);
  }
}

// C = A * B where 16x16 threads share one tile of C, 64 * blocks rows by as many columns, for GPUs: each element of A
// and B is read from memory once a tile, into workgroup memory, while the chunk before it is multiplied. How A, B and C
// lie in memory is known only to address_a, load_a, address_b, load_b and store, which specialising replaces.

const blocks = 2u; // 4x4 blocks along each side of a thread's part of the tile: 1 or 2
const quads = 16u * blocks; // groups of four rows, or of four columns, of the tile
const depth = 16u / blocks; // length of a chunk along K: 256 threads read it with one Pair each

alias AElement = vec2f;
alias BElement = vec4f;
alias CElement = vec4f;

struct Sizes {
  m: u32,
  n: u32,
  k: u32,
  row_tiles: u32,
  column_tiles: u32,
  tiles: u32, // row_tiles * column_tiles * matrices in the batch
  one: u32, // always 1, which the compiler can't know
  a_row: u32, // elements from row to row of A, and from k to k + 1
  a_k: u32,
  b_column: u32, // elements from column to column of B, and from k to k + 1
  b_k: u32,
  k_last: u32, // k of the last of the products along the first batch axis: shorter where K was split into parts
  batch: vec4u, // lengths of the batch axes, innermost first
  a_batch: vec4u, // elements from matrix to matrix of A along each of them; 0 where A is broadcast
  b_batch: vec4u,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> a: array<AElement>;
@group(0) @binding(2) var<storage, read> b: array<BElement>;
@group(0) @binding(3) var<storage, read_write> c: array<CElement>;

// Four rows of A, or four columns of B, at k and at k + 1.
struct Pair {
  first: vec4f,
  second: vec4f,
}

// Where rows row..row+3 of A start; rows past the last repeat it, and what comes of them is never stored.
fn address_a(start: u32, row: u32) -> vec4u {
  return (start + min(vec4u(row, row + 1u, row + 2u, row + 3u), vec4u(sizes.m - 1u)) * sizes.a_row) / 2u;
}

// Here A is [M, K] with an even K, read in pairs along K.
fn load_a(address: vec4u, k: u32) -> Pair {
  let at = address + k / 2u;
  let p = a[at.x];
  let q = a[at.y];
  let r = a[at.z];
  let s = a[at.w];
  return Pair(vec4f(p.x, q.x, r.x, s.x), vec4f(p.y, q.y, r.y, s.y));
}

// Where columns column..column+3 of B start; columns past the last repeat others, and are never stored.
fn address_b(start: u32, column: u32) -> vec4u {
  return vec4u((start + min(column, sizes.n - 4u)) / 4u);
}

// Here B is [K, N] with N a multiple of 4. The element after an odd K's last is loaded again, never used.
fn load_b(address: vec4u, k: u32) -> Pair {
  let step = sizes.n / 4u;
  return Pair(b[address.x + k * step], b[address.x + min(k + 1u, sizes.k - 1u) * step]);
}

// Here N is a multiple of 4.
fn store(matrix: u32, row: u32, column: u32, value: vec4f) {
  if (row < sizes.m && column < sizes.n) {
    c[((matrix * sizes.m + row) * sizes.n + column) / 4u] = value;
  }
}

// Four rows of four columns of C.
struct Block {
  r0: vec4f,
  r1: vec4f,
  r2: vec4f,
  r3: vec4f,
}

fn multiply_add(sum: Block, a: vec4f, b: vec4f) -> Block {
  return Block(sum.r0 + a.x * b, sum.r1 + a.y * b, sum.r2 + a.z * b, sum.r3 + a.w * b);
}

fn multiply_add_pair(sum: Block, a: Pair, b: Pair) -> Block {
  return multiply_add(multiply_add(sum, a.first, b.first), a.second, b.second);
}

fn store_block(matrix: u32, row: u32, column: u32, block: Block) {
  store(matrix, row, column, block.r0);
  store(matrix, row + 1u, column, block.r1);
  store(matrix, row + 2u, column, block.r2);
  store(matrix, row + 3u, column, block.r3);
}

// Where A begins: not at its binding's first element where it is a window of something larger.
fn a_start() -> u32 {
  return 0u;
}

// Where the matrix of A (x) and of B (y) starts.
fn matrix_starts(matrix: u32) -> vec2u {
  var starts = vec2u(a_start(), 0u);
  var rest = matrix;
  for (var axis = 0u; rest > 0u; axis++) {
    let index = rest % sizes.batch[axis];
    rest /= sizes.batch[axis];
    starts += index * vec2u(sizes.a_batch[axis], sizes.b_batch[axis]);
  }
  return starts;
}

// Hooks of companions (see engine/jit): what passes of B, four columns of block `block` at k and k + 1, and what
// is left to do for those columns when the tile is stored whose first row is given.
fn observe(block: u32, b0: vec4f, b1: vec4f) {
}

fn finish(row: u32, block: u32, column: u32) {
}

// Two chunks of each operand, by k, then by quad: one is multiplied while the next is stored.
var<workgroup> a_chunks: array<array<array<vec4f, quads>, depth>, 2>;
var<workgroup> b_chunks: array<array<array<vec4f, quads>, depth>, 2>;

// What a thread brings into workgroup memory: half of them bring A, the other half B.
struct Reader {
  brings_b: bool,
  quad: u32,
  k: u32, // within the chunk
  address: vec4u,
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
  let first_row = tile % sizes.row_tiles * (4u * quads);
  let first_column = tile / sizes.row_tiles % sizes.column_tiles * (4u * quads);
  let matrix = tile / (sizes.row_tiles * sizes.column_tiles);
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

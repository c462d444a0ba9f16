// C = A * B where one thread owns one register tile of C: 4 * blocks rows by 4 * blocks columns. Needs nothing
// optional of the adapter, so it serves wherever no better variant does. How A, B and C lie in memory is known
// only to address_a, load_a, address_b, load_b and store, which specialising replaces.

const blocks = 2u; // 4x4 blocks along each side of a thread's tile: 1 or 2
const threads_x = 8u; // threads of a workgroup along the columns
const threads_y = 8u; // and along the rows

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

fn padded(pair: Pair, has_second: bool) -> Pair {
  return Pair(pair.first, select(vec4f(), pair.second, has_second));
}

fn multiply_add_pair(sum: Block, a: Pair, b: Pair) -> Block {
  return multiply_add(multiply_add(sum, a.first, b.first), a.second, b.second);
}

// Hooks of companions (see engine/jit): what passes of B, four columns of block `block` at k and k + 1, and what
// is left to do for those columns when the tile is stored whose first row is given.
fn observe(block: u32, b0: vec4f, b1: vec4f) {
}

fn finish(row: u32, block: u32, column: u32) {
}

@compute @workgroup_size(threads_x, threads_y)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
) {
  let tile = group.y * groups.x + group.x;
  if (tile >= sizes.tiles) {
    return;
  }
  let row = (tile % sizes.row_tiles * threads_y + thread.y) * (4u * blocks);
  let column = (tile / sizes.row_tiles % sizes.column_tiles * threads_x + thread.x) * (4u * blocks);
  let matrix = tile / (sizes.row_tiles * sizes.column_tiles);
  let starts = matrix_starts(matrix);
  let a_address = address_a(starts.x, row);
  let b_address = address_b(starts.y, column);
  let a_next = address_a(starts.x, row + 4u);
  let b_next = address_b(starts.y, column + 4u);

  // By row and column of blocks.
  var c00: Block;
  var c01: Block;
  var c10: Block;
  var c11: Block;
  for (var k = 0u; k < sizes.k; k += 2u) {
    // An odd K's last step has no second half. Zeros on both sides, because 0 times infinity is not 0.
    let has_second = k + 1u < sizes.k;
    let a0 = padded(load_a(a_address, k), has_second);
    let b0 = padded(load_b(b_address, k), has_second);
    observe(0u, b0.first, b0.second);
    if (blocks == 1u) {
      c00 = multiply_add_pair(c00, a0, b0);
    } else {
      let a1 = padded(load_a(a_next, k), has_second);
      let b1 = padded(load_b(b_next, k), has_second);
      observe(1u, b1.first, b1.second);
      c00 = multiply_add_pair(c00, a0, b0);
      c01 = multiply_add_pair(c01, a0, b1);
      c10 = multiply_add_pair(c10, a1, b0);
      c11 = multiply_add_pair(c11, a1, b1);
    }
  }
  store_block(matrix, row, column, c00);
  finish(row, 0u, column);
  if (blocks == 2u) {
    store_block(matrix, row, column + 4u, c01);
    store_block(matrix, row + 4u, column, c10);
    store_block(matrix, row + 4u, column + 4u, c11);
    finish(row, 1u, column + 4u);
  }
}

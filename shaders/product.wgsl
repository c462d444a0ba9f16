// What all kernels of products share, for behind their files: C = A * B, how A, B and C lie in memory, and where a
// tile of C and its matrix are.

// Specialising replaces the aliases, address_a, load_a, address_b, load_b and store, through which alone memory is
// read and written, a_start, rows_of and keep_sums. Needs long-sum.wgsl behind.

const has_batch = true; // whether there are several matrices
const long_k = false; // whether K is so long that sums over it are made of blocks
const block_k = 32u; // of K in a block

alias AElement = vec4f;
alias BElement = vec4f;
alias CElement = vec4f;
// Where four rows of A, or four columns of B, start.
alias Address = vec4u;

// How a window slides over images, where A is what it sees of them (window-product.wgsl); zeros elsewhere.
struct Window {
  extent: vec4u, // height and width of the images that are read (xy), and of what the rows, or K, go over (zw)
  size_stride: vec4u, // of the window, in taps (xy), and its stride (zw)
  dilation_before: vec4u, // distance between taps (xy); padding above and to the left (zw)
  images: u32,
  inner: u32, // channels of a group
  channels: u32, // of a pixel
  columns: u32, // of a row of B and of C: those of all groups
  rows: u32, // of C
  parts: u32, // into how many K is cut where it goes over places
  part: u32, // length of one, in places or, in a subgroup's kernel, in runs
}

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
  window: Window,
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

// Where rows row..row+3 of A start; rows past the last repeat others, and what comes of them is never stored.
fn address_a(start: u32, row: u32) -> Address {
  return vec4u((start + min(row, sizes.m - 4u)) / 4u);
}

// Here A lies as [K, M] with M a multiple of 4. The element after an odd K's last is loaded again, never used.
fn load_a(address: Address, k: u32) -> Pair {
  let step = sizes.m / 4u;
  return Pair(a[address.x + k * step], a[address.x + min(k + 1u, sizes.k - 1u) * step]);
}

// Where columns column..column+3 of B start; columns past the last repeat others, and are never stored.
fn address_b(start: u32, column: u32) -> Address {
  return vec4u((start + min(column, sizes.n - 4u)) / 4u);
}

// Here B is [K, N] with N a multiple of 4.
fn load_b(address: Address, k: u32) -> Pair {
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

// Four rows of C where K is long: what the blocks before give together.
struct LongBlock {
  r0: LongSum,
  r1: LongSum,
  r2: LongSum,
  r3: LongSum,
}

// Adds a block of K to the total, and starts the next one.
fn join_block(sum: ptr<function, LongBlock>, block: ptr<function, Block>) {
  let zero = sizes.one - 1u;
  (*sum).r0 = joined((*sum).r0, (*block).r0, zero);
  (*sum).r1 = joined((*sum).r1, (*block).r1, zero);
  (*sum).r2 = joined((*sum).r2, (*block).r2, zero);
  (*sum).r3 = joined((*sum).r3, (*block).r3, zero);
  *block = Block();
}

fn settled_block(sum: LongBlock) -> Block {
  return Block(settled(sum.r0), settled(sum.r1), settled(sum.r2), settled(sum.r3));
}

// Where four rows of tiles lie in C.
fn rows_of(row: u32) -> vec4u {
  return row + vec4u(0u, 1u, 2u, 3u);
}

fn store_block(matrix: u32, row: u32, column: u32, block: Block) {
  let rows = rows_of(row);
  store(matrix, rows.x, column, block.r0);
  store(matrix, rows.y, column, block.r1);
  store(matrix, rows.z, column, block.r2);
  store(matrix, rows.w, column, block.r3);
}

// Of a tile of C: x and y its row and its column among the tiles, z its matrix.
fn place_of(tile: u32) -> vec3u {
  let column = tile / sizes.row_tiles;
  return vec3u(tile % sizes.row_tiles, column % sizes.column_tiles, column / sizes.column_tiles);
}

// Where A begins: not at its binding's first element where it is a window of something larger.
fn a_start() -> u32 {
  return 0u;
}

// Where the matrix of A (x) and of B (y) starts.
fn matrix_starts(matrix: u32) -> vec2u {
  var starts = vec2u(a_start(), 0u);
  if (has_batch) {
    var rest = matrix;
    for (var axis = 0u; rest > 0u; axis++) {
      let index = rest % sizes.batch[axis];
      rest /= sizes.batch[axis];
      starts += index * vec2u(sizes.a_batch[axis], sizes.b_batch[axis]);
    }
  }
  return starts;
}

// What a companion (see engine/jit) has a kernel sum up on its way: four columns of B for each of a thread's blocks.
const has_sums = false;
var<private> column_sums: array<LongSum, 2>;

// What passes of B: four columns of block `block` at k and k + 1.
fn observe(block: u32, b0: vec4f, b1: vec4f) {
  if (has_sums && long_k) {
    column_sums[block] = joined(column_sums[block], b0 + b1, sizes.one - 1u);
  } else if (has_sums) {
    column_sums[block].total += b0 + b1;
  }
}

// What is left to do for those columns when the tile is stored whose first row is given. All tiles below each other saw
// the same.
fn finish(matrix: u32, row: u32, block: u32, column: u32) {
  if (has_sums && row == 0u) {
    keep_sums(matrix, column, settled(column_sums[block]));
  }
}

// Specialising replaces it. Here K is split, and each part's sums are a row of one more C, behind the others.
fn keep_sums(part: u32, column: u32, value: vec4f) {
  store(sizes.batch.x, part, column, value);
}

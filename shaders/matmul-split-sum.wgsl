// C from partial products: where K was split into parts that are multiplied side by side, adds up what they gave. One
// thread makes four neighbours in a row of C; `store` is the one of the matmul kernels, and specialised like theirs.

// Needs long-sum.wgsl behind.

alias CElement = vec4f;
alias Partial = vec4f;

struct Sizes {
  m: u32,
  n: u32,
  parts: u32,
  quads: u32, // groups of four in a row of C, the last one perhaps not whole
  items: u32, // threads with something to do
  zero: u32, // 0, which the compiler does not know
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> partials: array<Partial>; // by matrix, part, row, column
@group(0) @binding(2) var<storage, read_write> c: array<CElement>;

const WORKGROUP = 64u;
const long_k = false; // whether K is so long that sums over it are made of blocks

// Here N is a multiple of 4.
fn store(matrix: u32, row: u32, column: u32, value: vec4f) {
  c[((matrix * sizes.m + row) * sizes.n + column) / 4u] = value;
}

// Four neighbours in a row of what a part gave; rows are counted through all parts. Here N is a multiple of 4.
fn partial_at(row: u32, column: u32) -> vec4f {
  return partials[(row * sizes.n + column) / 4u];
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let item = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (item >= sizes.items) {
    return;
  }
  let column = item % sizes.quads * 4u;
  let row = item / sizes.quads % sizes.m;
  let matrix = item / sizes.quads / sizes.m;
  var total = vec4f();
  var sum: LongSum;
  // Four parts are on their way at once, and added up in their order.
  var from_row = matrix * sizes.parts * sizes.m + row;
  let past = from_row + sizes.parts * sizes.m;
  for (; from_row + 3u * sizes.m < past; from_row += 4u * sizes.m) {
    let first = partial_at(from_row, column);
    let second = partial_at(from_row + sizes.m, column);
    let third = partial_at(from_row + 2u * sizes.m, column);
    let fourth = partial_at(from_row + 3u * sizes.m, column);
    if (long_k) {
      sum = joined(joined(joined(joined(sum, first, sizes.zero), second, sizes.zero), third, sizes.zero), fourth, sizes.zero);
    } else {
      total = total + first + second + third + fourth;
    }
  }
  for (; from_row < past; from_row += sizes.m) {
    let partial = partial_at(from_row, column);
    if (long_k) {
      sum = joined(sum, partial, sizes.zero);
    } else {
      total += partial;
    }
  }
  if (long_k) {
    total = settled(sum);
  }
  store(matrix, row, column, total);
}

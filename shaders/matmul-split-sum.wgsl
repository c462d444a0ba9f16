// C from partial products: where K was split into parts that are multiplied side by side, adds up what they gave. One
// thread makes four neighbours in a row of C; `store` is the one of the matmul kernels, and specialised like theirs.

// Behind the parts of C may lie those of a companion's sums, a row each: `keep_sums` has their total. Needs long-sum.wgsl
// behind.

alias CElement = vec4f;

struct Sizes {
  m: u32,
  n: u32,
  parts: u32,
  quads: u32, // groups of four in a row of C, the last one perhaps not whole
  items: u32, // threads with something to do
  zero: u32, // 0, which the compiler does not know
  matrices: u32, // of C; what a thread makes of the one behind them is a companion's
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> partials: array<f32>; // by matrix, part, row, column; a companion's by part, column
@group(0) @binding(2) var<storage, read_write> c: array<CElement>;

const WORKGROUP = 64u;

// Here N is a multiple of 4.
fn store(matrix: u32, row: u32, column: u32, value: vec4f) {
  c[((matrix * sizes.m + row) * sizes.n + column) / 4u] = value;
}

fn keep_sums(part: u32, column: u32, value: vec4f) {
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
  let rows = select(1u, sizes.m, matrix < sizes.matrices); // of a part
  // Columns past the last repeat it, and are never stored.
  let columns = min(column + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.n - 1u));
  var sum: LongSum;
  // Four parts are on their way at once; past the last one it is read again, and left out.
  for (var part = 0u; part < sizes.parts; part += 4u) {
    for (var ahead = 0u; ahead < 4u; ahead++) {
      let i = part + ahead;
      let source = matrix * sizes.parts * sizes.m + min(i, sizes.parts - 1u) * rows + row;
      let at = source * sizes.n + columns;
      let own = vec4f(partials[at.x], partials[at.y], partials[at.z], partials[at.w]);
      sum = joined(sum, select(vec4f(), own, i < sizes.parts), sizes.zero);
    }
  }
  let total = settled(sum);
  if (matrix < sizes.matrices) {
    store(matrix, row, column, total);
  } else {
    keep_sums(0u, column, total);
  }
}

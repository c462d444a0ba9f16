// Reduces a middle axis of [outer, length, inner]: one thread for four neighbouring columns of one chunk of the
// reduced axis.

// As it stands it sums; specialising replaces `combine`, `join`, `settle`, `finish`, `store` and, where a row is not
// whole vec4s, `load4` and the type of in0.

struct Sizes {
  outer: u32,
  length: u32,
  inner: u32,
  // groups of four columns
  column_groups: u32,
  chunks: u32,
  // rows in a chunk
  chunk: u32,
  identity: u32,
  divisor: f32,
  // 0, which the compiler does not know
  zero: u32,
}

alias Value = f32;
alias Vector = vec4f;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Vector>;
@group(0) @binding(2) var<storage, read_write> out0: array<Value>;

const WORKGROUP = 64u;
// Rows added up before the block joins the total: sums of float join with what rounding would lose.
const BLOCK = 32u;

fn combine(a: Vector, b: Vector) -> Vector {
  return a + b;
}

// The total of what came before and a block.
fn join(total: Vector, block: Vector) -> Vector {
  return combine(total, block);
}

// The total when all blocks have joined.
fn settle(total: Vector) -> Vector {
  return total;
}

fn finish(value: Value) -> Value {
  return value;
}

// Four neighbouring elements of the input from `i` on; `column` is the first one's column.
fn load4(i: u32, column: u32) -> Vector {
  return in0[i >> 2u];
}

fn store(index: u32, value: Value) {
  out0[index] = value;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (thread >= sizes.outer * sizes.chunks * sizes.column_groups) {
    return;
  }
  let column = (thread % sizes.column_groups) * 4u;
  let chunk_index = thread / sizes.column_groups;
  let outer = chunk_index / sizes.chunks;
  let first = (chunk_index % sizes.chunks) * sizes.chunk;
  let end = min(first + sizes.chunk, sizes.length);
  let identity = Vector(bitcast<Value>(sizes.identity));
  let base = outer * sizes.length * sizes.inner + column;
  var total = identity;
  var row = first;
  while (row < end) {
    let stop = min(end, row + BLOCK);
    var block = identity;
    for (; row + 4u <= stop; row += 4u) {
      let i = base + row * sizes.inner;
      let a = load4(i, column);
      let b = load4(i + sizes.inner, column);
      let c = load4(i + 2u * sizes.inner, column);
      let d = load4(i + 3u * sizes.inner, column);
      block = combine(block, combine(combine(a, b), combine(c, d)));
    }
    for (; row < stop; row++) {
      block = combine(block, load4(base + row * sizes.inner, column));
    }
    total = join(total, block);
  }
  total = settle(total);
  let target_index = chunk_index * sizes.inner + column;
  for (var k = 0u; k < min(4u, sizes.inner - column); k++) {
    store(target_index + k, finish(total[k]));
  }
}

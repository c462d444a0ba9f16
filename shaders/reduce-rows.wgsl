// Reduces the innermost axis: one thread for each chunk of each row, or a workgroup.

// As it stands it sums; specialising replaces `combine`, `join`, `settle`, `finish`, `store`, `whole_of` where a
// workgroup shares a chunk, and, where rows are not whole vec4s, `load4` and the type of in0. Needs own-rows.wgsl in
// front.

struct Sizes {
  rows: u32,
  // elements in a row, chunks it is cut into, elements in a chunk (a multiple of 4)
  length: u32,
  chunks: u32,
  chunk: u32,
  // bits of the value that combining with changes nothing
  identity: u32,
  // what the result may be divided by
  divisor: f32,
  // 0, which the compiler does not know
  zero: u32,
}

alias Value = f32;
alias Vector = vec4f;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Vector>;
@group(0) @binding(2) var<storage, read_write> out0: array<Value>;

// vec4s added up before the block joins the total: sums of float join with what rounding would lose.
const BLOCK = 16u;

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

// What the threads of a chunk have together.
fn whole_of(part: Vector, lane: u32) -> Vector {
  return part;
}

fn finish(value: Value) -> Value {
  return value;
}

// Four elements of the input from `i` on.
fn load4(i: u32) -> Vector {
  return in0[i >> 2u];
}

fn load1(i: u32) -> Value {
  return in0[i >> 2u][i & 3u];
}

fn store(index: u32, value: Value) {
  out0[index] = value;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let chunk = row_of(group.x + group.y * groups.x, lane);
  let chunks = sizes.rows * sizes.chunks;
  let base = chunk / sizes.chunks * sizes.length;
  let first = min((chunk % sizes.chunks) * sizes.chunk, sizes.length);
  let last = end_of(chunk, chunks, min(first + sizes.chunk, sizes.length));
  let end = base + last;
  let identity = Vector(bitcast<Value>(sizes.identity));
  var total = identity;
  var i = base + first + 4u * first_of(lane);
  while (i + 4u <= end) {
    let stop = min(end, i + BLOCK * 4u * LANES);
    var block = identity;
    for (; i + 4u <= stop; i += 4u * LANES * AHEAD) {
      for (var ahead = 0u; ahead < AHEAD; ahead++) {
        let step = i + 4u * LANES * ahead;
        block = combine(block, select(identity, load4(within(step, end - 4u)), counts(step, end - 4u)));
      }
    }
    total = join(total, block);
  }
  total = settle(total);
  var tail = identity;
  if (speaks(chunk, chunks, lane)) {
    for (i = end - (last - first) % 4u; i < end; i++) {
      tail = combine(tail, Vector(load1(i)));
    }
  }
  // combine lane by lane: the tail's lanes are all the same value
  let pair = combine(Vector(total.x), Vector(total.y));
  let other = combine(Vector(total.z), Vector(total.w));
  let whole = whole_of(combine(combine(pair, other), tail), lane);
  if (speaks(chunk, chunks, lane)) {
    store(chunk, finish(whole.x));
  }
}

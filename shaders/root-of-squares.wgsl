// Roots of sums of squares over a middle axis of [outer, length, inner], whatever the size of what is squared: one thread
// for each chunk of each row or column, or a workgroup for each chunk of a row.

// Where the sum says that squares may have overflowed or underflowed, the chunk is walked again, its elements times a
// power of two. Specialising replaces `Vector`, `WIDTH`, `load1`, `add_lanes` and `first_lane` where elements come singly,
// `together` and `store_all` where vectors are of neighbouring columns, and `total_of` where a workgroup shares a chunk.
// Needs long-sum.wgsl in front. Needs own-rows.wgsl in front.

struct Sizes {
  // chunks of rows or columns, in all and in each
  parts: u32,
  chunks: u32,
  // vectors side by side: 1 where they lie along the reduced axis
  columns: u32,
  // vectors along the reduced axis, and in a chunk
  length: u32,
  chunk: u32,
  // elements from one to the next, and in [length, inner]
  stride: u32,
  area: u32,
  // what the sum is divided by
  divisor: f32,
  // 0, which the compiler does not know
  zero: u32,
}

alias Value = f32;
alias Vector = vec4f;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Vector>;
@group(0) @binding(2) var<storage, read_write> out0: array<Value>;

// Vectors added up before the block joins the totals.
const BLOCK = 16u;
// Elements in a vector.
const WIDTH = 4u;
// 2^-80 and 2^80.
const shrinking = 8.271806e-25;
const growing = 1.2089258e24;

fn load4(i: u32) -> Vector {
  return in0[i / WIDTH];
}

fn load1(i: u32) -> Value {
  return in0[i / WIDTH][i % WIDTH];
}

// What elements are multiplied by: 1, but where their squares add up to more than 2^100 or less than 2^-70. By the sum's
// bits, which no compiler may assume to be finite.
fn factor_of(squares: Vector) -> Vector {
  let bits = bitcast<TermBits>(squares) & TermBits(0x7fffffffu);
  let is_large = bits > TermBits(0x71800000u);
  let is_small = bits < TermBits(0x1c800000u);
  return select(select(Vector(1.0), Vector(growing), is_small), Vector(shrinking), is_large);
}

// 1 / factor, without a division's rounding.
fn inverse_of(factor: Vector) -> Vector {
  let shrunk = select(Vector(1.0), Vector(shrinking), factor > Vector(1.0));
  return select(shrunk, Vector(growing), factor < Vector(1.0));
}

fn store(index: u32, value: Value) {
  out0[index] = value;
}

fn add_lanes(value: Vector) -> f32 {
  return (value.x + value.y) + (value.z + value.w);
}

// What the lanes, and the threads that share a chunk, have together, in all lanes.
fn together(value: Vector, lane: u32) -> Vector {
  return Vector(total_of(add_lanes(value), lane));
}

fn first_lane(value: Vector) -> f32 {
  return value.x;
}

fn store_all(part: u32, roots: Vector, lane: u32) {
  if (speaks(part, sizes.parts, lane)) {
    store(part, first_lane(roots));
  }
}

// The squares of the elements, from `first` to before `end` in steps of LANES, times `factor`.
fn squares_of(base: u32, first: u32, end: u32, factor: Vector) -> Vector {
  var sum: LongSum;
  var i = first;
  while (i < end) {
    let stop = min(end, i + BLOCK * LANES);
    var block = Vector();
    for (; i < stop; i += LANES * AHEAD) {
      for (var ahead = 0u; ahead < AHEAD; ahead++) {
        let step = i + LANES * ahead;
        let value = load4(base + within(step, end - 1u) * sizes.stride) * factor;
        block += select(Vector(), value * value, counts(step, end - 1u));
      }
    }
    sum = joined(sum, block, sizes.zero);
  }
  return settled(sum);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let part = row_of(group.x + group.y * groups.x, lane);
  let chunk = part / sizes.columns;
  let base = chunk / sizes.chunks * sizes.area + part % sizes.columns * WIDTH;
  let start = min(chunk % sizes.chunks * sizes.chunk, sizes.length);
  let end = end_of(part, sizes.parts, min(start + sizes.chunk, sizes.length));
  let first = start + first_of(lane);
  let plain = together(squares_of(base, first, end, Vector(1.0)), lane);
  let factor = factor_of(plain);
  var again = Vector();
  if (any(factor != Vector(1.0))) {
    again = squares_of(base, first, end, factor);
  }
  let squares = select(together(again, lane), plain, factor == Vector(1.0));
  store_all(part, sqrt(squares / sizes.divisor) * inverse_of(factor), lane);
}

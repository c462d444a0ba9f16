// Sums of shifted values and of their squares down the columns of [rows, columns], one pass: a thread for four
// neighbouring columns of one chunk of rows.

// The shift, the mean of the first rows, keeps E[x²] - E[x]² from cancelling. Needs long-sum.wgsl in front. With one
// chunk it finishes mean and variance itself; else moments-combine.wgsl does.

struct Sizes {
  rows: u32,
  columns: u32,
  column_groups: u32,
  chunks: u32,
  chunk: u32,
  // rows whose mean is the shift: told at run time, or the loop over them would be unrolled
  shift_rows: u32,
  // 0, which the compiler does not know
  zero: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<vec4f>;
// with several chunks: the shifted sums of every chunk; else the means
@group(0) @binding(2) var<storage, read_write> out0: array<f32>;
// with several chunks: the sums of squares; else the variances
@group(0) @binding(3) var<storage, read_write> out1: array<f32>;

const WORKGROUP = 64u;

// Four neighbouring elements of the input from `i` on; `column` is the first one's column.
fn load4(i: u32, column: u32) -> vec4f {
  return in0[i >> 2u];
}

fn shift_of(column: u32) -> vec4f {
  let count = sizes.shift_rows;
  var total = vec4f();
  for (var row = 0u; row < count; row++) {
    total += load4(row * sizes.columns + column, column);
  }
  let mean = total / f32(count);
  // Taken from itself, an infinity would leave NaN for the mean.
  return select(vec4f(), mean, (bitcast<vec4u>(mean) & vec4u(0x7f800000u)) != vec4u(0x7f800000u));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (thread >= sizes.chunks * sizes.column_groups) {
    return;
  }
  let column = (thread % sizes.column_groups) * 4u;
  let chunk_index = thread / sizes.column_groups;
  let end = min((chunk_index + 1u) * sizes.chunk, sizes.rows);
  let shift = shift_of(column);
  var sum: LongSum;
  var square_sum: LongSum;
  var row = chunk_index * sizes.chunk;
  for (; row < end; row += 2u) {
    // Two rows at a time; an odd count's last pair repeats its row, with nothing added. Fewer loads in the code
    // than a loop for the rest would take: on lavapipe each costs compile time.
    let a = load4(row * sizes.columns + column, column) - shift;
    let b = load4(min(row + 1u, end - 1u) * sizes.columns + column, column) - shift;
    let c = select(vec4f(), b, row + 1u < end);
    sum = joined(sum, a + c, sizes.zero);
    square_sum = joined(square_sum, a * a + c * c, sizes.zero);
  }
  let total = settled(sum);
  let squares = settled(square_sum);
  var first = total;
  var second = squares;
  if (sizes.chunks == 1u) {
    let mean = total / f32(sizes.rows);
    first = mean + shift;
    // Rounding may leave less than 0. By comparison, since max() may lose a NaN.
    second = squares / f32(sizes.rows) - mean * mean;
    second = select(second, vec4f(), second < vec4f());
  }
  let target_index = chunk_index * sizes.columns + column;
  for (var k = 0u; k < min(4u, sizes.columns - column); k++) {
    out0[target_index + k] = first[k];
    out1[target_index + k] = second[k];
  }
}

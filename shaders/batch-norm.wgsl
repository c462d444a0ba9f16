// Batch normalization of [rows, columns] in one kernel, for training where a dispatch costs more than a second walk.

// A thread takes four neighbouring columns, walks the rows for their mean and variance (one pass, shifted by the mean
// of the first rows, so that nothing cancels) and again to normalize. Columns come in whole vec4s. Specialising
// replaces `store` (see engine/jit) and, where threads share columns, `total_of`.

struct Sizes {
  rows: u32,
  // vec4s in a row
  width: u32,
  epsilon: f32,
  // rows whose mean is the shift: told at run time, or the loop over them would be unrolled
  shift_rows: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(3) var<storage, read> beta: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> means: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> variances: array<vec4f>;

const WORKGROUP = 8u;
// Threads that share four columns, each with rows of its own.
const SHARERS = 1u;
const COLUMNS = WORKGROUP / SHARERS;

// The sum over the threads that share columns.
fn total_of(part: vec4f, lane: u32) -> vec4f {
  return part;
}

fn store(row: u32, column: u32, value: vec4f) {
  c[row * sizes.width + column / 4u] = value;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = (group.x + group.y * groups.x) * COLUMNS + lane % COLUMNS;
  let column = min(place, sizes.width - 1u);
  // Threads without a column have no rows.
  let first = select(sizes.rows, lane / COLUMNS, place < sizes.width);
  let count = sizes.shift_rows;
  var shift = vec4f();
  for (var row = 0u; row < count; row++) {
    shift += x[row * sizes.width + column];
  }
  shift /= f32(count);
  var total = vec4f();
  var squares = vec4f();
  var row = first;
  for (; row < sizes.rows; row += 2u * SHARERS) {
    // Two rows at a time; where there is no second one the last is repeated, with nothing added.
    let p = x[row * sizes.width + column] - shift;
    let q = x[min(row + SHARERS, sizes.rows - 1u) * sizes.width + column] - shift;
    let r = select(vec4f(), q, row + SHARERS < sizes.rows);
    total += p + r;
    squares += p * p + r * r;
  }
  total = total_of(total, lane);
  squares = total_of(squares, lane);
  let offset = total / f32(sizes.rows);
  let mean = offset + shift;
  // Rounding may leave less than 0. By comparison, since max() may lose a NaN.
  let raw = squares / f32(sizes.rows) - offset * offset;
  let variance = select(raw, vec4f(), raw < vec4f());
  if (first == 0u) {
    means[column] = mean;
    variances[column] = variance;
  }
  let scale = gamma[column] * (1.0 / sqrt(variance + sizes.epsilon));
  let start = beta[column];
  for (row = first; row < sizes.rows; row += SHARERS) {
    store(row, column * 4u, (x[row * sizes.width + column] - mean) * scale + start);
  }
}

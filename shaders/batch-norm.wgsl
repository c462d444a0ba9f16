// Batch normalization of [rows, columns] in one kernel, for training on software adapters, where a dispatch costs more
// than a second walk.

// A thread takes four neighbouring columns, walks the rows for their mean and variance (one pass, shifted by the mean
// of the first rows, so that nothing cancels) and again to normalize. Columns come in whole vec4s. Specialising
// replaces `store` (see engine/jit).

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

fn store(row: u32, column: u32, value: vec4f) {
  c[row * sizes.width + column / 4u] = value;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let column = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (column >= sizes.width) {
    return;
  }
  let count = sizes.shift_rows;
  var shift = vec4f();
  for (var row = 0u; row < count; row++) {
    shift += x[row * sizes.width + column];
  }
  shift /= f32(count);
  var total = vec4f();
  var squares = vec4f();
  var row = 0u;
  for (; row < sizes.rows; row += 2u) {
    // Two rows at a time; an odd count's last pair repeats its row, with nothing added.
    let p = x[row * sizes.width + column] - shift;
    let q = x[min(row + 1u, sizes.rows - 1u) * sizes.width + column] - shift;
    let r = select(vec4f(), q, row + 1u < sizes.rows);
    total += p + r;
    squares += p * p + r * r;
  }
  let offset = total / f32(sizes.rows);
  let mean = offset + shift;
  // Rounding may leave less than 0. By comparison, since max() may lose a NaN.
  let raw = squares / f32(sizes.rows) - offset * offset;
  let variance = select(raw, vec4f(), raw < vec4f());
  means[column] = mean;
  variances[column] = variance;
  let scale = gamma[column] * (1.0 / sqrt(variance + sizes.epsilon));
  let start = beta[column];
  for (row = 0u; row < sizes.rows; row++) {
    store(row, column * 4u, (x[row * sizes.width + column] - mean) * scale + start);
  }
}

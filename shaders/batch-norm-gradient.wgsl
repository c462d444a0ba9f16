// Gradient of batch normalization of [rows, columns] in one kernel: a thread takes four neighbouring columns, walks
// the rows for the gradients of beta and gamma, and again for that of x. Columns come in whole vec4s.

// Specialising replaces `store` (see engine/jit) and, where threads share columns, `total_of`.

struct Sizes {
  rows: u32,
  // vec4s in a row
  width: u32,
  epsilon: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(4) var<storage, read> means: array<vec4f>;
@group(0) @binding(5) var<storage, read> variances: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> gamma_gradient: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> beta_gradient: array<vec4f>;

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
  let mean = means[column];
  let scale = 1.0 / sqrt(variances[column] + sizes.epsilon);
  var total = vec4f();
  var weighted = vec4f();
  var row = first;
  for (; row < sizes.rows; row += SHARERS) {
    let i = row * sizes.width + column;
    let g = dy[i];
    total += g;
    weighted += g * (x[i] - mean);
  }
  total = total_of(total, lane);
  let for_gamma = total_of(weighted, lane) * scale;
  if (first == 0u) {
    gamma_gradient[column] = for_gamma;
    beta_gradient[column] = total;
  }
  let factor = gamma[column] * scale;
  let share = 1.0 / f32(sizes.rows);
  for (row = first; row < sizes.rows; row += SHARERS) {
    let i = row * sizes.width + column;
    let normalized = (x[i] - mean) * scale;
    store(row, column * 4u, factor * (dy[i] - (total + normalized * for_gamma) * share));
  }
}

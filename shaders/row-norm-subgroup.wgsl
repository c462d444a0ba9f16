// Normalizes short rows, as row-norm.wgsl does: the lanes of a subgroup share a row.

// Specialising replaces `gamma_of` and `beta_of` where there are none, and `store` (see engine/jit). Needs
// subgroup-rows.wgsl in front. Needs row-variance.wgsl in front.

@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> means: array<f32>;
@group(0) @binding(4) var<storage, read_write> scales: array<f32>;
@group(0) @binding(5) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(6) var<storage, read> beta: array<vec4f>;

fn gamma_of(unit: u32) -> vec4f {
  return gamma[unit];
}

fn beta_of(unit: u32) -> vec4f {
  return beta[unit];
}

fn store(row: u32, column: u32, value: vec4f) {
  c[row * sizes.width + column / 4u] = value;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  var gammas = Own();
  var betas = Own();
  for (var i = 0u; i < OWN; i++) {
    gammas[i] = gamma_of(within(unit_of(lane, i)));
    betas[i] = beta_of(within(unit_of(lane, i)));
  }
  let first = (group.x + group.y * groups.x) * sizes.chunk;
  let stop = min(first + sizes.chunk, sizes.rows);
  for (var row = first; row < stop; row++) {
    var values = Own();
    var mean = 0.0;
    var total = vec4f();
    for (var i = 0u; i < OWN; i++) {
      values[i] = x[row * sizes.width + within(unit_of(lane, i))];
      total += counted(values[i], unit_of(lane, i));
    }
    if (CENTERED) {
      mean = add_four(over_lanes(total)) / sizes.count;
    }
    // Of deviations, of their squares, and of the squares of 2^-80 of them, as in row-norm.wgsl.
    var rest = vec4f();
    var squares = vec4f();
    var small_squares = vec4f();
    for (var i = 0u; i < OWN; i++) {
      let value = counted(values[i] - mean, unit_of(lane, i));
      let small = value * shrunk;
      rest += value;
      squares += value * value;
      small_squares += small * small;
    }
    let sums = over_lanes(vec4f(add_four(rest), add_four(squares), add_four(small_squares), 0.0)) / sizes.count;
    var shift = 0.0;
    if (CENTERED) {
      shift = shift_of(sums.x);
      mean += shift;
    }
    let scale = scale_of(sums.y, sums.z, shift, sizes.epsilon);
    if (lane == 0u) {
      means[row] = mean;
      scales[row] = scale;
    }
    for (var i = 0u; i < OWN; i++) {
      if (unit_of(lane, i) < sizes.width) {
        store(row, 4u * unit_of(lane, i), (values[i] - mean) * scale * gammas[i] + betas[i]);
      }
    }
  }
}

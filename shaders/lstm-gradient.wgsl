// Back through the gates of an LSTM's step: one unit of one row a lane.

// Specialising adds sigmoid_4 and tanh_4. Needs exp-log.wgsl in front. Needs tanh.wgsl in front. Needs
// activations.wgsl in front.

struct Sizes {
  // units of all rows
  count: u32,
  // units that one workgroup walks
  segment: u32,
  units: u32,
  // 0, which the compiler does not know
  zero: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
// what went into a unit's gates: input, forget, candidate, output
@group(0) @binding(1) var<storage, read> z: array<vec4f>;
@group(0) @binding(2) var<storage, read> cell_before: array<f32>;
@group(0) @binding(3) var<storage, read> d_hidden: array<f32>;
@group(0) @binding(4) var<storage, read> d_cell: array<f32>;
@group(0) @binding(5) var<storage, read_write> d_z: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> d_cell_before: array<f32>;

const WORKGROUP = 64u;

// The gradient of what a unit shows.
fn d_hidden_at(i: u32) -> f32 {
  return d_hidden[i];
}

// Whether the row takes part in the step.
fn is_kept(row: u32) -> bool {
  return true;
}

// The rest of a row that does not: what it handed on gets the gradient as it is.
fn pass_on(e: u32, gradient: f32) {
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = (group.x + group.y * groups.x) * sizes.segment;
  let end = min(start + sizes.segment, sizes.count);
  for (var e = start + lane; e < end; e += WORKGROUP) {
    if (!is_kept(e / sizes.units)) {
      d_z[e] = vec4f();
      d_cell_before[e] = d_cell[e];
      pass_on(e, d_hidden_at(e));
      continue;
    }
    let gates = sigmoid_4(z[e]);
    let before = cell_before[e];
    let candidate = tanh_4(vec4f(z[e].z)).x;
    let squashed = tanh_4(vec4f(gates.y * before + gates.x * candidate)).x;
    let dh = d_hidden_at(e);
    let dc = d_cell[e] + dh * gates.w * (1.0 - squashed * squashed);
    let slopes = gates * (1.0 - gates);
    d_z[e] = vec4f(dc * candidate, dc * before, dc * gates.x, dh * squashed)
      * vec4f(slopes.xy, 1.0 - candidate * candidate, slopes.w);
    d_cell_before[e] = dc * gates.y;
    pass_on(e, 0.0);
  }
}

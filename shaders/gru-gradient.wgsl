// Back through the gates of a GRU's step: one unit of one row a lane.

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
// what went into a unit's gates: update, reset, the candidate's part from inputs, its part from the state
@group(0) @binding(1) var<storage, read> z: array<vec4f>;
@group(0) @binding(2) var<storage, read> before: array<f32>;
@group(0) @binding(3) var<storage, read> d_after: array<f32>;
// of what came from inputs: update, reset, candidate, and what is added to the state's part
@group(0) @binding(4) var<storage, read_write> d_inputs: array<vec4f>;
// of what came from the state: update, reset, candidate
@group(0) @binding(5) var<storage, read_write> d_product: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> d_before: array<f32>;

const WORKGROUP = 64u;

// The gradient of the state behind the step.
fn d_after_at(i: u32) -> f32 {
  return d_after[i];
}

// Whether the row takes part in the step.
fn is_kept(row: u32) -> bool {
  return true;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = (group.x + group.y * groups.x) * sizes.segment;
  let end = min(start + sizes.segment, sizes.count);
  for (var e = start + lane; e < end; e += WORKGROUP) {
    let d = d_after_at(e);
    if (!is_kept(e / sizes.units)) {
      d_inputs[e] = vec4f();
      d_product[e] = vec4f();
      d_before[e] = d;
      continue;
    }
    let own = z[e];
    let gates = sigmoid_4(own);
    let candidate = tanh_4(vec4f(own.z + gates.y * own.w)).x;
    let d_update = d * (before[e] - candidate) * gates.x * (1.0 - gates.x);
    let d_candidate = d * (1.0 - gates.x) * (1.0 - candidate * candidate);
    let d_reset = d_candidate * own.w * gates.y * (1.0 - gates.y);
    let d_state = d_candidate * gates.y;
    d_inputs[e] = vec4f(d_update, d_reset, d_candidate, d_state);
    d_product[e] = vec4f(d_update, d_reset, d_state, 0.0);
    d_before[e] = d * gates.x;
  }
}

// Gradient of softmax cross-entropy with respect to the logits: (softmax * sum(targets) - targets) * g, one thread
// a row. As it stands the targets are rows of probabilities; specialising replaces `target_total`, `target_at` and
// the type of in1 for integer labels. Needs exponential-total.wgsl in front.

struct Sizes {
  rows: u32,
  classes: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<f32>;
@group(0) @binding(2) var<storage, read> in1: array<f32>;
@group(0) @binding(3) var<storage, read> in2: array<f32>;
@group(0) @binding(4) var<storage, read_write> out0: array<f32>;

const WORKGROUP = 8u;

fn target_total(row: u32) -> f32 {
  var total = 0.0;
  for (var k = 0u; k < sizes.classes; k++) {
    total += in1[row * sizes.classes + k];
  }
  return total;
}

fn target_at(row: u32, k: u32) -> f32 {
  return in1[row * sizes.classes + k];
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (row >= sizes.rows) {
    return;
  }
  let start = row * sizes.classes;
  var largest = in0[start];
  var magnitudes = 0u;
  for (var k = 0u; k < sizes.classes; k++) {
    let x = in0[start + k];
    largest = max(largest, x);
    magnitudes = max(magnitudes, bitcast<u32>(x) & magnitude_bits);
  }
  var total = 0.0;
  for (var k = 0u; k < sizes.classes; k++) {
    total += exp_below_0(in0[start + k] - largest);
  }
  let g = in2[row];
  let scale = target_total(row) / defined_total(total, largest, magnitudes);
  for (var k = 0u; k < sizes.classes; k++) {
    out0[start + k] = (exp_below_0(in0[start + k] - largest) * scale - target_at(row, k)) * g;
  }
}

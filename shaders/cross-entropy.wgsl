// Softmax cross-entropy of rows with a target distribution: -sum(target * log(softmax(logits))), one thread a
// row. As it stands the targets are rows of probabilities; specialising replaces `target_term` and the type of
// in1 for integer labels. Needs exponential-total.wgsl in front.

struct Sizes {
  rows: u32,
  classes: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<f32>;
@group(0) @binding(2) var<storage, read> in1: array<f32>;
@group(0) @binding(3) var<storage, read_write> out0: array<f32>;

const WORKGROUP = 8u;

// The row's loss, given its maximum and the logarithm of its sum of exponentials.
fn row_loss(row: u32, largest: f32, log_total: f32) -> f32 {
  let start = row * sizes.classes;
  var loss = 0.0;
  for (var k = 0u; k < sizes.classes; k++) {
    // (log_total - (x - largest)) is -log(softmax): never negative, and 0 targets contribute nothing.
    loss += in1[start + k] * (log_total - (in0[start + k] - largest));
  }
  return loss;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (row >= sizes.rows) {
    return;
  }
  let start = row * sizes.classes;
  let end = start + sizes.classes;
  var largest = in0[start];
  var magnitudes = 0u;
  for (var i = start; i < end; i++) {
    largest = max(largest, in0[i]);
    magnitudes = max(magnitudes, bitcast<u32>(in0[i]) & magnitude_bits);
  }
  var total = 0.0;
  for (var i = start; i < end; i++) {
    total += exp_below_0(in0[i] - largest);
  }
  out0[row] = row_loss(row, largest, log_total_of(defined_total(total, largest, magnitudes)));
}

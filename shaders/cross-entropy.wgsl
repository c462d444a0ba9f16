// Softmax cross-entropy of rows with a target distribution: -sum(target * log(softmax(logits))). As it stands the
// targets are rows of probabilities; specialising replaces `row_loss` and the type of in1 for integer labels.

// Needs exponential-total.wgsl in front. Needs long-sum.wgsl in front. Needs own-rows.wgsl in front. Needs
// logit-rows.wgsl in front.

@group(0) @binding(3) var<storage, read_write> out0: array<f32>;

// The row's loss, given its maximum and the logarithm of its sum of exponentials.
fn row_loss(row: u32, lane: u32, largest: f32, log_total: f32) -> f32 {
  let start = row * sizes.classes;
  var loss: LongSum;
  for (var k = first_of(lane); k < sizes.classes; k += LANES * AHEAD) {
    for (var ahead = 0u; ahead < AHEAD; ahead++) {
      let step = k + LANES * ahead;
      let at = start + within(step, sizes.classes - 1u);
      let t = select(0.0, in1[at], counts(step, sizes.classes - 1u));
      loss = plus(loss, class_loss(in0[at], t, largest, log_total));
    }
  }
  return total_of(whole(loss), lane);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = row_of(group.x + group.y * groups.x, lane);
  let logits = logit_row(row, lane, end_of(row, sizes.rows, sizes.classes));
  let loss = row_loss(row, lane, logits.largest, log_total_of(logits.total));
  if (speaks(row, sizes.rows, lane)) {
    out0[row] = loss;
  }
}

// Gradient of softmax cross-entropy with respect to the logits: (softmax * sum(targets) - targets) * g.

// As it stands the targets are rows of probabilities; specialising replaces `target_total`, `target_at` and the type
// of in1 for integer labels. Needs exponential-total.wgsl in front. Needs long-sum.wgsl in front. Needs own-rows.wgsl
// in front. Needs logit-rows.wgsl in front.

@group(0) @binding(3) var<storage, read> in2: array<f32>;
@group(0) @binding(4) var<storage, read_write> out0: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = row_of(group.x + group.y * groups.x, lane);
  let end = end_of(row, sizes.rows, sizes.classes);
  let logits = logit_row(row, lane, end);
  let g = in2[row];
  let scale = target_total(row, lane) / logits.total;
  let start = row * sizes.classes;
  for (var k = first_of(lane); k < end; k += LANES * AHEAD) {
    var values = array<f32, AHEAD>();
    for (var ahead = 0u; ahead < AHEAD; ahead++) {
      let step = within(k + LANES * ahead, sizes.classes - 1u);
      values[ahead] = (exp_below_0(in0[start + step] - logits.largest) * scale - target_at(row, step)) * g;
    }
    for (var ahead = 0u; ahead < AHEAD; ahead++) {
      let step = k + LANES * ahead;
      if (counts(step, sizes.classes - 1u)) {
        out0[start + step] = values[ahead];
      }
    }
  }
}

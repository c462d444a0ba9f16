// Softmax cross-entropy of a batch in one walk: the sum of the rows' losses, how many rows have their largest logit at
// their target, and the gradient of the sum with respect to the logits.

// Lanes take rows in turn and add up through workgroup memory; with several workgroups each leaves its own sums. As it
// stands the targets are rows of probabilities; specialising replaces `target_total`, `target_at`, `target_class` and
// the type of in1 for integer labels, `store`, and `total_of_all` where threads share rows. Needs
// exponential-total.wgsl in front. Needs long-sum.wgsl in front. Needs own-rows.wgsl in front. Needs logit-rows.wgsl in
// front.

@group(0) @binding(3) var<storage, read_write> loss_sums: array<f32>;
@group(0) @binding(4) var<storage, read_write> hit_sums: array<f32>;
@group(0) @binding(5) var<storage, read_write> out2: array<f32>;

var<workgroup> losses: array<f32, WORKGROUP>;
var<workgroup> hits: array<f32, WORKGROUP>;

// The class that a row stands for: its first largest target.
fn target_class(row: u32, lane: u32) -> u32 {
  let start = row * sizes.classes;
  var part = Largest(in1[start], 0u, 0u);
  for (var k = first_of(lane); k < sizes.classes; k += LANES * AHEAD) {
    for (var ahead = 0u; ahead < AHEAD; ahead++) {
      let step = within(k + LANES * ahead, sizes.classes - 1u);
      if (in1[start + step] > part.value) {
        part.value = in1[start + step];
        part.place = step;
      }
    }
  }
  return largest_of(part, lane).place;
}

// Loss and hits of all threads, from their own: to be read by the first.
fn total_of_all(part: vec2f, lane: u32) -> vec2f {
  losses[lane] = part.x;
  hits[lane] = part.y;
  workgroupBarrier();
  var loss: LongSum;
  var hit = 0.0;
  if (lane == 0u) {
    for (var i = 0u; i < WORKGROUP; i++) {
      loss = plus(loss, losses[i]);
      hit += hits[i];
    }
  }
  return vec2f(whole(loss), hit);
}

fn store(index: u32, value: f32) {
  out2[index] = value;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  var loss_sum: LongSum;
  var hit = 0.0;
  let end = min((group.x + 1u) * sizes.segment, sizes.rows);
  for (var first = group.x * sizes.segment; first < end; first += WORKGROUP / LANES) {
    let row = first + lane / LANES;
    let classes = end_of(row, end, sizes.classes);
    let logits = logit_row(row, lane, classes);
    let log_total = log_total_of(logits.total);
    let scale = target_total(row, lane) / logits.total;
    let start = row * sizes.classes;
    for (var k = first_of(lane); k < classes; k += LANES * AHEAD) {
      var values = array<f32, AHEAD>();
      for (var ahead = 0u; ahead < AHEAD; ahead++) {
        let step = k + LANES * ahead;
        let at = within(step, sizes.classes - 1u);
        let logit = in0[start + at];
        let t = target_at(row, at);
        let counted = select(0.0, t, counts(step, sizes.classes - 1u));
        loss_sum = plus(loss_sum, class_loss(logit, counted, logits.largest, log_total));
        values[ahead] = exp_below_0(logit - logits.largest) * scale - t;
      }
      for (var ahead = 0u; ahead < AHEAD; ahead++) {
        let step = k + LANES * ahead;
        if (counts(step, sizes.classes - 1u)) {
          store(start + step, values[ahead]);
        }
      }
    }
    let is_hit = logits.best == target_class(row, lane) && speaks(row, end, lane);
    hit += select(0.0, 1.0, is_hit);
  }
  let all = total_of_all(vec2f(whole(loss_sum), hit), lane);
  if (lane == 0u) {
    loss_sums[group.x] = all.x;
    hit_sums[group.x] = all.y;
  }
}

// Softmax cross-entropy of a batch in one walk: the sum of the rows' losses, how many rows have their largest logit
// at their target, and the gradient of the sum with respect to the logits. Lanes take rows in turn and add up
// through workgroup memory; with several workgroups each leaves its own sums. As it stands the targets are rows of
// probabilities; specialising replaces `target_total`, `target_at`, `target_class` and the type of in1 for integer
// labels, and `store`. Needs exponential-total.wgsl in front.

struct Sizes {
  rows: u32,
  classes: u32,
  // rows that one workgroup takes
  segment: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<f32>;
@group(0) @binding(2) var<storage, read> in1: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss_sums: array<f32>;
@group(0) @binding(4) var<storage, read_write> hit_sums: array<f32>;
@group(0) @binding(5) var<storage, read_write> out2: array<f32>;

const WORKGROUP = 64u;

var<workgroup> losses: array<f32, WORKGROUP>;
var<workgroup> hits: array<f32, WORKGROUP>;

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

// The class that a row stands for: its first largest target.
fn target_class(row: u32) -> u32 {
  let start = row * sizes.classes;
  var best = 0u;
  for (var k = 1u; k < sizes.classes; k++) {
    if (in1[start + k] > in1[start + best]) {
      best = k;
    }
  }
  return best;
}

fn store(index: u32, value: f32) {
  out2[index] = value;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  var loss = 0.0;
  var hit = 0.0;
  let end = min((group.x + 1u) * sizes.segment, sizes.rows);
  for (var row = group.x * sizes.segment + lane; row < end; row += WORKGROUP) {
    let start = row * sizes.classes;
    var largest = in0[start];
    var best = 0u;
    var magnitudes = 0u;
    for (var k = 0u; k < sizes.classes; k++) {
      let x = in0[start + k];
      magnitudes = max(magnitudes, bitcast<u32>(x) & magnitude_bits);
      if (x > largest) {
        largest = x;
        best = k;
      }
    }
    var total = 0.0;
    for (var k = 0u; k < sizes.classes; k++) {
      total += exp_below_0(in0[start + k] - largest);
    }
    total = defined_total(total, largest, magnitudes);
    let log_total = log_total_of(total);
    let scale = target_total(row) / total;
    for (var k = 0u; k < sizes.classes; k++) {
      let x = in0[start + k] - largest;
      let t = target_at(row, k);
      loss += t * (log_total - x);
      store(start + k, exp_below_0(x) * scale - t);
    }
    hit += select(0.0, 1.0, best == target_class(row));
  }
  losses[lane] = loss;
  hits[lane] = hit;
  workgroupBarrier();
  if (lane == 0u) {
    for (var i = 1u; i < WORKGROUP; i++) {
      loss += losses[i];
      hit += hits[i];
    }
    loss_sums[group.x] = loss;
    hit_sums[group.x] = hit;
  }
}

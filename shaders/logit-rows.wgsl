// What the kernels of softmax cross-entropy have in common: rows of logits, their maxima and sums of exponentials.
// Stands in front of those files. Needs exponential-total.wgsl in front. Needs long-sum.wgsl in front.

// Needs own-rows.wgsl in front. As it stands a thread has a row of its own, as software adapters and short rows want
// it; specialising replaces `largest_of` and `total_of` where threads share rows. Targets are rows
// of probabilities; for integer labels it replaces `target_total`, `target_at` and the type of in1.

struct Sizes {
  rows: u32,
  classes: u32,
  // rows that one workgroup takes, in the summary
  segment: u32,
  // 0, which the compiler does not know
  zero: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<f32>;
@group(0) @binding(2) var<storage, read> in1: array<f32>;

// The first largest element of a row or of a thread's part of it, and the largest bits without their signs.
struct Largest {
  value: f32,
  place: u32,
  magnitudes: u32,
}

fn larger(a: Largest, b: Largest) -> Largest {
  let is_a = a.value > b.value || (a.value == b.value && a.place < b.place);
  return Largest(select(b.value, a.value, is_a), select(b.place, a.place, is_a), max(a.magnitudes, b.magnitudes));
}

// The row's, from the threads' parts.
fn largest_of(part: Largest, lane: u32) -> Largest {
  return part;
}

// Sums of numbers, whatever the type of long-sum.wgsl's terms is: as it stands, vec4f.
fn plus(sum: LongSum, value: f32) -> LongSum {
  return joined(sum, Term(value), sizes.zero);
}

fn whole(sum: LongSum) -> f32 {
  return vec4f(settled(sum)).x;
}

struct LogitRow {
  // the maximum and where it is first
  largest: f32,
  best: u32,
  // the sum of e^(x - maximum), NaN where softmax is not defined
  total: f32,
}

// Of a row with so many classes: none where it is behind the last one.
fn logit_row(row: u32, lane: u32, classes: u32) -> LogitRow {
  let start = row * sizes.classes;
  var part = Largest(in0[start], 0u, 0u);
  for (var k = first_of(lane); k < classes; k += LANES * AHEAD) {
    for (var ahead = 0u; ahead < AHEAD; ahead++) {
      let step = within(k + LANES * ahead, sizes.classes - 1u);
      let x = in0[start + step];
      part.magnitudes = max(part.magnitudes, bitcast<u32>(x) & magnitude_bits);
      if (x > part.value) {
        part.value = x;
        part.place = step;
      }
    }
  }
  let largest = largest_of(part, lane);
  var sum: LongSum;
  for (var k = first_of(lane); k < classes; k += LANES * AHEAD) {
    for (var ahead = 0u; ahead < AHEAD; ahead++) {
      let step = k + LANES * ahead;
      let power = exp_below_0(in0[start + within(step, sizes.classes - 1u)] - largest.value);
      sum = plus(sum, select(0.0, power, counts(step, sizes.classes - 1u)));
    }
  }
  let total = defined_total(total_of(whole(sum), lane), largest.value, largest.magnitudes);
  return LogitRow(largest.value, largest.place, total);
}

// What class k adds to its row's loss, target * -log(softmax): nothing where its target is 0, however small its
// probability. Two products where the difference of two finite logits is beyond f32, and log_total nothing beside it.
fn class_loss(logit: f32, t: f32, largest: f32, log_total: f32) -> f32 {
  let x = select(logit, largest, t == 0.0);
  let below = x - largest;
  return select(t * (log_total - below), t * largest - t * x, below < -1e38);
}

// The sum of a row's targets, and one of them.
fn target_total(row: u32, lane: u32) -> f32 {
  var total: LongSum;
  for (var k = first_of(lane); k < sizes.classes; k += LANES * AHEAD) {
    for (var ahead = 0u; ahead < AHEAD; ahead++) {
      let step = k + LANES * ahead;
      let t = in1[row * sizes.classes + within(step, sizes.classes - 1u)];
      total = plus(total, select(0.0, t, counts(step, sizes.classes - 1u)));
    }
  }
  return total_of(whole(total), lane);
}

fn target_at(row: u32, k: u32) -> f32 {
  return in1[row * sizes.classes + k];
}

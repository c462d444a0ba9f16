// Softmax of rows, in three walks: maximum, sum of exponentials, result.

// One walk for the first two, which scales the sum as the maximum grows, was no faster. As it stands a thread has a
// row of its own, and it gives softmax; specialising replaces `largest_of` and `total_of` where threads share rows, `result` for
// log-softmax and, where rows are not whole vec4s, the loads and stores. Needs exp-log.wgsl in front. Needs
// exponential-total.wgsl in front. Needs long-sum.wgsl in front. Needs own-rows.wgsl in front.

struct Sizes {
  rows: u32,
  length: u32,
  // 0, which the compiler does not know
  zero: u32,
}

alias Element = vec4f;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Element>;
@group(0) @binding(2) var<storage, read_write> out0: array<Element>;

// The row's, from the threads' parts: its maximum, and its largest bits without their signs.
struct Largest {
  value: f32,
  magnitudes: u32,
}

fn largest_of(part: Largest, lane: u32) -> Largest {
  return part;
}

// The result for one vec4, given the row's maximum and sum of exponentials.
fn result(x: vec4f, largest: f32, total: f32) -> vec4f {
  return exp_4(x - largest) / total;
}

fn load4(i: u32) -> vec4f {
  return in0[i >> 2u];
}

fn load1(i: u32) -> f32 {
  return in0[i >> 2u][i & 3u];
}

fn store4(i: u32, value: vec4f) {
  out0[i >> 2u] = value;
}

fn store1(i: u32, value: f32) {
  out0[i >> 2u][i & 3u] = value;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = row_of(group.x + group.y * groups.x, lane);
  let start = row * sizes.length;
  let length = end_of(row, sizes.rows, sizes.length);
  let end = start + length;
  let whole = start + (length & ~3u);
  const stride = 4u * LANES;
  let first = start + 4u * first_of(lane);
  // Of what is left behind whole vec4s, each thread takes one.
  let rest = whole + first_of(lane);
  var largest4 = vec4f(load1(start));
  var magnitudes4 = vec4u();
  for (var i = first; i < whole; i += stride * AHEAD) {
    for (var ahead = 0u; ahead < AHEAD; ahead++) {
      let x = load4(within(i + stride * ahead, whole - 4u));
      largest4 = max(largest4, x);
      magnitudes4 = max(magnitudes4, bitcast<vec4u>(x) & vec4u(magnitude_bits));
    }
  }
  var part: Largest;
  part.value = max(max(largest4.x, largest4.y), max(largest4.z, largest4.w));
  part.magnitudes = max(max(magnitudes4.x, magnitudes4.y), max(magnitudes4.z, magnitudes4.w));
  for (var i = rest; i < end; i += LANES) {
    let x = load1(i);
    part.value = max(part.value, x);
    part.magnitudes = max(part.magnitudes, bitcast<u32>(x) & magnitude_bits);
  }
  let largest = largest_of(part, lane);
  var sum: LongSum;
  for (var i = first; i < whole; i += stride * AHEAD) {
    for (var ahead = 0u; ahead < AHEAD; ahead++) {
      let step = i + stride * ahead;
      let power = exp_4(load4(within(step, whole - 4u)) - largest.value);
      sum = joined(sum, select(vec4f(), power, counts(step, whole - 4u)), sizes.zero);
    }
  }
  let total4 = settled(sum);
  var total = total4.x + total4.y + total4.z + total4.w;
  for (var i = rest; i < end; i += LANES) {
    total += exp_4(vec4f(load1(i) - largest.value)).x;
  }
  total = defined_total(total_of(total, lane), largest.value, largest.magnitudes);
  for (var i = first; i < whole; i += stride * AHEAD) {
    var results = array<vec4f, AHEAD>();
    for (var ahead = 0u; ahead < AHEAD; ahead++) {
      results[ahead] = result(load4(within(i + stride * ahead, whole - 4u)), largest.value, total);
    }
    for (var ahead = 0u; ahead < AHEAD; ahead++) {
      let step = i + stride * ahead;
      if (counts(step, whole - 4u)) {
        store4(step, results[ahead]);
      }
    }
  }
  for (var i = rest; i < end; i += LANES) {
    store1(i, result(vec4f(load1(i)), largest.value, total).x);
  }
}

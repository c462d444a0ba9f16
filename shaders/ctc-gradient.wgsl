// The gradient of CTC losses for the logarithms of probabilities: how likely a sample's labels put each step into each
// class, negative, times the sample's gradient. A thread makes a step's classes.

// Each step's states are divided by their own total, which is the likelihood of the labels at every step but for what
// rounding has left in it. Needs exp-log.wgsl in front.

struct Sizes {
  // samples times steps
  rows: u32,
  batch: u32,
  steps: u32,
  classes: u32,
  labels: u32,
  blank: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<f32>;
@group(0) @binding(2) var<storage, read> in1: array<i32>;
@group(0) @binding(3) var<storage, read> in2: array<i32>;
@group(0) @binding(4) var<storage, read> in3: array<i32>;
@group(0) @binding(5) var<storage, read> in4: array<f32>;
// What ctc.wgsl has left of the walks to each state, and of those from it.
@group(0) @binding(6) var<storage, read> lattice: array<f32>;
@group(0) @binding(7) var<storage, read_write> out0: array<f32>;

const WORKGROUP = 8u;
const never = -1e30;
const least_possible = -1e29;

// For x that is not above 0; 0 where the result would be subnormal.
fn share_of(x: f32) -> f32 {
  return select(exp_4(vec4f(x)).x, 0.0, x < -87.0);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (row >= sizes.rows) {
    return;
  }
  let start = row * sizes.classes;
  for (var column = 0u; column < sizes.classes; column++) {
    out0[start + column] = 0.0;
  }
  let sample = row / sizes.steps;
  if (i32(row % sizes.steps) >= in2[sample]) {
    return;
  }
  let states = 2u * u32(clamp(in3[sample], 0, i32(sizes.labels))) + 1u;
  let width = 2u * sizes.labels + 1u;
  let to = row * width;
  let away = to + sizes.rows * width;
  // Both walks count the step's own probability; that of a state's class is taken off once.
  var high = never;
  var total = 0.0;
  for (var state = 0u; state < states; state++) {
    let value = through(to + state, away + state, start, sample, state);
    if (value > high) {
      total = total * share_of(high - value) + 1.0;
      high = value;
    } else {
      total += share_of(value - high);
    }
  }
  let is_number = (bitcast<u32>(total) & 0x7fffffffu) <= 0x7f800000u;
  if (high < least_possible && is_number) {
    return;
  }
  let factor = -in4[sample] / total;
  var blank = 0.0;
  for (var state = 0u; state < states; state++) {
    let share = share_of(through(to + state, away + state, start, sample, state) - high);
    let column = class_of(sample, state);
    if (column == sizes.blank) {
      blank += share;
    } else if (column < sizes.classes && share != 0.0) {
      out0[start + column] += factor * share;
    }
  }
  if (blank != 0.0) {
    out0[start + sizes.blank] = factor * blank;
  }
}

fn class_of(sample: u32, state: u32) -> u32 {
  if ((state & 1u) == 0u) {
    return sizes.blank;
  }
  return u32(in1[sample * sizes.labels + state / 2u]);
}

// The logarithm of the probability of all ways through a state.
fn through(to: u32, away: u32, start: u32, sample: u32, state: u32) -> f32 {
  let column = class_of(sample, state);
  if (column >= sizes.classes) {
    return never;
  }
  let x = in0[start + column];
  if (bitcast<u32>(x) == 0xff800000u) {
    return never;
  }
  return lattice[to] + lattice[away] - x;
}

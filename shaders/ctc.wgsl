// Connectionist temporal classification: how likely the labels are, summed over all ways to lay them along the steps
// (Graves et al. 2006). A workgroup walks one sample's steps, its threads the states of a step.

// The states are the labels with a blank before, between and behind them. A step's values are the logarithms of the
// probability of all ways to be in a state there, the step's own included: of what comes before it, or, for samples from
// sizes.batch on, of what comes behind it, which is the same walk over steps and labels turned round. Logarithms are
// finite: `never` stands for what has no probability, and what is far below any that has one is taken for it. Every few
// steps the largest is taken off all, so that rounding stays that of small numbers however long the walk is. Needs
// exp-log.wgsl in front.

struct Sizes {
  batch: u32,
  // samples, and once more where they are walked both ways
  walks: u32,
  steps: u32,
  classes: u32,
  // labels of a sample at most
  labels: u32,
  // steps whose values are kept: 2, each in the place of the last but one, or all
  kept: u32,
  blank: u32,
  // bits of the loss where no way leads to the labels
  unreachable: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
// Logarithms of probabilities, [batch, steps, classes].
@group(0) @binding(1) var<storage, read> in0: array<f32>;
@group(0) @binding(2) var<storage, read> in1: array<i32>;
// How many steps and labels each sample has.
@group(0) @binding(3) var<storage, read> in2: array<i32>;
@group(0) @binding(4) var<storage, read> in3: array<i32>;
@group(0) @binding(5) var<storage, read_write> lattice: array<f32>;
@group(0) @binding(6) var<storage, read_write> losses: array<f32>;

const WORKGROUP = 8u;
// Steps between two such shifts; a power of two, as is how many shifts are added up before they join the rest.
const shift_every = 4u;
const shifts_a_block = 64u;

// The largest of each thread's values.
var<workgroup> largest_parts: array<f32, WORKGROUP>;

const never = -1e30;
const least_possible = -1e29;

// ln(e^a + e^b + e^c); NaN where one is.
fn log_sum(a: f32, b: f32, c: f32) -> f32 {
  let high = max(max(a, b), c);
  let low = min(min(a, b), c);
  let middle = max(min(a, b), min(max(a, b), c));
  let beside = exp_4(vec4f(middle - high, low - high, -88.0, -88.0));
  let total = high + log1p_core_4(vec4f(beside.x + beside.y), vec4f()).x;
  let all = a + b + c;
  return select(total, all, (bitcast<u32>(all) & 0x7fffffffu) > 0x7f800000u);
}

fn class_of(sample: u32, state: u32) -> u32 {
  if ((state & 1u) == 0u) {
    return sizes.blank;
  }
  return u32(in1[sample * sizes.labels + state / 2u]);
}

fn log_probability(sample: u32, step: u32, column: u32) -> f32 {
  if (column >= sizes.classes) {
    return never;
  }
  let x = in0[(sample * sizes.steps + step) * sizes.classes + column];
  // -infinity, told by its bits, since compilers may assume that there is none.
  return select(x, never, bitcast<u32>(x) == 0xff800000u);
}

fn largest_of(threads: u32) -> f32 {
  var largest = never;
  for (var i = 0u; i < threads; i++) {
    largest = max(largest, largest_parts[i]);
  }
  return select(largest, 0.0, largest < least_possible);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let walk = group.x + group.y * groups.x;
  if (walk >= sizes.walks) {
    return;
  }
  let is_back = walk >= sizes.batch;
  let sample = select(walk, walk - sizes.batch, is_back);
  let steps = u32(clamp(in2[sample], 0, i32(sizes.steps)));
  let states = 2u * u32(clamp(in3[sample], 0, i32(sizes.labels))) + 1u;
  let width = 2u * sizes.labels + 1u;
  let start = walk * sizes.kept * width;
  // What was taken off in all.
  var taken = 0.0;
  var block = 0.0;
  for (var n = 0u; n < steps; n++) {
    var shift = 0.0;
    if (n > 0u && n % shift_every == 0u) {
      shift = largest_of(min(WORKGROUP, states));
      block += shift;
      if (n % (shift_every * shifts_a_block) == 0u) {
        taken += block;
        block = 0.0;
      }
    }
    var largest = never;
    let step = select(n, steps - 1u - n, is_back);
    let before = start + select(step - 1u, step + 1u, is_back) % sizes.kept * width;
    let now = start + step % sizes.kept * width;
    for (var k = lane; k < states; k += WORKGROUP) {
      // By the state's number from where the walk begins: of as many blanks before it, turned round or not.
      let state = select(k, states - 1u - k, is_back);
      let column = class_of(sample, state);
      var value = never;
      if (n == 0u) {
        value = select(never, 0.0, k < 2u);
      } else {
        let back = select(state - 1u, state + 1u, is_back);
        let far = select(state - 2u, state + 2u, is_back);
        var from_next = never;
        var from_far = never;
        if (k >= 1u) {
          from_next = lattice[before + back];
        }
        // Two equal labels have a blank between them.
        if (k >= 2u && (k & 1u) == 1u && class_of(sample, far) != column) {
          from_far = lattice[before + far];
        }
        value = log_sum(lattice[before + state], from_next, from_far);
      }
      let reached = value - shift + log_probability(sample, step, column);
      lattice[now + state] = reached;
      largest = max(largest, reached);
    }
    if (n % shift_every == shift_every - 1u) {
      largest_parts[lane] = largest;
    }
    workgroupBarrier();
    storageBarrier();
  }
  if (lane == 0u) {
    var total = select(never, 0.0, states == 1u);
    if (steps > 0u) {
      let end = start + select(steps - 1u, 0u, is_back) % sizes.kept * width;
      let last = select(states - 1u, 0u, is_back);
      var label = never;
      if (states > 1u) {
        label = lattice[end + select(states - 2u, 1u, is_back)];
      }
      total = log_sum(lattice[end + last], label, never);
    }
    losses[walk] = select(-(taken + block + total), bitcast<f32>(sizes.unreachable), total < least_possible);
  }
}

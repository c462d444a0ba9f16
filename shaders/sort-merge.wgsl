// A pass of merge sort: every two neighbouring runs of each line become one, of which the first `kept_after` elements
// stay. Each element finds its place by itself: its rank in its own run plus, by bisection, its rank in the other.

// Elements of the first run go before their equals in the second, so the order is stable.

struct Sizes {
  lines: u32,
  // elements of a line that a full run stands for
  width: u32,
  // elements of the whole line
  length: u32,
  // of each run at most so many stayed, and of each merged run so many stay
  kept: u32,
  kept_after: u32,
  // distance of lines in the input and in the output
  line_stride: u32,
  line_stride_after: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<vec2u>;
@group(0) @binding(2) var<storage, read_write> out0: array<vec2u>;

const WORKGROUP = 64u;

// How many elements of run `run` there are.
fn run_length(run: u32) -> u32 {
  let first = run * sizes.width;
  return min(sizes.kept, min(sizes.width, sizes.length - min(first, sizes.length)));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (thread >= sizes.lines * sizes.line_stride) {
    return;
  }
  let line = thread / sizes.line_stride;
  let place = thread % sizes.line_stride;
  let run = place / sizes.kept;
  let own_rank = place % sizes.kept;
  if (own_rank >= run_length(run)) {
    return;
  }
  let pair = in0[thread];
  let is_second = (run & 1u) == 1u;
  let other = run ^ 1u;
  let other_base = line * sizes.line_stride + other * sizes.kept;
  // The first element of the other run that this one goes before.
  var low = 0u;
  var high = run_length(other);
  while (low < high) {
    let middle = (low + high) / 2u;
    let key = in0[other_base + middle].x;
    let is_before = select(key < pair.x, key <= pair.x, is_second);
    low = select(low, middle + 1u, is_before);
    high = select(middle, high, is_before);
  }
  let rank = own_rank + low;
  if (rank < sizes.kept_after) {
    out0[line * sizes.line_stride_after + run / 2u * sizes.kept_after + rank] = pair;
  }
}

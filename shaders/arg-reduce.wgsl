// Index of the first largest element along the middle axis of [outer, length, inner]: one thread an output.
// Specialising replaces `better` (for the smallest) and the type `Value`.

struct Sizes {
  outer: u32,
  length: u32,
  inner: u32,
}

alias Value = f32;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Value>;
@group(0) @binding(2) var<storage, read_write> out0: array<i32>;

const WORKGROUP = 64u;

fn better(candidate: Value, best: Value) -> bool {
  return candidate > best;
}

fn store(index: u32, value: i32) {
  out0[index] = value;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (thread >= sizes.outer * sizes.inner) {
    return;
  }
  let base = (thread / sizes.inner) * sizes.length * sizes.inner + thread % sizes.inner;
  var best = in0[base];
  var best_index = 0u;
  for (var k = 1u; k < sizes.length; k++) {
    let candidate = in0[base + k * sizes.inner];
    if (better(candidate, best)) {
      best = candidate;
      best_index = k;
    }
  }
  store(thread, i32(best_index));
}

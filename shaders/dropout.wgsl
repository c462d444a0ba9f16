// Dropout: element i is kept where random word i is at least a threshold, and scaled. The mask is never stored:
// backward draws it again. Needs philox.wgsl in front.

// Each workgroup walks a contiguous segment with a run-time trip count, as in elementwise.wgsl; one Philox block gives
// the four words of one vec4.

struct Sizes {
  count: u32, // vec4s
  segment: u32, // vec4s that one workgroup walks
  threshold: u32, // floor(rate * 2^32); any value where everything is dropped
  scale: f32, // 1 / (1 - rate); 0 where everything is dropped
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> state: array<vec4u>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;

const WORKGROUP = 64u;

// vec4 number i of the result. Dropped elements are 0 even where x is not finite.
fn dropout(i: u32, value: vec4f, drawn: vec4u, threshold: u32, scale: f32) -> vec4f {
  let keep = (random_words(i, drawn) >= vec4u(threshold)) & vec4<bool>(scale > 0.0);
  return select(vec4f(), value * scale, keep);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = (group.x + group.y * groups.x) * sizes.segment;
  let end = min(start + sizes.segment, sizes.count);
  let drawn = state[0];
  for (var i = start + lane; i < end; i += WORKGROUP) {
    out[i] = dropout(i, x[i], drawn, sizes.threshold, sizes.scale);
  }
}

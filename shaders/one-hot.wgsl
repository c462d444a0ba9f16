// One row of `depth` numbers a label: 1 at the label's place, 0 elsewhere, all 0 for a label out of range.
// Specialising replaces `label_at` for labels stored as bytes.

struct Sizes {
  // vec4s in the output
  count: u32,
  // vec4s that one workgroup makes
  segment: u32,
  depth: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<u32>;
@group(0) @binding(2) var<storage, read_write> out0: array<vec4f>;

const WORKGROUP = 64u;

fn label_at(i: u32) -> u32 {
  return in0[i];
}

fn value_at(flat: u32) -> f32 {
  return select(0.0, 1.0, label_at(flat / sizes.depth) == flat % sizes.depth);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = (group.x + group.y * groups.x) * sizes.segment;
  let end = min(start + sizes.segment, sizes.count);
  for (var i = start + lane; i < end; i += WORKGROUP) {
    let flat = i * 4u;
    out0[i] = vec4f(value_at(flat), value_at(flat + 1u), value_at(flat + 2u), value_at(flat + 3u));
  }
}

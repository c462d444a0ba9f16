// Columns of a recurrent layer's weights, which lie gate by gate, put unit by unit: a unit's four side by side, as the
// kernels of recurrences read them; or taken apart again.

// A thread for each unit of each row of each tensor. Specialising replaces `move_one` and binds as many as there are.

struct Sizes {
  count: u32, // threads
  units: u32,
  // the first thread of the second tensor, and of the third
  second: u32,
  third: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> part0: array<f32>;
@group(0) @binding(2) var<storage, read_write> whole0: array<vec4f>;

const WORKGROUP = 64u;

fn move_one(at: u32) {
  let p = at / sizes.units * (4u * sizes.units) + at % sizes.units;
  whole0[at] = vec4f(part0[p], part0[p + sizes.units], part0[p + 2u * sizes.units], part0[p + 3u * sizes.units]);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (at < sizes.count) {
    move_one(at);
  }
}

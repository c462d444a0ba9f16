// Stores each update at its own index along the middle axis of [outer, rows, inner], one thread each: for indices of
// which no two in a line are the same.

// A first run of the same kernel fills the output with zeros where not all of it is covered.

struct Sizes {
  // threads
  count: u32,
  // 1 to fill with zeros
  is_fill: u32,
  rows: u32,
  inner: u32,
  // updates in a line
  picked: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<u32>;
@group(0) @binding(2) var<storage, read> indices: array<u32>;
@group(0) @binding(3) var<storage, read_write> out0: array<u32>;

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (thread >= sizes.count) {
    return;
  }
  if (sizes.is_fill == 1u) {
    out0[thread] = 0u;
    return;
  }
  let index = indices[thread];
  if (index < sizes.rows) {
    let outer = thread / (sizes.inner * sizes.picked);
    out0[(outer * sizes.rows + index) * sizes.inner + thread % sizes.inner] = in0[thread];
  }
}

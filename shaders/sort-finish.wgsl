// The last pass of sorting: indices in order, and the values there, along the middle axis of [outer, kept, inner].

struct Sizes {
  lines: u32,
  // elements of each line that are kept, and of the input's lines
  kept: u32,
  length: u32,
  inner: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> sorted: array<vec2u>;
@group(0) @binding(2) var<storage, read> in0: array<u32>;
@group(0) @binding(3) var<storage, read_write> values: array<u32>;
@group(0) @binding(4) var<storage, read_write> indices: array<i32>;

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (thread >= sizes.lines * sizes.kept) {
    return;
  }
  let line = thread / sizes.kept;
  let rank = thread % sizes.kept;
  let outer = line / sizes.inner;
  let column = line % sizes.inner;
  let index = sorted[thread].y;
  let to = (outer * sizes.kept + rank) * sizes.inner + column;
  values[to] = in0[(outer * sizes.length + index) * sizes.inner + column];
  indices[to] = i32(index);
}

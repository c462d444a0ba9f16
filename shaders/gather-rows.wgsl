// Picks long rows by index, as gather.wgsl does: out[o, j, :] = in0[o, indices[j], :], zeros for an index out of
// range.

// A workgroup walks whole rows, its lanes side by side in a row: the index is read once a row, and the inner loop only
// loads and stores. Specialising replaces the type Unit: a word or a vec4 of words.

struct Sizes {
  // rows of the output, and how many of them a workgroup makes
  count: u32,
  segment: u32,
  // units in a row
  inner: u32,
  // indices
  picked: u32,
  // rows to pick from
  rows: u32,
}

alias Unit = vec4u;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read> indices: array<u32>;
@group(0) @binding(3) var<storage, read_write> out0: array<Unit>;

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = (group.x + group.y * groups.x) * sizes.segment;
  let end = min(first + sizes.segment, sizes.count);
  for (var row = first; row < end; row++) {
    let index = indices[row % sizes.picked];
    let is_inside = index < sizes.rows;
    let from_base = (row / sizes.picked * sizes.rows + index) * sizes.inner;
    let to_base = row * sizes.inner;
    let copied = select(0u, sizes.inner, is_inside);
    for (var column = lane; column < copied; column += WORKGROUP) {
      out0[to_base + column] = in0[from_base + column];
    }
    for (var column = copied + lane; column < sizes.inner; column += WORKGROUP) {
      out0[to_base + column] = Unit();
    }
  }
}

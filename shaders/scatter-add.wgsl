// Adds rows up by index: out[o, i, :] = sum over the j with indices[j] = i of in0[o, j, :].

// One thread owns some columns of a block of the output's rows and goes through all indices in order, so no atomics
// are needed and the result is the same every time. Indices out of range add nothing. As it stands it adds single
// floats; specialising replaces the type Unit, `index_at` where each element has an index of its own, and `start`,
// `add_to` and `settle` where the indices are many. Needs long-sum.wgsl in front.

struct Sizes {
  outer: u32,
  // rows of the output, and how many of them a thread owns
  rows: u32,
  block: u32,
  // blocks that cover the rows
  blocks: u32,
  // units in a row
  inner: u32,
  // indices
  picked: u32,
  // 0, which the compiler does not know
  zero: u32,
}

alias Unit = f32;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read> indices: array<u32>;
@group(0) @binding(3) var<storage, read_write> out0: array<Unit>;

const WORKGROUP = 64u;

// Where row j of the updates goes, in a column.
fn index_at(outer: u32, j: u32, column: u32) -> u32 {
  return indices[j];
}

// The three places through which the output's elements are added up; many updates of one want compensation.
fn start(at: u32) {
  out0[at] = Unit();
}

fn add_to(at: u32, value: Unit) {
  out0[at] += value;
}

fn settle(at: u32) {
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (thread >= sizes.outer * sizes.blocks * sizes.inner) {
    return;
  }
  let column = thread % sizes.inner;
  let outer = thread / sizes.inner / sizes.blocks;
  let first = thread / sizes.inner % sizes.blocks * sizes.block;
  let count = min(sizes.block, sizes.rows - first);
  let target_base = (outer * sizes.rows + first) * sizes.inner + column;
  for (var i = 0u; i < count; i++) {
    start(target_base + i * sizes.inner);
  }
  let source_base = outer * sizes.picked * sizes.inner + column;
  for (var j = 0u; j < sizes.picked; j++) {
    // An index before the block wraps around and is past its end.
    let row = index_at(outer, j, column) - first;
    if (row < count) {
      add_to(target_base + row * sizes.inner, in0[source_base + j * sizes.inner]);
    }
  }
  for (var i = 0u; i < count; i++) {
    settle(target_base + i * sizes.inner);
  }
}

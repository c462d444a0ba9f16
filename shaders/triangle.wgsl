// Keeps a triangle of matrices, zeros elsewhere: elements up to the diagonal's right. Bits are moved as they are, so one
// kernel serves every dtype.
//
// As it stands it moves single words and keeps the lower triangle; specialising replaces the types, `element` (see
// engine/ops/copying.ts) and `is_kept`.

struct Sizes {
  // calls of `element`
  count: u32,
  // how many of them one workgroup makes
  segment: u32,
  // units in the output
  length: u32,
  rows: u32,
  columns: u32,
  // how far to the right of the main one the diagonal lies
  diagonal: i32,
}

alias Unit = u32;
alias Stored = vec4u;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read_write> out0: array<Stored>;

const WORKGROUP = 64u;
// No source: the output's unit is zero.
const none = 0xffffffffu;

// `distance` to the right of the main diagonal.
fn is_kept(distance: i32) -> bool {
  return distance <= sizes.diagonal;
}

fn source(flat: u32) -> u32 {
  let inside = min(flat, sizes.length - 1u);
  let column = inside % sizes.columns;
  let row = inside / sizes.columns % sizes.rows;
  return select(none, inside, is_kept(i32(column) - i32(row)));
}

fn fetch(at: u32) -> Unit {
  if (at == none) {
    return Unit();
  }
  return in0[at];
}

fn element(i: u32) {
  let flat = i * 4u;
  out0[i] = vec4u(
    fetch(source(flat)),
    fetch(source(flat + 1u)),
    fetch(source(flat + 2u)),
    fetch(source(flat + 3u)),
  );
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = (group.x + group.y * groups.x) * sizes.segment;
  let end = min(start + sizes.segment, sizes.count);
  for (var i = start + lane; i < end; i += WORKGROUP) {
    element(i);
  }
}

// Picks rows by index: out[o, j, :] = in0[o, indices[j], :]. A row whose index is out of range is zero. Bits are moved
// as they are, so one kernel serves every dtype, and i32 and u32 indices alike (negative ones are huge).

// Needs elements.wgsl behind. As it stands it moves single words; specialising replaces the types and `element` (see
// engine/ops/layout/copying.ts).

struct Sizes {
  // calls of `element`
  count: u32,
  // how many of them one workgroup makes
  segment: u32,
  // units in the output
  length: u32,
  // units in a row
  inner: u32,
  // indices
  picked: u32,
  // rows to pick from
  rows: u32,
}

alias Unit = u32;
alias Stored = vec4u;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read> indices: array<u32>;
@group(0) @binding(3) var<storage, read_write> out0: array<Stored>;

// No source: the output's unit is zero.
const none = 0xffffffffu;

fn source(flat: u32) -> u32 {
  let inside = min(flat, sizes.length - 1u);
  let row = inside / sizes.inner;
  let index = indices[row % sizes.picked];
  if (index >= sizes.rows) {
    return none;
  }
  return (row / sizes.picked * sizes.rows + index) * sizes.inner + inside % sizes.inner;
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

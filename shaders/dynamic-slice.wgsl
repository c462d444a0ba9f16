// Copies a window whose place along the first axis is read on the device, moved back where it would not fit. As it
// stands it takes the window out of in0; with `source` replaced it puts in0 as the window into zeros.

// Bits are moved as they are. Needs elements.wgsl behind. It moves single words; specialising replaces the types and
// `element` (see engine/ops/layout/copying.ts).

struct Sizes {
  // calls of `element`
  count: u32,
  // how many of them one workgroup makes
  segment: u32,
  // units in the output
  length: u32,
  // units in a row
  inner: u32,
  // the last row at which the window still fits
  last: u32,
  // units in the window
  window: u32,
}

alias Unit = u32;
alias Stored = vec4u;
// Type of the start; a negative one counts as 0.
alias Start = i32;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read> start: array<Start>;
@group(0) @binding(3) var<storage, read_write> out0: array<Stored>;

// No source: the output's unit is zero.
const none = 0xffffffffu;

// Where the window begins in the larger tensor.
fn window_start() -> u32 {
  return min(u32(max(start[0], Start(0))), sizes.last) * sizes.inner;
}

fn source(flat: u32) -> u32 {
  return min(flat, sizes.length - 1u) + window_start();
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

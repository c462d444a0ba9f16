// Puts the input into a fill: along each axis the input's elements stand `step` apart, from `before` on. With
// `position` replaced, what lies outside repeats the input instead: its edge, its mirror image, its other end.

// Bits are moved as they are, so one kernel serves every dtype. Needs elements.wgsl behind, or copy-runs.wgsl. As it
// stands it moves single words; specialising replaces the types and `element` (see engine/ops/layout/copying.ts).

struct Sizes {
  // calls of `element`
  count: u32,
  // how many of them one workgroup makes
  segment: u32,
  // units in the output
  length: u32,
  rank: u32,
  // the bits outside
  fill: u32,
  padding0: u32,
  padding1: u32,
  padding2: u32,
  // by axis, innermost first: length of the output, of the input, elements before, distance of neighbours
  axes: array<vec4u, 6>,
}

alias Unit = u32;
alias Stored = vec4u;
// One place, or four side by side, for which sizes are read and axes walked once.
alias Places = vec4u;
alias Signed = vec4i;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read_write> out0: array<Stored>;

// No source: the output's unit is the fill.
const none = 0xffffffffu;
// Whether neighbours stand further apart than 1 along some axis.
const has_steps = true;

// Which of the input's elements along an axis stands at place `p` of the output.
fn position(p: Places, axis: vec4u) -> Places {
  // Before the first element the difference wraps around and is past the end.
  let from_first = p - axis.z;
  if (!has_steps) {
    return select(Places(none), from_first, from_first < Places(axis.y));
  }
  let index = from_first / axis.w;
  return select(Places(none), index, (index < Places(axis.y)) & (from_first % axis.w == Places(0u)));
}

// Where row `number` of the output's innermost axis comes from; `none` where the input has no such row.
fn row_at(number: Places) -> Places {
  var rest = number;
  var at = Places(0u);
  var is_inside = at == Places(0u);
  var stride = sizes.axes[0].y;
  for (var axis = 1u; axis < sizes.rank; axis++) {
    let a = sizes.axes[axis];
    let index = position(rest % a.x, a);
    rest /= a.x;
    is_inside &= index != Places(none);
    at += index * stride;
    stride *= a.y;
  }
  return select(Places(none), at, is_inside);
}

// For copy-runs.wgsl: a run is a row.
alias Run = Places;

fn run_length() -> u32 {
  return sizes.axes[0].x;
}

fn run_at(number: u32) -> Run {
  return row_at(Places(number));
}

fn in_run(run: Run, columns: Places) -> Places {
  let index = position(columns, sizes.axes[0]);
  return select(Places(none), run + index, (run != Places(none)) & (index != Places(none)));
}

fn source(flat: Places) -> Places {
  let inside = min(flat, Places(sizes.length - 1u));
  return in_run(row_at(inside / sizes.axes[0].x), inside % sizes.axes[0].x);
}

fn fetch(at: u32) -> Unit {
  // What lies beyond the buffer reads as anything, and is left out.
  return select(in0[at], Unit(sizes.fill), at == none);
}

fn element(i: u32) {
  let at = source(i * 4u + vec4u(0u, 1u, 2u, 3u));
  out0[i] = vec4u(fetch(at.x), fetch(at.y), fetch(at.z), fetch(at.w));
}

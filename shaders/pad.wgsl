// Puts the input into a fill: along each axis the input's elements stand `step` apart, from `before` on. With
// `position` replaced, what lies outside repeats the input instead: its edge, its mirror image, its other end. Bits are
// moved as they are, so one kernel serves every dtype.
//
// As it stands it moves single words; specialising replaces the types and `element` (see engine/ops/copying.ts).

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

const WORKGROUP = 64u;
// No source: the output's unit is the fill.
const none = 0xffffffffu;

// Which of the input's elements along an axis stands at place `p` of the output.
fn position(p: Places, axis: vec4u) -> Places {
  // Before the first element the difference wraps around and is past the end.
  let from_first = p - axis.z;
  let index = from_first / axis.w;
  return select(Places(none), index, (index < Places(axis.y)) & (from_first % axis.w == Places(0u)));
}

fn source(flat: Places) -> Places {
  var rest = min(flat, Places(sizes.length - 1u));
  var at = Places(0u);
  var is_inside = at == Places(0u);
  var stride = 1u;
  for (var axis = 0u; axis < sizes.rank; axis++) {
    let a = sizes.axes[axis];
    let index = position(rest % a.x, a);
    rest /= a.x;
    is_inside &= index != Places(none);
    at += index * stride;
    stride *= a.y;
  }
  return select(Places(none), at, is_inside);
}

fn fetch(at: u32) -> Unit {
  // What lies beyond the buffer reads as anything, and is left out.
  return select(in0[at], Unit(sizes.fill), at == none);
}

fn element(i: u32) {
  let at = source(i * 4u + vec4u(0u, 1u, 2u, 3u));
  out0[i] = vec4u(fetch(at.x), fetch(at.y), fetch(at.z), fetch(at.w));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = (group.x + group.y * groups.x) * sizes.segment;
  let end = min(start + sizes.segment, sizes.count);
  for (var i = start + lane; i < end; i += WORKGROUP) {
    element(i);
  }
}

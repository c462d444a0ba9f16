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

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read_write> out0: array<Stored>;

const WORKGROUP = 64u;
// No source: the output's unit is the fill.
const none = 0xffffffffu;

// Which of the input's elements along an axis stands at place `p` of the output.
fn position(p: u32, axis: vec4u) -> u32 {
  // Before the first element the difference wraps around and is past the end.
  let from_first = p - axis.z;
  let index = from_first / axis.w;
  return select(none, index, index < axis.y && from_first % axis.w == 0u);
}

fn source(flat: u32) -> u32 {
  var rest = min(flat, sizes.length - 1u);
  var at = 0u;
  var stride = 1u;
  for (var axis = 0u; axis < sizes.rank; axis++) {
    let a = sizes.axes[axis];
    let index = position(rest % a.x, a);
    rest /= a.x;
    if (index == none) {
      return none;
    }
    at += index * stride;
    stride *= a.y;
  }
  return at;
}

fn fetch(at: u32) -> Unit {
  if (at == none) {
    return Unit(sizes.fill);
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

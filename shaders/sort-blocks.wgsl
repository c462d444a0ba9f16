// The first pass of sorting lines along the middle axis of [outer, length, inner]: values become keys, and blocks of
// them are put in order.

// The order of keys as u32 is the order wanted. Each block of BLOCK neighbours is put in order by counting, for each
// key, those that come before it. Of each block the first `kept` stay; they are stored side by side, as pairs of key
// and index. Specialising replaces `key_of` by dtype.

struct Sizes {
  // lines, their length, and the distance of neighbours in them
  lines: u32,
  length: u32,
  inner: u32,
  // elements kept of each block, and of each line
  kept: u32,
  line_stride: u32,
  // all ones for descending order
  flip: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<u32>;
@group(0) @binding(2) var<storage, read_write> out0: array<vec2u>;

const WORKGROUP = 64u;
const BLOCK = 16u;

// Keys of f32: negative numbers have all bits turned, others the sign; -0 is 0; NaN comes last in either order.
fn key_of(bits: u32) -> u32 {
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return 0xffffffffu;
  }
  let folded = select(bits, 0u, magnitude == 0u);
  return select(folded | 0x80000000u, ~folded, (folded >> 31u) == 1u) ^ sizes.flip;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (thread >= sizes.lines * sizes.length) {
    return;
  }
  let line = thread / sizes.length;
  let index = thread % sizes.length;
  let base = line / sizes.inner * sizes.length * sizes.inner + line % sizes.inner;
  let key = key_of(in0[base + index * sizes.inner]);
  let first = index / BLOCK * BLOCK;
  let end = min(first + BLOCK, sizes.length);
  var rank = 0u;
  for (var k = first; k < end; k++) {
    let other = key_of(in0[base + k * sizes.inner]);
    rank += select(0u, 1u, other < key || (other == key && k < index));
  }
  if (rank < sizes.kept) {
    out0[line * sizes.line_stride + index / BLOCK * sizes.kept + rank] = vec2u(key, index);
  }
}

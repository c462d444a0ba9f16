// Copies several tensors into one vector, each to its own aligned place; the gaps between them become zero. One thread
// a vec4 of the result, workgroups over contiguous segments.

// As it stands it packs one tensor; specialising replaces `source` and the bindings for more.

struct Sizes {
  // vec4s of the result that this dispatch writes, where they begin, and how many a workgroup walks
  count: u32,
  first: u32,
  segment: u32,
  padding: u32,
  // by tensor: where it begins (in vec4s of the result) and its elements
  starts: array<vec4u, 2>,
  lengths: array<vec4u, 2>,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out0: array<vec4f>;

const WORKGROUP = 64u;

// `value`, the vec4 number `i` of a tensor of `length` elements, with what lies past its end set to zero.
fn masked(value: vec4f, i: u32, length: u32) -> vec4f {
  let index = vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u);
  return select(vec4f(), value, index < vec4u(length));
}

fn source(i: u32) -> vec4f {
  return masked(in0[i - sizes.starts[0].x], i - sizes.starts[0].x, sizes.lengths[0].x);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = (group.x + group.y * groups.x) * sizes.segment;
  let end = min(start + sizes.segment, sizes.count);
  for (var i = start + lane; i < end; i += WORKGROUP) {
    out0[sizes.first + i] = source(sizes.first + i);
  }
}

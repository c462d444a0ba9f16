// The number of an element, or of a run of them, from its place along several axes: one result for each row of indices,
// or -1 where one of them is out of range. Needs elements.wgsl behind.

struct Sizes {
  // calls of `element`, and how many of them one workgroup makes
  count: u32,
  segment: u32,
  // indices in a row
  axes: u32,
  padding: u32,
  // by axis: how many places there are
  lengths: array<vec4u, 2>,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
// Bits of i32 or u32: what is below 0 is above every length.
@group(0) @binding(1) var<storage, read> in0: array<u32>;
@group(0) @binding(2) var<storage, read_write> out0: array<i32>;

fn element(i: u32) {
  var at = 0u;
  var is_inside = true;
  for (var axis = 0u; axis < sizes.axes; axis++) {
    let length = sizes.lengths[axis / 4u][axis % 4u];
    let index = in0[i * sizes.axes + axis];
    is_inside = is_inside && index < length;
    at = at * length + index;
  }
  out0[i] = select(-1, i32(at), is_inside);
}

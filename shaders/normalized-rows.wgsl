// What the kernels of layer, group, instance and RMS normalization have in common. A tensor is [outer, middle, groups,
// inner]; a "row" is what is normalized together: one outer index and one group, all of middle and inner.

// Stands in front of those files. As it stands a thread has a row of its own, elements come in vec4s and middle may
// have any length; specialising replaces the functions where a workgroup shares a row, where elements come singly and
// where middle is 1.

struct Sizes {
  rows: u32,
  middle: u32,
  groups: u32,
  // units in a group
  inner: u32,
  // units in all groups, and in a row
  width: u32,
  length: u32,
  // elements in a row, and what is added to the variance
  count: f32,
  epsilon: f32,
  // 0, which the compiler does not know
  zero: u32,
}

alias Unit = vec4f;

@group(0) @binding(0) var<uniform> sizes: Sizes;

// Units added up before the block joins the total: keeps rounding errors small in long rows.
const BLOCK = 64u;
// Whether the mean is taken away (not in RMS normalization).
const CENTERED = true;

// Outer and middle index in one, and the unit's place in all groups, of unit `i` of a row.
fn place_of(i: u32, outer: u32, first: u32) -> vec2u {
  return vec2u(outer * sizes.middle + i / sizes.inner, first + i % sizes.inner);
}

fn add_lanes(value: Unit) -> f32 {
  return (value.x + value.y) + (value.z + value.w);
}

// Joins tensors along an axis. The output is rows of `width` units; input k fills the columns from ends[k - 1] up to
// ends[k] of each row. Bits are moved as they are, so one kernel serves every dtype. Needs elements.wgsl behind.

// As it stands it joins two inputs of words; specialising replaces the types, `piece` and `element`.

struct Sizes {
  // calls of `element`
  count: u32,
  // how many of them one workgroup makes
  segment: u32,
  // units of the output
  length: u32,
  // units in a row of the output
  width: u32,
  // where each input's columns end
  ends: array<vec4u, 2>,
  // the first column that this dispatch fills
  first: u32,
}

alias Unit = u32;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read> in1: array<Unit>;
@group(0) @binding(3) var<storage, read_write> out0: array<Unit>;

// Inputs of this dispatch.
const inputs = 2u;

// Unit `i` of input `k`.
fn piece(k: u32, i: u32) -> Unit {
  switch (k) {
    case 0u: {
      return in0[i];
    }
    default: {
      return in1[i];
    }
  }
}

fn end_of(k: u32) -> u32 {
  return sizes.ends[k >> 2u][k & 3u];
}

// Whether this dispatch fills unit `flat` of the output.
fn is_mine(flat: u32) -> bool {
  let column = flat % sizes.width;
  return column >= sizes.first && column < end_of(inputs - 1u) && flat < sizes.length;
}

// Unit `flat` of the output.
fn joined(flat: u32) -> Unit {
  let row = flat / sizes.width;
  let column = flat % sizes.width;
  var k = 0u;
  var begin = sizes.first;
  while (k + 1u < inputs && column >= end_of(k)) {
    begin = end_of(k);
    k++;
  }
  return piece(k, row * (end_of(k) - begin) + column - begin);
}

fn element(i: u32) {
  if (is_mine(i)) {
    out0[i] = joined(i);
  }
}

// Where each value belongs among sorted ones: how many of these are below it or, with `takes_equal`, not above it. By
// halves. Needs elements.wgsl behind; specialising replaces Value and `takes_equal`.

struct Sizes {
  // calls of `element`, and how many of them one workgroup makes
  count: u32,
  segment: u32,
  // sorted values
  length: u32,
}

alias Value = f32;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Value>;
@group(0) @binding(2) var<storage, read> in1: array<Value>;
@group(0) @binding(3) var<storage, read_write> out0: array<i32>;

const takes_equal = false;
// Whether values may be NaN, which is behind all others.
const has_nan = true;

fn element(i: u32) {
  let value = in1[i];
  var first = 0u;
  var end = sizes.length;
  if (has_nan && (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u) {
    first = end;
  }
  while (first < end) {
    let middle = first + (end - first) / 2u;
    let candidate = in0[middle];
    if (select(candidate < value, candidate <= value, takes_equal)) {
      first = middle + 1u;
    } else {
      end = middle;
    }
  }
  out0[i] = i32(first);
}

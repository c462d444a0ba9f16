// What window kernels have in common: a window that slides over the two spatial axes of [batch, height, width,
// channels], with stride, dilation and padding, all told at run time. Stands in front of those files.

struct Sizes {
  // calls of `element`, and how many of them one workgroup makes
  count: u32,
  segment: u32,
  // units in the result
  length: u32,
  // units of channels that belong together: of a pixel, or of one group of it
  inner: u32,
  // height and width of what the window slides over (xy) and of how many places it takes (zw)
  extent: vec4u,
  // of the window, in taps (xy), and its stride (zw)
  size_stride: vec4u,
  // distance between taps (xy); padding above and to the left (zw)
  dilation_before: vec4u,
  // what a kernel wants besides
  more: vec4u,
  extra: vec4u,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;

const none = 0xffffffffu;

// Where along an axis tap `tap` of place `at` reads; `none` in the padding.
fn input_at(at: u32, tap: u32, stride: u32, dilation: u32, before: u32, extent: u32) -> u32 {
  // Above the first pixel the difference wraps around and is past the end.
  let position = at * stride + tap * dilation - before;
  return select(none, position, position < extent);
}

// Which place along an axis reads `at` by tap `tap`; `none` if none does.
fn output_at(at: u32, tap: u32, stride: u32, dilation: u32, before: u32, extent: u32) -> u32 {
  let behind = tap * dilation;
  if (behind > at + before) {
    return none;
  }
  let distance = at + before - behind;
  let place = distance / stride;
  return select(none, place, place < extent && place * stride == distance);
}

// Sums over the taps of a window, channel by channel: for each pixel of the result the taps that have a partner on the
// other side.

// As it stands: for each place of the window, the pixels it reads, weighted by tap and channel (a depthwise
// convolution). Needs long-sum.wgsl in front. Needs window.wgsl in front. Needs elements.wgsl behind. Specialising
// replaces `partner` (to go from the pixels read back to the places that read them), `term` and its bindings,
// `finish`, and Unit where channels come singly.

alias Unit = vec4f;

@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read> in1: array<Unit>;
@group(0) @binding(3) var<storage, read_write> out0: array<Unit>;

fn partner(at: u32, tap: u32, stride: u32, dilation: u32, before: u32, extent: u32) -> u32 {
  return input_at(at, tap, stride, dilation, before, extent);
}

// What a tap adds: `source` is its partner's number among all pixels, yx its place in the image; `pixel` the result's.
fn term(source: u32, yx: vec2u, pixel: u32, tap: u32, channel: u32) -> Unit {
  return in0[source * sizes.inner + channel] * in1[tap * sizes.inner + channel];
}

// `taps` had partners.
fn finish(total: Unit, taps: u32) -> Unit {
  return total;
}

fn element(i: u32) {
  let channel = i % sizes.inner;
  let pixel = i / sizes.inner;
  // height and width of the result (xy) and of what is summed (zw)
  let here = sizes.more.xy;
  let there = sizes.more.zw;
  let x = pixel % here.y;
  let y = pixel / here.y % here.x;
  let image = pixel / here.y / here.x;
  let size = sizes.size_stride.xy;
  let stride = sizes.size_stride.zw;
  let dilation = sizes.dilation_before.xy;
  let before = sizes.dilation_before.zw;
  var total: LongSum;
  var taps = 0u;
  for (var tap_y = 0u; tap_y < size.x; tap_y++) {
    let row = partner(y, tap_y, stride.x, dilation.x, before.x, there.x);
    if (row == none) {
      continue;
    }
    for (var tap_x = 0u; tap_x < size.y; tap_x++) {
      let column = partner(x, tap_x, stride.y, dilation.y, before.y, there.y);
      if (column == none) {
        continue;
      }
      let source = (image * there.x + row) * there.y + column;
      let value = term(source, vec2u(row, column), pixel, tap_y * size.y + tap_x, channel);
      total = joined(total, value, sizes.extra.w);
      taps++;
    }
  }
  out0[i] = finish(settled(total), taps);
}

// Moves images by a matrix each: a pixel of the result is what lies at the place to which the matrix takes it, between
// pixels their mean by distance or the nearest one, and outside what the fill mode says.

// As it stands the outside is a constant. Needs elements.wgsl behind. Specialising replaces the constants, `folded` and
// `source` by fill mode, and Unit where channels come singly.

struct Sizes {
  // calls of `element`, and how many of them one workgroup makes
  count: u32,
  segment: u32,
  // units of channels in a pixel
  inner: u32,
  // numbers in a matrix, and from one image's to the next one's: 0 where all have the same
  columns: u32,
  step: u32,
  height: u32,
  width: u32,
  // what is outside
  fill: f32,
  // the bits of NaN, which no constant may be
  nan: u32,
}

alias Unit = vec4f;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read> in1: array<f32>;
@group(0) @binding(3) var<storage, read_write> out0: array<Unit>;

const is_nearest = false;
const none = 0xffffffffu;

// A place along an axis with as many pixels, moved to where whole numbers are exact: nothing changes but far outside.
fn folded(place: f32, extent: f32) -> f32 {
  return clamp(place, -2.0, extent + 1.0);
}

// Which pixel stands at whole number `at`; `none` where the fill does.
fn source(at: i32, extent: u32) -> u32 {
  return select(none, u32(at), at >= 0 && u32(at) < extent);
}

fn is_nan(place: f32) -> bool {
  return (bitcast<u32>(place) & 0x7fffffffu) > 0x7f800000u;
}

fn pixel_at(image: u32, row: u32, column: u32, channel: u32) -> Unit {
  if (row == none || column == none) {
    return Unit(sizes.fill);
  }
  return in0[((image * sizes.height + row) * sizes.width + column) * sizes.inner + channel];
}

// What lies between two values; of what has no part nothing is said, infinite or not.
fn between(a: Unit, b: Unit, weight: f32) -> Unit {
  if (weight == 0.0) {
    return a;
  }
  return a * (1.0 - weight) + b * weight;
}

fn element(i: u32) {
  let channel = i % sizes.inner;
  let pixel = i / sizes.inner;
  let column = pixel % sizes.width;
  let row = pixel / sizes.width % sizes.height;
  let image = pixel / sizes.width / sizes.height;
  let m = image * sizes.step;
  let x = f32(column);
  let y = f32(row);
  var to_x = in1[m] * x + in1[m + 1u] * y + in1[m + 2u];
  var to_y = in1[m + 3u] * x + in1[m + 4u] * y + in1[m + 5u];
  if (sizes.columns == 8u) {
    let scale = in1[m + 6u] * x + in1[m + 7u] * y + 1.0;
    if (scale == 0.0) {
      out0[i] = Unit(sizes.fill);
      return;
    }
    to_x /= scale;
    to_y /= scale;
  }
  let at_x = folded(to_x, f32(sizes.width));
  let at_y = folded(to_y, f32(sizes.height));
  // A place that is none: NaN in the matrix, or what is infinitely far folded.
  if (is_nan(to_x) || is_nan(to_y) || is_nan(at_x) || is_nan(at_y)) {
    out0[i] = Unit(bitcast<f32>(sizes.nan));
    return;
  }
  if (is_nearest) {
    let nearest_x = source(i32(floor(at_x + 0.5)), sizes.width);
    out0[i] = pixel_at(image, source(i32(floor(at_y + 0.5)), sizes.height), nearest_x, channel);
    return;
  }
  let left = i32(floor(at_x));
  let above = i32(floor(at_y));
  let x0 = source(left, sizes.width);
  let x1 = source(left + 1, sizes.width);
  let y0 = source(above, sizes.height);
  let y1 = source(above + 1, sizes.height);
  let across = at_x - floor(at_x);
  let down = at_y - floor(at_y);
  let upper = between(pixel_at(image, y0, x0, channel), pixel_at(image, y0, x1, channel), across);
  let lower = between(pixel_at(image, y1, x0, channel), pixel_at(image, y1, x1, channel), across);
  out0[i] = between(upper, lower, down);
}

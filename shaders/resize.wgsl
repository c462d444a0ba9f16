// Makes images of another size from the pixels around each of their own: the nearest one, or two by two weighted by
// distance. With `goes_back` it is the adjoint: what each pixel was a part of, by its share.

// Half-pixel centres, in whole numbers, so that what lies exactly between two pixels is decided alike everywhere. Needs
// elements.wgsl behind. Specialising replaces the constants, and Unit where channels come singly.

struct Sizes {
  // calls of `element`, and how many of them one workgroup makes
  count: u32,
  segment: u32,
  // units of channels in a pixel
  inner: u32,
  padding: u32,
  // height and width of the image (xy) and of what is made of it (zw)
  extent: vec4u,
  // the same without the factors that they have in common along an axis
  ratio: vec4u,
}

alias Unit = vec4f;

@group(0) @binding(0) var<uniform> sizes: Sizes;
// The image, or the gradient of what is made of it.
@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read_write> out0: array<Unit>;

const is_nearest = false;
const goes_back = false;

// The pixels along an axis that one of the result is made of: `upper` counts `weight`, `lower` the rest.
struct Taps {
  lower: u32,
  upper: u32,
  weight: f32,
}

// The centre of pixel `at` lies over (at + 1/2) * there / here of the image.
fn taps(at: u32, extent: u32, there: u32, here: u32) -> Taps {
  let centre = (2u * at + 1u) * there;
  if (is_nearest) {
    return Taps(centre / (2u * here), centre / (2u * here), 0.0);
  }
  if (centre < here) {
    return Taps(0u, 0u, 0.0);
  }
  let past = centre - here;
  let lower = past / (2u * here);
  return Taps(lower, min(lower + 1u, extent - 1u), f32(past % (2u * here)) / f32(2u * here));
}

// Which pixels of the result may have a part of pixel `at`: from x up to y, exclusive.
fn users(at: u32, extent: u32, there: u32, here: u32) -> vec2u {
  let first = max(here * (2u * max(at, 1u) - 1u) / there / 2u, 1u) - 1u;
  return vec2u(select(first, 0u, at == 0u), min(here * (2u * at + 3u) / there / 2u + 1u, extent));
}

fn share(parts: Taps, at: u32) -> f32 {
  return select(0.0, 1.0 - parts.weight, parts.lower == at) + select(0.0, parts.weight, parts.upper == at);
}

// What lies between two values; of what has no part nothing is said, infinite or not.
fn between(a: Unit, b: Unit, weight: f32) -> Unit {
  if (weight == 0.0) {
    return a;
  }
  return a * (1.0 - weight) + b * weight;
}

fn made(image: u32, y: u32, x: u32, channel: u32) -> Unit {
  let rows = taps(y, sizes.extent.x, sizes.ratio.x, sizes.ratio.z);
  let columns = taps(x, sizes.extent.y, sizes.ratio.y, sizes.ratio.w);
  let upper = (image * sizes.extent.x + rows.lower) * sizes.extent.y;
  let a = in0[(upper + columns.lower) * sizes.inner + channel];
  if (is_nearest) {
    return a;
  }
  let b = in0[(upper + columns.upper) * sizes.inner + channel];
  let lower = (image * sizes.extent.x + rows.upper) * sizes.extent.y;
  let c = in0[(lower + columns.lower) * sizes.inner + channel];
  let d = in0[(lower + columns.upper) * sizes.inner + channel];
  return between(between(a, b, columns.weight), between(c, d, columns.weight), rows.weight);
}

fn returned(image: u32, y: u32, x: u32, channel: u32) -> Unit {
  let rows = users(y, sizes.extent.z, sizes.ratio.x, sizes.ratio.z);
  let columns = users(x, sizes.extent.w, sizes.ratio.y, sizes.ratio.w);
  var total = Unit();
  for (var row = rows.x; row < rows.y; row++) {
    let of_row = share(taps(row, sizes.extent.x, sizes.ratio.x, sizes.ratio.z), y);
    let start = (image * sizes.extent.z + row) * sizes.extent.w;
    var along = Unit();
    for (var column = columns.x; column < columns.y; column++) {
      let of_column = share(taps(column, sizes.extent.y, sizes.ratio.y, sizes.ratio.w), x);
      if (of_column != 0.0 && of_row != 0.0) {
        along += in0[(start + column) * sizes.inner + channel] * of_column;
      }
    }
    total += along * of_row;
  }
  return total;
}

fn element(i: u32) {
  let channel = i % sizes.inner;
  let pixel = i / sizes.inner;
  if (goes_back) {
    let x = pixel % sizes.extent.y;
    let y = pixel / sizes.extent.y % sizes.extent.x;
    out0[i] = returned(pixel / sizes.extent.y / sizes.extent.x, y, x, channel);
  } else {
    let x = pixel % sizes.extent.w;
    let y = pixel / sizes.extent.w % sizes.extent.z;
    out0[i] = made(pixel / sizes.extent.w / sizes.extent.z, y, x, channel);
  }
}

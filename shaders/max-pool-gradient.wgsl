// Gradients of maxima put back where the maxima were, for windows that share no pixel: a thread for each place writes the
// pixels under it, and zeros into those around it that no window sees.

// Needs window.wgsl in front. Needs elements.wgsl behind. As it stands it takes single channels; specialising replaces the
// aliases where they come in whole vec4s, and `store`.

alias Unit = f32;
alias Bits = u32;

@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read> winners: array<Bits>;
@group(0) @binding(3) var<storage, read_write> c: array<Unit>;

// Whether the window may reach past the images, and whether there are pixels that no window sees.
const is_bounded = true;
const leaves_out = true;
// Taps down and across where they are few, which unrolls the loops; else 0.
const rows = 0u;
const columns = 0u;

const per = 1u; // channels in a unit

// The row is a pixel, the column its first channel.
fn store(row: u32, column: u32, value: Unit) {
  c[row * sizes.inner + column / per] = value;
}

// Where along an axis a place's pixels begin: its window's, and those up to the next one's.
fn begin(at: u32, places: u32, stride: u32, before: u32, extent: u32) -> u32 {
  if (at == 0u) {
    return 0u;
  }
  return select(min(at * stride - min(before, at * stride), extent), extent, at >= places);
}

fn element(i: u32) {
  let channel = i % sizes.inner;
  let place = i / sizes.inner;
  let x = place % sizes.extent.w;
  let y = place / sizes.extent.w % sizes.extent.z;
  let image = place / sizes.extent.w / sizes.extent.z * sizes.extent.x;
  let size = select(sizes.size_stride.xy, vec2u(rows, columns), rows > 0u);
  let stride = sizes.size_stride.zw;
  let before = sizes.dilation_before.zw;
  let gradient = in0[i];
  let winner = winners[i];
  for (var tap_y = 0u; tap_y < size.x; tap_y++) {
    let row = input_at(y, tap_y, stride.x, 1u, before.x, sizes.extent.x);
    for (var tap_x = 0u; tap_x < size.y; tap_x++) {
      let column = input_at(x, tap_x, stride.y, 1u, before.y, sizes.extent.y);
      if (!is_bounded || (row != none && column != none)) {
        let value = select(Unit(), gradient, winner == Bits(tap_y * size.y + tap_x));
        store((image + row) * sizes.extent.y + column, channel * per, value);
      }
    }
  }
  if (leaves_out) {
    let top = begin(y, sizes.extent.z, stride.x, before.x, sizes.extent.x);
    let bottom = begin(y + 1u, sizes.extent.z, stride.x, before.x, sizes.extent.x);
    let left = begin(x, sizes.extent.w, stride.y, before.y, sizes.extent.y);
    let right = begin(x + 1u, sizes.extent.w, stride.y, before.y, sizes.extent.y);
    for (var row = top; row < bottom; row++) {
      let is_under = row + before.x - y * stride.x < size.x;
      // Under the window only what is right of it, or left of the first one.
      for (var column = left; column < right; column++) {
        if (!(is_under && column + before.y - x * stride.y < size.y)) {
          store((image + row) * sizes.extent.y + column, channel * per, Unit());
        }
      }
    }
  }
}

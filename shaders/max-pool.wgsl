// Largest value under each place of a window, channel by channel, and the number of the tap that read it: the first of
// those that tie.

// Taps in the padding do not count; a NaN wins over every number, by its bits, since compilers may assume that none
// occurs. Needs window.wgsl in front. Needs elements.wgsl behind. As it stands it takes single channels; specialising
// replaces the aliases where they come in whole vec4s.

alias Unit = f32;
alias Bits = u32;
alias Flags = bool;

@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read_write> out0: array<Unit>;
@group(0) @binding(3) var<storage, read_write> out1: array<Bits>;

const is_bounded = true; // whether the window may reach past the images
// Taps down and across where they are few, which unrolls the loops; else 0.
const rows = 0u;
const columns = 0u;

fn is_nan(value: Unit) -> Flags {
  return (bitcast<Bits>(value) & Bits(0x7fffffffu)) > Bits(0x7f800000u);
}

fn element(i: u32) {
  let channel = i % sizes.inner;
  let place = i / sizes.inner;
  let x = place % sizes.extent.w;
  let y = place / sizes.extent.w % sizes.extent.z;
  let image = place / sizes.extent.w / sizes.extent.z;
  let size = select(sizes.size_stride.xy, vec2u(rows, columns), rows > 0u);
  let stride = sizes.size_stride.zw;
  let dilation = sizes.dilation_before.xy;
  let before = sizes.dilation_before.zw;
  var best = Unit();
  var winner = Bits();
  var is_first = true;
  for (var tap_y = 0u; tap_y < size.x; tap_y++) {
    let row = input_at(y, tap_y, stride.x, dilation.x, before.x, sizes.extent.x);
    if (is_bounded && row == none) {
      continue;
    }
    for (var tap_x = 0u; tap_x < size.y; tap_x++) {
      let column = input_at(x, tap_x, stride.y, dilation.y, before.y, sizes.extent.y);
      if (is_bounded && column == none) {
        continue;
      }
      let value = in0[((image * sizes.extent.x + row) * sizes.extent.y + column) * sizes.inner + channel];
      let wins = Flags(is_first) | (((value > best) | is_nan(value)) & !is_nan(best));
      best = select(best, value, wins);
      winner = select(winner, Bits(tap_y * size.y + tap_x), wins);
      is_first = false;
    }
  }
  out0[i] = best;
  out1[i] = winner;
}

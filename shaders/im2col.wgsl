// Copies, for each group of channels and each window place of all images, the `inner` channels under each tap; padding is
// 0. [batch, height, width, groups * inner] gives [groups, places, taps, inner], bit for bit.

// Needs window.wgsl in front. Needs elements.wgsl behind. As it stands it moves single words; specialising replaces
// the types and `element` (see engine/ops/layout/copying.ts).

alias Unit = u32;
alias Stored = vec4u;

@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read_write> out0: array<Stored>;

fn source(flat: u32) -> u32 {
  var rest = min(flat, sizes.length - 1u);
  let channel = rest % sizes.inner;
  rest /= sizes.inner;
  let size = sizes.size_stride.xy;
  let stride = sizes.size_stride.zw;
  let dilation = sizes.dilation_before.xy;
  let before = sizes.dilation_before.zw;
  let tap_x = rest % size.y;
  rest /= size.y;
  let tap_y = rest % size.x;
  rest /= size.x;
  let group = rest / sizes.more.y;
  let place = rest % sizes.more.y;
  let x = input_at(place % sizes.extent.w, tap_x, stride.y, dilation.y, before.y, sizes.extent.y);
  rest = place / sizes.extent.w;
  let y = input_at(rest % sizes.extent.z, tap_y, stride.x, dilation.x, before.x, sizes.extent.x);
  if (x == none || y == none) {
    return none;
  }
  let pixel = (rest / sizes.extent.z * sizes.extent.x + y) * sizes.extent.y + x;
  return (pixel * sizes.more.x + group) * sizes.inner + channel;
}

fn fetch(at: u32) -> Unit {
  if (at == none) {
    return Unit();
  }
  return in0[at];
}

fn element(i: u32) {
  let flat = i * 4u;
  out0[i] = vec4u(
    fetch(source(flat)),
    fetch(source(flat + 1u)),
    fetch(source(flat + 2u)),
    fetch(source(flat + 3u)),
  );
}

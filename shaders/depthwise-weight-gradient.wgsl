// Gradient of a depthwise convolution's weights: for each tap and channel, the sum over the places of a window of what
// the tap reads times the gradient there.

// A thread for each tap, unit of channels and chunk of places; chunks are added up by another kernel. Needs
// long-sum.wgsl in front. Needs window.wgsl in front. As it stands channels come in whole vec4s; specialising replaces Unit
// and Term where they come singly.

alias Unit = vec4f;

@group(0) @binding(1) var<storage, read> image: array<Unit>;
@group(0) @binding(2) var<storage, read> gradient: array<Unit>;
@group(0) @binding(3) var<storage, read_write> out0: array<Unit>;

const WORKGROUP = 64u;
// Products added up before the block joins the total: keeps rounding errors small in long sums.
const BLOCK = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (thread >= sizes.length) {
    return;
  }
  let channel = thread % sizes.inner;
  let size = sizes.size_stride.xy;
  let taps = size.x * size.y;
  let tap = thread / sizes.inner % taps;
  let chunk = thread / sizes.inner / taps;
  let stride = sizes.size_stride.zw;
  let dilation = sizes.dilation_before.xy;
  let before = sizes.dilation_before.zw;
  // places in all, and in a chunk
  let end = min((chunk + 1u) * sizes.more.y, sizes.more.x);
  var total: LongSum;
  var place = chunk * sizes.more.y;
  while (place < end) {
    let stop = min(end, place + BLOCK);
    var block = Unit();
    for (; place < stop; place++) {
      let column = input_at(place % sizes.extent.w, tap % size.y, stride.y, dilation.y, before.y, sizes.extent.y);
      let rest = place / sizes.extent.w;
      let row = input_at(rest % sizes.extent.z, tap / size.y, stride.x, dilation.x, before.x, sizes.extent.x);
      if (row == none || column == none) {
        continue;
      }
      let pixel = (rest / sizes.extent.z * sizes.extent.x + row) * sizes.extent.y + column;
      block += image[pixel * sizes.inner + channel] * gradient[place * sizes.inner + channel];
    }
    total = joined(total, block, sizes.extra.w);
  }
  out0[thread] = settled(total);
}

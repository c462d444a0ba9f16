// The same patches as im2col.wgsl, a thread for each place of the window: it walks taps and channels without dividing.

// For software adapters, where arithmetic on indices costs more than loads and neighbouring threads need not write
// neighbouring words. Needs window.wgsl in front. As it stands it moves single words; specialising replaces Unit where
// channels of a group come in whole vec4s.

alias Unit = u32;

@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read_write> out0: array<Unit>;

const WORKGROUP = 8u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = (group.x + group.y * groups.x) * sizes.segment;
  let end = min(start + sizes.segment, sizes.count);
  let size = sizes.size_stride.xy;
  let stride = sizes.size_stride.zw;
  let dilation = sizes.dilation_before.xy;
  let before = sizes.dilation_before.zw;
  let width = sizes.more.x * sizes.inner;
  let matrix = sizes.more.y * size.x * size.y * sizes.inner;
  for (var place = start + lane; place < end; place += WORKGROUP) {
    let x = place % sizes.extent.w;
    let rest = place / sizes.extent.w;
    let y = rest % sizes.extent.z;
    let image = rest / sizes.extent.z * sizes.extent.x;
    var to = place * size.x * size.y * sizes.inner;
    for (var tap_y = 0u; tap_y < size.x; tap_y++) {
      let row = input_at(y, tap_y, stride.x, dilation.x, before.x, sizes.extent.x);
      for (var tap_x = 0u; tap_x < size.y; tap_x++) {
        let column = input_at(x, tap_x, stride.y, dilation.y, before.y, sizes.extent.y);
        let is_inside = row != none && column != none;
        // In the padding the first pixel is read, and not taken.
        var pixel = select(0u, ((image + row) * sizes.extent.y + column) * width, is_inside);
        var patch_at = to;
        for (var k = 0u; k < sizes.more.x; k++) {
          for (var c = 0u; c < sizes.inner; c++) {
            out0[patch_at + c] = select(Unit(), in0[pixel + c], is_inside);
          }
          pixel += sizes.inner;
          patch_at += matrix;
        }
        to += sizes.inner;
      }
    }
  }
}

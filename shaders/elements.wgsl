// The loop of kernels that make their result by parts, each by `element`, for behind their files: neighbouring threads make
// neighbouring ones. Needs triangle.wgsl in front, or another of those.

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = (group.x + group.y * groups.x) * sizes.segment;
  let end = min(start + sizes.segment, sizes.count);
  for (var i = start + lane; i < end; i += WORKGROUP) {
    element(i);
  }
}

// Another loop than elements.wgsl for kernels that copy, for behind some of the same files: threads go along runs, the
// rows of the innermost axis, side by side, and divide but once.

// For software adapters, where arithmetic on indices costs more than loads. Runs must be as long as what a workgroup
// makes at once. Needs triangle.wgsl in front, or another that has runs. Specialising replaces `along` and UNITS where
// units are vec4s.

const WORKGROUP = 8u;
// Units of the output that one call of `along` or `element` makes.
const UNITS = 4u;

// What `element` makes, for units that are all in one run, from `column` on.
fn along(i: u32, run: Run, column: u32) {
  let at = in_run(run, column + vec4u(0u, 1u, 2u, 3u));
  out0[i] = vec4u(fetch(at.x), fetch(at.y), fetch(at.z), fetch(at.w));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = (group.x + group.y * groups.x) * sizes.segment;
  let end = min(start + sizes.segment, sizes.count);
  let units = run_length();
  let first = (start + lane) * UNITS;
  var number = first / units;
  var column = first % units;
  var run = run_at(number);
  for (var i = start + lane; i < end; i += WORKGROUP) {
    if (column + UNITS <= units) {
      along(i, run, column);
    } else {
      element(i);
    }
    column += UNITS * WORKGROUP;
    if (column >= units) {
      column -= units;
      number++;
      run = run_at(number);
    }
  }
}

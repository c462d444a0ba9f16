// Each row's log-sum and the sum of dO O side by side, as attention's gradients read them, where the queries' gradient
// can't bind what it takes to make them.

// Needs exp-log.wgsl in front. Needs philox.wgsl in front. Needs
// attention-rows.wgsl in front.

@group(0) @binding(1) var<storage, read> d_out: array<Element>;
@group(0) @binding(2) var<storage, read> out: array<Element>;
@group(0) @binding(3) var<storage, read> log_sums: array<f32>;
@group(0) @binding(4) var<storage, read_write> rows: array<vec2f>;

fn load_d_out(at: u32, c: u32) -> vec4f {
  return d_out[at + c];
}

fn load_out(at: u32, c: u32) -> vec4f {
  return out[at + c];
}

fn row_a(n: u32, c: u32) -> vec4f {
  return vec4f();
}

fn row_b(n: u32, c: u32) -> vec4f {
  return vec4f();
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let workgroup = group.x + group.y * groups.x;
  if (workgroup >= sizes.workgroups) {
    return;
  }
  let place = place_of(workgroup, sizes.heads);
  let i = place.row + lane;
  if (i >= sizes.queries) {
    return;
  }
  let at = (place.batch * sizes.queries + i) * sizes.o_row + place.head * B_SIZE;
  var product = 0.0;
  for (var c = 0u; c < B4; c++) {
    product += dot(load_d_out(at, c), load_out(at, c));
  }
  let n = (place.batch * sizes.heads + place.head) * sizes.queries + i;
  rows[n] = vec2f(log_sums[n], product);
}

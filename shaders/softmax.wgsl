// Softmax of rows: one thread a row, three passes over it (maximum, sum of exponentials, result). As it stands it
// gives softmax; specialising replaces `result` (for log-softmax) and, where rows are not whole vec4s, the loads
// and stores. Needs exp-log.wgsl in front. Needs exponential-total.wgsl in front.

struct Sizes {
  rows: u32,
  length: u32,
}

alias Element = vec4f;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Element>;
@group(0) @binding(2) var<storage, read_write> out0: array<Element>;

const WORKGROUP = 8u;

// The result for one vec4, given the row's maximum and sum of exponentials.
fn result(x: vec4f, largest: f32, total: f32) -> vec4f {
  return exp_4(x - largest) / total;
}

fn load4(i: u32) -> vec4f {
  return in0[i >> 2u];
}

fn load1(i: u32) -> f32 {
  return in0[i >> 2u][i & 3u];
}

fn store4(i: u32, value: vec4f) {
  out0[i >> 2u] = value;
}

fn store1(i: u32, value: f32) {
  out0[i >> 2u][i & 3u] = value;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (row >= sizes.rows) {
    return;
  }
  let start = row * sizes.length;
  let end = start + sizes.length;
  let whole = start + (sizes.length & ~3u);
  var largest4 = vec4f(load1(start));
  var magnitudes4 = vec4u();
  for (var i = start; i < whole; i += 4u) {
    let x = load4(i);
    largest4 = max(largest4, x);
    magnitudes4 = max(magnitudes4, bitcast<vec4u>(x) & vec4u(magnitude_bits));
  }
  var largest = max(max(largest4.x, largest4.y), max(largest4.z, largest4.w));
  var magnitudes = max(max(magnitudes4.x, magnitudes4.y), max(magnitudes4.z, magnitudes4.w));
  for (var i = whole; i < end; i++) {
    let x = load1(i);
    largest = max(largest, x);
    magnitudes = max(magnitudes, bitcast<u32>(x) & magnitude_bits);
  }
  var total4 = vec4f();
  for (var i = start; i < whole; i += 4u) {
    total4 += exp_4(load4(i) - largest);
  }
  var total = total4.x + total4.y + total4.z + total4.w;
  for (var i = whole; i < end; i++) {
    total += exp_4(vec4f(load1(i) - largest)).x;
  }
  total = defined_total(total, largest, magnitudes);
  for (var i = start; i < whole; i += 4u) {
    store4(i, result(load4(i), largest, total));
  }
  for (var i = whole; i < end; i++) {
    store1(i, result(vec4f(load1(i)), largest, total).x);
  }
}

// Puts the chunks' shifted sums of moments.wgsl together: mean and variance, one thread a column.

struct Sizes {
  rows: u32,
  columns: u32,
  chunks: u32,
  // rows whose mean is the shift: told at run time, or the loop over them would be unrolled
  shift_rows: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<f32>;
@group(0) @binding(2) var<storage, read> sums: array<f32>;
@group(0) @binding(3) var<storage, read> squares: array<f32>;
@group(0) @binding(4) var<storage, read_write> out0: array<f32>;
@group(0) @binding(5) var<storage, read_write> out1: array<f32>;

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let column = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (column >= sizes.columns) {
    return;
  }
  let count = sizes.shift_rows;
  var shift = 0.0;
  for (var row = 0u; row < count; row++) {
    shift += in0[row * sizes.columns + column];
  }
  shift /= f32(count);
  // As in moments.wgsl.
  shift = select(0.0, shift, (bitcast<u32>(shift) & 0x7f800000u) != 0x7f800000u);
  var total = 0.0;
  var square = 0.0;
  for (var chunk = 0u; chunk < sizes.chunks; chunk++) {
    total += sums[chunk * sizes.columns + column];
    square += squares[chunk * sizes.columns + column];
  }
  let mean = total / f32(sizes.rows);
  out0[column] = mean + shift;
  // Rounding may leave less than 0. By comparison, since max() may lose a NaN.
  let variance = square / f32(sizes.rows) - mean * mean;
  out1[column] = select(variance, 0.0, variance < 0.0);
}

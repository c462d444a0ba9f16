// Gradient of row normalization for its input: with g = dy * gamma and n the normalized row, dx = scale * (g - mean(g)
// - n * mean(g * n)); without mean(g) in RMS normalization.

// Specialising replaces `weigh` and its binding where there is no gamma, and `store` (see engine/jit). Needs
// long-sum.wgsl in front. Needs own-rows.wgsl in front. Needs normalized-rows.wgsl in front.

@group(0) @binding(1) var<storage, read> dy: array<Unit>;
@group(0) @binding(2) var<storage, read> x: array<Unit>;
@group(0) @binding(3) var<storage, read> means: array<f32>;
@group(0) @binding(4) var<storage, read> scales: array<f32>;
@group(0) @binding(5) var<storage, read_write> c: array<Unit>;
@group(0) @binding(6) var<storage, read> gamma: array<Unit>;

fn weigh(value: Unit, unit: u32) -> Unit {
  return value * gamma[unit];
}

fn store(row: u32, column: u32, value: Unit) {
  c[row * sizes.width + column / 4u] = value;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = row_of(group.x + group.y * groups.x, lane);
  let outer = row / sizes.groups;
  let first = row % sizes.groups * sizes.inner;
  let length = end_of(row, sizes.rows, sizes.length);
  let mean = means[row];
  let scale = scales[row];
  var total: LongSum;
  var products: LongSum;
  var i = first_of(lane);
  while (i < length) {
    let stop = min(length, i + BLOCK * LANES);
    var block = Unit();
    var block_products = Unit();
    for (; i < stop; i += LANES) {
      let place = place_of(i, outer, first);
      let at = place.x * sizes.width + place.y;
      let g = weigh(dy[at], place.y);
      block += g;
      block_products += g * ((x[at] - mean) * scale);
    }
    total = joined(total, block, sizes.zero);
    products = joined(products, block_products, sizes.zero);
  }
  var shift = 0.0;
  if (CENTERED) {
    shift = total_of(add_lanes(settled(total)), lane) / sizes.count;
  }
  let slope = total_of(add_lanes(settled(products)), lane) / sizes.count;
  for (i = first_of(lane); i < length; i += LANES) {
    let place = place_of(i, outer, first);
    let at = place.x * sizes.width + place.y;
    let value = scale * (weigh(dy[at], place.y) - shift - (x[at] - mean) * scale * slope);
    store(place.x, place.y * UNIT_SIZE, value);
  }
}

// Elements in a unit.
const UNIT_SIZE = 4u;

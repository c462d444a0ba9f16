// Normalizes rows: (x - mean) / sqrt(variance + epsilon); in RMS normalization by the mean of the squares, without a
// mean.

// The variance comes from a second walk over the row, so that nothing cancels, which also finds what rounding has left
// of the mean: equal elements have no variance. Means and reciprocal deviations are kept for the gradient. Needs
// long-sum.wgsl in front. Needs own-rows.wgsl in front. Needs normalized-rows.wgsl in front.
// Needs row-variance.wgsl in front.

// Specialising replaces `affine` and its bindings where there are none, and `store` (see engine/jit).

@group(0) @binding(1) var<storage, read> x: array<Unit>;
@group(0) @binding(2) var<storage, read_write> c: array<Unit>;
@group(0) @binding(3) var<storage, read_write> means: array<f32>;
@group(0) @binding(4) var<storage, read_write> scales: array<f32>;
@group(0) @binding(5) var<storage, read> gamma: array<Unit>;
@group(0) @binding(6) var<storage, read> beta: array<Unit>;

fn affine(value: Unit, unit: u32) -> Unit {
  return value * gamma[unit] + beta[unit];
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
  var mean = 0.0;
  if (CENTERED) {
    var total: LongSum;
    var i = first_of(lane);
    while (i < length) {
      let stop = min(length, i + BLOCK * LANES);
      var block = Unit();
      for (; i < stop; i += LANES * AHEAD) {
        for (var ahead = 0u; ahead < AHEAD; ahead++) {
          let step = i + LANES * ahead;
          let place = place_of(within(step, sizes.length - 1u), outer, first);
          block += select(Unit(), x[place.x * sizes.width + place.y], counts(step, sizes.length - 1u));
        }
      }
      total = joined(total, block, sizes.zero);
    }
    mean = total_of(add_lanes(settled(total)), lane) / sizes.count;
  }
  var rest: LongSum;
  var squares: LongSum;
  var i = first_of(lane);
  while (i < length) {
    let stop = min(length, i + BLOCK * LANES);
    var block = Unit();
    var block_squares = Unit();
    for (; i < stop; i += LANES * AHEAD) {
      for (var ahead = 0u; ahead < AHEAD; ahead++) {
        let step = i + LANES * ahead;
        let place = place_of(within(step, sizes.length - 1u), outer, first);
        let deviation = x[place.x * sizes.width + place.y] - mean;
        let value = select(Unit(), deviation, counts(step, sizes.length - 1u));
        block += value;
        block_squares += value * value;
      }
    }
    rest = joined(rest, block, sizes.zero);
    squares = joined(squares, block_squares, sizes.zero);
  }
  let plain = total_of(add_lanes(settled(squares)), lane) / sizes.count;
  // Where the squares are no f32 numbers, those of 2^-80 of the deviations, in a walk that other rows leave out.
  var small_squares: LongSum;
  i = first_of(lane);
  let huge_length = select(0u, length, is_infinite(plain));
  while (i < huge_length) {
    let stop = min(length, i + BLOCK * LANES);
    var block = Unit();
    for (; i < stop; i += LANES) {
      let place = place_of(i, outer, first);
      let small = (x[place.x * sizes.width + place.y] - mean) * shrunk;
      block += small * small;
    }
    small_squares = joined(small_squares, block, sizes.zero);
  }
  var shift = 0.0;
  if (CENTERED) {
    shift = shift_of(total_of(add_lanes(settled(rest)), lane) / sizes.count);
    mean += shift;
  }
  let small = total_of(add_lanes(settled(small_squares)), lane) / sizes.count;
  let scale = scale_of(plain, small, shift, sizes.epsilon);
  if (speaks(row, sizes.rows, lane)) {
    means[row] = mean;
    scales[row] = scale;
  }
  for (i = first_of(lane); i < length; i += LANES * AHEAD) {
    var values = array<Unit, AHEAD>();
    for (var ahead = 0u; ahead < AHEAD; ahead++) {
      let place = place_of(within(i + LANES * ahead, sizes.length - 1u), outer, first);
      values[ahead] = affine((x[place.x * sizes.width + place.y] - mean) * scale, place.y);
    }
    for (var ahead = 0u; ahead < AHEAD; ahead++) {
      let step = i + LANES * ahead;
      if (counts(step, sizes.length - 1u)) {
        let place = place_of(step, outer, first);
        store(place.x, place.y * UNIT_SIZE, values[ahead]);
      }
    }
  }
}

// Elements in a unit.
const UNIT_SIZE = 4u;

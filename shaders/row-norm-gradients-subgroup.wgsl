// Gradients of the normalization of short rows, for its input as in row-norm-gradient.wgsl, and on the way there for gamma
// and beta as in row-norm-parameters.wgsl: a lane has the same columns of every row that it walks.

// Specialising replaces `gamma_of` where there is none, and `store` (see engine/jit). Needs subgroup-rows.wgsl in front.
// Needs long-sum.wgsl behind.

@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> means: array<f32>;
@group(0) @binding(4) var<storage, read> scales: array<f32>;
@group(0) @binding(5) var<storage, read_write> c: array<vec4f>;
// by workgroup: gamma's gradient, then beta's
@group(0) @binding(6) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(7) var<storage, read> gamma: array<vec4f>;

// Rows added up before the block joins the total: keeps rounding errors small in long sums.
const BLOCK = 64u;

fn gamma_of(unit: u32) -> vec4f {
  return gamma[unit];
}

fn store(row: u32, column: u32, value: vec4f) {
  c[row * sizes.width + column / 4u] = value;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let workgroup = group.x + group.y * groups.x;
  let stop = min((workgroup + 1u) * sizes.chunk, sizes.rows);
  var gammas = Own();
  for (var i = 0u; i < OWN; i++) {
    gammas[i] = gamma_of(within(unit_of(lane, i)));
  }
  var of_gamma = array<LongSum, OWN>();
  var of_beta = array<LongSum, OWN>();
  var row = workgroup * sizes.chunk;
  while (row < stop) {
    let block_stop = min(stop, row + BLOCK);
    var gamma_block = Own();
    var beta_block = Own();
    while (row < block_stop) {
      // Each lane loads the statistics of another row.
      let known = vec2f(means[min(row + lane, sizes.rows - 1u)], scales[min(row + lane, sizes.rows - 1u)]);
      let few = min(LANES, block_stop - row);
      for (var r = 0u; r < few; r++) {
        let own = subgroupShuffle(known, r);
        let mean = own.x;
        let scale = own.y;
        var gradients = Own();
        var normalized = Own();
        var total = vec4f();
        var products = vec4f();
        for (var i = 0u; i < OWN; i++) {
          let at = row * sizes.width + within(unit_of(lane, i));
          let g = dy[at];
          normalized[i] = (x[at] - mean) * scale;
          beta_block[i] += g;
          gamma_block[i] += g * normalized[i];
          gradients[i] = g * gammas[i];
          total += counted(gradients[i], unit_of(lane, i));
          products += counted(gradients[i] * normalized[i], unit_of(lane, i));
        }
        let sums = over_lanes(vec4f(add_four(total), add_four(products), 0.0, 0.0)) / sizes.count;
        let shift = select(0.0, sums.x, CENTERED);
        for (var i = 0u; i < OWN; i++) {
          if (unit_of(lane, i) < sizes.width) {
            store(row, 4u * unit_of(lane, i), scale * (gradients[i] - shift - normalized[i] * sums.y));
          }
        }
        row++;
      }
    }
    for (var i = 0u; i < OWN; i++) {
      of_gamma[i] = joined(of_gamma[i], gamma_block[i], sizes.zero);
      of_beta[i] = joined(of_beta[i], beta_block[i], sizes.zero);
    }
  }
  for (var i = 0u; i < OWN; i++) {
    let unit = unit_of(lane, i);
    if (unit < sizes.width) {
      partials[2u * workgroup * sizes.width + unit] = settled(of_gamma[i]);
      partials[(2u * workgroup + 1u) * sizes.width + unit] = settled(of_beta[i]);
    }
  }
}

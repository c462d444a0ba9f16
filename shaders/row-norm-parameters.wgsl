// Gradients of row normalization's gamma and beta: sums of dy times the normalized x, and of dy, over the outer and
// middle axes.

// A thread for each unit of the parameters and chunk of those axes; with several chunks another kernel adds them up
// and specialising replaces `keep`. Needs long-sum.wgsl in front.

struct Sizes {
  // outer and middle in one; how many of them a chunk has; chunks
  pixels: u32,
  chunk: u32,
  chunks: u32,
  middle: u32,
  groups: u32,
  // units in a group, and in all of them
  inner: u32,
  width: u32,
  // 0, which the compiler does not know
  zero: u32,
}

alias Unit = vec4f;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<Unit>;
@group(0) @binding(2) var<storage, read> x: array<Unit>;
@group(0) @binding(3) var<storage, read> means: array<f32>;
@group(0) @binding(4) var<storage, read> scales: array<f32>;
@group(0) @binding(5) var<storage, read_write> gammas: array<Unit>;
@group(0) @binding(6) var<storage, read_write> betas: array<Unit>;

const WORKGROUP = 8u;
// Terms added up before the block joins the total: keeps rounding errors small in long sums.
const BLOCK = 64u;
// Rows whose loads are on their way together.
const AHEAD = 1u;

// A chunk's sums; where there are several chunks they lie in one buffer, gamma's before beta's.
fn keep(chunk: u32, unit: u32, of_gamma: Unit, of_beta: Unit) {
  gammas[chunk * sizes.width + unit] = of_gamma;
  betas[chunk * sizes.width + unit] = of_beta;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (thread >= sizes.chunks * sizes.width) {
    return;
  }
  let unit = thread % sizes.width;
  let chunk = thread / sizes.width;
  let end = min((chunk + 1u) * sizes.chunk, sizes.pixels);
  var of_gamma: LongSum;
  var of_beta: LongSum;
  var pixel = chunk * sizes.chunk;
  while (pixel < end) {
    let stop = min(end, pixel + BLOCK);
    var products = Unit();
    var block = Unit();
    for (; pixel < stop; pixel += AHEAD) {
      for (var ahead = 0u; ahead < AHEAD; ahead++) {
        // Behind the last one it is read again, and left out.
        let counts = AHEAD == 1u || pixel + ahead < stop;
        let own = select(stop - 1u, pixel + ahead, counts);
        let row = own / sizes.middle * sizes.groups + unit / sizes.inner;
        let at = own * sizes.width + unit;
        let g = dy[at];
        let product = g * ((x[at] - means[row]) * scales[row]);
        products += select(Unit(), product, counts);
        block += select(Unit(), g, counts);
      }
    }
    of_gamma = joined(of_gamma, products, sizes.zero);
    of_beta = joined(of_beta, block, sizes.zero);
  }
  keep(chunk, unit, settled(of_gamma), settled(of_beta));
}

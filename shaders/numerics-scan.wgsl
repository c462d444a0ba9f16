// Counts NaN and infinities of an f32 tensor and finds its finite minimum and maximum. Works on bits, since compilers
// may assume that floats are finite.

// A lane writes one row of out0: NaN, infinities, smallest key, largest key, where a key is a float's bits turned so
// that they order as the floats do.

struct Sizes {
  count: u32,
  lanes: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> out0: array<vec4u>;

const WORKGROUP = 64u;
const INFINITY = 0x7f800000u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= sizes.lanes) {
    return;
  }
  var nans = vec4u(0u);
  var infinities = vec4u(0u);
  var low = vec4u(0xffffffffu);
  var high = vec4u(0u);
  let quads = (sizes.count + 3u) / 4u;
  for (var quad = id.x; quad < quads; quad += sizes.lanes) {
    let bits = in0[quad];
    let isInside = vec4u(quad * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(sizes.count);
    let magnitude = bits & vec4u(0x7fffffffu);
    nans += select(vec4u(0u), vec4u(1u), isInside & (magnitude > vec4u(INFINITY)));
    infinities += select(vec4u(0u), vec4u(1u), isInside & (magnitude == vec4u(INFINITY)));
    let isFinite = isInside & (magnitude < vec4u(INFINITY));
    let key = select(bits | vec4u(0x80000000u), ~bits, (bits & vec4u(0x80000000u)) != vec4u(0u));
    low = select(low, min(low, key), isFinite);
    high = select(high, max(high, key), isFinite);
  }
  out0[id.x] = vec4u(
    nans.x + nans.y + nans.z + nans.w,
    infinities.x + infinities.y + infinities.z + infinities.w,
    min(min(low.x, low.y), min(low.z, low.w)),
    max(max(high.x, high.y), max(high.z, high.w)),
  );
}

// A random order of [0, n): where each element goes, by a keyed bijection. The same words as
// engine/base/random/permutation.ts, where the method is explained. Needs philox.wgsl in front.

struct Sizes {
  count: u32, // vec4s in the output
  segment: u32, // vec4s that one workgroup walks
  n: u32,
  low_bits: u32, // of an index, in the network's low half
  low_mask: u32,
  high_mask: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> state: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4u>;

const WORKGROUP = 64u;
const purpose = 2u; // the counter's fourth word

fn mix(value: vec4u, round: u32) -> vec4u {
  var h = value + round * 0x9e3779b9u;
  h = (h ^ (h >> vec4u(16u))) * 0x85ebca6bu;
  h = (h ^ (h >> vec4u(13u))) * 0xc2b2ae35u;
  return h ^ (h >> vec4u(16u));
}

// The Feistel network: 12 rounds, four a turn.
fn network(x: vec4u, keys: vec4u) -> vec4u {
  var low = x & vec4u(sizes.low_mask);
  var high = x >> vec4u(sizes.low_bits);
  for (var round = 0u; round < 12u; round += 4u) {
    high ^= mix(low ^ vec4u(keys.x), round) & vec4u(sizes.high_mask);
    low ^= mix(high ^ vec4u(keys.y), round + 1u) & vec4u(sizes.low_mask);
    high ^= mix(low ^ vec4u(keys.z), round + 2u) & vec4u(sizes.high_mask);
    low ^= mix(high ^ vec4u(keys.w), round + 3u) & vec4u(sizes.low_mask);
  }
  return (high << vec4u(sizes.low_bits)) | low;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = (group.x + group.y * groups.x) * sizes.segment;
  let end = min(start + sizes.segment, sizes.count);
  let drawn = state[0];
  let n = vec4u(sizes.n);
  let keys = philox(vec4u(0u, drawn.z, drawn.w, purpose), drawn.xy);
  let word = philox(vec4u(1u, drawn.z, drawn.w, purpose), drawn.xy).x;
  let rotation = multiply_high(vec2u(word), vec2u(sizes.n)).x;
  for (var i = start + lane; i < end; i += WORKGROUP) {
    // What lies past the end must walk inside [0, n) too: a cycle that never gets there has no end.
    var x = min(vec4u(i * 4u) + vec4u(0u, 1u, 2u, 3u), n - 1u) + rotation;
    x = select(x, x - n, x >= n);
    // Cycle walking, four elements at a time.
    var is_done = vec4<bool>();
    while (!all(is_done)) {
      x = select(network(x, keys), x, is_done);
      is_done = x < n;
    }
    out[i] = x;
  }
}

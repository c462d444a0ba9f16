// Pointwise kernels: one vec4 of every output from the matching elements of the inputs. As it stands it copies in0 to
// out0; specialising replaces `element`, `prepare` and the bindings (see engine/ops/elementwise/elementwise.ts).

// Each workgroup walks a contiguous segment with a loop whose trip count is known only at run time: on software
// adapters few workgroups with long loops win, and a constant trip count would be unrolled.

struct Sizes {
  // vec4s in the output
  count: u32,
  // vec4s that one workgroup walks
  segment: u32,
  // elements in the output
  length: u32,
  padding: u32,
  // for row and column broadcasts, by input: how many vec4s make one row of the output
  periods: array<vec4u, 4>,
  // for general broadcasts: the output's lengths, outermost first, padded with 1
  lengths: array<vec4u, 2>,
  // and each input's strides along them, two vec4s an input
  strides: array<vec4u, 32>,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out0: array<vec4f>;

const WORKGROUP = 64u;

fn element(i: u32) {
  out0[i] = in0[i];
}

// Reads what is the same for all elements: a load in the loop costs a software adapter as much as ten additions.
fn prepare() {
}

// Where element `flat` of the output lies in the input whose strides start at row `first` of sizes.strides.
fn broadcast_index(flat: u32, first: u32) -> u32 {
  // Indices past the end (the last vec4's tail) must stay inside the input.
  var rest = min(flat, sizes.length - 1u);
  var index = 0u;
  let low = sizes.lengths[1];
  let high = sizes.lengths[0];
  let low_strides = sizes.strides[first + 1u];
  let high_strides = sizes.strides[first];
  index += (rest % low.y) * low_strides.y;
  rest /= low.y;
  index += (rest % low.x) * low_strides.x;
  rest /= low.x;
  index += (rest % high.w) * high_strides.w;
  rest /= high.w;
  index += (rest % high.z) * high_strides.z;
  rest /= high.z;
  index += (rest % high.y) * high_strides.y;
  rest /= high.y;
  index += rest * high_strides.x;
  return index;
}

// The bits of a value that is not finite, or of a zero, hidden from the compiler, which may assume that there is nothing
// but finite numbers.
fn non_finite(bits: u32) -> u32 {
  return bits | (sizes.padding & 1u);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = (group.x + group.y * groups.x) * sizes.segment;
  let end = min(start + sizes.segment, sizes.count);
  prepare();
  for (var i = start + lane; i < end; i += WORKGROUP) {
    element(i);
  }
}

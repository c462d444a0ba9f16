// Fills the output with random numbers, four from each Philox block. As it stands it gives the words themselves;
// specialising replaces `Element` and `convert`. Needs philox.wgsl in front.

// Each workgroup walks a contiguous segment with a run-time trip count, as in elementwise.wgsl.

struct Sizes {
  count: u32, // blocks of four elements
  segment: u32, // blocks that one workgroup walks
  padding0: u32,
  padding1: u32,
  parameters: vec4u, // of the distribution, floats by their bits
}

alias Element = vec4u;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> state: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> out: array<Element>;

const WORKGROUP = 64u;

fn convert(words: vec4u) -> Element {
  return words;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = (group.x + group.y * groups.x) * sizes.segment;
  let end = min(start + sizes.segment, sizes.count);
  let drawn = state[0];
  for (var i = start + lane; i < end; i += WORKGROUP) {
    out[i] = convert(random_words(i, drawn));
  }
}

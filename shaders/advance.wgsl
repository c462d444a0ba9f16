// The next random state: [key low, key high, counter + 1, stream]. One invocation.

struct Sizes {
  step: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> state: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4u>;

@compute @workgroup_size(1)
fn main() {
  out[0] = state[0] + vec4u(0u, 0u, sizes.step, 0u);
}

// Short rows that the lanes of a subgroup share and keep in registers while they walk one row after another, in kernels of
// normalizations: for software adapters, where lanes hand values around for next to nothing and each load has its price.

// For the front of those files; sizes of rows are in vec4s.
enable subgroups;
// Loops run as long as the sizes say, which are the same for all lanes.
diagnostic(off, subgroup_uniformity);

struct Sizes {
  rows: u32,
  width: u32, // vec4s of a row
  chunk: u32, // rows of a workgroup
  count: f32, // elements of a row
  epsilon: f32,
  zero: u32, // 0, which the compiler does not know
}

@group(0) @binding(0) var<uniform> sizes: Sizes;

const LANES = 8u; // subgroup size and workgroup size: 4 or 8
const OWN = 2u; // vec4s of a row that a lane has
// Whether the mean is taken away (not in RMS normalization).
const CENTERED = true;

// A lane's vec4s of a row.
alias Own = array<vec4f, OWN>;

fn unit_of(lane: u32, i: u32) -> u32 {
  return lane + LANES * i;
}

// Where lane and row meet, or the row's last vec4 where there is none.
fn within(unit: u32) -> u32 {
  return min(unit, sizes.width - 1u);
}

// The same without what lies behind the row's end.
fn counted(value: vec4f, unit: u32) -> vec4f {
  return select(vec4f(), value, unit < sizes.width);
}

fn add_four(value: vec4f) -> f32 {
  return (value.x + value.y) + (value.z + value.w);
}

// Sums over the subgroup, of each component.
fn over_lanes(value: vec4f) -> vec4f {
  var sum = value + subgroupShuffleXor(value, 1u);
  sum += subgroupShuffleXor(sum, 2u);
  if (LANES == 8u) {
    sum += subgroupShuffleXor(sum, 4u);
  }
  return sum;
}

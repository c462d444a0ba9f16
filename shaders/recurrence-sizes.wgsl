// What the kernels of recurrences know of their sizes, for behind their files.

struct Sizes {
  steps: u32,
  batch: u32,
  // a multiple of 8
  units: u32,
  // 1 where the last step comes first, else 0
  turned: u32,
  // always 1, which the compiler can't know
  one: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;

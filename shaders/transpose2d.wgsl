// Transposes matrices whose sides are multiples of 4: out[b, c, r] = in0[b, r, c]. A thread turns a block of 4 by 4,
// so that loads and stores are vec4s. Bits are moved as they are, so one kernel serves every dtype of 4 bytes.

// Needs elements.wgsl behind.

struct Sizes {
  // blocks, and how many of them a workgroup turns
  count: u32,
  segment: u32,
  // vec4s in a row of the input, and in a row of the output
  columns: u32,
  rows: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> out0: array<vec4u>;

fn element(block: u32) {
  let column = block % sizes.columns;
  let row_block = block / sizes.columns;
  let row = row_block % sizes.rows;
  let matrix = row_block / sizes.rows * sizes.rows * sizes.columns * 4u;
  let source = matrix + row * 4u * sizes.columns + column;
  let a = in0[source];
  let b = in0[source + sizes.columns];
  let c = in0[source + 2u * sizes.columns];
  let d = in0[source + 3u * sizes.columns];
  let place = matrix + column * 4u * sizes.rows + row;
  out0[place] = vec4u(a.x, b.x, c.x, d.x);
  out0[place + sizes.rows] = vec4u(a.y, b.y, c.y, d.y);
  out0[place + 2u * sizes.rows] = vec4u(a.z, b.z, c.z, d.z);
  out0[place + 3u * sizes.rows] = vec4u(a.w, b.w, c.w, d.w);
}

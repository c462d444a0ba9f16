// Matrices side by side as one, and the vectors that belong to their columns as one vector; or one matrix and vector
// taken apart again.

// A thread for each element of the large ones, whose last row stands for the vector. Specialising replaces `move_one` and
// binds as many parts as there are.

struct Sizes {
  // elements, as Element counts them, that there are to move; of those in a row; rows of the matrices
  count: u32,
  width: u32,
  rows: u32,
}

alias Element = vec4f;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> part0: array<Element>;
@group(0) @binding(2) var<storage, read> vector0: array<Element>;
@group(0) @binding(3) var<storage, read_write> matrix: array<Element>;
@group(0) @binding(4) var<storage, read_write> vector: array<Element>;

const WORKGROUP = 64u;

// Element number `at` of the matrix, in this row and column, or of the vector where there is no such row.
fn move_one(at: u32, row: u32, column: u32) {
  if (row < sizes.rows) {
    matrix[at] = part0[at];
  } else {
    vector[column] = vector0[column];
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (at < sizes.count) {
    move_one(at, at / sizes.width, at % sizes.width);
  }
}

// C = A * B by subgroup matrices (tensor cores): products of A and B rounded to f16, added up in f32, for GPUs that
// offer them. 256 threads share one square tile of C; each of their 8 subgroups has a part of it, 4 down and 2 across.

// A and B come through workgroup memory, double buffered, as in matmul-shared.wgsl. Needs product.wgsl behind. Needs
// long-sum.wgsl behind.
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;

const tile = 128u; // rows and columns of a tile: 64 or 128
const unit_m = 16u; // the matrices that the adapter multiplies: M x K times K x N
const unit_n = 16u;
const unit_k = 16u;
const lanes = 32u; // of a subgroup
const quads = tile / 4u; // groups of four rows, or of four columns, of the tile
const depth = 2048u / tile; // length of a chunk along K: 256 threads read it with one Pair of A and one of B each
const pitch = depth + 8u; // elements from row to row, or column to column, of a chunk; the 8 keep them out of each other's banks
const part_m = tile / 4u; // rows and columns of a subgroup's part
const part_n = tile / 2u;
const units_m = part_m / unit_m;
const units_n = part_n / unit_n;

alias Left = subgroup_matrix_left<f16, unit_k, unit_m>;
alias Right = subgroup_matrix_right<f16, unit_n, unit_k>;
alias Sum = subgroup_matrix_result<f32, unit_n, unit_m>;

// Two chunks of each operand: one is multiplied while the next is stored. A matrix's rows, or columns, are an array of their
// own, each along k, as a lane's part of a matrix lies: where in it a matrix begins the compiler knows, so it leaves out the
// bounds' checks, and two 16-byte loads bring a lane's part.
var<workgroup> a_chunks: array<array<array<f16, unit_m * pitch>, tile / unit_m>, 2>;
var<workgroup> b_chunks: array<array<array<f16, unit_n * pitch>, tile / unit_n>, 2>;
// Sums on their way to memory, a matrix a subgroup; in the end four columns' sums of B a thread.
var<workgroup> staged: array<f32, max(8u * unit_m * unit_n, 1024u)>;

// Which quad of an operand's chunk a thread brings into workgroup memory, and which of its pairs of k.
struct Share {
  quad: u32,
  pair: u32,
}

// Neighbouring threads read neighbours in memory: along K where K is the operand's inner axis.
fn share_of(index: u32, along_k: bool) -> Share {
  if (along_k) {
    return Share(index / (depth / 2u), index % (depth / 2u));
  }
  return Share(index % quads, index / quads);
}

// Zeros past K on both sides, because 0 times infinity is not 0.
fn fetch_a(address: vec4u, k: u32, end: u32) -> Pair {
  var pair: Pair;
  if (k < end) {
    pair = load_a(address, k);
  }
  return Pair(pair.first, select(vec4f(), pair.second, k + 1u < end));
}

fn fetch_b(address: vec4u, k: u32, end: u32) -> Pair {
  var pair: Pair;
  if (k < end) {
    pair = load_b(address, k);
  }
  return Pair(pair.first, select(vec4f(), pair.second, k + 1u < end));
}

fn hand_over_a(buffer: u32, own: Share, pair: Pair) {
  let unit = 4u * own.quad / unit_m;
  let at = 4u * own.quad % unit_m * pitch + 2u * own.pair;
  for (var i = 0u; i < 4u; i++) {
    a_chunks[buffer][unit][at + i * pitch] = f16(pair.first[i]);
    a_chunks[buffer][unit][at + i * pitch + 1u] = f16(pair.second[i]);
  }
}

fn hand_over_b(buffer: u32, own: Share, pair: Pair) {
  let unit = 4u * own.quad / unit_n;
  let at = 4u * own.quad % unit_n * pitch + 2u * own.pair;
  for (var i = 0u; i < 4u; i++) {
    b_chunks[buffer][unit][at + i * pitch] = f16(pair.first[i]);
    b_chunks[buffer][unit][at + i * pitch + 1u] = f16(pair.second[i]);
  }
}

fn staged_quad(at: u32) -> vec4f {
  return vec4f(staged[at], staged[at + 1u], staged[at + 2u], staged[at + 3u]);
}

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let tile_index = group.y * groups.x + group.x;
  if (tile_index >= sizes.tiles) {
    return;
  }
  let place = place_of(tile_index);
  let first_row = place.x * tile;
  let first_column = place.y * tile;
  let matrix = place.z;
  let end = select(sizes.k, sizes.k_last, matrix % sizes.batch.x + 1u == sizes.batch.x);
  let starts = matrix_starts(matrix);
  let own_a = share_of(index, sizes.a_k == 1u);
  let own_b = share_of(index, sizes.b_k == 1u);
  let address_of_a = address_a(starts.x, first_row + 4u * own_a.quad);
  let address_of_b = address_b(starts.y, first_column + 4u * own_b.quad);
  let part_row = subgroup % 4u * part_m;
  let part_column = subgroup / 4u * part_n;

  var sums: array<array<Sum, units_n>, units_m>;
  var columns = vec4f();
  var next_a = fetch_a(address_of_a, 2u * own_a.pair, end);
  var next_b = fetch_b(address_of_b, 2u * own_b.pair, end);
  columns += next_b.first + next_b.second;
  hand_over_a(0u, own_a, next_a);
  hand_over_b(0u, own_b, next_b);
  workgroupBarrier();
  var buffer = 0u;
  for (var chunk = 0u; chunk < end; chunk += depth) {
    // On its way while this chunk is multiplied; past the last one nothing is read.
    next_a = fetch_a(address_of_a, chunk + depth + 2u * own_a.pair, end);
    next_b = fetch_b(address_of_b, chunk + depth + 2u * own_b.pair, end);
    columns += next_b.first + next_b.second;
    for (var k = 0u; k < depth; k += unit_k) {
      var lefts: array<Left, units_m>;
      for (var i = 0u; i < units_m; i++) {
        lefts[i] = subgroupMatrixLoad<Left, row_major>(&a_chunks[buffer][part_row / unit_m + i], k, pitch);
      }
      for (var j = 0u; j < units_n; j++) {
        let right = subgroupMatrixLoad<Right, col_major>(&b_chunks[buffer][part_column / unit_n + j], k, pitch);
        for (var i = 0u; i < units_m; i++) {
          sums[i][j] = subgroupMatrixMultiplyAccumulate(lefts[i], right, sums[i][j]);
        }
      }
    }
    buffer = 1u - buffer;
    hand_over_a(buffer, own_a, next_a);
    hand_over_b(buffer, own_b, next_b);
    workgroupBarrier();
  }

  let own = subgroup * unit_m * unit_n;
  for (var i = 0u; i < units_m; i++) {
    for (var j = 0u; j < units_n; j++) {
      subgroupMatrixStore<row_major>(&staged, own, sums[i][j], unit_n);
      workgroupBarrier();
      for (var quad = lane; quad < unit_m * unit_n / 4u; quad += lanes) {
        let row = first_row + part_row + i * unit_m + quad / (unit_n / 4u);
        let column = first_column + part_column + j * unit_n + quad % (unit_n / 4u) * 4u;
        store(matrix, row, column, staged_quad(own + 4u * quad));
      }
      workgroupBarrier();
    }
  }

  // The threads that brought the same columns of B add up what they saw; the first of them hands it on.
  for (var i = 0u; i < 4u; i++) {
    staged[4u * (own_b.quad * (depth / 2u) + own_b.pair) + i] = columns[i];
  }
  workgroupBarrier();
  if (own_b.pair == 0u) {
    var total = vec4f();
    for (var i = 0u; i < depth / 2u; i++) {
      total += staged_quad(4u * (own_b.quad * (depth / 2u) + i));
    }
    // Of all four columns at once, added up.
    observe(0u, total, vec4f());
    finish(matrix, first_row, 0u, first_column + 4u * own_b.quad);
  }
}

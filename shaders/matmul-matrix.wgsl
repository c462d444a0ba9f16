// C = A * B by subgroup matrices (tensor cores): products of A and B rounded to f16, added up in f32, for GPUs that
// offer them. 256 threads share one square tile of C; each of their 8 subgroups has a part of it, 4 down and 2 across.

// A and B come through workgroup memory: while a chunk is multiplied, the next one is on its way to registers. Needs
// product.wgsl behind. Needs long-sum.wgsl behind.
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;

const tile = 128u; // rows and columns of a tile: 64 or 128
const unit_m = 16u; // the matrices that the adapter multiplies: M x K times K x N
const unit_n = 16u;
const unit_k = 16u;
const lanes = 32u; // of a subgroup
const quads = tile / 4u; // groups of four rows, or of four columns, of the tile
const depth = 4096u / tile; // length of a chunk along K: 256 threads read it with two Pairs of A and two of B each
const fours = depth / 4u; // groups of four k of it
const pitch = depth + 8u; // elements from row to row, or column to column, of a chunk; the 8 keep them out of each other's banks
const part_m = tile / 4u; // rows and columns of a subgroup's part
const part_n = tile / 2u;
const units_m = part_m / unit_m;
const units_n = part_n / unit_n;

alias Left = subgroup_matrix_left<f16, unit_k, unit_m>;
alias Right = subgroup_matrix_right<f16, unit_n, unit_k>;
alias Sum = subgroup_matrix_result<f32, unit_n, unit_m>;

// A chunk of each operand. A matrix's rows, or columns, are an array of their own, each along k, as a lane's part of a matrix
// lies: where in it a matrix begins the compiler knows, so it leaves out the bounds' checks, and two 16-byte loads bring a
// lane's part.
var<workgroup> a_chunk: array<array<f16, unit_m * pitch>, tile / unit_m>;
var<workgroup> b_chunk: array<array<f16, unit_n * pitch>, tile / unit_n>;
// Sums on their way to memory, a matrix a subgroup; in the end four columns' sums of B a thread.
const staged_quads = max(2u * unit_m * unit_n, 256u);
var<workgroup> staged: array<f32, 4u * staged_quads>;

// Which quad of an operand's chunk a thread brings into workgroup memory, and at which four k.
struct Share {
  quad: u32,
  four: u32,
}

// Neighbouring threads read neighbours in memory: along K where K is the operand's inner axis. Elsewhere 8 of them read 8 quads,
// and the next 8 the same at other k, as more quads at the same k would meet in the same banks of workgroup memory.
fn share_of(index: u32, along_k: bool) -> Share {
  if (along_k) {
    return Share(index / fours, index % fours);
  }
  return Share(index % 8u + index / (8u * fours) * 8u, index / 8u % fours);
}

// What it brings: four rows, or four columns, at four k.
struct Part {
  first: Pair,
  second: Pair,
}

// Past K it reads the last k again. A branch around the loads would have a thread wait for them there, not where it needs them.
fn fetch_a(address: Address, k: u32, end: u32) -> Part {
  let last = (end - 1u) / 2u * 2u;
  return Part(load_a(address, min(k, last)), load_a(address, min(k + 2u, last)));
}

fn fetch_b(address: Address, k: u32, end: u32) -> Part {
  let last = (end - 1u) / 2u * 2u;
  return Part(load_b(address, min(k, last)), load_b(address, min(k + 2u, last)));
}

// Zeros past K on both sides, because 0 times infinity is not 0.
fn ended(part: Part, k: u32, end: u32) -> Part {
  let first = Pair(select(vec4f(), part.first.first, k < end), select(vec4f(), part.first.second, k + 1u < end));
  let second = Pair(select(vec4f(), part.second.first, k + 2u < end), select(vec4f(), part.second.second, k + 3u < end));
  return Part(first, second);
}

// The remainders change nothing: by them Dawn sees that a place is within its array, and leaves out the check of bounds that it
// writes otherwise, behind which a driver can't see that places are neighbours. So four f16 are stored at once.
fn hand_over_a(own: Share, part: Part) {
  let unit = own.quad / (unit_m / 4u) % (tile / unit_m);
  let at = own.quad % (unit_m / 4u) * (4u * pitch) + own.four % fours * 4u;
  for (var i = 0u; i < 4u; i++) {
    a_chunk[unit][at + i * pitch] = f16(part.first.first[i]);
    a_chunk[unit][at + i * pitch + 1u] = f16(part.first.second[i]);
    a_chunk[unit][at + i * pitch + 2u] = f16(part.second.first[i]);
    a_chunk[unit][at + i * pitch + 3u] = f16(part.second.second[i]);
  }
}

fn hand_over_b(own: Share, part: Part) {
  let unit = own.quad / (unit_n / 4u) % (tile / unit_n);
  let at = own.quad % (unit_n / 4u) * (4u * pitch) + own.four % fours * 4u;
  for (var i = 0u; i < 4u; i++) {
    b_chunk[unit][at + i * pitch] = f16(part.first.first[i]);
    b_chunk[unit][at + i * pitch + 1u] = f16(part.first.second[i]);
    b_chunk[unit][at + i * pitch + 2u] = f16(part.second.first[i]);
    b_chunk[unit][at + i * pitch + 3u] = f16(part.second.second[i]);
  }
}

fn sum_of(part: Part) -> vec4f {
  return part.first.first + part.first.second + (part.second.first + part.second.second);
}

fn staged_quad(quad: u32) -> vec4f {
  let at = quad % staged_quads * 4u;
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
  let k_of_a = 4u * own_a.four;
  let k_of_b = 4u * own_b.four;
  let first_of_a = ended(fetch_a(address_of_a, k_of_a, end), k_of_a, end);
  let first_of_b = ended(fetch_b(address_of_b, k_of_b, end), k_of_b, end);
  if (has_sums) {
    columns += sum_of(first_of_b);
  }
  hand_over_a(own_a, first_of_a);
  hand_over_b(own_b, first_of_b);
  workgroupBarrier();
  for (var chunk = 0u; chunk < end; chunk += depth) {
    // On its way while this chunk is multiplied, and not looked at before.
    let next = chunk + depth;
    let fetched_a = fetch_a(address_of_a, next + k_of_a, end);
    let fetched_b = fetch_b(address_of_b, next + k_of_b, end);
    for (var k = 0u; k < depth; k += unit_k) {
      var lefts: array<Left, units_m>;
      for (var i = 0u; i < units_m; i++) {
        lefts[i] = subgroupMatrixLoad<Left, row_major>(&a_chunk[part_row / unit_m + i], k, pitch);
      }
      for (var j = 0u; j < units_n; j++) {
        let right = subgroupMatrixLoad<Right, col_major>(&b_chunk[part_column / unit_n + j], k, pitch);
        for (var i = 0u; i < units_m; i++) {
          sums[i][j] = subgroupMatrixMultiplyAccumulate(lefts[i], right, sums[i][j]);
        }
      }
    }
    let next_a = ended(fetched_a, next + k_of_a, end);
    let next_b = ended(fetched_b, next + k_of_b, end);
    if (has_sums) {
      columns += sum_of(next_b);
    }
    workgroupBarrier();
    hand_over_a(own_a, next_a);
    hand_over_b(own_b, next_b);
    workgroupBarrier();
  }

  const unit_quads = unit_m * unit_n / 4u;
  let own = subgroup * unit_quads;
  for (var i = 0u; i < units_m; i++) {
    for (var j = 0u; j < units_n; j++) {
      subgroupMatrixStore<row_major>(&staged, 4u * own, sums[i][j], unit_n);
      workgroupBarrier();
      for (var quad = lane; quad < unit_quads; quad += lanes) {
        let row = first_row + part_row + i * unit_m + quad / (unit_n / 4u);
        let column = first_column + part_column + j * unit_n + quad % (unit_n / 4u) * 4u;
        store(matrix, row, column, staged_quad(own + quad));
      }
      workgroupBarrier();
    }
  }

  if (has_sums) {
    // The threads that brought the same columns of B add up what they saw; the first of them hands it on.
    let first = own_b.quad * fours;
    let at = (first + own_b.four) % staged_quads * 4u;
    for (var i = 0u; i < 4u; i++) {
      staged[at + i] = columns[i];
    }
    workgroupBarrier();
    if (own_b.four == 0u) {
      var total = vec4f();
      for (var i = 0u; i < fours; i++) {
        total += staged_quad(first + i);
      }
      // Of all four columns at once, added up.
      observe(0u, total, vec4f());
      finish(matrix, first_row, 0u, first_column + 4u * own_b.quad);
    }
  }
}

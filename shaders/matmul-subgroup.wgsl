// C = A * B where one subgroup owns one register tile of C: 4 * lanes rows by 4 * lanes columns.

// Every lane loads other elements of A and B, and A's are handed around by subgroup broadcasts: for software adapters,
// where each lane's load costs time of its own and a broadcast next to nothing. Needs product.wgsl behind. Needs
// long-sum.wgsl behind.
enable subgroups;

const lanes = 8u; // subgroup size and workgroup size: 4 or 8
const has_short_tile = false; // whether the last tiles of C have four rows at most
const has_narrow_tile = false; // whether they have four columns at most

// What one lane has of a tile, four columns of some rows, in memory that can be indexed.
alias Strip = array<vec4f, 32>;

fn keep_block(strip: ptr<function, Strip>, block: Block) {
  (*strip)[0] = block.r0;
  (*strip)[1] = block.r1;
  (*strip)[2] = block.r2;
  (*strip)[3] = block.r3;
}

// A tile of four rows at most: a fourth of what a whole one costs. Lane i loads A for the i-th pair of k; in the others
// that would be the same rows over again.
fn short_tile(strip: ptr<function, Strip>, row: u32, column: u32, starts: vec2u, lane: u32) {
  let a_address = address_a(starts.x, row);
  let b_address = address_b(starts.y, column);
  var sum: Block;
  var total: LongBlock;
  let last = (sizes.k - 1u) & ~1u;
  for (var chunk = 0u; chunk < sizes.k; chunk += 2u * lanes) {
    let x = load_a(a_address, min(chunk + 2u * lane, last));
    let pairs = min(lanes, (sizes.k - chunk + 1u) / 2u);
    for (var i = 0u; i < pairs; i += sizes.one) {
      let k = chunk + 2u * i;
      let y = load_b(b_address, k);
      let has_second = k + 1u < sizes.k;
      let b1 = select(vec4f(), y.second, has_second);
      let a1 = select(vec4f(), subgroupShuffle(x.second, i), has_second);
      observe(0u, y.first, b1);
      sum = multiply_add(multiply_add(sum, subgroupShuffle(x.first, i), y.first), a1, b1);
    }
    if (long_k) {
      join_block(&total, &sum);
    }
  }
  if (long_k) {
    sum = settled_block(total);
  }
  keep_block(strip, sum);
}

// A tile of four columns at most: lane i loads B for the i-th pair of k, and every lane has four rows of its own.
fn narrow_tile(strip: ptr<function, Strip>, row: u32, column: u32, starts: vec2u, lane: u32) {
  let a_address = address_a(starts.x, row);
  let b_address = address_b(starts.y, column);
  var sum: Block;
  var total: LongBlock;
  let last = (sizes.k - 1u) & ~1u;
  for (var chunk = 0u; chunk < sizes.k; chunk += 2u * lanes) {
    let y = load_b(b_address, min(chunk + 2u * lane, last));
    let pairs = min(lanes, (sizes.k - chunk + 1u) / 2u);
    for (var i = 0u; i < pairs; i += sizes.one) {
      let k = chunk + 2u * i;
      let x = load_a(a_address, k);
      let has_second = k + 1u < sizes.k;
      let a1 = select(vec4f(), x.second, has_second);
      let b0 = subgroupShuffle(y.first, i);
      let b1 = select(vec4f(), subgroupShuffle(y.second, i), has_second);
      observe(0u, b0, b1);
      sum = multiply_add(multiply_add(sum, x.first, b0), a1, b1);
    }
    if (long_k) {
      join_block(&total, &sum);
    }
  }
  if (long_k) {
    sum = settled_block(total);
  }
  keep_block(strip, sum);
}

fn whole_tile(strip: ptr<function, Strip>, row: u32, column: u32, starts: vec2u, lane: u32) {
  let a_address = address_a(starts.x, row + 4u * lane);
  let b_address = address_b(starts.y, column);
  // Block i holds the rows whose A lane i loads.
  var c0: Block;
  var c1: Block;
  var c2: Block;
  var c3: Block;
  var c4: Block;
  var c5: Block;
  var c6: Block;
  var c7: Block;
  var l0: LongBlock;
  var l1: LongBlock;
  var l2: LongBlock;
  var l3: LongBlock;
  var l4: LongBlock;
  var l5: LongBlock;
  var l6: LongBlock;
  var l7: LongBlock;
  var k = 0u;
  loop {
    let stop = select(sizes.k, min(k + block_k, sizes.k), long_k);
    for (; k < stop; k += 2u) {
      // All loads before all arithmetic: mixed, this runs a third slower on lavapipe.
      let x = load_a(a_address, k);
      let y = load_b(b_address, k);
      // An odd K's last step has no second half. Zeros on both sides, because 0 times infinity is not 0.
      let has_second = k + 1u < sizes.k;
      let a0 = x.first;
      let b0 = y.first;
      let a1 = select(vec4f(), x.second, has_second);
      let b1 = select(vec4f(), y.second, has_second);
      observe(0u, b0, b1);
      c0 = multiply_add(multiply_add(c0, subgroupBroadcast(a0, 0u), b0), subgroupBroadcast(a1, 0u), b1);
      c1 = multiply_add(multiply_add(c1, subgroupBroadcast(a0, 1u), b0), subgroupBroadcast(a1, 1u), b1);
      c2 = multiply_add(multiply_add(c2, subgroupBroadcast(a0, 2u), b0), subgroupBroadcast(a1, 2u), b1);
      c3 = multiply_add(multiply_add(c3, subgroupBroadcast(a0, 3u), b0), subgroupBroadcast(a1, 3u), b1);
      if (lanes == 8u) {
        c4 = multiply_add(multiply_add(c4, subgroupBroadcast(a0, 4u), b0), subgroupBroadcast(a1, 4u), b1);
        c5 = multiply_add(multiply_add(c5, subgroupBroadcast(a0, 5u), b0), subgroupBroadcast(a1, 5u), b1);
        c6 = multiply_add(multiply_add(c6, subgroupBroadcast(a0, 6u), b0), subgroupBroadcast(a1, 6u), b1);
        c7 = multiply_add(multiply_add(c7, subgroupBroadcast(a0, 7u), b0), subgroupBroadcast(a1, 7u), b1);
      }
    }
    if (!long_k) {
      break;
    }
    join_block(&l0, &c0);
    join_block(&l1, &c1);
    join_block(&l2, &c2);
    join_block(&l3, &c3);
    if (lanes == 8u) {
      join_block(&l4, &c4);
      join_block(&l5, &c5);
      join_block(&l6, &c6);
      join_block(&l7, &c7);
    }
    if (k >= sizes.k) {
      break;
    }
  }
  if (long_k) {
    c0 = settled_block(l0);
    c1 = settled_block(l1);
    c2 = settled_block(l2);
    c3 = settled_block(l3);
    c4 = settled_block(l4);
    c5 = settled_block(l5);
    c6 = settled_block(l6);
    c7 = settled_block(l7);
  }

  *strip = Strip(
    c0.r0, c0.r1, c0.r2, c0.r3,
    c1.r0, c1.r1, c1.r2, c1.r3,
    c2.r0, c2.r1, c2.r2, c2.r3,
    c3.r0, c3.r1, c3.r2, c3.r3,
    c4.r0, c4.r1, c4.r2, c4.r3,
    c5.r0, c5.r1, c5.r2, c5.r3,
    c6.r0, c6.r1, c6.r2, c6.r3,
    c7.r0, c7.r1, c7.r2, c7.r3,
  );
}

@compute @workgroup_size(lanes)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let tile = group.y * groups.x + group.x;
  if (tile >= sizes.tiles) {
    return;
  }
  let place = place_of(tile);
  let row = place.x * (4u * lanes);
  let column = place.y * (4u * lanes);
  let matrix = place.z;
  let starts = matrix_starts(matrix);
  let is_short = has_short_tile && sizes.m - row <= 4u;
  let is_narrow = has_narrow_tile && !is_short && sizes.n - column <= 4u;
  // A narrow tile's lanes have rows of their own, those of the others columns.
  let own_row = select(row, row + 4u * lane, is_narrow);
  let own_column = select(column + 4u * lane, column, is_narrow);
  var strip: Strip;
  if (is_short) {
    short_tile(&strip, row, own_column, starts, lane);
  } else if (is_narrow) {
    narrow_tile(&strip, own_row, column, starts, lane);
  } else {
    whole_tile(&strip, row, own_column, starts, lane);
  }

  // Stored in one place, by a loop that can't be unrolled: a vec4 store is 32 scalar stores in lavapipe's machine code,
  // and unrolled they were three quarters of the time it takes to compile this.
  let rows = min(select(4u * lanes, 4u, is_short || is_narrow), sizes.m - min(own_row, sizes.m));
  for (var i = 0u; i < rows; i += sizes.one) {
    store(matrix, own_row + i, own_column, strip[i]);
  }
  if (!is_narrow || lane == 0u) {
    finish(matrix, row, 0u, own_column);
  }
}

// C = A * B where one thread owns one register tile of C: 4 * blocks rows by 4 * blocks columns. Needs nothing
// optional of the adapter, so it serves wherever no better variant does. Needs product.wgsl behind.

// Needs long-sum.wgsl behind.

const blocks = 2u; // 4x4 blocks along each side of a thread's tile: 1 or 2
const steps = 1u; // pairs of k whose loads are on their way together: 1 or, with one block, 4
const threads_x = 8u; // threads of a workgroup along the columns
const threads_y = 8u; // and along the rows

// Of both operands at k and k + 1.
struct Step {
  a: Pair,
  b: Pair,
}

fn step_at(a_address: Address, b_address: Address, k: u32) -> Step {
  return Step(load_a(a_address, k), load_b(b_address, k));
}

// Zeros on both sides where there is no k + 1, because 0 times infinity is not 0.
fn padded(step: Step, k: u32) -> Step {
  let has_second = k + 1u < sizes.k;
  return Step(
    Pair(step.a.first, select(vec4f(), step.a.second, has_second)),
    Pair(step.b.first, select(vec4f(), step.b.second, has_second)),
  );
}

fn add_step(sum: Block, step: Step, observes: bool) -> Block {
  if (observes) {
    observe(0u, step.b.first, step.b.second);
  }
  return multiply_add_pair(sum, step.a, step.b);
}

// Steps at k, k + 2, k + 4 and k + 6: all loads stand before all sums.
fn add_steps(sum: Block, a_address: Address, b_address: Address, k: u32, observes: bool) -> Block {
  let s0 = step_at(a_address, b_address, k);
  let s1 = step_at(a_address, b_address, k + 2u);
  let s2 = step_at(a_address, b_address, k + 4u);
  let s3 = step_at(a_address, b_address, k + 6u);
  return add_step(add_step(add_step(add_step(sum, s0, observes), s1, observes), s2, observes), s3, observes);
}

@compute @workgroup_size(threads_x, threads_y)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
) {
  let tile = group.y * groups.x + group.x;
  if (tile >= sizes.tiles) {
    return;
  }
  let place = place_of(tile);
  let row = (place.x * threads_y + thread.y) * (4u * blocks);
  let column = (place.y * threads_x + thread.x) * (4u * blocks);
  let matrix = place.z;
  let starts = matrix_starts(matrix);
  let a_address = address_a(starts.x, row);
  let b_address = address_b(starts.y, column);
  let a_next = address_a(starts.x, row + 4u);
  let b_next = address_b(starts.y, column + 4u);

  // By row and column of blocks.
  var c00: Block;
  var c01: Block;
  var c10: Block;
  var c11: Block;
  var l00: LongBlock;
  var l01: LongBlock;
  var l10: LongBlock;
  var l11: LongBlock;
  var k = 0u;
  loop {
    let stop = select(sizes.k, min(k + block_k, sizes.k), long_k);
    if (steps == 4u) {
      // The rest is left to the loop behind. Of tiles below each other the first has sums to keep: the others do without.
      if (has_sums && place.x == 0u) {
        for (; k + 8u <= stop; k += 8u) {
          c00 = add_steps(c00, a_address, b_address, k, true);
        }
      } else {
        for (; k + 8u <= stop; k += 8u) {
          c00 = add_steps(c00, a_address, b_address, k, false);
        }
      }
    }
    for (; k < stop; k += 2u) {
      let s = padded(step_at(a_address, b_address, k), k);
      c00 = add_step(c00, s, true);
      if (blocks == 2u) {
        let t = padded(step_at(a_next, b_next, k), k);
        observe(1u, t.b.first, t.b.second);
        c01 = multiply_add_pair(c01, s.a, t.b);
        c10 = multiply_add_pair(c10, t.a, s.b);
        c11 = multiply_add_pair(c11, t.a, t.b);
      }
    }
    if (!long_k) {
      break;
    }
    join_block(&l00, &c00);
    if (blocks == 2u) {
      join_block(&l01, &c01);
      join_block(&l10, &c10);
      join_block(&l11, &c11);
    }
    if (k >= sizes.k) {
      break;
    }
  }
  if (long_k) {
    c00 = settled_block(l00);
    c01 = settled_block(l01);
    c10 = settled_block(l10);
    c11 = settled_block(l11);
  }
  store_block(matrix, row, column, c00);
  finish(matrix, row, 0u, column);
  if (blocks == 2u) {
    store_block(matrix, row, column + 4u, c01);
    store_block(matrix, row + 4u, column, c10);
    store_block(matrix, row + 4u, column + 4u, c11);
    finish(matrix, row, 1u, column + 4u);
  }
}

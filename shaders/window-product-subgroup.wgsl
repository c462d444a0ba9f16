// C = A * B where A is what a window sees, a row for each of its places or for each pixel (window-product.wgsl), and one
// subgroup owns one register tile of C: for software adapters, where a lane's load costs time of its own.

// Needs subgroup-tile.wgsl in front. Needs window-product.wgsl behind. Needs product.wgsl behind. Needs long-sum.wgsl behind.

const by_tap = true; // whether A is found once a tap; else once an element, which few or odd channels want
const is_bounded = true; // whether the window may reach past the images
const is_narrow = false; // whether C has four columns at most: then each lane has four rows of its own
const pools = false; // whether four rows are a window of pooling's, and their largest values are all that is stored

// Four rows of A at k and at k + 1: channels of a tap in pairs, `base` being where its first pairs are.
fn take(places: Places, base: vec4u, k: u32) -> Pair {
  return load_a(base, k);
}

// What work on the result needs of its columns: loaded before the loop that stores rows.
fn prepare(column: u32) {
}

// Stores the largest of four rows in row `row` of the result.
fn store_largest(row: u32, column: u32, rows: Block) {
}

@compute @workgroup_size(lanes)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let number = group.y * groups.x + group.x;
  if (number >= sizes.tiles) {
    return;
  }
  let place = place_of(number);
  enter_matrix(place.z);
  let row = place.x * (4u * lanes) + 4u * lane;
  let column = select(place.y * (4u * lanes) + 4u * lane, 0u, is_narrow);
  let places = places_of(row + vec4u(0u, 1u, 2u, 3u));
  let b_address = column_address(column);
  let taps = sizes.window.size_stride.xy;
  let rounds = select(1u, taps.x * taps.y, by_tap);
  let depth = select(sizes.k, sizes.window.inner, by_tap);
  var tile: Tile;
  var total: LongTile;
  for (var tap = 0u; tap < rounds; tap++) {
    var base = vec4u();
    var is_inside = vec4<bool>(true);
    if (by_tap) {
      let y = partners_down(places.y, vec4u(tap / taps.y));
      let x = partners_across(places.x, vec4u(tap % taps.y));
      base = (places.start + (y * sizes.window.extent.y + x) * sizes.window.channels) / 2u;
      if (is_bounded) {
        is_inside = (y != vec4u(none)) & (x != vec4u(none));
        if (!subgroupAny(any(is_inside))) {
          continue;
        }
        base = select(vec4u(), base, is_inside);
      }
    }
    var k = 0u;
    if (is_narrow) {
      // Lane i loads B for the i-th pair of k.
      for (; k < depth; k += 2u * lanes) {
        let own = min(k + 2u * lane, depth - 1u);
        let p = columns_at(b_address, tap * depth + own);
        let q = columns_at(b_address, tap * depth + min(own + 1u, depth - 1u));
        let pairs = min(lanes, (depth - k + 1u) / 2u);
        for (var i = 0u; i < pairs; i += sizes.one) {
          let x = take(places, base, k + 2u * i);
          let has_second = k + 2u * i + 1u < depth;
          let a0 = select(vec4f(), x.first, is_inside);
          let a1 = select(vec4f(), x.second, is_inside & vec4<bool>(has_second));
          let b0 = subgroupShuffle(p, i);
          let b1 = select(vec4f(), subgroupShuffle(q, i), has_second);
          tile.c0 = multiply_add(multiply_add(tile.c0, a0, b0), a1, b1);
        }
        if (long_k) {
          join_block(&total.l0, &tile.c0);
        }
      }
      continue;
    }
    loop {
      let stop = select(depth, min(k + block_k, depth), long_k);
      for (; k < stop; k += 2u) {
        // All loads before all arithmetic, as in matmul-subgroup.wgsl.
        let x = take(places, base, k);
        let b0 = columns_at(b_address, tap * depth + k);
        let b1 = columns_at(b_address, tap * depth + min(k + 1u, depth - 1u));
        // An odd depth's last step has no second half. Zeros on both sides, because 0 times infinity is not 0.
        let has_second = k + 1u < depth;
        let a0 = select(vec4f(), x.first, is_inside);
        let a1 = select(vec4f(), x.second, is_inside & vec4<bool>(has_second));
        multiply_tile(&tile, Pair(a0, a1), Pair(b0, select(vec4f(), b1, has_second)));
      }
      if (!long_k) {
        break;
      }
      join_tile(&total, &tile);
      if (k >= depth) {
        break;
      }
    }
  }
  if (long_k && is_narrow) {
    tile.c0 = settled_block(total.l0);
  } else if (long_k) {
    tile = settled_tile(total);
  }
  // Stored in one place, by a loop that can't be unrolled: see matmul-subgroup.wgsl.
  var strip = strip_of(tile);
  prepare(column);
  if (pools) {
    for (var i = 0u; i < lanes; i += sizes.one) {
      let first = 4u * i;
      let rows = Block(strip[first], strip[first + 1u], strip[first + 2u], strip[first + 3u]);
      store_largest(place.x * lanes + i, column, rows);
    }
    return;
  }
  let own_rows = result_rows(row);
  if (is_narrow) {
    for (var i = 0u; i < 4u; i += sizes.one) {
      store(place.z, own_rows[i], column, strip[i]);
    }
  } else {
    for (var i = 0u; i < 4u * lanes; i += sizes.one) {
      store(place.z, subgroupShuffle(own_rows, i / 4u)[i % 4u], column, strip[i]);
    }
  }
}

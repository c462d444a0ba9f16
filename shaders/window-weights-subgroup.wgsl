// The gradient of a convolution's weights: C = A^T * B where rows of C are taps and channels, K goes over the places of a
// window, A is what it sees there (window-product.wgsl) and B the gradient of the result. One subgroup owns one register tile.

// K is walked in runs: the same place of all images, or the places of a line, where images are few. Needs subgroup-tile.wgsl
// in front. Needs window-product.wgsl behind. Needs product.wgsl behind. Needs long-sum.wgsl behind.

const is_bounded = true; // whether the window may reach past the images
// Whether C has 16 rows at most, and lanes are 8: then lane i loads rows i and i + 8, not four neighbours. It is so for the
// first layer, of one channel.
const has_few_rows = false;
const is_narrow = false; // whether C has four columns at most: then each lane has four rows of its own

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
  let window = sizes.window;
  let column = select(place.y * (4u * lanes) + 4u * lane, 0u, is_narrow);
  var rows = place.x * (4u * lanes) + 4u * lane + vec4u(0u, 1u, 2u, 3u);
  if (has_few_rows) {
    rows = vec4u(lane, lane + lanes, 0u, 0u);
  }
  let places = places_of(rows);
  let b_address = column_address(column);
  // A run's places, from one to the next: of images, in rows of B, and across.
  let run = select(window.extent.w, window.images, images_inside);
  let a_step = select(window.size_stride.w * window.channels, image_step(), images_inside);
  let b_step = select(1u, window.extent.z * window.extent.w, images_inside);
  let x_step = select(window.size_stride.w, 0u, images_inside);
  let runs = select(window.images, window.extent.w, images_inside) * window.extent.z;
  let first = own_part * window.part;
  let last = min(first + window.part, runs);
  var tile: Tile;
  var total: LongTile;
  // Places since the last block of a long sum.
  var pending = 0u;
  for (var q = first; q < last; q++) {
    let image = select(q / window.extent.z, 0u, images_inside);
    let down = select(q % window.extent.z, q / window.extent.w, images_inside);
    let across = select(0u, q % window.extent.w, images_inside);
    let y = partners_down(vec4u(down), places.y);
    // May be before the first pixel, which wraps around.
    let x = across * window.size_stride.w + places.x * window.dilation_before.y - window.dilation_before.w;
    let is_row = y != vec4u(none);
    // Where sums are kept, the first tile must see all of B.
    if (is_bounded && images_inside && !(has_sums && place.x == 0u)) {
      if (!subgroupAny(any(is_row & (x < vec4u(window.extent.y))))) {
        continue;
      }
    }
    let base = places.start + image * image_step() + (y * window.extent.y + x) * window.channels;
    let b_base = (image * window.extent.z + down) * window.extent.w + across;
    var k = 0u;
    if (is_narrow) {
      // Lane i loads B for the i-th pair of places.
      for (; k < run; k += 2u * lanes) {
        let own = min(k + 2u * lane, run - 1u);
        let p = columns_at(b_address, b_base + own * b_step);
        let q = columns_at(b_address, b_base + min(own + 1u, run - 1u) * b_step);
        let pairs = min(lanes, (run - k + 1u) / 2u);
        for (var i = 0u; i < pairs; i += sizes.one) {
          let j = k + 2u * i;
          let has_second = j + 1u < run;
          let is_inside = is_row & (x + j * x_step < vec4u(window.extent.y));
          let is_next_inside = is_row & (x + (j + 1u) * x_step < vec4u(window.extent.y)) & vec4<bool>(has_second);
          let x0 = elements(select(vec4u(), base + j * a_step, is_inside));
          let x1 = elements(select(vec4u(), base + (j + 1u) * a_step, is_next_inside));
          let b0 = subgroupShuffle(p, i);
          let b1 = select(vec4f(), subgroupShuffle(q, i), has_second);
          observe(0u, b0, b1);
          let a0 = select(vec4f(), x0, is_inside);
          let a1 = select(vec4f(), x1, is_next_inside);
          tile.c0 = multiply_add(multiply_add(tile.c0, a0, b0), a1, b1);
        }
        if (long_k) {
          join_block(&total.l0, &tile.c0);
        }
      }
      continue;
    }
    loop {
      let stop = select(run, min(k + block_k, run), long_k);
      for (; k < stop; k += 2u) {
        let has_second = k + 1u < run;
        var is_inside = vec4<bool>(true);
        var is_next_inside = vec4<bool>(has_second);
        if (is_bounded) {
          is_inside = is_row & (x + k * x_step < vec4u(window.extent.y));
          is_next_inside &= is_row & (x + (k + 1u) * x_step < vec4u(window.extent.y));
        }
        let x0 = elements(select(vec4u(), base + k * a_step, is_inside));
        let x1 = elements(select(vec4u(), base + (k + 1u) * a_step, is_next_inside));
        let b0 = columns_at(b_address, b_base + k * b_step);
        let y1 = columns_at(b_address, b_base + min(k + 1u, run - 1u) * b_step);
        let b1 = select(vec4f(), y1, has_second);
        observe(0u, b0, b1);
        let x = Pair(select(vec4f(), x0, is_inside), select(vec4f(), x1, is_next_inside));
        if (has_few_rows) {
          multiply_few(&tile, x, Pair(b0, b1));
        } else {
          multiply_tile(&tile, x, Pair(b0, b1));
        }
      }
      if (!long_k) {
        break;
      }
      pending += min(run, block_k);
      if (pending >= block_k) {
        join_tile(&total, &tile);
        pending = 0u;
      }
      if (k >= run) {
        break;
      }
    }
  }
  if (long_k && is_narrow) {
    tile.c0 = settled_block(total.l0);
  } else if (long_k) {
    join_tile(&total, &tile);
    tile = settled_tile(total);
  }
  // Stored in one place, by a loop that can't be unrolled: see matmul-subgroup.wgsl.
  var strip = strip_of(tile);
  let first_row = place.x * (4u * lanes);
  let own_row = select(first_row, rows.x, is_narrow);
  let stored = min(select(4u * lanes, 4u, is_narrow), sizes.m - min(own_row, sizes.m));
  for (var i = 0u; i < stored; i += sizes.one) {
    store(place.z, own_row + i, column, strip[i]);
  }
  if (!is_narrow || lane == 0u) {
    finish(place.z, first_row, 0u, column);
  }
}

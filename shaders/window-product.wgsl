// Products whose left side A is what a window sees of images, gathered as it is read: convolutions, their transposes and
// the gradients of their weights. Stands behind the kernels of products.

// Rows of A, and of C, are places of the window and K goes over taps and channels (or rows are pixels that go back to the
// places that read them); in the gradient of weights rows are taps and channels, and K goes over places. Needs product.wgsl
// behind. Needs long-sum.wgsl behind. Specialising replaces the consts and the functions that read memory.

const is_back = false; // whether rows are pixels, and A holds the places that read them
const sums_places = false; // whether K goes over places
const images_inside = true; // whether the same place of all images comes first, and then the next place

const none = 0xffffffffu;

// Of four rows: images and spatial places, or channels and taps.
struct Places {
  start: vec4u,
  y: vec4u,
  x: vec4u,
}

// The group and the part of K that a workgroup computes.
var<private> own_group: u32;
var<private> own_part: u32;

fn enter_matrix(matrix: u32) {
  own_part = matrix % sizes.window.parts;
  own_group = matrix / sizes.window.parts;
}

// Rows that follow each other see the same taps where the same place of all images comes first; pixels that go back do
// where those come first that are whole strides apart.
fn spots_of(row: vec4u) -> Places {
  let window = sizes.window;
  let phases = select(vec2u(1u), window.size_stride.zw, is_back);
  let cells = (window.extent.zw + phases - 1u) / phases;
  let pixels = cells.x * phases.x * cells.y * phases.y;
  let image = select(row / pixels, row % window.images, images_inside);
  let pixel = select(row % pixels, row / window.images, images_inside);
  let column = pixel / cells.y;
  let phase = column / cells.x;
  let y = column % cells.x * phases.x + phase / phases.y;
  let x = pixel % cells.y * phases.y + phase % phases.y;
  return Places(image, y, x);
}

// Where four rows of tiles lie in C.
fn result_rows(row: u32) -> vec4u {
  let rows = vec4u(row, row + 1u, row + 2u, row + 3u);
  let spots = spots_of(rows);
  let extent = sizes.window.extent.zw;
  let is_there = (rows < vec4u(sizes.m)) & (spots.y < vec4u(extent.x)) & (spots.x < vec4u(extent.y));
  return select(vec4u(none), (spots.start * extent.x + spots.y) * extent.y + spots.x, is_there);
}

// Where along an axis the window at `at` reads by a tap, or which place reads `at` by it; `none` where there is none.
fn partners(at: vec4u, tap: vec4u, stride: u32, dilation: u32, before: u32, extent: u32) -> vec4u {
  if (is_back) {
    // What is negative wraps around.
    let distance = at + before - tap * dilation;
    let place = distance / stride;
    let is_read = (distance < vec4u(0x80000000u)) & (place < vec4u(extent)) & (place * stride == distance);
    return select(vec4u(none), place, is_read);
  }
  let position = at * stride + tap * dilation - before;
  return select(vec4u(none), position, position < vec4u(extent));
}

fn partners_down(at: vec4u, tap: vec4u) -> vec4u {
  let window = sizes.window;
  return partners(at, tap, window.size_stride.z, window.dilation_before.x, window.dilation_before.z, window.extent.x);
}

fn partners_across(at: vec4u, tap: vec4u) -> vec4u {
  let window = sizes.window;
  return partners(at, tap, window.size_stride.w, window.dilation_before.y, window.dilation_before.w, window.extent.y);
}

// Elements from an image to the next.
fn image_step() -> u32 {
  return sizes.window.extent.x * sizes.window.extent.y * sizes.window.channels;
}

// Rows of A and where they begin; rows past the last repeat it.
fn places_of(row: vec4u) -> Places {
  let rows = min(row, vec4u(sizes.m - 1u));
  let window = sizes.window;
  let group = own_group * window.inner;
  if (sums_places) {
    let tap = rows / window.inner;
    return Places(group + rows % window.inner, tap / window.size_stride.y, tap % window.size_stride.y);
  }
  let spots = spots_of(rows);
  return Places(group + spots.start * image_step(), spots.y, spots.x);
}

// Four elements of A.
fn elements(at: vec4u) -> vec4f {
  let pair = at / 2u;
  let half = at % 2u;
  return vec4f(a[pair.x][half.x], a[pair.y][half.y], a[pair.z][half.z], a[pair.w][half.w]);
}

// Four columns of B at k, where columns are whole vec4s.
fn columns_at(address: u32, k: u32) -> vec4f {
  return b[address + k * (sizes.window.columns / 4u)];
}

fn column_address(column: u32) -> u32 {
  return (own_group * sizes.n + min(column, sizes.n - 4u)) / 4u;
}

// Four elements from `start` on in the pixels at y and x, zeros where there are none.
fn gathered_at(start: vec4u, y: vec4u, x: vec4u) -> vec4f {
  let is_inside = (y != vec4u(none)) & (x != vec4u(none));
  let at = start + (y * sizes.window.extent.y + x) * sizes.window.channels;
  return select(vec4f(), elements(select(vec4u(), at, is_inside)), is_inside);
}

// Four rows of A at k, whichever tap or place that is.
fn gathered(places: Places, k: u32) -> vec4f {
  let window = sizes.window;
  if (sums_places) {
    let place = own_part * window.part + k;
    if (place >= window.images * window.extent.z * window.extent.w) {
      return vec4f();
    }
    let column = place / window.extent.w;
    let y = partners_down(vec4u(column % window.extent.z), places.y);
    let x = partners_across(vec4u(place % window.extent.w), places.x);
    return gathered_at(places.start + column / window.extent.z * image_step(), y, x);
  }
  let tap = k / window.inner;
  let y = partners_down(places.y, vec4u(tap / window.size_stride.y));
  let x = partners_across(places.x, vec4u(tap % window.size_stride.y));
  return gathered_at(places.start + k % window.inner, y, x);
}

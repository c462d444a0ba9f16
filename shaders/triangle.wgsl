// Keeps a triangle of matrices, zeros elsewhere: elements up to the diagonal's right. Bits are moved as they are, so
// one kernel serves every dtype. Needs elements.wgsl behind, or copy-runs.wgsl.

// As it stands it moves single words and keeps the lower triangle; specialising replaces the types, `element` (see
// engine/ops/layout/copying.ts) and `is_kept`.

struct Sizes {
  // calls of `element`
  count: u32,
  // how many of them one workgroup makes
  segment: u32,
  // units in the output
  length: u32,
  rows: u32,
  columns: u32,
  // how far to the right of the main one the diagonal lies
  diagonal: i32,
}

alias Unit = u32;
alias Stored = vec4u;
// One unit, or four side by side.
alias Places = vec4u;
alias Signed = vec4i;
alias Flags = vec4<bool>;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read_write> out0: array<Stored>;

// No source: the output's unit is zero.
const none = 0xffffffffu;

// `distance` to the right of the main diagonal.
fn is_kept(distance: Signed) -> Flags {
  return distance <= Signed(sizes.diagonal);
}

fn source(flat: Places) -> Places {
  let inside = min(flat, Places(sizes.length - 1u));
  let column = inside % sizes.columns;
  let row = inside / sizes.columns % sizes.rows;
  return select(Places(none), inside, is_kept(Signed(column) - Signed(row)));
}

// For copy-runs.wgsl: a run is a row, told by its first unit and its number in its matrix.
alias Run = vec2u;

fn run_length() -> u32 {
  return sizes.columns;
}

fn run_at(number: u32) -> Run {
  return vec2u(number * sizes.columns, number % sizes.rows);
}

fn in_run(run: Run, columns: Places) -> Places {
  return select(Places(none), run.x + columns, is_kept(Signed(columns) - Signed(i32(run.y))));
}

fn fetch(at: u32) -> Unit {
  if (at == none) {
    return Unit();
  }
  return in0[at];
}

fn element(i: u32) {
  let at = source(i * 4u + vec4u(0u, 1u, 2u, 3u));
  out0[i] = vec4u(fetch(at.x), fetch(at.y), fetch(at.z), fetch(at.w));
}

// Copies by index arithmetic: the output's position along each axis times that axis's stride in the input, plus a
// start. Transposes, slices and broadcasts; bits are moved as they are, so one kernel serves every dtype.

// Needs elements.wgsl behind, or copy-runs.wgsl. As it stands it moves single words; specialising replaces the types
// and `element` (see engine/ops/layout/copying.ts).

struct Sizes {
  // calls of `element`
  count: u32,
  // how many of them one workgroup makes
  segment: u32,
  // units in the output
  length: u32,
  // where the output's first unit lies in the input
  start: u32,
  // axes after merging those that lie one after the other
  rank: u32,
  padding0: u32,
  padding1: u32,
  padding2: u32,
  // lengths of the output's axes, innermost first
  lengths: array<vec4u, 2>,
  // and the input's strides along them
  strides: array<vec4u, 2>,
}

alias Unit = u32;
alias Stored = vec4u;
// One unit, or four side by side.
alias Places = vec4u;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Unit>;
@group(0) @binding(2) var<storage, read_write> out0: array<Stored>;

// Where unit `flat` of the output comes from. Indices past the end (the last vec4's tail) repeat the last unit.
fn source(flat: Places) -> Places {
  var rest = min(flat, Places(sizes.length - 1u));
  let lengths = sizes.lengths[0];
  let strides = sizes.strides[0];
  var at = sizes.start + (rest % lengths.x) * strides.x;
  rest /= lengths.x;
  if (sizes.rank > 2u) {
    at += (rest % lengths.y) * strides.y;
    rest /= lengths.y;
    at += (rest % lengths.z) * strides.z;
    rest /= lengths.z;
    if (sizes.rank > 4u) {
      at += (rest % lengths.w) * strides.w;
      rest /= lengths.w;
      at += (rest % sizes.lengths[1].x) * sizes.strides[1].x;
      rest /= sizes.lengths[1].x;
      return at + rest * sizes.strides[1].y;
    }
    return at + rest * strides.w;
  }
  return at + rest * strides.y;
}

// For copy-runs.wgsl: a run begins at a unit of the input.
alias Run = Places;

fn run_length() -> u32 {
  return sizes.lengths[0].x;
}

fn run_at(number: u32) -> Run {
  return source(Places(number * sizes.lengths[0].x));
}

fn in_run(run: Run, columns: Places) -> Places {
  return run + columns * sizes.strides[0].x;
}

fn fetch(at: u32) -> Unit {
  return in0[at];
}

fn element(i: u32) {
  let at = source(i * 4u + vec4u(0u, 1u, 2u, 3u));
  out0[i] = vec4u(fetch(at.x), fetch(at.y), fetch(at.z), fetch(at.w));
}

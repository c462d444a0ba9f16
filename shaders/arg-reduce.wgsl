// Index of the first largest element along the middle axis of [outer, length, inner]: one thread an output, or a
// workgroup where a row lies in one piece.

// Specialising replaces `better` (for the smallest), the type `Value` and, where a workgroup shares a row, `best_of`.
// Needs own-rows.wgsl in front.

struct Sizes {
  outer: u32,
  length: u32,
  inner: u32,
}

alias Value = f32;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Value>;
@group(0) @binding(2) var<storage, read_write> out0: array<i32>;

// An element and where it stands.
struct Place {
  value: Value,
  index: u32,
}

fn better(candidate: Value, best: Value) -> bool {
  return candidate > best;
}

// The better of two; the first one where neither is.
fn pick(a: Place, b: Place) -> Place {
  if (better(b.value, a.value) || (b.index < a.index && !better(a.value, b.value))) {
    return b;
  }
  return a;
}

// The best of what the threads of a row have.
fn best_of(part: Place, lane: u32) -> Place {
  return part;
}

fn store(index: u32, value: i32) {
  out0[index] = value;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = row_of(group.x + group.y * groups.x, lane);
  let base = (row / sizes.inner) * sizes.length * sizes.inner + row % sizes.inner;
  // Threads that a short row has nothing for begin at its last element too: a tie with it changes nothing.
  let first = min(first_of(lane), sizes.length - 1u);
  var best = Place(in0[base + first * sizes.inner], first);
  for (var k = first + LANES; k < sizes.length; k += LANES * AHEAD) {
    for (var ahead = 0u; ahead < AHEAD; ahead++) {
      // Steps behind the last read that one again: a tie with it changes nothing.
      let step = within(k + LANES * ahead, sizes.length - 1u);
      let candidate = in0[base + step * sizes.inner];
      if (better(candidate, best.value)) {
        best = Place(candidate, step);
      }
    }
  }
  best = best_of(best, lane);
  if (speaks(row, sizes.outer * sizes.inner, lane)) {
    store(row, i32(best.index));
  }
}

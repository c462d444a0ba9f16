// Running totals along the middle axis of [outer, length, inner]: one thread walks one chunk of one line. Where lines
// are cut into chunks, `before` holds the running totals of the chunks, which another run of this kernel has made.

// As it stands it adds up; specialising replaces `combine`, `join`, `onto` and the types, and for recurrences, which
// take two inputs, `load` and `value_of`.

struct Sizes {
  outer: u32,
  length: u32,
  inner: u32,
  chunks: u32,
  // elements in a chunk
  chunk: u32,
  // 1 to walk from the end, and to leave each element's own out of its total
  is_reverse: u32,
  is_exclusive: u32,
  // how many steps are combined before they join what came before: sums of float join with what rounding would lose
  block: u32,
  // 0, which the compiler does not know
  zero: u32,
}

alias Value = f32;
alias State = f32;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> in0: array<Value>;
@group(0) @binding(2) var<storage, read> before: array<Value>;
@group(0) @binding(3) var<storage, read_write> out0: array<Value>;

const WORKGROUP = 64u;
const identity = State(0);

fn load(at: u32) -> State {
  return in0[at];
}

// `a` and then `b`.
fn combine(a: State, b: State) -> State {
  return a + b;
}

// What came before a block, and the block.
fn join(total: State, block: State) -> State {
  return combine(total, block);
}

// What came before a block, and its first steps.
fn onto(total: State, steps: State) -> State {
  return combine(total, steps);
}

fn value_of(total: State) -> Value {
  return total;
}

// The total of all chunks before this one; `line` is where its line of chunks begins.
fn total_before(line: u32, chunk: u32) -> State {
  if (sizes.is_reverse == 1u) {
    if (chunk + 1u == sizes.chunks) {
      return identity;
    }
    return before[line + (chunk + 1u) * sizes.inner];
  }
  if (chunk == 0u) {
    return identity;
  }
  return before[line + (chunk - 1u) * sizes.inner];
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = (group.x + group.y * groups.x) * WORKGROUP + lane;
  if (thread >= sizes.outer * sizes.chunks * sizes.inner) {
    return;
  }
  let column = thread % sizes.inner;
  let chunk = thread / sizes.inner % sizes.chunks;
  let outer = thread / sizes.inner / sizes.chunks;
  let first = chunk * sizes.chunk;
  let count = min(sizes.chunk, sizes.length - min(first, sizes.length));
  let base = (outer * sizes.length + first) * sizes.inner + column;
  var total = identity;
  if (sizes.chunks > 1u) {
    total = total_before(outer * sizes.chunks * sizes.inner + column, chunk);
  }
  var done = 0u;
  while (done < count) {
    var block = identity;
    let stop = done + min(sizes.block, count - done);
    for (; done < stop; done++) {
      let step = select(done, count - 1u - done, sizes.is_reverse == 1u);
      let at = base + step * sizes.inner;
      let next = combine(block, load(at));
      out0[at] = value_of(onto(total, select(next, block, sizes.is_exclusive == 1u)));
      block = next;
    }
    total = join(total, block);
  }
}

// Running totals along the middle axis of [outer, length, inner]: one thread walks one chunk of one line. Where lines
// are cut into chunks, `before` holds the running totals of the chunks, which another run of this kernel has made.
//
// As it stands it adds up; specialising replaces `combine` and the types, and for recurrences, which take two inputs,
// `load` and `value_of`.

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
  // how many steps, and then how many of those sums' steps, are combined before they join what came before: keeps
  // rounding errors of long sums small
  block: u32,
  long_block: u32,
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
  // Three levels: what came before the block of blocks, the blocks in it, the steps in the block.
  var high = identity;
  if (sizes.chunks > 1u) {
    high = total_before(outer * sizes.chunks * sizes.inner + column, chunk);
  }
  var done = 0u;
  while (done < count) {
    var middle = identity;
    let long_stop = done + min(sizes.long_block, count - done);
    while (done < long_stop) {
      let start = combine(high, middle);
      var total = identity;
      let stop = done + min(sizes.block, long_stop - done);
      for (; done < stop; done++) {
        let step = select(done, count - 1u - done, sizes.is_reverse == 1u);
        let at = base + step * sizes.inner;
        let next = combine(total, load(at));
        out0[at] = value_of(combine(start, select(next, total, sizes.is_exclusive == 1u)));
        total = next;
      }
      middle = combine(middle, total);
    }
    high = combine(high, middle);
  }
}

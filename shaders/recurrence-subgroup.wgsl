// All steps of a recurrence: one subgroup takes some rows of the batch through them. For software adapters, where lanes
// hand values around for next to nothing.

// Specialising replaces begin, next_state and, where states are dropped, passed_on and state_before, and adds what these call
// and bind; and weights, where u is bound in parts. Needs recurrence-sizes.wgsl behind.
enable subgroups;
// Loops run as long as the sizes say, which are the same for all lanes.
diagnostic(off, subgroup_uniformity);

const lanes = 8u; // subgroup size and workgroup size
const blocks = 4u; // of four rows that a subgroup has, 4 at most
const own = 1u; // units whose columns a lane has at a time, 2 at most

// what the inputs give, four columns a unit [batch, steps, units]
@group(0) @binding(1) var<storage, read> zx: array<vec4f>;
// [units, units]: by unit of the state before, four columns of each unit behind
@group(0) @binding(2) var<storage, read> u: array<vec4f>;
// the states before the first step [states, batch, units]
@group(0) @binding(3) var<storage, read> start: array<f32>;
@group(0) @binding(4) var<storage, read_write> z_out: array<vec4f>;
// what the product has of the state before each step, two units at a time
@group(0) @binding(5) var<storage, read_write> before: array<vec2f>;
// the state behind each step
@group(0) @binding(6) var<storage, read_write> hidden: array<f32>;

// Those of a unit's four columns that the state before has a part in: three of a GRU.
alias Columns = vec4f;

fn columns_of(value: vec4f) -> Columns {
  return value;
}

fn whole(value: Columns) -> vec4f {
  return value;
}

// A unit's columns of four rows.
struct Block {
  r0: Columns,
  r1: Columns,
  r2: Columns,
  r3: Columns,
}

fn multiply_add(sum: Block, a: vec4f, b: Columns) -> Block {
  return Block(sum.r0 + a.x * b, sum.r1 + a.y * b, sum.r2 + a.z * b, sum.r3 + a.w * b);
}

// A number of lanes 0 to 3, or of 4 to 7.
fn four_lanes(a: f32, first: bool) -> vec4f {
  if (first) {
    return vec4f(subgroupBroadcast(a, 0u), subgroupBroadcast(a, 1u), subgroupBroadcast(a, 2u), subgroupBroadcast(a, 3u));
  }
  return vec4f(subgroupBroadcast(a, 4u), subgroupBroadcast(a, 5u), subgroupBroadcast(a, 6u), subgroupBroadcast(a, 7u));
}

// What a lane has of all rows: c of its first unit, d of its second.
struct Sums {
  c0: Block,
  c1: Block,
  c2: Block,
  c3: Block,
  d0: Block,
  d1: Block,
  d2: Block,
  d3: Block,
}

fn indexed(s: Sums) -> array<Columns, 32> {
  return array<Columns, 32>(
    s.c0.r0, s.c0.r1, s.c0.r2, s.c0.r3,
    s.c1.r0, s.c1.r1, s.c1.r2, s.c1.r3,
    s.c2.r0, s.c2.r1, s.c2.r2, s.c2.r3,
    s.c3.r0, s.c3.r1, s.c3.r2, s.c3.r3,
    s.d0.r0, s.d0.r1, s.d0.r2, s.d0.r3,
    s.d1.r0, s.d1.r1, s.d1.r2, s.d1.r3,
    s.d2.r0, s.d2.r1, s.d2.r2, s.d2.r3,
    s.d3.r0, s.d3.r1, s.d3.r2, s.d3.r3,
  );
}

// What u has of two units of the state before, for a lane's first unit (p, q) and for its second (r, t).
struct Weights {
  p: vec4f,
  q: vec4f,
  r: vec4f,
  t: vec4f,
}

// Of units k and k + 1; specialising replaces it where u is bound in parts.
fn weights(k: u32, unit: u32) -> Weights {
  let units = sizes.units;
  let i = k * units + unit;
  return Weights(u[i], u[i + units], u[i + lanes], u[i + units + lanes]);
}

// Units k and k + 1 of the state before: `at` says where a lane's two rows of it begin.
fn multiply(s: ptr<function, Sums>, at: vec2u, k: u32, loaded: Weights) {
  // All loads before all arithmetic.
  let x = before[at.x + k / 2u];
  var y = vec2f();
  if (blocks > 2u) {
    y = before[at.y + k / 2u];
  }
  let p = columns_of(loaded.p);
  let q = columns_of(loaded.q);
  let r = columns_of(loaded.r);
  let t = columns_of(loaded.t);
  let x0 = four_lanes(x.x, true);
  let x1 = four_lanes(x.y, true);
  (*s).c0 = multiply_add(multiply_add((*s).c0, x0, p), x1, q);
  if (own > 1u) {
    (*s).d0 = multiply_add(multiply_add((*s).d0, x0, r), x1, t);
  }
  if (blocks > 1u) {
    let x2 = four_lanes(x.x, false);
    let x3 = four_lanes(x.y, false);
    (*s).c1 = multiply_add(multiply_add((*s).c1, x2, p), x3, q);
    if (own > 1u) {
      (*s).d1 = multiply_add(multiply_add((*s).d1, x2, r), x3, t);
    }
  }
  if (blocks > 2u) {
    let y0 = four_lanes(y.x, true);
    let y1 = four_lanes(y.y, true);
    (*s).c2 = multiply_add(multiply_add((*s).c2, y0, p), y1, q);
    if (own > 1u) {
      (*s).d2 = multiply_add(multiply_add((*s).d2, y0, r), y1, t);
    }
  }
  if (blocks > 3u) {
    let y2 = four_lanes(y.x, false);
    let y3 = four_lanes(y.y, false);
    (*s).c3 = multiply_add(multiply_add((*s).c3, y2, p), y3, q);
    if (own > 1u) {
      (*s).d3 = multiply_add(multiply_add((*s).d3, y2, r), y3, t);
    }
  }
}

// The product of a step.
fn products(at: vec2u, unit: u32) -> Sums {
  var sums = Sums();
  for (var k = 0u; k < sizes.units; k += 2u) {
    multiply(&sums, at, k, weights(k, unit));
  }
  return sums;
}

// A unit's state before a step; `at` counts units of all rows and steps.
fn state_before(step: u32, row: u32, at: u32) -> f32 {
  return before[at / 2u][at & 1u];
}

// What the next step's product has of a state: all of it, where nothing is dropped. `e` counts units of all rows.
fn passed_on(e: u32, state: f32) -> f32 {
  return state;
}

// Other states than the first before the first step; `e` counts units of all rows.
fn begin(row: u32, e: u32) {
}

// The state behind a step: `value` is what the state before gives.
fn next_state(step: u32, row: u32, at: u32, value: vec4f) -> f32 {
  let z = value + zx[at];
  z_out[at] = z;
  return z.x;
}

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let first = (group.x + group.y * groups.x) * (4u * blocks);
  if (first >= sizes.batch) {
    return;
  }
  let rows = min(4u * blocks, sizes.batch - first);
  let units = sizes.units;
  let row_x = first + min(lane, rows - 1u);
  let row_y = first + min(lane + 8u, rows - 1u);
  let opening = sizes.turned * (sizes.steps - 1u);
  for (var row = first; row < first + rows; row += sizes.one) {
    for (var unit = 2u * lane; unit < units; unit += 2u * lanes) {
      let e = row * units + unit;
      let at = (row * sizes.steps + opening) * units + unit;
      before[at / 2u] = vec2f(passed_on(e, start[e]), passed_on(e + 1u, start[e + 1u]));
      begin(row, e);
      begin(row, e + 1u);
    }
  }
  storageBarrier();
  for (var s = 0u; s < sizes.steps; s += sizes.one) {
    let step = select(s, sizes.steps - 1u - s, sizes.turned == 1u);
    let behind = select(step + 1u, step - 1u, sizes.turned == 1u);
    let has_next = s + 1u < sizes.steps;
    let at_x = (row_x * sizes.steps + step) * units / 2u;
    let at_y = (row_y * sizes.steps + step) * units / 2u;
    for (var unit = lane; unit < units; unit += own * lanes) {
      var sums = indexed(products(vec2u(at_x, at_y), unit));
      for (var j = 0u; j < own; j += sizes.one) {
        for (var i = 0u; i < rows; i += sizes.one) {
          let opens = (first + i) * sizes.steps * units + unit + j * lanes;
          let at = opens + step * units;
          let state = next_state(step, first + i, at, whole(sums[16u * j + i]));
          hidden[at] = state;
          let passed = passed_on((first + i) * units + unit + j * lanes, state);
          let other = subgroupShuffleXor(passed, 1u);
          if (has_next && (lane & 1u) == 0u) {
            before[(opens + behind * units) / 2u] = vec2f(passed, other);
          }
        }
      }
    }
    storageBarrier();
  }
}

// Back through all steps of a recurrence: one subgroup takes some rows of the batch through them. For software adapters.

// Specialising replaces begin, through_gates and, where states are dropped, passed_back, and adds what these call and bind;
// and weights, where u is bound in parts.
// Needs recurrence-sizes.wgsl behind.
enable subgroups;
// Loops run as long as the sizes say, which are the same for all lanes.
diagnostic(off, subgroup_uniformity);

const lanes = 8u; // subgroup size and workgroup size
const blocks = 4u; // of four rows that a subgroup has, 4 at most
const has_fourth = true; // whether the state before has a part in a unit's fourth column: not in a GRU's

// what went into the gates, four columns a unit [batch, steps, units]
@group(0) @binding(1) var<storage, read> z: array<vec4f>;
// [units, units]: by unit behind the step, the weights of its four columns for each unit of the state before
@group(0) @binding(2) var<storage, read> u: array<vec4f>;
// of the state behind each step [batch, steps, units]
@group(0) @binding(3) var<storage, read> d_hidden: array<f32>;
// of what the state before gave
@group(0) @binding(4) var<storage, read_write> d_product: array<vec4f>;
// of the states before the step that is at hand [states, batch, units]; in the end, of those before the first
@group(0) @binding(5) var<storage, read_write> carried: array<f32>;

// A row's sums for four units of the state before.
fn add_row(sum: vec4f, a: vec4f, p: vec4f, q: vec4f, r: vec4f, t: vec4f) -> vec4f {
  let three = sum + a.x * vec4f(p.x, q.x, r.x, t.x) + a.y * vec4f(p.y, q.y, r.y, t.y) + a.z * vec4f(p.z, q.z, r.z, t.z);
  if (has_fourth) {
    return three + a.w * vec4f(p.w, q.w, r.w, t.w);
  }
  return three;
}

struct Block {
  r0: vec4f,
  r1: vec4f,
  r2: vec4f,
  r3: vec4f,
}

// Four rows that lanes 0 to 3, or 4 to 7, have loaded.
fn add_rows(sum: Block, a: vec4f, first: bool, p: vec4f, q: vec4f, r: vec4f, t: vec4f) -> Block {
  if (first) {
    return Block(
      add_row(sum.r0, subgroupBroadcast(a, 0u), p, q, r, t),
      add_row(sum.r1, subgroupBroadcast(a, 1u), p, q, r, t),
      add_row(sum.r2, subgroupBroadcast(a, 2u), p, q, r, t),
      add_row(sum.r3, subgroupBroadcast(a, 3u), p, q, r, t),
    );
  }
  return Block(
    add_row(sum.r0, subgroupBroadcast(a, 4u), p, q, r, t),
    add_row(sum.r1, subgroupBroadcast(a, 5u), p, q, r, t),
    add_row(sum.r2, subgroupBroadcast(a, 6u), p, q, r, t),
    add_row(sum.r3, subgroupBroadcast(a, 7u), p, q, r, t),
  );
}

// What a lane has of all rows.
struct Sums {
  c0: Block,
  c1: Block,
  c2: Block,
  c3: Block,
}

fn indexed(s: Sums) -> array<vec4f, 16> {
  return array<vec4f, 16>(
    s.c0.r0, s.c0.r1, s.c0.r2, s.c0.r3,
    s.c1.r0, s.c1.r1, s.c1.r2, s.c1.r3,
    s.c2.r0, s.c2.r1, s.c2.r2, s.c2.r3,
    s.c3.r0, s.c3.r1, s.c3.r2, s.c3.r3,
  );
}

// What u has of a unit behind the step for four units of the state before.
struct Weights {
  p: vec4f,
  q: vec4f,
  r: vec4f,
  t: vec4f,
}

// Of unit k, for those from `unit` on; specialising replaces it where u is bound in parts.
fn weights(k: u32, unit: u32) -> Weights {
  let i = k * sizes.units + unit;
  return Weights(u[i], u[i + 1u], u[i + 2u], u[i + 3u]);
}

// Unit k behind the step: `at` says where a lane's two rows of its gradients begin.
fn multiply(s: ptr<function, Sums>, at: vec2u, k: u32, loaded: Weights) {
  // All loads before all arithmetic.
  let x = d_product[at.x + k];
  var y = vec4f();
  if (blocks > 2u) {
    y = d_product[at.y + k];
  }
  let p = loaded.p;
  let q = loaded.q;
  let r = loaded.r;
  let t = loaded.t;
  (*s).c0 = add_rows((*s).c0, x, true, p, q, r, t);
  if (blocks > 1u) {
    (*s).c1 = add_rows((*s).c1, x, false, p, q, r, t);
  }
  if (blocks > 2u) {
    (*s).c2 = add_rows((*s).c2, y, true, p, q, r, t);
  }
  if (blocks > 3u) {
    (*s).c3 = add_rows((*s).c3, y, false, p, q, r, t);
  }
}

// The product of a step.
fn products(at: vec2u, unit: u32) -> Sums {
  var sums = Sums();
  for (var k = 0u; k < sizes.units; k += sizes.one) {
    multiply(&sums, at, k, weights(k, unit));
  }
  return sums;
}

// What other states than the first carry back to the last step; `e` counts units of all rows.
fn begin(e: u32) {
}

// What the state before gets of what comes through the product: all of it, where nothing is dropped.
fn passed_back(e: u32, gradient: f32) -> f32 {
  return gradient;
}

// Back through a unit's gates: `d` is the gradient of its state behind the step; returns what the state before gets
// besides what comes through the product.
fn through_gates(step: u32, row: u32, e: u32, at: u32, d: f32) -> f32 {
  d_product[at] = z[at] * d;
  return 0.0;
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
  for (var i = lane; i < rows * units; i += lanes) {
    carried[first * units + i] = 0.0;
    begin(first * units + i);
  }
  for (var s = 0u; s < sizes.steps; s += sizes.one) {
    let step = select(sizes.steps - 1u - s, s, sizes.turned == 1u);
    for (var i = 0u; i < rows; i += sizes.one) {
      for (var unit = lane; unit < units; unit += lanes) {
        let e = (first + i) * units + unit;
        let at = ((first + i) * sizes.steps + step) * units + unit;
        carried[e] = through_gates(step, first + i, e, at, carried[e] + d_hidden[at]);
      }
    }
    storageBarrier();
    let at_x = (row_x * sizes.steps + step) * units;
    let at_y = (row_y * sizes.steps + step) * units;
    let columns = units / 4u;
    for (var column = 0u; column < columns; column += lanes) {
      let own = min(column + lane, columns - 1u);
      var sums = indexed(products(vec2u(at_x, at_y), 4u * own));
      if (column + lane < columns) {
        for (var i = 0u; i < rows; i += sizes.one) {
          let e = (first + i) * units + 4u * own;
          let sum = sums[i];
          carried[e] += passed_back(e, sum.x);
          carried[e + 1u] += passed_back(e + 1u, sum.y);
          carried[e + 2u] += passed_back(e + 2u, sum.z);
          carried[e + 3u] += passed_back(e + 3u, sum.w);
        }
      }
    }
    storageBarrier();
  }
}

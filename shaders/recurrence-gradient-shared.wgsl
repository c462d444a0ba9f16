// Back through all steps of a recurrence: one workgroup takes four rows of the batch through them. Each thread has units of
// its own. For GPUs.

// Specialising replaces begin, through_gates and, where states are dropped, passed_back, and adds what these call and bind.
// Needs recurrence-sizes.wgsl behind.
const WORKGROUP = 64u;
const MOST = 256u; // units that fit, of which there may be fewer

// what went into the gates, four columns a unit [batch, steps, units]
@group(0) @binding(1) var<storage, read> z: array<vec4f>;
// [units, units]: by unit behind the step, the weights of its four columns for each unit of the state before
@group(0) @binding(2) var<storage, read> u: array<vec4f>;
// of the state behind each step [batch, steps, units]
@group(0) @binding(3) var<storage, read> d_hidden: array<f32>;
// of what the state before gave
@group(0) @binding(4) var<storage, read_write> d_product: array<vec4f>;
// of the states before the step that is at hand [states, batch, units]; in the end, of those before the first. A unit's
// are its thread's alone.
@group(0) @binding(5) var<storage, read_write> carried: array<f32>;

// d_product of the step, of four rows.
var<workgroup> products: array<vec4f, 4u * MOST>;

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

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = (group.x + group.y * groups.x) * 4u;
  let units = sizes.units;
  let rows = min(4u, sizes.batch - min(first, sizes.batch));
  for (var unit = lane; unit < units; unit += WORKGROUP) {
    for (var i = 0u; i < rows; i++) {
      let e = (first + i) * units + unit;
      carried[e] = 0.0;
      begin(e);
    }
  }
  for (var s = 0u; s < sizes.steps; s++) {
    let step = select(sizes.steps - 1u - s, s, sizes.turned == 1u);
    for (var unit = lane; unit < units; unit += WORKGROUP) {
      for (var i = 0u; i < rows; i++) {
        let e = (first + i) * units + unit;
        let at = ((first + i) * sizes.steps + step) * units + unit;
        carried[e] = through_gates(step, first + i, e, at, carried[e] + d_hidden[at]);
        products[4u * unit + i] = d_product[at];
      }
    }
    workgroupBarrier();
    for (var unit = lane; unit < units; unit += WORKGROUP) {
      var sums = vec4f();
      for (var k = 0u; k < units; k += 8u) {
        // All loads on their way together.
        let at = k * units + unit;
        let u0 = u[at];
        let u1 = u[at + units];
        let u2 = u[at + 2u * units];
        let u3 = u[at + 3u * units];
        let u4 = u[at + 4u * units];
        let u5 = u[at + 5u * units];
        let u6 = u[at + 6u * units];
        let u7 = u[at + 7u * units];
        sums = add_products(sums, 4u * k, u0);
        sums = add_products(sums, 4u * k + 4u, u1);
        sums = add_products(sums, 4u * k + 8u, u2);
        sums = add_products(sums, 4u * k + 12u, u3);
        sums = add_products(sums, 4u * k + 16u, u4);
        sums = add_products(sums, 4u * k + 20u, u5);
        sums = add_products(sums, 4u * k + 24u, u6);
        sums = add_products(sums, 4u * k + 28u, u7);
      }
      for (var i = 0u; i < rows; i++) {
        let e = (first + i) * units + unit;
        carried[e] += passed_back(e, sums[i]);
      }
    }
    workgroupBarrier();
  }
}

// What a unit behind the step, whose four columns have these weights, gives four rows.
fn add_products(sums: vec4f, at: u32, weights: vec4f) -> vec4f {
  return sums + vec4f(
    dot(products[at], weights),
    dot(products[at + 1u], weights),
    dot(products[at + 2u], weights),
    dot(products[at + 3u], weights),
  );
}

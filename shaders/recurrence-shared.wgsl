// All steps of a recurrence: one workgroup takes four rows of the batch through them, their states in its memory. Each
// thread has units of its own. For GPUs, where a dispatch for each step costs more than the step.

// Specialising replaces begin, next_state and, where states are dropped, passed_on and state_before, and adds what these call
// and bind. Needs recurrence-sizes.wgsl behind.
const WORKGROUP = 64u;
const MOST = 256u; // units that fit, of which there may be fewer

// what the inputs give, four columns a unit [batch, steps, units]
@group(0) @binding(1) var<storage, read> zx: array<vec4f>;
// [units, units]: by unit of the state before, four columns of each unit behind
@group(0) @binding(2) var<storage, read> u: array<vec4f>;
// the states before the first step [states, batch, units]
@group(0) @binding(3) var<storage, read> start: array<f32>;
@group(0) @binding(4) var<storage, read_write> z_out: array<vec4f>;
// what the product has of the state before each step
@group(0) @binding(5) var<storage, read_write> before: array<f32>;
// the state behind each step
@group(0) @binding(6) var<storage, read_write> hidden: array<f32>;

// Four rows' state before the step and behind it, by turns.
var<workgroup> states: array<vec4f, 2u * MOST>;

// A unit's state before a step; `at` counts units of all rows and steps. Its thread alone reads and writes it.
fn state_before(step: u32, row: u32, at: u32) -> f32 {
  return before[at];
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

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = (group.x + group.y * groups.x) * 4u;
  let units = sizes.units;
  let rows = min(4u, sizes.batch - min(first, sizes.batch));
  let opening = sizes.turned * (sizes.steps - 1u);
  for (var unit = lane; unit < units; unit += WORKGROUP) {
    var state = vec4f();
    for (var i = 0u; i < rows; i++) {
      let e = (first + i) * units + unit;
      state[i] = passed_on(e, start[e]);
      before[((first + i) * sizes.steps + opening) * units + unit] = state[i];
      begin(first + i, e);
    }
    states[unit] = state;
  }
  workgroupBarrier();
  for (var s = 0u; s < sizes.steps; s++) {
    let step = select(s, sizes.steps - 1u - s, sizes.turned == 1u);
    let behind = select(step + 1u, step - 1u, sizes.turned == 1u);
    let has_next = s + 1u < sizes.steps;
    let own = (s & 1u) * MOST;
    let next = MOST - own;
    for (var unit = lane; unit < units; unit += WORKGROUP) {
      var sums = mat4x4f();
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
        sums = add_rows(sums, states[own + k], u0);
        sums = add_rows(sums, states[own + k + 1u], u1);
        sums = add_rows(sums, states[own + k + 2u], u2);
        sums = add_rows(sums, states[own + k + 3u], u3);
        sums = add_rows(sums, states[own + k + 4u], u4);
        sums = add_rows(sums, states[own + k + 5u], u5);
        sums = add_rows(sums, states[own + k + 6u], u6);
        sums = add_rows(sums, states[own + k + 7u], u7);
      }
      var state = vec4f();
      for (var i = 0u; i < rows; i++) {
        let opens = (first + i) * sizes.steps * units + unit;
        let at = opens + step * units;
        let behind_step = next_state(step, first + i, at, sums[i]);
        hidden[at] = behind_step;
        state[i] = passed_on((first + i) * units + unit, behind_step);
        if (has_next) {
          before[opens + behind * units] = state[i];
        }
      }
      states[next + unit] = state;
    }
    workgroupBarrier();
  }
}

// What a unit of four rows' states adds to four columns of each row.
fn add_rows(sums: mat4x4f, state: vec4f, columns: vec4f) -> mat4x4f {
  return mat4x4f(
    sums[0] + state.x * columns,
    sums[1] + state.y * columns,
    sums[2] + state.z * columns,
    sums[3] + state.w * columns,
  );
}

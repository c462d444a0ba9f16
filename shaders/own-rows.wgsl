// How threads and rows meet, in kernels of rows: functions and consts only, for the front of those files.

// As it stands a thread has a row of its own; specialising replaces all of it where a workgroup shares a row
// (engine/ops/reduce/shared-rows.ts).

const WORKGROUP = 8u;
// Threads that share a row.
const LANES = 1u;
// Steps of a thread whose loads are on their way together.
const AHEAD = 1u;

fn row_of(group: u32, lane: u32) -> u32 {
  return group * WORKGROUP + lane;
}

// Where in its row a thread begins; it goes on in steps of LANES.
fn first_of(lane: u32) -> u32 {
  return 0u;
}

// Where a step reads that may lie behind the row's last one, and whether it counts.
fn within(step: u32, last: u32) -> u32 {
  return step;
}

fn counts(step: u32, last: u32) -> bool {
  return true;
}

// The row's sum, from the threads' parts.
fn total_of(part: f32, lane: u32) -> f32 {
  return part;
}

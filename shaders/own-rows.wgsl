// How threads and rows meet, in kernels of rows: functions and consts only, for the front of those files.

// As it stands a thread has a row of its own. Specialising replaces the consts where threads share rows, of which a workgroup
// may have several, and `total_of` (engine/ops/reduce/shared-rows.ts). No thread returns early, since they join.

const WORKGROUP = 8u;
// Threads that share a row.
const LANES = 1u;
// Steps of a thread whose loads are on their way together.
const AHEAD = 1u;

fn row_of(group: u32, lane: u32) -> u32 {
  return group * (WORKGROUP / LANES) + lane / LANES;
}

// Where in its row a thread begins; it goes on in steps of LANES.
fn first_of(lane: u32) -> u32 {
  return lane % LANES;
}

// How far a row goes: nowhere where it is behind the last one.
fn end_of(row: u32, rows: u32, length: u32) -> u32 {
  return select(0u, length, row < rows);
}

// Whether a thread stores what its row has come to.
fn speaks(row: u32, rows: u32, lane: u32) -> bool {
  return row < rows && first_of(lane) == 0u;
}

// Where a step reads that may lie behind the row's last one, as those that go together may, and whether it counts.
fn within(step: u32, last: u32) -> u32 {
  return select(min(step, last), step, AHEAD == 1u);
}

fn counts(step: u32, last: u32) -> bool {
  return AHEAD == 1u || step <= last;
}

// The row's sum, from the threads' parts.
fn total_of(part: f32, lane: u32) -> f32 {
  return part;
}

// Attention's gradients for keys and values: a thread owns keys and walks the queries that see them, those of all heads
// that share the keys, so that nothing is added up atomically.

// dV = P^T dO (as dropout left P) and dK = scale dS^T Q, with P and dS as in attention-query-gradient.wgsl, which wrote
// `rows`.
// Needs exp-log.wgsl in front. Needs philox.wgsl in front. Needs
// attention-rows.wgsl in front.

@group(0) @binding(1) var<storage, read> q: array<Element>;
@group(0) @binding(2) var<storage, read> k: array<Element>;
@group(0) @binding(3) var<storage, read> v: array<Element>;
@group(0) @binding(4) var<storage, read> d_out: array<Element>;
@group(0) @binding(5) var<storage, read> rows: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> d_k: array<Element>;
@group(0) @binding(7) var<storage, read_write> d_v: array<Element>;

// Which of the two gradients the kernel makes: both, unless it would bind too many buffers.
const makes_keys = true;
const makes_values = true;

fn load_q(at: u32, c: u32) -> vec4f {
  return q[at + c];
}

fn load_k(at: u32, c: u32) -> vec4f {
  return k[at + c];
}

fn load_v(at: u32, c: u32) -> vec4f {
  return v[at + c];
}

fn load_d_out(at: u32, c: u32) -> vec4f {
  return d_out[at + c];
}

fn store_d_k(at: u32, c: u32, value: vec4f) {
  d_k[at + c] = value;
}

fn store_d_v(at: u32, c: u32, value: vec4f) {
  d_v[at + c] = value;
}

// Of one key, after dropout: what four neighbouring queries, i on, give it.
fn keep_column(p: vec4f, place: Place, i: u32, j: u32, lane: u32) -> vec4f {
  return p;
}

var<private> q_at: u32;
var<private> o_at: u32;
var<private> first_row: u32;

fn row_a(i: u32, c: u32) -> vec4f {
  return load_q(q_at + min(i, sizes.queries - 1u) * sizes.q_row, c);
}

fn row_b(i: u32, c: u32) -> vec4f {
  return load_d_out(o_at + min(i, sizes.queries - 1u) * sizes.o_row, c);
}

fn row_c(i: u32) -> vec2f {
  return rows[first_row + min(i, sizes.queries - 1u)];
}

// Log-sum and D of the tile's row t.
fn part_c(t: u32) -> vec2f {
  return row_c(tile_first + t);
}

var<private> own_keys: array<vec4f, ROWS * A4>;
var<private> own_values: array<vec4f, ROWS * B4>;
var<private> k_at: array<u32, ROWS>;
var<private> v_at: array<u32, ROWS>;

// vec4 c of the thread's own key r, and of its value.
fn own_a(r: u32, c: u32) -> vec4f {
  return own_keys[r * A4 + c];
}

fn own_b(r: u32, c: u32) -> vec4f {
  return own_values[r * B4 + c];
}

fn keep_own(r: u32) {
  for (var c = 0u; c < A4; c++) {
    own_keys[r * A4 + c] = load_k(k_at[r], c);
  }
  for (var c = 0u; c < B4; c++) {
    own_values[r * B4 + c] = load_v(v_at[r], c);
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let workgroup = group.x + group.y * groups.x;
  if (workgroup >= sizes.workgroups) {
    return;
  }
  var place = place_of(workgroup, sizes.heads / sizes.group);
  let key_head = place.head;
  let last = sizes.keys - 1u;
  for (var r = 0u; r < ROWS; r++) {
    let token = place.batch * sizes.keys + min(place.row + r * LANES + lane, last);
    k_at[r] = token * sizes.k_row + sizes.k_first + key_head * A_SIZE;
    v_at[r] = token * sizes.v_row + sizes.v_first + key_head * B_SIZE;
    keep_own(r);
  }
  var key_sums: array<vec4f, ROWS * A_CHUNK>;
  var value_sums: array<vec4f, ROWS * B_CHUNK>;
  // The first query that sees any of the keys.
  let skipped = place.row - min(place.row, offset_of(place.batch));
  let start = select(0u, skipped / TILE * TILE, sizes.causal != 0u);
  for (var member = 0u; member < sizes.group; member++) {
    place.head = key_head * sizes.group + member;
    q_at = place.batch * sizes.queries * sizes.q_row + sizes.q_first + place.head * A_SIZE;
    o_at = place.batch * sizes.queries * sizes.o_row + place.head * B_SIZE;
    first_row = (place.batch * sizes.heads + place.head) * sizes.queries;
    for (var first = start; first < sizes.queries; first += TILE) {
      stage(first, lane);
      for (var t = 0u; t < sizes.tile; t += 4u) {
        var s = array<vec4f, ROWS>();
        var g = array<vec4f, ROWS>();
        for (var c = 0u; c < A4; c++) {
          let q0 = part_a(t, c);
          let q1 = part_a(t + 1u, c);
          let q2 = part_a(t + 2u, c);
          let q3 = part_a(t + 3u, c);
          for (var r = 0u; r < ROWS; r++) {
            let x = own_a(r, c);
            s[r] += vec4f(dot(x, q0), dot(x, q1), dot(x, q2), dot(x, q3));
          }
        }
        if (makes_keys) {
          for (var c = 0u; c < B4; c++) {
            let g0 = part_b(t, c);
            let g1 = part_b(t + 1u, c);
            let g2 = part_b(t + 2u, c);
            let g3 = part_b(t + 3u, c);
            for (var r = 0u; r < ROWS; r++) {
              let x = own_b(r, c);
              g[r] += vec4f(dot(x, g0), dot(x, g1), dot(x, g2), dot(x, g3));
            }
          }
        }
        let r0 = part_c(t);
        let r1 = part_c(t + 1u);
        let r2 = part_c(t + 2u);
        let r3 = part_c(t + 3u);
        let log_sums = vec4f(r0.x, r1.x, r2.x, r3.x);
        let products = vec4f(r0.y, r1.y, r2.y, r3.y);
        for (var r = 0u; r < ROWS; r++) {
          let i = first + t;
          let j = min(place.row + r * LANES + lane, last);
          let score = scores_of(s[r], place, i + fours, vec4u(j));
          let p = probabilities_of(score, log_sums);
          let kept = keep_column(vec4f(1.0), place, i, j, lane);
          s[r] = p * kept;
          g[r] = p * (kept * g[r] - products);
        }
        if (makes_values) {
          for (var c = 0u; c < B_CHUNK; c++) {
            let column = min(place.chunk * B_CHUNK + c, B4 - 1u);
            let g0 = part_b(t, column);
            let g1 = part_b(t + 1u, column);
            let g2 = part_b(t + 2u, column);
            let g3 = part_b(t + 3u, column);
            for (var r = 0u; r < ROWS; r++) {
              let x = s[r];
              value_sums[r * B_CHUNK + c] += x.x * g0 + x.y * g1 + x.z * g2 + x.w * g3;
            }
          }
        }
        if (makes_keys) {
          for (var c = 0u; c < A_CHUNK; c++) {
            let column = min(place.chunk * A_CHUNK + c, A4 - 1u);
            let q0 = part_a(t, column);
            let q1 = part_a(t + 1u, column);
            let q2 = part_a(t + 2u, column);
            let q3 = part_a(t + 3u, column);
            for (var r = 0u; r < ROWS; r++) {
              let x = g[r];
              key_sums[r * A_CHUNK + c] += x.x * q0 + x.y * q1 + x.z * q2 + x.w * q3;
            }
          }
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    if (place.row + r * LANES + lane > last) {
      continue;
    }
    if (makes_keys) {
      for (var c = 0u; c < A_CHUNK; c++) {
        if (place.chunk * A_CHUNK + c < A4) {
          store_d_k(k_at[r], place.chunk * A_CHUNK + c, key_sums[r * A_CHUNK + c] * sizes.scale);
        }
      }
    }
    if (makes_values) {
      for (var c = 0u; c < B_CHUNK; c++) {
        if (place.chunk * B_CHUNK + c < B4) {
          store_d_v(v_at[r], place.chunk * B_CHUNK + c, value_sums[r * B_CHUNK + c]);
        }
      }
    }
  }
}

// Attention's gradient for the queries: a thread owns queries and walks the keys, as forward does, with probabilities
// made again of the rows' log-sums.

// With P the probabilities and dP = dO V^T (where dropout kept them), dS = P (dP - D), D = sum of dO O of the row, and
// dQ = scale dS K. Writes each row's log-sum and D side by side for the keys' gradient.
// Needs exp-log.wgsl in front. Needs philox.wgsl in front. Needs
// attention-rows.wgsl in front.

@group(0) @binding(1) var<storage, read> q: array<Element>;
@group(0) @binding(2) var<storage, read> k: array<Element>;
@group(0) @binding(3) var<storage, read> v: array<Element>;
@group(0) @binding(4) var<storage, read> d_out: array<Element>;
@group(0) @binding(5) var<storage, read> out: array<Element>;
@group(0) @binding(6) var<storage, read> log_sums: array<f32>;
@group(0) @binding(7) var<storage, read_write> d_q: array<Element>;
@group(0) @binding(8) var<storage, read_write> rows: array<vec2f>;

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

fn load_out(at: u32, c: u32) -> vec4f {
  return out[at + c];
}

fn store_d_q(at: u32, c: u32, value: vec4f) {
  d_q[at + c] = value;
}

// The log-sum and D of row `n`, whose output begins at `at`.
fn row_of(n: u32, at: u32) -> vec2f {
  var product = 0.0;
  for (var c = 0u; c < B4; c++) {
    product += dot(load_d_out(at, c), load_out(at, c));
  }
  return vec2f(log_sums[n], product);
}

fn store_row(n: u32, value: vec2f) {
  rows[n] = value;
}

var<private> k_at: u32;
var<private> v_at: u32;

fn row_a(j: u32, c: u32) -> vec4f {
  return load_k(k_at + min(j, sizes.keys - 1u) * sizes.k_row, c);
}

fn row_b(j: u32, c: u32) -> vec4f {
  return load_v(v_at + min(j, sizes.keys - 1u) * sizes.v_row, c);
}

var<private> own_queries: array<vec4f, ROWS * A4>;
var<private> own_gradients: array<vec4f, ROWS * B4>;
var<private> q_at: array<u32, ROWS>;
var<private> o_at: array<u32, ROWS>;

// vec4 c of the thread's own query r, and of the gradient of what that gave.
fn own_a(r: u32, c: u32) -> vec4f {
  return own_queries[r * A4 + c];
}

fn own_b(r: u32, c: u32) -> vec4f {
  return own_gradients[r * B4 + c];
}

fn keep_own(r: u32) {
  for (var c = 0u; c < A4; c++) {
    own_queries[r * A4 + c] = load_q(q_at[r], c);
  }
  for (var c = 0u; c < B4; c++) {
    own_gradients[r * B4 + c] = load_d_out(o_at[r], c);
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let workgroup = group.x + group.y * groups.x;
  if (workgroup >= sizes.workgroups) {
    return;
  }
  let place = place_of(workgroup, sizes.heads);
  let key_head = place.head / sizes.group;
  k_at = place.batch * sizes.keys * sizes.k_row + sizes.k_first + key_head * A_SIZE;
  v_at = place.batch * sizes.keys * sizes.v_row + sizes.v_first + key_head * B_SIZE;
  let first_column = place.chunk * A_CHUNK;

  let last = sizes.queries - 1u;
  let first_row = (place.batch * sizes.heads + place.head) * sizes.queries;
  var known: array<vec2f, ROWS>;
  for (var r = 0u; r < ROWS; r++) {
    let i = min(place.row + r * LANES + lane, last);
    let token = place.batch * sizes.queries + i;
    q_at[r] = token * sizes.q_row + sizes.q_first + place.head * A_SIZE;
    o_at[r] = token * sizes.o_row + place.head * B_SIZE;
    keep_own(r);
    known[r] = row_of(first_row + i, o_at[r]);
    if (place.chunk == 0u && place.row + r * LANES + lane <= last) {
      store_row(first_row + i, known[r]);
    }
  }
  var sums: array<vec4f, ROWS * A_CHUNK>;
  let end = ends_of(place, vec4u(min(place.row + LANES * ROWS - 1u, last))).x;
  for (var first = 0u; first < end; first += TILE) {
    stage(first, lane);
    for (var t = 0u; t < sizes.tile; t += 4u) {
      var s = array<vec4f, ROWS>();
      var g = array<vec4f, ROWS>();
      for (var c = 0u; c < A4; c++) {
        let k0 = part_a(t, c);
        let k1 = part_a(t + 1u, c);
        let k2 = part_a(t + 2u, c);
        let k3 = part_a(t + 3u, c);
        for (var r = 0u; r < ROWS; r++) {
          let x = own_a(r, c);
          s[r] += vec4f(dot(x, k0), dot(x, k1), dot(x, k2), dot(x, k3));
        }
      }
      for (var c = 0u; c < B4; c++) {
        let v0 = part_b(t, c);
        let v1 = part_b(t + 1u, c);
        let v2 = part_b(t + 2u, c);
        let v3 = part_b(t + 3u, c);
        for (var r = 0u; r < ROWS; r++) {
          let x = own_b(r, c);
          g[r] += vec4f(dot(x, v0), dot(x, v1), dot(x, v2), dot(x, v3));
        }
      }
      for (var r = 0u; r < ROWS; r++) {
        let i = min(place.row + r * LANES + lane, last);
        let j = first + t;
        let score = scores_of(s[r], place, vec4u(i), j + fours);
        let p = probabilities_of(score, vec4f(known[r].x));
        s[r] = p * (keep(g[r], place, i, j) - known[r].y);
      }
      for (var c = 0u; c < A_CHUNK; c++) {
        let column = min(first_column + c, A4 - 1u);
        let k0 = part_a(t, column);
        let k1 = part_a(t + 1u, column);
        let k2 = part_a(t + 2u, column);
        let k3 = part_a(t + 3u, column);
        for (var r = 0u; r < ROWS; r++) {
          let x = s[r];
          sums[r * A_CHUNK + c] += x.x * k0 + x.y * k1 + x.z * k2 + x.w * k3;
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    if (place.row + r * LANES + lane >= sizes.queries) {
      continue;
    }
    for (var c = 0u; c < A_CHUNK; c++) {
      if (first_column + c < A4) {
        store_d_q(q_at[r], first_column + c, sums[r * A_CHUNK + c] * sizes.scale);
      }
    }
  }
}

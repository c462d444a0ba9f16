// Attention forward: each query's values, weighted by softmax of its scores, found in one walk over the keys that
// keeps a running maximum and sum (online softmax); nothing of size queries by keys is stored.

// Also gives ln of each row's sum of exponentials, which the gradients make the probabilities of. A query that sees no
// key gives zeros, and 0. Needs exp-log.wgsl in front. Needs philox.wgsl in front. Needs attention-rows.wgsl in front.

@group(0) @binding(1) var<storage, read> q: array<Element>;
@group(0) @binding(2) var<storage, read> k: array<Element>;
@group(0) @binding(3) var<storage, read> v: array<Element>;
@group(0) @binding(4) var<storage, read_write> out: array<Element>;
@group(0) @binding(5) var<storage, read_write> log_sums: array<f32>;

fn load_q(at: u32, c: u32) -> vec4f {
  return q[at + c];
}

fn load_k(at: u32, c: u32) -> vec4f {
  return k[at + c];
}

fn load_v(at: u32, c: u32) -> vec4f {
  return v[at + c];
}

fn store_out(at: u32, c: u32, value: vec4f) {
  out[at + c] = value;
}

var<private> k_at: u32;
var<private> v_at: u32;
var<private> first_column: u32;

fn row_a(j: u32, c: u32) -> vec4f {
  return load_k(k_at + min(j, sizes.keys - 1u) * sizes.k_row, c);
}

fn row_b(j: u32, c: u32) -> vec4f {
  return load_v(v_at + min(j, sizes.keys - 1u) * sizes.v_row, min(first_column + c, B4 - 1u));
}

var<private> own: array<vec4f, ROWS * A4>;
var<private> q_at: array<u32, ROWS>;

// vec4 c of the thread's own query r.
fn own_a(r: u32, c: u32) -> vec4f {
  return own[r * A4 + c];
}

fn keep_own(r: u32) {
  for (var c = 0u; c < A4; c++) {
    own[r * A4 + c] = load_q(q_at[r], c);
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
  first_column = place.chunk * B_CHUNK;

  let last = sizes.queries - 1u;
  for (var r = 0u; r < ROWS; r++) {
    let i = min(place.row + r * LANES + lane, last);
    q_at[r] = (place.batch * sizes.queries + i) * sizes.q_row + sizes.q_first + place.head * A_SIZE;
    keep_own(r);
  }
  var sums: array<vec4f, ROWS * B_CHUNK>;
  var tops: array<f32, ROWS>;
  var totals: array<vec4f, ROWS>;
  for (var r = 0u; r < ROWS; r++) {
    tops[r] = unseen;
  }
  let end = ends_of(place, vec4u(min(place.row + LANES * ROWS - 1u, last))).x;
  for (var first = 0u; first < end; first += TILE) {
    stage(first, lane);
    for (var t = 0u; t < sizes.tile; t += 4u * QUADS) {
      var s = array<vec4f, ROWS * QUADS>();
      for (var quad = 0u; quad < QUADS; quad++) {
        let at = t + 4u * quad;
        for (var c = 0u; c < A4; c++) {
          let k0 = part_a(at, c);
          let k1 = part_a(at + 1u, c);
          let k2 = part_a(at + 2u, c);
          let k3 = part_a(at + 3u, c);
          for (var r = 0u; r < ROWS; r++) {
            let x = own_a(r, c);
            s[r * QUADS + quad] += vec4f(dot(x, k0), dot(x, k1), dot(x, k2), dot(x, k3));
          }
        }
      }
      for (var r = 0u; r < ROWS; r++) {
        let i = min(place.row + r * LANES + lane, last);
        let before = tops[r];
        var top4 = vec4f(before);
        for (var quad = 0u; quad < QUADS; quad++) {
          let j = first + t + 4u * quad;
          let score = scores_of(s[r * QUADS + quad], place, vec4u(i), j + fours);
          s[r * QUADS + quad] = score;
          top4 = max(top4, score);
        }
        let top = max(max(top4.x, top4.y), max(top4.z, top4.w));
        let fade = exp_4(vec4f(before - top)).x;
        tops[r] = top;
        totals[r] *= fade;
        for (var c = 0u; c < B_CHUNK; c++) {
          sums[r * B_CHUNK + c] *= fade;
        }
        for (var quad = 0u; quad < QUADS; quad++) {
          let p = probabilities_of(s[r * QUADS + quad], vec4f(top));
          totals[r] += p;
          s[r * QUADS + quad] = keep(p, place, i, first + t + 4u * quad);
        }
      }
      for (var quad = 0u; quad < QUADS; quad++) {
        let at = t + 4u * quad;
        for (var c = 0u; c < B_CHUNK; c++) {
          let v0 = part_b(at, c);
          let v1 = part_b(at + 1u, c);
          let v2 = part_b(at + 2u, c);
          let v3 = part_b(at + 3u, c);
          for (var r = 0u; r < ROWS; r++) {
            let p = s[r * QUADS + quad];
            sums[r * B_CHUNK + c] += p.x * v0 + p.y * v1 + p.z * v2 + p.w * v3;
          }
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    let i = place.row + r * LANES + lane;
    if (i >= sizes.queries) {
      continue;
    }
    let total = totals[r].x + totals[r].y + totals[r].z + totals[r].w;
    let sees_none = total == 0.0;
    let factor = select(1.0 / total, 0.0, sees_none);
    let at = (place.batch * sizes.queries + i) * sizes.o_row + place.head * B_SIZE;
    for (var c = 0u; c < B_CHUNK; c++) {
      if (first_column + c < B4) {
        store_out(at, first_column + c, sums[r * B_CHUNK + c] * factor);
      }
    }
    if (place.chunk == 0u) {
      let log_sum = tops[r] + log_4(vec4f(total)).x;
      log_sums[(place.batch * sizes.heads + place.head) * sizes.queries + i] = select(log_sum, 0.0, sees_none);
    }
  }
}

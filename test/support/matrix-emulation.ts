// The subgroup matrices of matmul-matrix.wgsl in plain WGSL, for adapters that have none.

import { type Shader, shader } from "../../engine/kernel/kernel.ts";

// A lane holds its share of a sum; matrices of A and B stay in workgroup memory, and are read when they are
// multiplied. Values are rounded to f16 where the shader has f16, and take as much room.

/**
 * Access to an array of f16, two to a word. The words' halves are one thread's, so nobody else writes meanwhile.
 * Infinities go by their bits, because SwiftShader packs them to NaN.
 */
const halves = (name: "a" | "b", unit: "unit_m" | "unit_n"): string => `
// Where the chunk has a matrix.
fn start_${name}(unit: u32) -> u32 {
  return unit * ${unit} * pitch;
}

fn get_${name}(at: u32) -> f32 {
  let bits = (${name}_chunk[at / 2u] >> (at % 2u * 16u)) & 0xffffu;
  if ((bits & 0x7fffu) == 0x7c00u) {
    return bitcast<f32>(((bits & 0x8000u) << 16u) | 0x7f800000u);
  }
  return unpack2x16float(bits).x;
}

fn put_${name}(unit: u32, place: u32, value: f32) {
  let at = start_${name}(unit) + place;
  var bits = pack2x16float(vec2f(value, 0.0)) & 0xffffu;
  if ((bitcast<u32>(value) & 0x7fffffffu) == 0x7f800000u) {
    bits = 0x7c00u | ((bitcast<u32>(value) >> 16u) & 0x8000u);
  }
  let shift = at % 2u * 16u;
  ${name}_chunk[at / 2u] = (${name}_chunk[at / 2u] & ~(0xffffu << shift)) | (bits << shift);
}
`;

const helpers = `${halves("a", "unit_m")}${halves("b", "unit_n")}
var<private> own_lane: u32;

struct Place {
  offset: u32,
  stride: u32,
}

fn subgroupMatrixMultiplyAccumulate(left: Left, right: Right, sum: Sum) -> Sum {
  var result = sum;
  for (var i = 0u; i < share; i++) {
    let at = i * lanes + own_lane;
    let row = left.offset + at / unit_n * left.stride;
    let column = right.offset + at % unit_n * right.stride;
    // The length is hidden from the compiler, which would unroll everything.
    for (var k = 0u; k < unit_k * sizes.one; k++) {
      result[i] += get_a(row + k) * get_b(column + k);
    }
  }
  return result;
}

fn load_Left_row_major_a_chunk(unit: u32, offset: u32, stride: u32) -> Left {
  return Place(start_a(unit) + offset, stride);
}

fn load_Right_col_major_b_chunk(unit: u32, offset: u32, stride: u32) -> Right {
  return Place(start_b(unit) + offset, stride);
}

fn store_row_major_staged(offset: u32, value: Sum, stride: u32) {
  var own = value;
  for (var i = 0u; i < share; i++) {
    let at = i * lanes + own_lane;
    staged[offset + at / unit_n * stride + at % unit_n] = own[i];
  }
}
`;

/** The shader with what the adapter lacks written out. Throws where the shader has it in another form than expected. */
export function emulateMatrices({ name, source }: Shader): Shader {
  const replacements: [RegExp, string][] = [
    [/^enable (f16|subgroups|chromium_experimental_subgroup_matrix);$/gm, ""],
    [/subgroup_matrix_left<f16, unit_k, unit_m>/g, "Place"],
    [/subgroup_matrix_right<f16, unit_n, unit_k>/g, "Place"],
    [
      /alias Sum = subgroup_matrix_result<f32, unit_n, unit_m>/g,
      "const share = unit_m * unit_n / lanes;\nalias Sum = array<f32, share>",
    ],
    [/array<array<f16, .+>, .+>/g, "array<u32, tile * pitch / 2u>"],
    [/(\w)_chunk\[(\w+)\]\[(.+)\] = f16\((.+)\);/g, "put_$1($2, $3, $4);"],
    [/subgroupMatrixLoad<(\w+), (\w+)>\(&(\w+)\[(.+)\], /g, "load_$1_$2_$3($4, "],
    [/subgroupMatrixStore<(\w+)>\(&(\w+), /g, "store_$1_$2("],
    [/\n *@builtin\(subgroup_id\) subgroup: u32,\n *@builtin\(subgroup_invocation_id\) lane: u32,/g, ""],
    [
      /(?<=\n) {2}let tile_index = /g,
      "  let subgroup = index / lanes;\n  let lane = index % lanes;\n  own_lane = lane;\n$&",
    ],
  ];
  let text = source;
  for (const [pattern, replacement] of replacements) {
    if (text.search(pattern) < 0) throw new Error(`${name}.wgsl has nothing like ${pattern}`);
    text = text.replace(pattern, replacement);
  }
  return shader(`${name}, emulated`, text + helpers);
}

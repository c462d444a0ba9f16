// What halving a binding makes of a kernel's text, and what it refuses.

import { describe, expect, it } from "vitest";
import { HalfBindings } from "../../engine/kernel/half-bindings.ts";

const kernel = (declared: string, body: string, others = "") => `
struct Sizes { a: u32 }
@group(0) @binding(0) var<uniform> sizes: Sizes;
${declared}
${others}
fn main(id: u32) {
${body}
}
`;
const read = "@group(0) @binding(1) var<storage, read> a: array<vec4f>;";
const write = "@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;";

/** The body of `main` with these bindings in halves. */
function halved(text: string, ...bindings: number[]): string {
  const made = new HalfBindings(text);
  for (const binding of bindings) expect(made.halve(binding), `binding ${binding}`).toBe(true);
  const from = made.text.indexOf("fn main(id: u32) {\n") + "fn main(id: u32) {\n".length;
  return made.text.slice(from, made.text.indexOf("\n}", from));
}

describe("halving a binding", () => {
  it("loads and stores by functions, indices and values that read included", () => {
    const text = kernel(
      `${read}\n${write}`,
      "  c[id + 1u] = a[id] * a[u32(a[0].x)].yxwz; // a[0]\n  let a_x = a[at.a[2]].x;\n  if (a[id].x == 1.0) { c[0] = a[1]; }",
    );
    expect(halved(text, 1, 2).split("\n")).toEqual([
      "  c_store(u32(id + 1u), a_load(u32(id)) * a_load(u32(u32(a_load(u32(0)).x))).yxwz); ",
      "  let a_x = a_load(u32(at.a[2])).x;",
      "  if (a_load(u32(id)).x == 1.0) { c_store(u32(0), a_load(u32(1))); }",
    ]);
  });

  it("leaves parameters and locals of the same name alone, from where they are declared to their block's end", () => {
    const body =
      "  { let b = a[0]; let a = a[1]; var d = a.x + a[2]; }\n  let e = a[3];\n  for (var i = 0u; i < 2u; i++) { let a = i; let f = a; }\n  let g = a[4];";
    const others =
      "fn other(a: vec4f, b: u32) -> f32 { return a[b]; }\nfn last(b: u32) -> vec4f { return a[b]; }";
    const made = new HalfBindings(kernel(read, body, others));
    expect(made.halve(1)).toBe(true);
    expect(made.text).toContain("fn other(a: vec4f, b: u32) -> f32 { return a[b]; }");
    expect(made.text).toContain("fn last(b: u32) -> vec4f { return a_load(u32(b)); }");
    expect(halved(kernel(read, body, others), 1).split("\n")).toEqual([
      "  { let b = a_load(u32(0)); let a = a_load(u32(1)); var d = a.x + a[2]; }",
      "  let e = a_load(u32(3));",
      "  for (var i = 0u; i < 2u; i++) { let a = i; let f = a; }",
      "  let g = a_load(u32(4));",
    ]);
  });

  it("follows aliases, and declares what lies there: two words for four elements, one for two", () => {
    const declarations: readonly [string, string, string][] = [
      ["vec4f", "vec2u", ""],
      ["Unit", "vec2u", "alias Unit = vec4<u32>;"],
      ["Pair", "u32", "alias Pair = Two;\nalias Two = vec2f;"],
      ["f32", "u32", ""],
    ];
    for (const [type, stored, others] of declarations) {
      const declared = `@group(0) @binding(1) var<storage, read> a: array<${type}>;`;
      const made = new HalfBindings(kernel(declared, "  let b = a[id];", others));
      expect(made.halve(1), type).toBe(true);
      expect(made.text).toContain(`var<storage, read> a: array<${stored}>;`);
    }
  });

  it("counts single elements by twice the words", () => {
    const declared = "@group(0) @binding(1) var<storage, read> a: array<f32>;";
    const body = "  let count = arrayLength( &a ) + u32(a[1u]);";
    expect(halved(kernel(declared, body), 1)).toBe(
      "  let count = (arrayLength(&a) * 2u) + u32(a_load(u32(1u)));",
    );
    expect(halved(kernel(read, "  let count = arrayLength(&a); let b = a[0];"), 1)).toContain(
      "let count = arrayLength(&a);",
    );
  });

  it("takes all names of a binding; one that nothing uses stays", () => {
    const result = "@group(0) @binding(2) var<storage, read_write> result: array<vec4f>;";
    const made = new HalfBindings(kernel(`${write}\n${result}`, "  result[id] = vec4f();"));
    expect(made.halve(2)).toBe(true);
    expect(made.text).toContain("result_store(u32(id), vec4f());");
    expect(made.text).toContain("var<storage, read_write> c: array<vec4f>;");
    const both = new HalfBindings(kernel(`${write}\n${result}`, "  result[id] = vec4f();\n  c[id].x = 1.0;"));
    expect(both.halve(2)).toBe(false);
  });

  it.each([
    ["single elements that are stored", "array<f32>", "  a[id] = 1.0;"],
    ["parts of elements that are stored", "array<vec4f>", "  a[id].x = 1.0;"],
    ["sums in place", "array<vec4f>", "  a[id] += vec4f();"],
    ["what is stored and loaded again", "array<vec4f>", "  a[id] = a[id] + vec4f(1.0);"],
    ["pointers", "array<vec4f>", "  let p = &a[id];"],
    ["the buffer handed on", "array<vec4f>", "  use_all(&a);"],
    ["atomics", "array<atomic<u32>>", "  atomicAdd(&a[0], 1u);"],
    ["other types", "array<vec3f>", "  let b = a[id];"],
  ])("refuses %s and changes nothing", (_, type, body) => {
    const text = kernel(`@group(0) @binding(1) var<storage, read_write> a: ${type};`, body);
    const made = new HalfBindings(text);
    expect(made.halve(1)).toBe(false);
    expect(made.halve(7)).toBe(false);
    expect(made.text).toBe(text);
  });
});

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

  it("rounds what is stored by one of two functions, each there once", () => {
    const other = "@group(0) @binding(3) var<storage, read_write> d: array<vec4f>;";
    const last = "@group(0) @binding(4) var<storage, read_write> e: array<vec4f>;";
    const made = new HalfBindings(
      kernel(`${write}\n${other}\n${last}`, "  c[id] = vec4f();\n  d[id] = vec4f();\n  e[id] = vec4f();"),
    );
    for (const [binding, overflows] of [
      [2, false],
      [3, true],
      [4, true],
    ] as const)
      expect(made.halve(binding, overflows)).toBe(true);
    const storing = (name: string) =>
      new RegExp(`fn ${name}_store\\([^)]*\\) \\{\\s+\\w+\\[i\\] = vec2u\\((\\w+)`).exec(made.text)?.[1];
    expect(["c", "d", "e"].map(storing)).toEqual(["pack_halves", "pack_overflowing", "pack_overflowing"]);
    expect(made.text.split("fn pack_")).toHaveLength(3);
  });

  it("reads neither kind of comment, however they lie in each other", () => {
    const body = "  /* { a[0] /* // */ let a = 1; */ let b = a[id]; // } /* a[1]\n  let c = a[1];";
    expect(halved(kernel(read, body), 1).split(/\s*\n\s*/)).toEqual([
      "    let b = a_load(u32(id));",
      "let c = a_load(u32(1));",
    ]);
  });

  it("reads in the heads of loops, behind and, and in brackets", () => {
    const body =
      "  for (var i = u32(a[0].x); i < u32(a[1].x); i++) { }\n  if (id > 0u && (a[2].x >= a[3].x)) { let b = (a[4]); }";
    expect(halved(kernel(read, body), 1).match(/a_load/g)).toHaveLength(5);
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
    [
      "a variable of a loop's head by its name",
      "array<vec4f>",
      "  for (var a = 0u; a < 3u; a++) { }\n  let z = a[2];",
    ],
    ["addresses of what is in brackets", "array<vec4f>", "  let p = &(a[1]);"],
    ["stores where a loop goes on", "array<vec4f>", "  for (var i = 0u; i < 3u; a[i] = vec4f()) { i++; }"],
    ["stores where a loop begins", "array<vec4f>", "  for (a[0] = vec4f(); id < 3u; ) { }"],
    ["stores in brackets", "array<vec4f>", "  (a[id]) = vec4f();"],
    ["counting", "array<u32>", "  a[id]++;"],
    ["shifts in place", "array<vec4u>", "  a[id] <<= vec4u(1u);"],
    ["bits that two numbers share", "array<u32>", "  let b = id & a[id];"],
  ])("refuses %s and changes nothing", (_, type, body) => {
    const text = kernel(`@group(0) @binding(1) var<storage, read_write> a: ${type};`, body);
    const made = new HalfBindings(text);
    expect(made.halve(1)).toBe(false);
    expect(made.halve(7)).toBe(false);
    expect(made.text).toBe(text);
  });
});

// Storage bindings in 16 bits: rewrites a kernel's text so that what it loads from a buffer of floats is unpacked, and what it
// stores there packed. Refuses text that reaches the buffer otherwise than by an index.

/** By what a kernel takes an element of the buffer for: the element in halves, and how to get from the one to the other. */
interface Form {
  readonly stored: string;
  readonly load: string;
  /** Undefined where threads that store neighbours would write one word; two numbers become a word by `pack`. */
  readonly store?: (pack: string) => string;
}

const loadFour = "vec4f(unpack2x16float(word.x), unpack2x16float(word.y))";
const storeFour = (value: string) => (pack: string) => `vec2u(${pack}(${value}.xy), ${pack}(${value}.zw))`;
const fourAs = (type: string): Form => ({
  stored: "vec2u",
  load: `bitcast<${type}>(${loadFour})`,
  store: storeFour("bitcast<vec4f>(value)"),
});
const oneAs = (type: string): Form => ({ stored: "u32", load: `bitcast<${type}>(half)` });

const forms: Readonly<Record<string, Form>> = {
  vec4f: { stored: "vec2u", load: loadFour, store: storeFour("value") },
  vec4u: fourAs("vec4u"),
  vec4i: fourAs("vec4i"),
  vec2f: { stored: "u32", load: "unpack2x16float(word)", store: (pack) => `${pack}(value)` },
  f32: { stored: "u32", load: "half" },
  u32: oneAs("u32"),
  i32: oneAs("i32"),
};

/**
 * To the nearest half, the even one of two, by whole numbers: `pack2x16float` leaves open which way it rounds, and what becomes of
 * numbers beyond the largest. The sum with 0.5 rounds to multiples of 2^-24, the smallest half.
 *
 * @param most what finite numbers become at most, by its bits
 */
const packFunction = (name: string, most: string) => `
fn ${name}(value: vec2f) -> u32 {
  let bits = bitcast<vec2u>(value) & vec2u(0x7fffffffu);
  let normal = (min(bits, vec2u(0x47800000u)) + extractBits(bits, 13u, 1u) + vec2u(0xc8000fffu)) >> vec2u(13u);
  let small = bitcast<vec2u>(abs(value) + vec2f(0.5)) - vec2u(0x3f000000u);
  let finite = min(select(normal, small, bits < vec2u(0x38800000u)), vec2u(${most}));
  let known = select(finite, vec2u(0x7c00u), bits == vec2u(0x7f800000u));
  let half = select(known, vec2u(0x7e00u), bits > vec2u(0x7f800000u));
  let sign = bitcast<vec2u>(value) & vec2u(0x80000000u);
  return half.x | (half.y << 16u) | (sign.x >> 16u) | sign.y;
}
`;

/** By whether numbers beyond the largest half, 65504, become infinite or the largest. */
const packs = [
  { name: "pack_halves", text: packFunction("pack_halves", "0x7bffu") },
  { name: "pack_overflowing", text: packFunction("pack_overflowing", "0x7c00u") },
];

/** The text of a shader, specialised and without comments, and what is known of its bindings. */
export class HalfBindings {
  #text: string;

  constructor(text: string) {
    this.#text = withoutComments(text);
  }

  /** The text with all that was asked for. */
  get text(): string {
    return this.#text;
  }

  /**
   * Keeps the buffer at `binding` in halves from now on. Gives whether it could; otherwise nothing changes.
   *
   * @param overflows whether finite numbers beyond 65504 are stored as infinities; otherwise as 65504, its sign kept
   */
  halve(binding: number, overflows = true): boolean {
    const before = this.#text;
    // Where work that was fused in stores in a result's place, two names have its number.
    const declared = new RegExp(
      `@group\\(0\\)\\s*@binding\\(${binding}\\)\\s*var<storage,\\s*\\w+>\\s*(\\w+)\\s*:\\s*array<([\\w<>]+)>;`,
      "g",
    );
    const found = [...before.matchAll(declared)];
    const isDone =
      found.length > 0 &&
      found.every(([all, name, type]) => this.#halve(all, name, type, packs[Number(overflows)]));
    if (!isDone) this.#text = before;
    return isDone;
  }

  #halve(declaration: string, name: string, element: string, pack: (typeof packs)[number]): boolean {
    const type = resolved(this.#text, element);
    const form = forms[type];
    const rewriting = new Rewriting(this.#text, name, form?.store !== undefined);
    const body = rewriting.text();
    if (body === undefined) return false;
    const { loads, stores } = rewriting;
    if (!loads && !stores) return true;
    // What is stored and loaded again may be a sum that grows.
    if (form === undefined || (stores && (loads || form.store === undefined))) return false;
    const added: string[] = [];
    const word =
      form.store === undefined
        ? `let half = unpack2x16float(${name}[i >> 1u])[i & 1u];`
        : `let word = ${name}[i];`;
    if (loads) added.push(`fn ${name}_load(i: u32) -> ${type} {\n  ${word}\n  return ${form.load};\n}`);
    if (stores)
      added.push(`fn ${name}_store(i: u32, value: ${type}) {\n  ${name}[i] = ${form.store?.(pack.name)};\n}`);
    if (stores && !body.includes(`fn ${pack.name}(`)) added.push(pack.text);
    const stored = declaration.replace(
      /^(.*)array<.*$/s,
      (_, before: string) => `${before}array<${form.stored}>;`,
    );
    this.#text = `${body.replace(declaration, () => stored)}\n${added.join("\n")}\n`;
    return true;
  }
}

/** A type by its plain name, aliases followed. */
function resolved(text: string, type: string): string {
  const alias = new RegExp(`^alias\\s+${type.replace(/<.*/, "")}\\s*=\\s*([\\w<>]+)\\s*;`, "m").exec(text);
  if (alias !== null) return resolved(text, alias[1]);
  const [, size, of] = /^vec([24])<(f32|u32|i32)>$/.exec(type) ?? [];
  return size === undefined ? type : `vec${size}${of[0]}`;
}

/** One pass over the text, which finds what stands for the binding: names of parameters and locals may hide it. */
class Rewriting {
  loads = false;
  stores = false;
  readonly #source: string;
  readonly #name: string;
  readonly #isWhole: boolean;
  /** By depth of braces: from where on the name is another thing's. */
  readonly #hidden: number[] = [];
  #isRefused = false;

  constructor(source: string, name: string, isWhole: boolean) {
    this.#source = source;
    this.#name = name;
    this.#isWhole = isWhole;
  }

  /** The text with loads and stores by functions, undefined where the buffer is reached otherwise. */
  text(): string | undefined {
    const made = this.#range(0, this.#source.length);
    return this.#isRefused ? undefined : made;
  }

  #range(start: number, end: number, depth = 0): string {
    const token = new RegExp(
      `[{}]|\\bfn\\s+\\w+\\s*\\(|(?<![\\w.])((?:let|var|const)\\b\\s*(?:<[^>]*>)?\\s*)?${this.#name}\\b`,
      "g",
    );
    const source = this.#source;
    let out = "";
    let at = start;
    let level = depth;
    token.lastIndex = start;
    for (let found = token.exec(source); found !== null && found.index < end; found = token.exec(source)) {
      const [text, before] = found;
      const place = found.index;
      if (text === "{") level++;
      else if (text === "}") {
        for (let k = level; k < this.#hidden.length; k++) delete this.#hidden[k];
        level--;
      } else if (text.endsWith("(")) {
        // Parameters hide the name in the function's body.
        const close = closing(source, place + text.length - 1);
        if (new RegExp(`\\b${this.#name}\\s*:`).test(source.slice(place, close))) this.#hidden[1] = place;
        token.lastIndex = close;
      } else if (before !== undefined) {
        // A variable of a loop's head would be hidden to the end of the block around.
        if (level > 0 && isInHead(source, place)) this.#refuse();
        if (level > 0) this.#hidden[level] = source.indexOf(";", place);
      } else if (level > 0 && !this.#isHidden(place, level)) {
        const used = this.#use(place, level);
        if (used === undefined) continue;
        out += source.slice(at, used.from ?? place) + used.code;
        at = used.end;
        token.lastIndex = used.end;
      }
    }
    return out + source.slice(at, end);
  }

  #isHidden(place: number, level: number): boolean {
    return this.#hidden.slice(0, level + 1).some((from) => from !== undefined && place > from);
  }

  /** What stands in place of the name at `place`, and where what it replaces ends. */
  #use(place: number, level: number): { from?: number; code: string; end: number } | undefined {
    const source = this.#source;
    const name = this.#name;
    const after = place + name.length;
    // A member of a struct.
    if (/^\s*:/.test(source.slice(after, after + 8))) return undefined;
    const before = source.slice(0, place).trimEnd();
    // An address, and for all that is known here the bits that two numbers share.
    if (/(?<!&)&[\s(]*$/.test(before)) {
      const close = /^\s*\)/.exec(source.slice(after));
      const call = /\barrayLength\s*\(\s*&$/.exec(before);
      if (call === null || close === null) return this.#refuse();
      const end = after + close[0].length;
      return this.#isWhole ? undefined : { from: call.index, code: `(arrayLength(&${name}) * 2u)`, end };
    }
    const open = /^\s*\[/.exec(source.slice(after));
    if (open === null) return this.#refuse();
    const close = closing(source, after + open[0].length - 1);
    const index = this.#range(after + open[0].length, close, level);
    const rest = source.slice(close + 1);
    if (assigned.test(rest)) {
      const assigns = /^\s*=\s*/.exec(rest);
      if (assigns === null || !/[{};]$/.test(before) || isInHead(source, place)) return this.#refuse();
      this.stores = true;
      const from = close + 1 + assigns[0].length;
      const end = source.indexOf(";", from);
      return { code: `${name}_store(u32(${index}), ${this.#range(from, end, level)})`, end };
    }
    this.loads = true;
    return { code: `${name}_load(u32(${index}))`, end: close + 1 };
  }

  #refuse(): undefined {
    this.#isRefused = true;
    return undefined;
  }
}

/** What follows a number that is assigned to, parts of it and sums in place included. */
const assigned = /^(?:\s*\)|\s*\.\s*\w+|\s*\[[^\]]*\])*\s*(?:(?:[+\-*/%&|^]|<<|>>)?=(?!=)|\+\+|--)/;

/** Whether `place` is within brackets that its block opened: in the head of a loop, where statements are parts of one. */
function isInHead(source: string, place: number): boolean {
  let depth = 0;
  for (let i = place - 1; i >= 0 && !"{}".includes(source[i]); i--)
    depth += source[i] === "(" ? 1 : source[i] === ")" ? -1 : 0;
  return depth > 0;
}

/** Without comments of both kinds; those between marks may hold others. */
function withoutComments(text: string): string {
  let out = "";
  let from = 0;
  let depth = 0;
  for (;;) {
    const mark = depth > 0 ? /\/\*|\*\//g : /\/\/.*|\/\*/g;
    mark.lastIndex = from;
    const found = mark.exec(text);
    if (depth === 0) out += text.slice(from, found?.index);
    if (found === null) return out;
    from = found.index + found[0].length;
    if (found[0] === "/*") depth++;
    else if (found[0] === "*/" && --depth === 0) out += " ";
  }
}

/** Where the bracket that opens at `open` closes. */
function closing(source: string, open: number): number {
  let depth = 0;
  for (let i = open; i < source.length; i++) {
    if ("([".includes(source[i])) depth++;
    else if (")]".includes(source[i]) && --depth === 0) return i;
  }
  return source.length;
}

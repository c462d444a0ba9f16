// Storage bindings in 16 bits: rewrites a kernel's text so that what it loads from a buffer of floats is unpacked, and what it
// stores there packed. Refuses text that reaches the buffer otherwise than by an index.

/** By what a kernel takes an element of the buffer for: the element in halves, and how to get from the one to the other. */
interface Form {
  readonly stored: string;
  readonly load: string;
  /** Undefined where threads that store neighbours would write one word. */
  readonly store?: string;
}

const loadFour = "vec4f(unpack2x16float(word.x), unpack2x16float(word.y))";
const storeFour = (value: string) => `vec2u(pack_halves(${value}.xy), pack_halves(${value}.zw))`;
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
  vec2f: { stored: "u32", load: "unpack2x16float(word)", store: "pack_halves(value)" },
  f32: { stored: "u32", load: "half" },
  u32: oneAs("u32"),
  i32: oneAs("i32"),
};

/**
 * To the nearest half, the even one of two, by whole numbers: `pack2x16float` leaves open which way it rounds, and what becomes of
 * numbers beyond the largest, which are infinite here. The sum with 0.5 rounds to multiples of 2^-24, the smallest half.
 */
const packHalves = `
fn pack_halves(value: vec2f) -> u32 {
  let bits = bitcast<vec2u>(value) & vec2u(0x7fffffffu);
  let normal = (min(bits, vec2u(0x47800000u)) + extractBits(bits, 13u, 1u) + vec2u(0xc8000fffu)) >> vec2u(13u);
  let small = bitcast<vec2u>(abs(value) + vec2f(0.5)) - vec2u(0x3f000000u);
  let finite = select(normal, small, bits < vec2u(0x38800000u));
  let half = select(finite, vec2u(0x7e00u), bits > vec2u(0x7f800000u));
  let sign = bitcast<vec2u>(value) & vec2u(0x80000000u);
  return half.x | (half.y << 16u) | (sign.x >> 16u) | sign.y;
}
`;

/** The text of a shader, specialised and without comments, and what is known of its bindings. */
export class HalfBindings {
  #text: string;

  constructor(text: string) {
    this.#text = text.replaceAll(/\/\/.*/g, "");
  }

  /** The text with all that was asked for. */
  get text(): string {
    return this.#text;
  }

  /** Keeps the buffer at `binding` in halves from now on. Gives whether it could; otherwise nothing changes. */
  halve(binding: number): boolean {
    const before = this.#text;
    // Where work that was fused in stores in a result's place, two names have its number.
    const declared = new RegExp(
      `@group\\(0\\)\\s*@binding\\(${binding}\\)\\s*var<storage,\\s*\\w+>\\s*(\\w+)\\s*:\\s*array<([\\w<>]+)>;`,
      "g",
    );
    const found = [...before.matchAll(declared)];
    const isDone = found.length > 0 && found.every(([all, name, type]) => this.#halve(all, name, type));
    if (!isDone) this.#text = before;
    return isDone;
  }

  #halve(declaration: string, name: string, element: string): boolean {
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
    if (stores) added.push(`fn ${name}_store(i: u32, value: ${type}) {\n  ${name}[i] = ${form.store};\n}`);
    if (stores && !body.includes("fn pack_halves(")) added.push(packHalves);
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
    if (before.endsWith("&")) {
      const close = /^\s*\)/.exec(source.slice(after));
      const call = /arrayLength\s*\(\s*&$/.exec(before);
      if (call === null || close === null) return this.#refuse();
      const end = after + close[0].length;
      return this.#isWhole ? undefined : { from: call.index, code: `(arrayLength(&${name}) * 2u)`, end };
    }
    const open = /^\s*\[/.exec(source.slice(after));
    if (open === null) return this.#refuse();
    const close = closing(source, after + open[0].length - 1);
    const index = this.#range(after + open[0].length, close, level);
    if (/[{};]$/.test(before)) {
      const assigns = /^\s*=(?!=)\s*/.exec(source.slice(close + 1));
      if (assigns === null) return this.#refuse();
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

/** Where the bracket that opens at `open` closes. */
function closing(source: string, open: number): number {
  let depth = 0;
  for (let i = open; i < source.length; i++) {
    if ("([".includes(source[i])) depth++;
    else if (")]".includes(source[i]) && --depth === 0) return i;
  }
  return source.length;
}

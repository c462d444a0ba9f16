// An interpreter of pickles that knows the opcodes for NumPy's arrays of lists of integers and nothing more: no code runs,
// whatever the file names.

import { DataError, printable } from "../../engine/base/errors.ts";
import type { Turns } from "../sources/bytes.ts";

/** What a pickle names: a function or a class, which stands for itself here. */
class Named {
  constructor(readonly path: string) {}
}

/** A NumPy dtype: its code, and the byte order that is set later. */
class Dtype {
  order = "|";

  constructor(readonly code: string) {}

  get descr(): string {
    return `${this.order}${this.code}`;
  }
}

/** A NumPy array, empty until it is filled. */
export class PickledArray {
  shape: number[] = [];
  dtype: Dtype | undefined;
  isFortran = false;
  content: Uint8Array | unknown[] = [];
}

class Tuple {
  constructor(readonly items: readonly unknown[]) {}
}

/** What calling one of the names does; the numpy modules have had two names each. */
const callables: Readonly<Record<string, (args: readonly unknown[]) => unknown>> = {
  "numpy.core.multiarray._reconstruct": ([type]) =>
    type instanceof Named && type.path === "numpy.ndarray" ? new PickledArray() : undefined,
  "numpy.core.multiarray.scalar": ([dtype, raw]) =>
    dtype instanceof Dtype && raw instanceof Uint8Array ? filled([1], dtype, false, raw) : undefined,
  "numpy.core.numeric._frombuffer": ([raw, dtype, shape, order]) => {
    const sizes = sizesOf(shape);
    if (!(raw instanceof Uint8Array) || !(dtype instanceof Dtype) || sizes === undefined) return undefined;
    return order === "C" || order === "F" ? filled(sizes, dtype, order === "F", raw) : undefined;
  },
  "numpy.dtype": ([code]) =>
    typeof code === "string" && /^[a-zA-Z]\d*$/.test(code) ? new Dtype(code) : undefined,
  "_codecs.encode": ([text, encoding]) =>
    typeof text === "string" && encoding === "latin1"
      ? Uint8Array.from(text, (letter) => letter.charCodeAt(0))
      : undefined,
};
const classes = ["numpy.ndarray"];

function filled(shape: number[], dtype: Dtype, isFortran: boolean, content: Uint8Array): PickledArray {
  return Object.assign(new PickledArray(), { shape, dtype, isFortran, content });
}

function sizesOf(value: unknown): number[] | undefined {
  if (!(value instanceof Tuple)) return undefined;
  const isSize = (size: unknown): size is number => Number.isSafeInteger(size) && (size as number) >= 0;
  return value.items.every(isSize) ? [...(value.items as number[])] : undefined;
}

/** Names of opcodes that are refused, for messages; the others are told by their byte. */
const refused: Readonly<Record<number, string>> = {
  48: "POP",
  49: "POP_MARK",
  50: "DUP",
  70: "FLOAT",
  71: "BINFLOAT",
  73: "INT",
  76: "LONG",
  80: "PERSID",
  81: "BINPERSID",
  83: "STRING",
  86: "UNICODE",
  100: "DICT",
  105: "INST",
  108: "LIST",
  111: "OBJ",
  115: "SETITEM",
  117: "SETITEMS",
  125: "EMPTY_DICT",
  129: "NEWOBJ",
  130: "EXT1",
  131: "EXT2",
  132: "EXT4",
  139: "LONG4",
  141: "BINUNICODE8",
  143: "EMPTY_SET",
  144: "ADDITEMS",
  145: "FROZENSET",
  146: "NEWOBJ_EX",
  151: "NEXT_BUFFER",
  152: "READONLY_BUFFER",
};

export class Unpickler {
  readonly #view: DataView;
  #at = 0;
  #stack: unknown[] = [];
  readonly #marks: unknown[][] = [];
  readonly #memo = new Map<number, unknown>();

  constructor(
    readonly name: string,
    readonly bytes: Uint8Array,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  async run(turns: Turns): Promise<unknown> {
    for (let count = 1; ; count++) {
      if ((count & 0xffff) === 0) await turns.take();
      const opcode = this.#byte();
      if (opcode === 0x2e) {
        if (this.#at !== this.bytes.length) throw this.refuse("it ends before its bytes do");
        return this.#pop();
      }
      this.#step(opcode);
    }
  }

  refuse(what: string): DataError {
    return new DataError(
      `${printable(this.name)}: is no pickle of lists of whole numbers: at byte ${this.#at}: ${what}`,
    );
  }

  #step(opcode: number): void {
    switch (opcode) {
      case 0x4b: // BININT1
        this.#push(this.#byte());
        break;
      case 0x4d: // BININT2
        this.#push(this.#number(2));
        break;
      case 0x4a: // BININT
        this.#push(this.#number(4) | 0);
        break;
      case 0x8a: // LONG1
        this.#push(this.#long());
        break;
      case 0x28: // MARK
        this.#marks.push(this.#stack);
        this.#stack = [];
        break;
      case 0x5d: // EMPTY_LIST
        this.#push([]);
        break;
      case 0x61: // APPEND
        this.#extend([this.#pop()]);
        break;
      case 0x65: // APPENDS
        this.#extend(this.#popMark());
        break;
      case 0x29: // EMPTY_TUPLE
        this.#push(new Tuple([]));
        break;
      case 0x85: // TUPLE1, 2, 3
      case 0x86:
      case 0x87:
        this.#push(new Tuple(this.#popMany(opcode - 0x84)));
        break;
      case 0x74: // TUPLE
        this.#push(new Tuple(this.#popMark()));
        break;
      case 0x4e: // NONE
        this.#push(null);
        break;
      case 0x88: // NEWTRUE, NEWFALSE
      case 0x89:
        this.#push(opcode === 0x88);
        break;
      case 0x71: // BINPUT, LONG_BINPUT, MEMOIZE
        this.#keep(this.#byte());
        break;
      case 0x72:
        this.#keep(this.#number(4));
        break;
      case 0x94:
        this.#keep(this.#memo.size);
        break;
      case 0x68: // BINGET, LONG_BINGET
        this.#recall(this.#byte());
        break;
      case 0x6a:
        this.#recall(this.#number(4));
        break;
      case 0x58: // BINUNICODE, SHORT_BINUNICODE
        this.#push(this.#text(this.#number(4), "utf-8"));
        break;
      case 0x8c:
        this.#push(this.#text(this.#byte(), "utf-8"));
        break;
      case 0x55: // SHORT_BINSTRING, BINSTRING: texts of Python 2
        this.#push(this.#text(this.#byte(), "latin1"));
        break;
      case 0x54:
        this.#push(this.#text(this.#number(4), "latin1"));
        break;
      case 0x43: // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
        this.#push(this.#take(this.#byte()));
        break;
      case 0x42:
        this.#push(this.#take(this.#number(4)));
        break;
      case 0x8e:
      case 0x96:
        this.#push(this.#take(this.#number(4) + this.#number(4) * 2 ** 32));
        break;
      case 0x63: // GLOBAL, STACK_GLOBAL
        this.#name(this.#line(), this.#line());
        break;
      case 0x93: {
        const [module, name] = this.#popMany(2);
        this.#name(module, name);
        break;
      }
      case 0x52: // REDUCE
        this.#call();
        break;
      case 0x62: // BUILD
        this.#build();
        break;
      case 0x80: {
        const protocol = this.#byte();
        if (protocol < 2 || protocol > 5) throw this.refuse(`has protocol ${protocol}; 2 to 5 are known`);
        break;
      }
      case 0x95: // FRAME: says only how much to read at once
        this.#take(8);
        return;
      default: {
        const byte = `0x${opcode.toString(16).padStart(2, "0")}`;
        throw this.refuse(`the opcode ${refused[opcode] ?? byte} has no place in one`);
      }
    }
  }

  #push(value: unknown): void {
    this.#stack.push(value);
  }

  #pop(): unknown {
    if (this.#stack.length === 0) throw this.refuse("a value is missing");
    return this.#stack.pop();
  }

  #popMany(count: number): unknown[] {
    if (this.#stack.length < count) throw this.refuse("a value is missing");
    return this.#stack.splice(this.#stack.length - count, count);
  }

  #popMark(): unknown[] {
    const items = this.#stack;
    const below = this.#marks.pop();
    if (below === undefined) throw this.refuse("a mark is missing");
    this.#stack = below;
    return items;
  }

  /** The value on top, which stays. */
  #top(): unknown {
    const top = this.#pop();
    this.#stack.push(top);
    return top;
  }

  #extend(items: readonly unknown[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw this.refuse("something is appended to what is no list");
    // Not spread: a list may have more items than a call can have arguments.
    for (const item of items) list.push(item);
  }

  #keep(place: number): void {
    this.#memo.set(place, this.#top());
  }

  #recall(place: number): void {
    if (!this.#memo.has(place)) throw this.refuse(`nothing was kept as ${place}`);
    this.#push(this.#memo.get(place));
  }

  #name(module: unknown, name: unknown): void {
    // numpy 2 moved its modules.
    const path = `${String(module).replace(/^numpy\._core\b/, "numpy.core")}.${String(name)}`;
    const isText = typeof module === "string" && typeof name === "string";
    if (!isText || !(Object.hasOwn(callables, path) || classes.includes(path)))
      throw this.refuse(`it names ${path.slice(0, 100)}, which has no place in one`);
    this.#push(new Named(path));
  }

  #call(): void {
    const [callable, args] = this.#popMany(2);
    const path = callable instanceof Named ? callable.path : "";
    const made =
      Object.hasOwn(callables, path) && args instanceof Tuple ? callables[path](args.items) : undefined;
    if (made === undefined)
      throw this.refuse(`a call of ${path || "what is no function"} that NumPy doesn't make`);
    this.#push(made);
  }

  /** NumPy's `__setstate__`, of dtypes and arrays. */
  #build(): void {
    const state = this.#pop();
    const target = this.#top();
    const items = state instanceof Tuple ? state.items : [];
    if (target instanceof Dtype && /^[<>|=]$/.test(String(items[1]))) target.order = String(items[1]);
    else if (target instanceof PickledArray && items.length === 5 && target.dtype === undefined) {
      const [, shape, dtype, isFortran, content] = items;
      const sizes = sizesOf(shape);
      const isContent = content instanceof Uint8Array || Array.isArray(content);
      if (sizes === undefined || !(dtype instanceof Dtype) || typeof isFortran !== "boolean" || !isContent)
        throw this.refuse("an array is described as NumPy doesn't");
      Object.assign(target, { shape: sizes, dtype, isFortran, content });
    } else throw this.refuse("a state is set of what has none");
  }

  #byte(): number {
    if (this.#at >= this.bytes.length) throw this.refuse("it is cut off");
    return this.bytes[this.#at++];
  }

  #number(bytes: 2 | 4): number {
    const at = this.#at;
    this.#take(bytes);
    return bytes === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
  }

  #long(): number {
    const bytes = this.#take(this.#byte());
    let value = 0n;
    for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
    return Number(BigInt.asIntN(Math.max(1, bytes.length * 8), value));
  }

  #take(count: number): Uint8Array {
    if (!(this.#at + count <= this.bytes.length)) throw this.refuse("it is cut off");
    this.#at += count;
    return this.bytes.subarray(this.#at - count, this.#at);
  }

  #text(length: number, encoding: string): string {
    return new TextDecoder(encoding).decode(this.#take(length));
  }

  #line(): string {
    const end = this.bytes.subarray(this.#at, this.#at + 200).indexOf(10);
    if (end < 0) throw this.refuse("a name doesn't end");
    const text = this.#text(end, "latin1");
    this.#at++;
    return text;
  }
}

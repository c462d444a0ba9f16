// How values, elements and gradients are written: h₁, ∂E/∂w₅, 0.519989. Plain Unicode, so that it serves HTML and SVG.

import { type Shape, stridesOf } from "../../base/shape.ts";
import { numberText } from "../../kernel/text.ts";

export interface NotationOptions {
  /** Name of the loss. */
  readonly loss: string;
  /** Names of single elements, row-major, by the value's name: `{ W: ["w1", "w2"] }`. */
  readonly elements: Readonly<Record<string, readonly string[]>>;
}

const minus = "−";

/** A name with the digits at its end as subscripts: w1 is w₁, matmul_0 is matmul₀. */
export function subscript(name: string): string {
  const [, stem, digits] = /^(.*?\p{L})_?(\d+)$/u.exec(name) ?? [];
  if (stem === undefined) return name;
  return stem + [...digits].map((digit) => String.fromCodePoint(0x2080 + Number(digit))).join("");
}

/** A number as the page shows it, with a true minus sign. */
export function showNumber(value: number, digits = 6): string {
  return numberText(value, digits).replaceAll("-", minus);
}

/** A number inside a formula: negative ones in parentheses. */
export function operand(value: number): string {
  const text = showNumber(value);
  return text.startsWith(minus) ? `(${text})` : text;
}

export class Notation {
  readonly #options: NotationOptions;
  /** The loss as gradients name it: its own short name, else L. */
  readonly loss: string;

  constructor(options: NotationOptions) {
    this.#options = options;
    this.loss = /^\p{L}{1,2}\d*$/u.test(options.loss) ? subscript(options.loss) : "L";
  }

  /** A value's name. */
  value(name: string): string {
    return subscript(name);
  }

  gradient(of: string): string {
    return `∂${this.loss}/∂${of}`;
  }

  /** The name of an element if it was given one. */
  label(name: string, index: number): string | undefined {
    const given = Object.hasOwn(this.#options.elements, name)
      ? this.#options.elements[name][index]
      : undefined;
    return given === undefined ? undefined : subscript(given);
  }

  /** One element: its own name, or h[1], w[0,1]; axes of length 1 go unsaid. */
  element(name: string, shape: Shape, index: number): string {
    const given = this.label(name, index);
    if (given !== undefined) return given;
    const strides = stridesOf(shape);
    const indices = shape
      .map((length, axis) => ({ length, at: Math.floor(index / strides[axis]) % length }))
      .filter(({ length }) => length > 1)
      .map(({ at }) => at);
    return indices.length === 0 ? subscript(name) : `${subscript(name)}[${indices.join(",")}]`;
  }
}

// The arithmetic of a step with names and with numbers, element by element: z₁ = x₁ · w₁ + x₂ · w₂ = 0.1 · 0.3 + ...
// Only texts are made here; every result shown is the one that the device computed.

import { broadcastStrides, type Shape, sameShape, sizeOf, stridesOf } from "../../base/shape.ts";
import { type Formula, fill, formulaOf } from "./formulas.ts";
import { type Notation, operand, showNumber } from "./notation.ts";
import type { ShownArray, ShownNode, ShownValue } from "./recording.ts";

/** A formula, and what it says for single elements. */
export interface Worked {
  /** With the names of whole values: `∂E/∂z = ∂E/∂h · h · (1 − h)`. */
  readonly formula: string;
  /** Each as the parts between equals signs. */
  readonly lines: readonly (readonly string[])[];
  /** Elements that have no line. */
  readonly more: number;
  /** What the formula leaves unsaid. */
  readonly note: string;
}

const maxLines = 6;
const maxTerms = 4;
const letters = ["a", "b", "c", "d", "e", "f", "h", "i"];

/** A value that stands in a formula: its name's elements as texts, and their numbers. */
interface Term {
  readonly shape: Shape;
  readonly data: readonly number[];
  symbol(index: number): string;
}

export class Worker {
  readonly #notation: Notation;
  readonly #values: ReadonlyMap<string, ShownValue>;

  constructor(notation: Notation, values: ReadonlyMap<string, ShownValue>) {
    this.#notation = notation;
    this.#values = values;
  }

  forward(node: ShownNode): Worked {
    const formula = this.#formulaOf(node);
    const y = node.outputs[0];
    const left = node.outputs.map((name) => this.#notation.value(name)).join(", ");
    const out = this.#term(y);
    const inputs = node.inputs.map((name) => this.#term(name));
    const lines = this.#forwardLines(node, formula, out, inputs);
    return {
      formula: `${left} = ${fill(formula.forward, this.#names(node))}`,
      lines,
      more: lines.length === 0 ? 0 : sizeOf(out.shape) - lines.length,
      note: "",
    };
  }

  /** How the gradient of input `k` comes about. */
  backward(node: ShownNode, k: number): Worked {
    const formula = this.#formulaOf(node);
    const of = this.#notation.value(node.inputs[k]);
    const template = formula.backward[k] ?? `{g} × ∂{y}/∂${of}`;
    const result = this.#gradientTerm(node.inputs[k], node.inputGradients[k]!);
    const incoming = this.#gradientTerm(node.outputs[0], node.outputGradients[0]!);
    const isSummed =
      formula.isPointwise && !sameShape(result.shape, this.#values.get(node.outputs[0])!.shape);
    const lines = isSummed ? [] : this.#backwardLines(node, k, formula, template, result, incoming);
    return {
      formula: `${this.#notation.gradient(of)} = ${fill(template, this.#names(node))}`,
      lines,
      more: lines.length === 0 ? 0 : sizeOf(result.shape) - lines.length,
      note: isSummed ? `summed over the axes along which ${of} was broadcast` : "",
    };
  }

  /** New values of a variable by a template over {w} and {g}. */
  update(value: ShownValue, template: string, after: readonly number[]): Worked {
    const w = this.#term(value.name);
    const g = this.#gradientTerm(value.name, value.gradient!);
    const lines = this.#each(w, (i) => [
      this.#primed(w.symbol(i)),
      fill(template, { w: w.symbol(i), g: g.symbol(i) }),
      fill(template, { w: operand(w.data[i]), g: operand(g.data[i]) }),
      showNumber(after[i]),
    ]);
    const name = this.#notation.value(value.name);
    return {
      formula: `${this.#primed(name)} = ${fill(template, { w: name, g: this.#notation.gradient(name) })}`,
      lines,
      more: sizeOf(w.shape) - lines.length,
      note: "",
    };
  }

  #forwardLines(node: ShownNode, formula: Formula, out: Term, inputs: readonly Term[]): string[][] {
    if (formula.isPointwise) {
      return this.#each(out, (i) => {
        const at = inputs.map((term) => broadcastIndex(term.shape, out.shape, i));
        if (at.some((index, k) => index >= inputs[k].data.length)) return undefined;
        const fillWith = (text: (term: Term, index: number) => string) =>
          fill(formula.forward, {
            ...attributes(node),
            ...Object.fromEntries(inputs.map((term, k) => [letters[k], text(term, at[k])])),
          });
        return line(
          out.symbol(i),
          fillWith((term, index) => term.symbol(index)),
          fillWith((term, index) => operand(term.data[index])),
          showNumber(out.data[i]),
        );
      });
    }
    const [a, b] = inputs;
    if (isPlainProduct(node, a, b)) {
      const [, depth] = a.shape;
      const [, columns] = b.shape;
      return this.#each(out, (i) => {
        const [row, column] = [Math.floor(i / columns), i % columns];
        const pairs = Array.from(
          { length: depth },
          (_, k) => [row * depth + k, k * columns + column] as const,
        );
        return products(out, i, a, b, pairs);
      });
    }
    if ((node.op === "sum" || node.op === "mean") && sizeOf(out.shape) === 1) {
      const count = sizeOf(a.shape);
      const all = Array.from({ length: Math.min(count, a.data.length) }, (_, i) => i);
      if (count === 0) return [];
      const add = (text: (i: number) => string) => {
        const shown = elide(all.map(text), count);
        return node.op === "sum" ? shown : `(${shown}) / ${count}`;
      };
      return [
        line(
          out.symbol(0),
          add(a.symbol),
          add((i) => operand(a.data[i])),
          showNumber(out.data[0]),
        ),
      ];
    }
    return [];
  }

  #backwardLines(
    node: ShownNode,
    k: number,
    formula: Formula,
    template: string,
    result: Term,
    incoming: Term,
  ): string[][] {
    const inputs = node.inputs.map((name) => this.#term(name));
    const y = this.#term(node.outputs[0]);
    if (formula.isPointwise) {
      return this.#each(result, (i) => {
        const at = inputs.map((term) => broadcastIndex(term.shape, y.shape, i));
        if (at.some((index, n) => index >= inputs[n].data.length) || i >= incoming.data.length)
          return undefined;
        const fillWith = (text: (term: Term, index: number) => string) =>
          fill(template, {
            ...attributes(node),
            ...Object.fromEntries(inputs.map((term, n) => [letters[n], text(term, at[n])])),
            y: text(y, i),
            g: text(incoming, i),
          });
        return line(
          result.symbol(i),
          fillWith((term, index) => term.symbol(index)),
          fillWith((term, index) => operand(term.data[index])),
          showNumber(result.data[i]),
        );
      });
    }
    const [a, b] = inputs;
    if (isPlainProduct(node, a, b)) {
      const [rows, depth] = a.shape;
      const [, columns] = b.shape;
      return this.#each(result, (i) => {
        if (k === 0) {
          const [row, inner] = [Math.floor(i / depth), i % depth];
          const pairs = Array.from(
            { length: columns },
            (_, j) => [row * columns + j, inner * columns + j] as const,
          );
          return products(result, i, incoming, b, pairs);
        }
        const [inner, column] = [Math.floor(i / columns), i % columns];
        const pairs = Array.from(
          { length: rows },
          (_, row) => [row * columns + column, row * depth + inner] as const,
        );
        return products(result, i, incoming, a, pairs);
      });
    }
    if ((node.op === "sum" || node.op === "mean") && sizeOf(incoming.shape) === 1) {
      const over = node.op === "mean" ? ` / ${sizeOf(result.shape)}` : "";
      return this.#each(result, (i) =>
        line(
          result.symbol(i),
          `${incoming.symbol(0)}${over}`,
          `${operand(incoming.data[0])}${over}`,
          showNumber(result.data[i]),
        ),
      );
    }
    return [];
  }

  /** Lines of the first elements, without those that `make` can't write. */
  #each(term: Term, make: (index: number) => string[] | undefined): string[][] {
    const count = Math.min(maxLines, term.data.length);
    return Array.from({ length: count }, (_, i) => make(i)).filter((made) => made !== undefined);
  }

  #formulaOf(node: ShownNode): Formula {
    return formulaOf(node.op, node.inputs.length, isTransposed(node));
  }

  /** What stands in a formula for whole values. */
  #names(node: ShownNode): Record<string, string> {
    return {
      ...attributes(node),
      ...Object.fromEntries(node.inputs.map((name, k) => [letters[k], this.#notation.value(name)])),
      y: this.#notation.value(node.outputs[0]),
      g: this.#notation.gradient(this.#notation.value(node.outputs[0])),
    };
  }

  #term(name: string): Term {
    const { shape, data } = this.#values.get(name)!;
    return { shape, data, symbol: (i) => this.#notation.element(name, shape, i) };
  }

  #gradientTerm(name: string, { shape, data }: ShownArray): Term {
    return {
      shape,
      data,
      symbol: (i) => this.#notation.gradient(this.#notation.element(name, shape, i)),
    };
  }

  #primed(name: string): string {
    return `new ${name}`;
  }
}

/** The parts of a line, less those that only repeat the one before. */
function line(...parts: string[]): string[] {
  const bare = (text: string) => text.replace(/^\((.*)\)$/, "$1");
  return parts.filter((part, i) => i === 0 || bare(part) !== bare(parts[i - 1]));
}

/** The sum of products of elements of `a` and `b`. */
function products(
  out: Term,
  index: number,
  a: Term,
  b: Term,
  pairs: readonly (readonly [number, number])[],
): string[] | undefined {
  const isShown = ([i, j]: readonly [number, number]) => i < a.data.length && j < b.data.length;
  const shown = pairs.slice(0, maxTerms);
  if (pairs.length === 0 || !shown.every(isShown)) return undefined;
  return line(
    out.symbol(index),
    elide(
      shown.map(([i, j]) => `${a.symbol(i)} · ${b.symbol(j)}`),
      pairs.length,
    ),
    elide(
      shown.map(([i, j]) => `${operand(a.data[i])} · ${operand(b.data[j])}`),
      pairs.length,
    ),
    showNumber(out.data[index]),
  );
}

function elide(terms: readonly string[], count: number): string {
  const shown = terms.slice(0, maxTerms).join(" + ");
  return count > maxTerms ? `${shown} + … (${count} terms)` : shown;
}

function isPlainProduct(node: ShownNode, a: Term | undefined, b: Term | undefined): boolean {
  return node.op === "matmul" && !isTransposed(node) && a?.shape.length === 2 && b?.shape.length === 2;
}

const isTransposed = ({ attrs }: ShownNode) => attrs.transposeA === true || attrs.transposeB === true;

const attributes = ({ attrs }: ShownNode) =>
  Object.fromEntries(
    Object.entries(attrs).map(([name, value]) => [
      name,
      typeof value === "number" ? operand(value) : String(value),
    ]),
  );

/** Where element `index` of a result of shape `to` lies in an input of shape `from` that is broadcast to it. */
function broadcastIndex(from: Shape, to: Shape, index: number): number {
  if (sameShape(from, to)) return index;
  const strides = stridesOf(to);
  const inputStrides = broadcastStrides(from, to);
  return to.reduce((at, length, axis) => {
    return at + (Math.floor(index / strides[axis]) % length) * inputStrides[axis];
  }, 0);
}

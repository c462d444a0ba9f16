// TapeStep: one node of a tape as a person meets it while stepping: names, shapes, the source line, tensors, and
// all of it as text. It shows what the tape's walk hands it, and computes nothing.

import { showShape } from "../base/shape.ts";
import type { SourceLine } from "../base/source-line.ts";
import type { Spec } from "../kernel/kernel.ts";
import { attrsText, columns, specText } from "../kernel/text.ts";
import type { TapeNode } from "../tensor/tape-node.ts";
import type { NestedArray, Tensor } from "../tensor/tensor.ts";
import { type RecordedValue, tapeName } from "./recorded.ts";
import { valueText } from "./value-text.ts";

/** The values of a step, as {@link TapeStep.read} gives them: nested arrays, in the order of the step's tensors. */
export interface StepValues {
  /** Undefined where the tape does not hold the tensor. */
  readonly inputs: readonly (NestedArray | undefined)[];
  readonly outputs: readonly (NestedArray | undefined)[];
  /** Null where the loss does not depend on the value, or nobody asked for its gradient. */
  readonly outputGradients: readonly (NestedArray | null)[];
  readonly inputGradients: readonly (NestedArray | null)[];
}

/**
 * One node of a walk over a tape. Its tensors stay valid until the walk goes on; `read()` and `show()` may be
 * awaited inside the loop or begun there and awaited later.
 *
 *     for (const step of tape.steps(loss)) console.log(await step.show());
 */
export class TapeStep {
  readonly direction: "forward" | "backward";
  readonly node: TapeNode;
  /** The op's name. */
  readonly op: string;
  readonly attrs: unknown;
  /**
   * Inputs and outputs of the forward call, undefined where the tape does not hold them: `new Tape({ retain: true })`
   * holds all, any other only what the op's backward rule reads.
   */
  readonly inputs: readonly (Tensor | undefined)[];
  readonly outputs: readonly (Tensor | undefined)[];
  /** By input: a variable's name, the name given with {@link Tape.name}, a number's digits, or `matmul_3`. */
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Backward: the gradient of the loss with respect to each output, null where the loss does not depend on it. */
  readonly outputGradients: readonly (Tensor | null)[];
  /** Backward: what this node contributes to the gradient of each input, null where none flows. */
  readonly inputGradients: readonly (Tensor | null)[];
  readonly #isNumber: readonly boolean[];

  /** @internal Made by {@link Tape.steps}. */
  constructor(
    direction: "forward" | "backward",
    node: TapeNode,
    values: ReadonlyMap<number, RecordedValue>,
    outputGradients: readonly (Tensor | null)[] = [],
    inputGradients: readonly (Tensor | null)[] = [],
  ) {
    this.direction = direction;
    this.node = node;
    this.op = node.op.name;
    this.attrs = node.attrs;
    this.inputs = node.inputs;
    this.outputs = node.outputs;
    this.inputNames = node.inputIds.map((id) => tapeName(values, id));
    this.outputNames = node.outputIds.map((id) => tapeName(values, id));
    this.#isNumber = node.inputIds.map((id) => values.get(id)?.kind === "number");
    this.outputGradients = outputGradients;
    this.inputGradients = inputGradients;
  }

  /** The node's number on the tape, from 0. */
  get index(): number {
    return this.node.index;
  }

  /** The line of the program that called the op; see {@link TapeOptions.sourceLines}. */
  get source(): SourceLine | undefined {
    return this.node.source;
  }

  /** The layers around the call, `outer/inner`; "" where there are none. */
  get scope(): string {
    return this.node.scope;
  }

  get inputShapes(): readonly (readonly number[])[] {
    return this.node.inputSpecs.map(({ shape }) => shape);
  }

  get outputShapes(): readonly (readonly number[])[] {
    return this.node.outputSpecs.map(({ shape }) => shape);
  }

  /** `matmul_2 = matmul(h, weight)`, with attributes where the op has any. */
  get call(): string {
    return callText(this.op, this.inputNames, this.outputNames, this.attrs);
  }

  /** Reads all values back. The tensors are held until that is done, even if the walk goes on meanwhile. */
  async read(): Promise<StepValues> {
    const all = [this.inputs, this.outputs, this.outputGradients, this.inputGradients].map(readAll);
    const [inputs, outputs, outputGradients, inputGradients] = await Promise.all(all);
    return {
      inputs: inputs as StepValues["inputs"],
      outputs: outputs as StepValues["outputs"],
      outputGradients: outputGradients as StepValues["outputGradients"],
      inputGradients: inputGradients as StepValues["inputGradients"],
    };
  }

  /** The step as text with its values: small tensors whole, of larger ones the first elements and their range. */
  async show(): Promise<string> {
    return this.#block(await this.read());
  }

  /** One line: `#2 backward matmul_2 = matmul(h, weight) [1, 2]  at lesson.ts:12`. */
  toString(): string {
    const shapes = this.outputShapes.map(showShape).join(", ");
    return `#${this.index} ${this.direction} ${this.call} ${shapes}${this.#place()}`;
  }

  /** What `console.log` prints in Node: names, shapes and which gradients there are, but no values. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.#block();
  }

  #place(): string {
    const { source, scope } = this;
    const at = source === undefined || source.file === "" ? "" : `  at ${source}`;
    return scope === "" ? at : `  in ${scope}${at}`;
  }

  /** The head line, and a row a tensor. Numbers written in the program stand in the call and need no row. */
  #block(values?: StepValues): string {
    const { inputSpecs, outputSpecs } = this.node;
    const rows: string[][] = [];
    const list = (
      heading: string,
      names: readonly string[],
      specs: readonly Spec[],
      tensors: readonly (Tensor | null | undefined)[],
      read: readonly (NestedArray | null | undefined)[] | undefined,
    ) => {
      let isFirst = true;
      tensors.forEach((tensor, k) => {
        if (specs === inputSpecs && this.#isNumber[k]) return;
        const absent = tensor === null ? "none" : tensor === undefined ? "not kept" : "";
        const value = read?.[k];
        const text = value === undefined || value === null ? absent : valueText(value);
        rows.push([isFirst ? `  ${heading}` : "", names[k], specText(specs[k]), text]);
        isFirst = false;
      });
    };
    const gradients = (names: readonly string[]) => names.map((name) => `∂${name}`);
    list("inputs", this.inputNames, inputSpecs, this.inputs, values?.inputs);
    list("output", this.outputNames, outputSpecs, this.outputs, values?.outputs);
    list("incoming", gradients(this.outputNames), outputSpecs, this.outputGradients, values?.outputGradients);
    list("outgoing", gradients(this.inputNames), inputSpecs, this.inputGradients, values?.inputGradients);
    const head = `#${this.index} ${this.direction} ${this.call}${this.#place()}`;
    return [head, ...columns(rows)].join("\n");
  }
}

/** `matmul_2 = matmul(h, weight)`; attributes follow the inputs. */
export function callText(
  op: string,
  inputNames: readonly string[],
  outputNames: readonly string[],
  attrs: unknown,
): string {
  const args = [...inputNames, attrsText(attrs)].filter((text) => text !== "").join(", ");
  return `${outputNames.join(", ")} = ${op}(${args})`;
}

function readAll(
  tensors: readonly (Tensor | null | undefined)[],
): Promise<(NestedArray | null | undefined)[]> {
  return Promise.all(
    tensors.map(async (tensor) => {
      if (tensor === null || tensor === undefined) return tensor;
      const held = tensor.alias();
      try {
        return await held.array();
      } finally {
        held.dispose();
      }
    }),
  );
}

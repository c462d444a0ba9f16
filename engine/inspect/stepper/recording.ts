// A walk over a tape, forwards and back, as plain data with the values in it: what a page shows after the device is
// closed. Reads every tensor of the walk once.

import { nameValues, nodesBehind, type RecordedValue, tapeName } from "../../autograd/recorded.ts";
import type { Tape } from "../../autograd/tape.ts";
import { ArgumentError, checkOptions, kindOf, type OptionNames } from "../../base/errors.ts";
import { type Shape, sizeOf } from "../../base/shape.ts";
import { attrsText } from "../../kernel/text.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import type { TapeNode } from "../../tensor/tape-node.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** A value's first elements, row-major. */
export interface ShownArray {
  readonly shape: Shape;
  readonly data: readonly number[];
}

export interface ShownValue extends ShownArray {
  readonly name: string;
  readonly kind: RecordedValue["kind"];
  readonly dtype: string;
  /** Gradient of the loss, all paths together; undefined where none flows. */
  readonly gradient: ShownArray | undefined;
}

export interface ShownNode {
  /** Number on the tape. */
  readonly index: number;
  readonly op: string;
  /** Numbers among the attributes, by name. */
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly attrsText: string;
  readonly scope: string;
  /** `file:line`, or "". */
  readonly source: string;
  /** Names of values; numbers written in the program stand as their digits. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** By output: the gradient that comes in when the walk back is here. */
  readonly outputGradients: readonly (ShownArray | null)[];
  /** By input: what this node contributes. */
  readonly inputGradients: readonly (ShownArray | null)[];
  /** Whether the walk back comes by at all. */
  readonly isWalked: boolean;
}

/** Everything about a walk, as plain data. */
export interface StepRecording {
  /** Name of the loss. */
  readonly loss: string;
  readonly values: readonly ShownValue[];
  /** In the order of recording. */
  readonly nodes: readonly ShownNode[];
}

export interface RecordingOptions {
  /** Elements kept of each tensor; default 1024. Sums of gradients use all. */
  maxElements?: number;
}

const recordingOptions: OptionNames<RecordingOptions> = { maxElements: true };

/**
 * Walks over a tape of `new Tape({ retain: true })` to `loss` and back and reads all values.
 *
 * @throws ArgumentError where the tape has not kept the values
 */
export async function recordSteps(
  tape: Tape,
  loss: Tensor,
  options: RecordingOptions = {},
): Promise<StepRecording> {
  checkOptions("recordSteps", options, recordingOptions);
  const { maxElements = 1024 } = options;
  if (!Array.isArray(tape?.nodes)) {
    throw new ArgumentError(
      `recordSteps: argument 1 must be a Tape that recorded the loss, got ${kindOf(tape)}`,
    );
  }
  checkTensor("recordSteps", loss, 2);
  const names = nameValues(tape, loss.device);
  const nodes = nodesBehind(tape.nodes, loss.id);
  const shown = (shape: Shape, data: ArrayLike<number>): ShownArray => ({
    shape: [...shape],
    data: Array.from({ length: Math.min(data.length, maxElements) }, (_, i) => data[i]),
  });

  const values = new Map<number, ShownArray & { dtype: string }>();
  const note = async (id: number, tensor: Tensor | undefined, node: TapeNode) => {
    if (values.has(id)) return;
    if (tensor === undefined) {
      throw new ArgumentError(
        `recordSteps: the tape has not kept the values of ${node.op.name}; record on new Tape({ retain: true })`,
      );
    }
    values.set(id, { ...shown(tensor.shape, await tensor.dataFloat64()), dtype: tensor.dtype });
  };
  for (const node of nodes) {
    for (const [k, id] of node.inputIds.entries()) await note(id, node.inputs[k], node);
    for (const [k, id] of node.outputIds.entries()) await note(id, node.outputs[k], node);
  }

  const totals = new Map<number, Float64Array>();
  const walked = new Map<number, Pick<ShownNode, "outputGradients" | "inputGradients">>();
  for (const { node, outputGradients, inputGradients } of tape.steps(loss)) {
    const incoming: (ShownArray | null)[] = [];
    for (const gradient of outputGradients) {
      incoming.push(gradient && shown(gradient.shape, await gradient.dataFloat64()));
    }
    const outgoing: (ShownArray | null)[] = [];
    for (const [k, gradient] of inputGradients.entries()) {
      const data = await gradient?.dataFloat64();
      outgoing.push(gradient && data ? shown(gradient.shape, data) : null);
      if (data !== undefined) addTo(totals, node.inputIds[k], data);
    }
    if (node.outputIds.includes(loss.id)) totals.set(loss.id, new Float64Array(incoming[0]?.data ?? []));
    walked.set(node.index, { outputGradients: incoming, inputGradients: outgoing });
  }

  return {
    loss: tapeName(names, loss.id),
    values: [...values].map(([id, { dtype, shape, data }]) => {
      const { name, kind } = names.get(id)!;
      const total = totals.get(id);
      const isWhole = total !== undefined && total.length === sizeOf(shape);
      return { name, kind, dtype, shape, data, gradient: isWhole ? shown(shape, total) : undefined };
    }),
    nodes: nodes.map((node) => ({
      index: node.index,
      op: node.op.name,
      attrs: plainAttributes(node.attrs),
      attrsText: attrsText(node.attrs),
      scope: node.scope,
      source: String(node.source ?? ""),
      inputs: node.inputIds.map((id) => tapeName(names, id)),
      outputs: node.outputIds.map((id) => tapeName(names, id)),
      isWalked: walked.has(node.index),
      outputGradients: walked.get(node.index)?.outputGradients ?? [],
      inputGradients: walked.get(node.index)?.inputGradients ?? [],
    })),
  };
}

function addTo(totals: Map<number, Float64Array>, id: number, data: Float64Array): void {
  const total = totals.get(id);
  if (total === undefined) totals.set(id, Float64Array.from(data));
  else for (let i = 0; i < data.length; i++) total[i] += data[i];
}

function plainAttributes(attrs: unknown): Record<string, unknown> {
  if (attrs === null || typeof attrs !== "object") return {};
  return Object.fromEntries(
    Object.entries(attrs).filter(([, value]) => typeof value === "number" || typeof value === "boolean"),
  );
}

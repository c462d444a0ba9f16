// What of a tape leads to a loss, with a name for every value. Reads the tape's nodes; the tape itself it knows
// only as the thing that holds them.

import { ArgumentError } from "../base/errors.ts";
import type { Spec } from "../kernel/kernel.ts";
import type { Device } from "../tensor/device.ts";
import { scalarValue } from "../tensor/scalars.ts";
import type { RecordedTape, TapeNode } from "../tensor/tape-node.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Variable } from "../tensor/variable.ts";
import { openTapes } from "./open-tapes.ts";

/** A value on a tape. */
export interface RecordedValue {
  readonly id: number;
  /** A variable's name, the name given to {@link Tape.name}, a number's digits, or the op and its node: `matmul_3`. */
  readonly name: string;
  /** `result` of a recorded op; else a `variable`, a `number` written in the program, or another `tensor`. */
  readonly kind: "result" | "variable" | "number" | "tensor";
  readonly spec: Spec;
  readonly variable: Variable | undefined;
}

/** The values of a tape's nodes by id, each under a name of its own. */
export function nameValues(tape: RecordedTape, device: Device): ReadonlyMap<number, RecordedValue> {
  const values = new Map<number, RecordedValue>();
  const taken = new Map<string, number>();
  let unnamed = 0;
  const put = (id: number, kind: RecordedValue["kind"], wanted: string, spec: Spec, variable?: Variable) => {
    // The same digits twice are the same number; any other two values need two names.
    const name = kind === "number" ? wanted : unique(wanted, taken);
    values.set(id, { id, name, kind, spec, variable });
  };
  const putInput = (node: TapeNode, k: number) => {
    const id = node.inputIds[k];
    const spec = node.inputSpecs[k];
    const given = tape.names.get(id);
    const behind = node.inputVariables[k]?.variable;
    const number = given === undefined ? scalarValue(device, id) : undefined;
    if (behind?.id === id) put(id, "variable", given ?? behind.name, spec, behind);
    else if (number !== undefined) put(id, "number", String(number), spec);
    else put(id, "tensor", given ?? `tensor_${unnamed++}`, spec);
  };
  for (const node of tape.nodes) {
    node.inputIds.forEach((id, k) => {
      if (!values.has(id)) putInput(node, k);
    });
    node.outputIds.forEach((id, k) => {
      const part = node.outputIds.length > 1 ? `.${k}` : "";
      put(id, "result", tape.names.get(id) ?? `${node.op.name}_${node.index}${part}`, node.outputSpecs[k]);
    });
  }
  return values;
}

/** The name of a value; values that no node knows (a loss that is a variable itself) go by their id. */
export const tapeName = (values: ReadonlyMap<number, RecordedValue>, id: number): string =>
  values.get(id)?.name ?? `value_${id}`;

function unique(wanted: string, taken: Map<string, number>): string {
  let name = wanted;
  for (let count = taken.get(wanted) ?? 1; taken.has(name); ) name = `${wanted} (${++count})`;
  taken.set(name, 1);
  return name;
}

/** The nodes that `id` depends on, in the order of recording. */
export function nodesBehind(nodes: readonly TapeNode[], id: number): TapeNode[] {
  const needed = new Set([id]);
  const found: TapeNode[] = [];
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (!node.outputIds.some((output) => needed.has(output))) continue;
    for (const input of node.inputIds) needed.add(input);
    found.push(node);
  }
  return found.reverse();
}

/** The newest open tape that recorded `loss`; @throws ArgumentError where there is none. */
export function tapeOf(what: string, loss: Tensor): RecordedTape {
  const tape = openTapes().find(({ nodes }) => nodes.some(({ outputIds }) => outputIds.includes(loss.id)));
  if (tape === undefined) {
    throw new ArgumentError(
      `${what}: no open tape has recorded ${loss.describe()}. Compute it in tape.record(() => ...) from watched tensors or trainable variables, and ask before tape.dispose()`,
    );
  }
  return tape;
}

// explain(loss): the ops that led to a loss, as an aligned table, from a tape's nodes. Runs no op, reads no tensor.

import { nameValues, nodesBehind, tapeName, tapeOf } from "../autograd/recorded.ts";
import { sizeOf } from "../base/shape.ts";
import { attrsText, columns, specText } from "../kernel/text.ts";
import type { RecordedTape } from "../tensor/tape-node.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface ExplainLossOptions {
  /** The tape that recorded the loss; default: the newest open one that did. */
  tape?: RecordedTape;
}

/** A row a value: parameters and other tensors first, then the ops in the order of recording. */
export function explainLoss(loss: Tensor, options: ExplainLossOptions = {}): string {
  const tape = options.tape ?? tapeOf("explain", loss);
  const nodes = nodesBehind(tape.nodes, loss.id);
  const values = nameValues(tape, loss.device);
  const leaves = [...new Set(nodes.flatMap(({ inputIds }) => inputIds))]
    .map((id) => values.get(id)!)
    .filter(({ kind }) => kind === "variable" || kind === "tensor");
  const parameters = leaves.filter(({ variable }) => variable?.trainable === true);
  const count = parameters.reduce((total, { spec }) => total + sizeOf(spec.shape), 0);

  const table = [["#", "value", "spec", "made by", "scope", "line"]];
  for (const { name, kind, spec, variable } of leaves) {
    const what =
      kind === "tensor"
        ? "tensor"
        : variable?.trainable
          ? `variable, ${plural(sizeOf(spec.shape), "parameter")}`
          : "variable, not trainable";
    table.push(["", name, specText(spec), what, "", ""]);
  }
  for (const node of nodes) {
    const inputs = node.inputIds.map((id) => tapeName(values, id));
    const call = `${node.op.name}(${[...inputs, attrsText(node.attrs)].filter((text) => text !== "").join(", ")})`;
    node.outputIds.forEach((id, k) => {
      const spec = specText(node.outputSpecs[k]);
      const first = [
        `${node.index}`,
        tapeName(values, id),
        spec,
        call,
        node.scope,
        String(node.source ?? ""),
      ];
      table.push(k === 0 ? first : ["", first[1], spec, "", "", ""]);
    });
  }
  const name = tapeName(values, loss.id);
  const head = `${name}: ${specText(loss)} from ${plural(nodes.length, "op")}, ${plural(parameters.length, "trainable variable")} (${plural(count, "parameter")})`;
  return [head, "", ...columns(dropEmpty(table))].join("\n");
}

/** A table without the columns that hold nothing but their heading. */
function dropEmpty(table: readonly (readonly string[])[]): string[][] {
  const [heading, ...rows] = table;
  const used = heading.map((_, k) => rows.some((row) => row[k] !== ""));
  return table.map((row) => row.filter((_, k) => used[k]));
}

const plural = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;

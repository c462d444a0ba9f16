// The table of a model's layers, byte for byte as Keras 2.13 prints it (keras/src/utils/layer_utils.py). Text only.

import { leavesOf, printable } from "../../engine/internal.ts";
import type { Layer } from "../layers/layer.ts";
import type { Placeholder } from "../layers/placeholder.ts";
import type { SampleShape } from "../layers/spec.ts";
import type { LayerCall } from "./graph.ts";

/** What a summary shows of a model. */
export interface SummedUp extends Pick<Layer, "name" | "type" | "trainableWeights" | "nonTrainableWeights"> {
  readonly inputs?: unknown;
  readonly calls: readonly LayerCall[];
  readonly inputNames: readonly string[];
  nameOf(layer: Layer): string | undefined;
}

/** Where the columns of a table end, Keras's defaults: of a model with one path, and of a graph. */
const rowEnds = [29, 55, 65];
const graphEnds = [29, 58, 68, 98];

/** The table of a built model: a row a layer; of a graph, its inputs too, and what each layer is connected to. */
export function modelSummary(model: SummedUp): string {
  const isGraph = model.type !== "Sequential";
  const ends = isGraph ? graphEnds : rowEnds;
  const width = ends[ends.length - 1];
  const row = (fields: readonly string[]) => rowLines(fields.slice(0, ends.length), ends);
  const lines = [
    `Model: "${printable(model.name)}"`,
    "_".repeat(width),
    ...row(["Layer (type)", "Output Shape", "Param #", "Connected to"]),
  ];
  lines.push("=".repeat(width));
  for (const fields of [...(isGraph ? inputRows(model) : []), ...layerRows(model)]) {
    lines.push(...row(fields), " ".repeat(width));
  }
  const total = (weights: Layer["weights"]) => weights.reduce((sum, { size }) => sum + size, 0);
  const [trainable, nonTrainable] = [total(model.trainableWeights), total(model.nonTrainableWeights)];
  lines.push("=".repeat(width));
  lines.push(`Total params: ${withBytes(trainable + nonTrainable)}`);
  lines.push(`Trainable params: ${withBytes(trainable)}`);
  lines.push(`Non-trainable params: ${withBytes(nonTrainable)}`);
  lines.push("_".repeat(width));
  return lines.join("\n");
}

function inputRows({ inputs, inputNames }: SummedUp): string[][] {
  return leavesOf<Placeholder>(inputs as Placeholder).map(({ shape }, i) => [
    `${inputNames[i]} (InputLayer)`,
    `[${shown(shape)}]`,
    "0",
    "[]",
  ]);
}

/** One a layer, in the order of the calls; a shared one lists what each of its calls is connected to. */
function layerRows(model: SummedUp): string[][] {
  const starts = leavesOf<Placeholder>(model.inputs as Placeholder);
  const callsOf = (layer: Layer) => model.calls.filter((call) => call.layer === layer);
  const nameOf = (value: Placeholder): string => {
    const call = value.producer as LayerCall | undefined;
    if (call === undefined) return `'${model.inputNames[starts.indexOf(value)]}[0][0]'`;
    return `'${model.nameOf(call.layer)}[${callsOf(call.layer).indexOf(call)}][${value.output}]'`;
  };
  return [...new Set(model.calls.map(({ layer }) => layer))].map((layer) => {
    const calls = callsOf(layer);
    const outputs = leavesOf(calls[0].outputs).map(({ shape }) => shown(shape));
    return [
      `${model.nameOf(layer)} (${layer.type})`,
      outputs.length === 1 ? outputs[0] : `[${outputs.join(", ")}]`,
      String(layer.countParams()),
      `[${calls.flatMap(({ inputs }) => leavesOf(inputs).map(nameOf)).join(", ")}]`,
    ];
  });
}

const shown = (shape: SampleShape): string =>
  `(${["None", ...shape.map((length) => length ?? "None")].join(", ")}${shape.length === 0 ? "," : ""})`;

/** After these a line ends, as Keras has it: each part of a list stands on a line of its own. */
const lineBreaks = ["),", "},", "],", "',"];

/** One row as lines: text too long for its column goes on in the next line. */
function rowLines(fields: readonly string[], ends: readonly number[]): string[] {
  const rest = fields.map((text) => printable(text));
  const lines: string[] = [];
  while (rest.some((text) => text !== "")) {
    let line = " ";
    for (let column = 0; column < ends.length; column++) {
      const isLast = column === ends.length - 1;
      const begin = column === 0 ? 0 : ends[column - 1];
      // Two spaces between columns, and one for the space that the line begins with.
      const room = ends[column] - begin - (isLast ? 0 : 3);
      const fitting = rest[column].slice(0, room);
      const breaks = lineBreaks
        .map((end) => fitting.indexOf(end) + end.length)
        .filter((at, i) => at >= lineBreaks[i].length);
      const cut = Math.min(fitting.length, ...breaks);
      line = (line + fitting.slice(0, cut)).padEnd(ends[column]);
      rest[column] = rest[column].slice(cut);
    }
    lines.push(line);
  }
  return lines;
}

/** "139 (556.00 Byte)": four bytes a parameter. */
function withBytes(params: number): string {
  const units = ["Byte", "KB", "MB", "GB", "TB"];
  let size = params * 4;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${params} (${size.toFixed(2)} ${units[unit]})`;
}

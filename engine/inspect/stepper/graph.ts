// The graph of a recording as SVG: a box a value, filled with numbers as the steps go on. Boxes and arrows carry the
// step from which they show something; the page's script switches them.

import { sizeOf } from "../../base/shape.ts";
import { escapeHtml } from "./html.ts";
import { type LayoutNode, layoutGraph, type Point } from "./layout.ts";
import { type Notation, showNumber } from "./notation.ts";
import type { ShownArray, ShownNode, ShownValue, StepRecording } from "./recording.ts";

/** When the page shows what, by step. */
export interface Timeline {
  /** By node's index on the tape. */
  readonly forward: ReadonlyMap<number, number>;
  readonly backward: ReadonlyMap<number, number>;
  /** By value's name: from when its gradient is known. */
  readonly gradient: ReadonlyMap<string, number>;
  /** By variable's name: from when it has its new value, and that. */
  readonly update: ReadonlyMap<string, { readonly step: number; readonly after: ShownArray }>;
}

const size = { width: 218, height: 62, gapX: 20, gapY: 32 };
const margin = 6;
/** Of one line in a box, in characters. */
const lineLength = 31;

/** An f32 has no more. */
const mostDigits = 9;

/** Of a letter on a box's first line, about, in pixels. */
const nameWidth = 8.6;
const whatWidth = 6.6;
const longestName = 22;

/** The box that a value stands in, by name: results stand in their op's. */
export const boxOf = (node: ShownNode | undefined, name: string) =>
  node === undefined ? `value ${name}` : `op ${node.index}`;

export function graphSvg(recording: StepRecording, notation: Notation, timeline: Timeline): string {
  const makers = new Map(
    recording.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)),
  );
  const values = new Map(recording.values.map((value) => [value.name, value]));
  const boxes: LayoutNode[] = [];
  const seen = new Set<string>();
  for (const node of recording.nodes) {
    const from = node.inputs
      .filter((name) => values.get(name)!.kind !== "number")
      .map((name) => boxOf(makers.get(name), name));
    for (const [k, id] of from.entries()) {
      if (!id.startsWith("value ") || seen.has(id)) continue;
      seen.add(id);
      boxes.push({ id: from[k], from: [], isLeaf: true });
    }
    boxes.push({ id: boxOf(node, ""), from, isLeaf: false });
  }
  const layout = layoutGraph(boxes, size);

  const byId = new Map(recording.nodes.map((node) => [boxOf(node, ""), node]));
  const arrows = layout.edges.map(({ from, to, points }) => {
    const node = byId.get(to)!;
    const isFlowing = node.inputs.some(
      (name, k) => boxOf(makers.get(name), name) === from && node.inputGradients[k],
    );
    const back = isFlowing ? ` data-back="${node.index}"` : "";
    return `<path class="edge" data-edge="${node.index}"${back} d="${curve(points)}"/>`;
  });
  const drawn = boxes.map(({ id }) => {
    const node = byId.get(id);
    const { x, y } = layout.positions.get(id)!;
    const value = values.get(node === undefined ? id.slice("value ".length) : node.outputs[0])!;
    return box(id, node, value, x, y, notation, timeline);
  });
  const [width, height] = [layout.width + 2 * margin, layout.height + 2 * margin];
  const title = `Graph of ${recording.nodes.length} ops that lead to ${notation.value(recording.loss)}`;
  return `<svg class="graph" viewBox="${-margin} ${-margin} ${width} ${height}" width="${width}" height="${height}" style="--graph-least:${Math.round(0.78 * width)}px;--graph-least-height:${Math.round(0.78 * height)}px" role="img" aria-label="${escapeHtml(title)}">
<defs>${["idle", "forward", "backward"].map(marker).join("")}</defs>
${arrows.join("\n")}
${drawn.join("\n")}
</svg>`;
}

const marker = (kind: string) =>
  `<marker id="arrow-${kind}" class="${kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="10" markerHeight="10" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M0 0L8 4L0 8Z"/></marker>`;

/** Down through all points, upright at each. */
function curve([first, ...rest]: readonly Point[]): string {
  const round = (value: number) => Math.round(value * 10) / 10;
  let path = `M${round(first.x)} ${round(first.y)}`;
  let last = first;
  for (const point of rest) {
    const middle = round((last.y + point.y) / 2);
    path += `C${round(last.x)} ${middle} ${round(point.x)} ${middle} ${round(point.x)} ${round(point.y)}`;
    last = point;
  }
  return path;
}

function box(
  id: string,
  node: ShownNode | undefined,
  value: ShownValue,
  x: number,
  y: number,
  notation: Notation,
  { forward, gradient, update }: Timeline,
): string {
  const kind = node === undefined ? value.kind : "op";
  const numbers = node?.inputs.filter((name) => /^-?[\d.]/.test(name)) ?? [];
  const what = node === undefined ? value.kind : [node.op, ...numbers].join(" ");
  const name = notation.value(value.name);
  // A result without a name of its own is called after its op already; a long name needs the room.
  const isSaid = value.name === `${what}_${node?.index}`;
  const hasRoom = name.length * nameWidth + what.length * whatWidth <= size.width - 30;
  const kindText =
    isSaid || !hasRoom ? "" : `<text class="what" x="${size.width - 12}" y="19">${escapeHtml(what)}</text>`;
  const known = node === undefined ? 0 : forward.get(node.index)!;
  const changed = update.get(value.name);
  const until = changed === undefined ? "" : ` data-until="${changed.step}"`;
  const lines = [
    `<text class="value" x="12" y="37" data-since="${known}"${until}>${escapeHtml(arrayLine(value))}</text>`,
  ];
  if (changed !== undefined) {
    lines.push(
      `<text class="updated" x="12" y="37" data-since="${changed.step}">${escapeHtml(arrayLine(changed.after, 0, value.data))}</text>`,
    );
  }
  const since = gradient.get(value.name);
  if (since !== undefined && value.gradient !== undefined) {
    lines.push(
      `<text class="gradient" x="12" y="53" data-since="${since}">∂<tspan dx="3">${escapeHtml(arrayLine(value.gradient, 1))}</tspan></text>`,
    );
  }
  return `<g class="box ${kind}" data-box="${escapeHtml(id)}" transform="translate(${Math.round(x)} ${Math.round(y)})">
<rect width="${size.width}" height="${size.height}" rx="${node === undefined ? 14 : 6}"/>
<text class="name" x="12" y="19">${escapeHtml(clip(name, longestName))}</text>${kindText}
${lines.join("\n")}
</g>`;
}

const clip = (text: string, length: number) =>
  text.length <= length ? text : `${text.slice(0, length - 1)}…`;

/**
 * Values on one line: all of them where they fit, if need be with fewer digits; else as many as do, and the shape.
 *
 * @param before earlier values: what has changed since then looks different, however little it is
 */
function arrayLine({ shape, data }: ShownArray, taken = 0, before?: ArrayLike<number>): string {
  const looksSame = (value: number, i: number, digits: number) =>
    before !== undefined &&
    value !== before[i] &&
    showNumber(value, digits) === showNumber(before[i], digits);
  const total = sizeOf(shape);
  const room = lineLength - taken;
  const columns = shape.at(-1) ?? 1;
  if (data.length === total) {
    for (const digits of [4, 3, 2]) {
      if (data.some((value, i) => looksSame(value, i, digits))) break;
      const whole = data.reduce((line, value, i) => {
        const between = i === 0 ? "" : i % columns === 0 ? " | " : ", ";
        return `${line}${between}${showNumber(value, digits)}`;
      }, "");
      if (whole.length <= room) return whole;
    }
  }
  const suffix = `… [${shape.join(", ")}]`;
  let line = "";
  for (const [i, value] of data.entries()) {
    let digits = 4;
    while (digits < mostDigits && looksSame(value, i, digits)) digits++;
    const text = showNumber(value, digits);
    if (line.length + text.length + 2 + suffix.length > room) break;
    line += `${text}, `;
  }
  return `${line}${suffix}`;
}

// Diagrams: boxes with lines of text and arrows between them, from the top down. A model as a picture.

import { ArgumentError } from "../../../engine/index.ts";
import { checkOptions, choiceOf, type OptionNames } from "../../../engine/internal.ts";
import { Chart } from "../chart.ts";
import { listOf, namesOf, textOf } from "../data.ts";
import type { Box, Panel } from "../panel.ts";
import { fitted, textGraphic, widthOf } from "../text.ts";
import { sizes, type Theme } from "../theme.ts";
import { type Arrow, type Rows, rowsOf } from "./diagram-places.ts";

export interface DiagramBox {
  /** By which edges name it. */
  id: string;
  /** Lines of text, the first in bold. */
  label: readonly string[];
  /** What it is: a value that comes in, a parameter, an op or a layer (the default), or what comes out. */
  kind?: "input" | "variable" | "op" | "output";
  /** Not drawn. */
  group?: string;
}

export interface DiagramArrow {
  from: string;
  /** The same as `from` for what goes back to where it came from. */
  to: string;
  label?: string;
}

export interface DiagramChartOptions {
  title?: string;
  subtitle?: string;
  nodes: readonly DiagramBox[];
  edges: readonly DiagramArrow[];
}

const diagramOptions: OptionNames<DiagramChartOptions> = {
  title: true,
  subtitle: true,
  nodes: true,
  edges: true,
};
const boxOptions: OptionNames<DiagramBox> = { id: true, label: true, kind: true, group: true };
const arrowOptions: OptionNames<DiagramArrow> = { from: true, to: true, label: true };
/** Which colour of the theme's each kind has. */
const colours = { input: 0, variable: 4, op: 2, output: 1 } as const;
const kinds = Object.keys(colours) as (keyof typeof colours)[];

interface Node {
  readonly lines: readonly string[];
  readonly kind: keyof typeof colours;
}

interface LabelledArrow extends Arrow {
  readonly label: string;
}

/**
 * Boxes and arrows, from the top down. `toDiagram` of `gradgpu/inspect` gives those of a model, of a loss and of a traced function.
 *
 *     diagram({ title: "The network", ...toDiagram(model) })
 *
 * @throws ArgumentError for edges to nodes that there are none of, and edges in a circle of several nodes
 */
export function diagram(options: DiagramChartOptions): Chart {
  const what = "diagram";
  checkOptions(what, options, diagramOptions);
  const { title, subtitle } = options;
  const ids: string[] = [];
  const nodes = listOf<DiagramBox>(what, "nodes", options.nodes).map((node, i): Node => {
    const name = `nodes[${i}]`;
    checkOptions(`${what}: ${name}`, node ?? null, boxOptions);
    const id = textOf(what, `${name}.id`, node.id);
    if (ids.includes(id)) throw new ArgumentError(`${what}: ${name} has the id "${id}" of an earlier one`);
    ids.push(id);
    const lines = listOf<unknown>(what, `${name}.label`, node.label);
    return {
      lines: namesOf(what, `${name}.label`, lines, lines.length),
      kind: choiceOf(`${what}: ${name}.kind`, node.kind ?? "op", kinds),
    };
  });
  if (nodes.length === 0) throw new ArgumentError(`${what}: nodes is empty; give one at least`);
  const arrows = listOf<DiagramArrow>(what, "edges", options.edges).map((edge, i): LabelledArrow => {
    const name = `edges[${i}]`;
    checkOptions(`${what}: ${name}`, edge ?? null, arrowOptions);
    const end = (part: "from" | "to") => {
      const found = ids.indexOf(textOf(what, `${name}.${part}`, edge[part]));
      if (found >= 0) return found;
      throw new ArgumentError(
        `${what}: ${name}.${part} is "${edge[part]}"; nodes are ${ids.slice(0, 8).join(", ")}`,
      );
    };
    const label = edge.label === undefined ? "" : textOf(what, `${name}.label`, edge.label);
    return { from: end("from"), to: end("to"), label };
  });
  const rows = rowsOf(what, ids, arrows);
  return new Chart({ title, subtitle, panels: [diagramPanel(nodes, arrows, rows)] });
}

const line = 17;
const gap = { column: 20, row: 40 };
/** Of an arrow that passes a row. */
const laneWidth = 16;
/** That an arrow back to its own box goes out. */
const loopWidth = 40;

/** Where an arrow passes a row. */
interface Lane {
  readonly x: number;
  readonly top: number;
  readonly bottom: number;
}

const heightOf = ({ lines }: Node) => Math.max(1, lines.length) * line + 16;

function diagramPanel(nodes: readonly Node[], arrows: readonly LabelledArrow[], { rows }: Rows): Panel {
  const named = nodes.map(({ lines }, i) => lines[0] ?? String(i));
  const told = arrows.map(({ from, to }) => `${named[from]} to ${from === to ? "itself" : named[to]}`);
  const highs = rows.map((row) =>
    Math.max(...row.map(({ box }) => (box === undefined ? 0 : heightOf(nodes[box])))),
  );
  const loops = new Map(arrows.filter(({ from, to }) => from === to).map((arrow) => [arrow.from, arrow]));
  return {
    label: `A diagram: ${told.slice(0, 12).join(", ")}${told.length > 12 ? " and others" : ""}`,
    height: () => highs.reduce((sum, high) => sum + high, 0) + gap.row * (rows.length - 1) + 4,
    maxWidth: 620,
    draw(box, theme) {
      const graphic: object[] = [];
      const boxes: Box[] = [];
      const lanes = arrows.map((): Lane[] => []);
      let top = box.top + 2;
      for (const [r, row] of rows.entries()) {
        const room = (box.width - gap.column * (row.length - 1)) / row.length;
        const wide = row.map(({ box: number }) => {
          if (number === undefined) return { width: laneWidth, around: 0 };
          const { lines } = nodes[number];
          const text = Math.max(...lines.map((one, i) => widthOf(one, sizes.tick, i === 0)));
          const loop = loops.get(number);
          const around = loop === undefined ? 0 : loopWidth + 8 + widthOf(loop.label, sizes.tick);
          return { width: Math.min(room, Math.max(96, text + 28)), around };
        });
        const free =
          box.width - wide.reduce((sum, { width }) => sum + width, 0) - gap.column * (row.length - 1);
        // A loop has its room on both sides, so that its box stands in the middle, where there is that much.
        const shift = Math.max(0, Math.max(...wide.map(({ around }) => around)) - free / 2);
        let left = box.left + free / 2 - Math.min(shift, free / 2);
        for (const [i, { box: number, arrow }] of row.entries()) {
          const { width } = wide[i];
          if (number === undefined) {
            lanes[arrow as number].push({ x: left + width / 2, top, bottom: top + highs[r] });
          } else {
            const height = heightOf(nodes[number]);
            boxes[number] = { left, top: top + (highs[r] - height) / 2, width, height };
          }
          left += width + gap.column;
        }
        top += highs[r] + gap.row;
      }
      const ends = endsOf(arrows, boxes, lanes);
      for (const [i, arrow] of arrows.entries())
        graphic.push(
          ...(arrow.from === arrow.to
            ? drawLoop(boxes[arrow.from], arrow.label, box, theme)
            : drawArrow(arrow, boxes, lanes[i], ends[i], theme)),
        );
      for (const [i, node] of nodes.entries()) graphic.push(...drawNode(node, boxes[i], theme));
      return { graphic };
    },
  };
}

function drawNode({ lines, kind }: Node, { left, top, width, height }: Box, theme: Theme): object[] {
  const colour = theme.series[colours[kind]];
  const shape = { x: left, y: top, width, height, r: kind === "op" ? 6 : height / 2 };
  const base = { type: "rect", silent: true, z: 2, shape };
  return [
    { ...base, style: { fill: theme.page } },
    { ...base, style: { fill: colour, opacity: 0.12 } },
    { ...base, style: { fill: "none", stroke: colour, lineWidth: 1.5 } },
    ...lines.map((text, i) => ({
      ...textGraphic({
        x: left + width / 2,
        y: top + 8 + (i + 0.5) * line,
        text: fitted(text, width - 16, sizes.tick),
        size: sizes.tick,
        colour: i === 0 ? theme.ink : theme.muted,
        align: "center",
        isBold: i === 0,
      }),
      z: 3,
    })),
  ];
}

/** By arrow: where along its box's upper edge it ends. Arrows that end at one box end side by side, in the order in which they come. */
function endsOf(
  arrows: readonly Arrow[],
  boxes: readonly Box[],
  lanes: readonly (readonly Lane[])[],
): number[] {
  const comesFrom = arrows.map(({ from }, i) => lanes[i].at(-1)?.x ?? middleOf(boxes[from]));
  return arrows.map(({ to }, i) => {
    const beside = arrows.flatMap((other, k) => (other.to === to && other.from !== to ? [k] : []));
    beside.sort((a, b) => comesFrom[a] - comesFrom[b]);
    return middleOf(boxes[to]) + (beside.indexOf(i) - (beside.length - 1) / 2) * 22;
  });
}

const middleOf = ({ left, width }: Box): number => left + width / 2;

/** From the middle of a box's lower edge, along its lanes, to the upper edge of the next at `x`. */
function drawArrow(
  { from, to, label }: LabelledArrow,
  boxes: readonly Box[],
  lanes: readonly Lane[],
  x: number,
  theme: Theme,
): object[] {
  const points: (readonly [number, number])[] = [
    [middleOf(boxes[from]), boxes[from].top + boxes[from].height],
    ...lanes.flatMap(({ x, top, bottom }) => [[x, top] as const, [x, bottom] as const]),
    [x, boxes[to].top - 7],
  ];
  const style = { stroke: theme.axis, lineWidth: 1.5, fill: "none" };
  const curves = points.slice(1).map(([x2, y2], i) => {
    const [x1, y1] = points[i];
    const half = (y1 + y2) / 2;
    return {
      type: "bezierCurve",
      silent: true,
      z: 1,
      shape: { x1, y1, cpx1: x1, cpy1: half, cpx2: x2, cpy2: half, x2, y2 },
      style,
    };
  });
  const [[x1, y1], [x2, y2]] = points;
  return [
    ...curves,
    arrowHead([x, boxes[to].top], [0, 1], theme),
    ...(label === "" ? [] : [edgeLabel(label, (x1 + x2) / 2 + 8, (y1 + y2) / 2, theme)]),
  ];
}

/** Out of a box's right edge, and back into it. */
function drawLoop({ left, top, width, height }: Box, label: string, within: Box, theme: Theme): object[] {
  const [x, y] = [left + width, top + height / 2];
  const reach = 10;
  const curve = {
    type: "bezierCurve",
    silent: true,
    z: 1,
    shape: {
      x1: x,
      y1: y + reach,
      cpx1: x + loopWidth * 1.25,
      cpy1: y + reach * 2.4,
      cpx2: x + loopWidth * 1.25,
      cpy2: y - reach * 2.4,
      x2: x + 7,
      y2: y - reach,
    },
    style: { stroke: theme.axis, lineWidth: 1.5, fill: "none" },
  };
  const room = within.left + within.width - (x + loopWidth + 6);
  return [
    curve,
    arrowHead([x, y - reach], [-1, 0], theme),
    ...(label === "" ? [] : [edgeLabel(fitted(label, room, sizes.tick), x + loopWidth + 4, y, theme)]),
  ];
}

const edgeLabel = (text: string, x: number, y: number, theme: Theme) =>
  textGraphic({ x, y, text, size: sizes.tick, colour: theme.muted });

/** A tip at a place, which points the way of `[dx, dy]`. */
function arrowHead([x, y]: readonly [number, number], [dx, dy]: readonly [number, number], theme: Theme) {
  const points = [
    [x, y],
    [x - 8 * dx - 4.5 * dy, y - 8 * dy - 4.5 * dx],
    [x - 8 * dx + 4.5 * dy, y - 8 * dy + 4.5 * dx],
  ];
  return { type: "polygon", silent: true, z: 1, shape: { points }, style: { fill: theme.axis } };
}

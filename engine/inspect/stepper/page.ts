// The stepper: a recording as one HTML page that goes through it step by step, forwards, back, and through an update.
// Everything is in the page: it loads nothing, and without scripts it is a long printed lesson.

import { ArgumentError, checkOptions, isPromise, kindOf, type OptionNames } from "../../base/errors.ts";
import { sizeOf } from "../../base/shape.ts";
import { boxOf, graphSvg, type Timeline } from "./graph.ts";
import { arrayTable, escapeHtml } from "./html.ts";
import { Notation, showNumber } from "./notation.ts";
import type { ShownArray, ShownNode, ShownValue, StepRecording } from "./recording.ts";
import { css, script } from "./style.ts";
import { type Worked, Worker } from "./worked.ts";

export interface StepperOptions {
  /** Default: "Steps to" and the loss's name. */
  title?: string;
  /** A paragraph that says what is computed; plain text. */
  intro?: string;
  /** Names of single elements, row-major, by the value's name: `{ W1: ["w1", "w3", "w2", "w4"] }`. */
  elements?: Readonly<Record<string, readonly string[]>>;
  /** What an optimizer made of the variables, in the order to show it in. */
  updates?: readonly StepperUpdate[];
  /** A closing paragraph and values computed after the walk, such as the new loss. */
  result?: { readonly text: string; readonly values?: Readonly<Record<string, number>> };
}

const stepperOptions: OptionNames<StepperOptions> = {
  title: true,
  intro: true,
  elements: true,
  updates: true,
  result: true,
};

export interface StepperUpdate {
  /** The variable's name. */
  readonly name: string;
  /** The new values, row-major. */
  readonly after: ArrayLike<number>;
  /** The rule, `{w}` and `{g}` being an element and its gradient: `{w} − 0.5 · {g}`. */
  readonly formula: string;
}

/** One position of the slider. */
interface Slide {
  readonly phase: "start" | "forward" | "backward" | "update" | "result";
  /** The box to light up, and the op whose arrows to. */
  readonly box?: string;
  readonly edge?: number;
  readonly html: string;
}

/** The page as a string, to be written to a file or put into a frame. */
export function stepperPage(recording: StepRecording, options: StepperOptions = {}): string {
  checkOptions("stepperPage", options, stepperOptions);
  if (!Array.isArray(recording?.nodes)) {
    throw new ArgumentError(
      isPromise(recording)
        ? "stepperPage: argument 1 is a Promise; await it first, as in stepperPage(await recordSteps(...))"
        : `stepperPage: argument 1 must be a recording made by recordSteps(), got ${kindOf(recording)}`,
    );
  }
  const { loss, nodes, values } = recording;
  const notation = new Notation({ loss, elements: options.elements ?? {} });
  const named = new Map(values.map((value) => [value.name, value]));
  const updates = (options.updates ?? []).map((update) => checkUpdate(update, named));
  const title = options.title ?? `Steps to ${loss}`;
  const page = new Slides(recording, notation, named);
  page.start(title, options.intro ?? "");
  for (const node of nodes) page.forward(node);
  page.seed();
  for (const node of nodes.filter(({ isWalked }) => isWalked).toReversed()) page.backward(node);
  for (const update of updates) page.update(update);
  if (options.result !== undefined) page.result(options.result.text, options.result.values ?? {});

  const { slides } = page;
  const phases = [...new Set(slides.map(({ phase }) => phase))];
  const articles = slides.map(({ phase, box, edge, html }) => {
    const about = `${box === undefined ? "" : ` data-box="${escapeHtml(box)}"`}${edge === undefined ? "" : ` data-edge="${edge}"`}`;
    return `<article data-phase="${phase}"${about}>\n${html}\n</article>`;
  });
  const last = slides.length - 1;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${css}</style>
</head>
<body>
<div class="page">
<header><h1>${escapeHtml(title)}</h1><nav aria-label="Parts">${phases.map((phase) => `<button type="button" data-phase="${phase}">${phaseNames[phase]}</button>`).join("")}</nav></header>
<main>
<div class="drawing">${graphSvg(recording, notation, page.timeline())}</div>
<div class="texts" aria-live="polite">
${articles.join("\n")}
</div>
</main>
<footer><button type="button" id="play">Play</button><button type="button" id="back">← Back</button><input type="range" id="at" min="0" max="${last}" value="0" aria-label="Step"><span id="count">0 / ${last}</span><button type="button" id="next">Next →</button></footer>
</div>
<script>${script}</script>
</body>
</html>
`;
}

const phaseNames = {
  start: "Start",
  forward: "Forward",
  backward: "Backward",
  update: "Update",
  result: "Result",
} as const;

interface CheckedUpdate {
  readonly value: ShownValue;
  readonly after: ShownArray;
  readonly formula: string;
}

function checkUpdate(
  { name, after, formula }: StepperUpdate,
  values: ReadonlyMap<string, ShownValue>,
): CheckedUpdate {
  const value = values.get(name);
  if (value?.gradient === undefined) {
    throw new ArgumentError(
      `stepperPage: the update names "${name}", which has no gradient in the recording; values with one are ${[
        ...values.values(),
      ]
        .filter(({ gradient }) => gradient !== undefined)
        .map((one) => one.name)
        .join(", ")}`,
    );
  }
  if (after.length !== sizeOf(value.shape)) {
    throw new ArgumentError(
      `stepperPage: the update of "${name}" gives ${after.length} values; it has ${sizeOf(value.shape)}`,
    );
  }
  return {
    value,
    formula,
    after: { shape: value.shape, data: Array.from(after).slice(0, value.data.length) },
  };
}

class Slides {
  readonly slides: Slide[] = [];
  readonly #recording: StepRecording;
  readonly #notation: Notation;
  readonly #values: ReadonlyMap<string, ShownValue>;
  readonly #makers: ReadonlyMap<string, ShownNode>;
  readonly #worker: Worker;
  readonly #forward = new Map<number, number>();
  readonly #backward = new Map<number, number>();
  readonly #gradient = new Map<string, number>();
  readonly #update = new Map<string, { step: number; after: ShownArray }>();

  constructor(recording: StepRecording, notation: Notation, values: ReadonlyMap<string, ShownValue>) {
    this.#recording = recording;
    this.#notation = notation;
    this.#values = values;
    this.#makers = new Map(
      recording.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)),
    );
    this.#worker = new Worker(notation, values);
  }

  timeline(): Timeline {
    return {
      forward: this.#forward,
      backward: this.#backward,
      gradient: this.#gradient,
      update: this.#update,
    };
  }

  start(title: string, intro: string): void {
    const loss = this.#notation.value(this.#recording.loss);
    const leaves = this.#recording.values.filter(({ kind }) => kind === "tensor" || kind === "variable");
    this.slides.push({
      phase: "start",
      html: [
        head("start", title, ""),
        intro === "" ? "" : `<p>${escapeHtml(intro)}</p>`,
        this.#notation.loss === loss
          ? ""
          : `<p>${escapeHtml(this.#notation.loss)} is the loss, ${escapeHtml(loss)}.</p>`,
        `<p class="where">What comes in, and what is learned:</p>`,
        cards(leaves.map((value) => this.#card(value.name, value, value.kind))),
      ].join("\n"),
    });
  }

  forward(node: ShownNode): void {
    const worked = this.#worker.forward(node);
    const inputs = this.#tensors(node.inputs).map((name) => this.#card(name, this.#values.get(name)!, "in"));
    const outputs = node.outputs.map((name) => this.#card(name, this.#values.get(name)!, "out"));
    this.#forward.set(node.index, this.slides.length);
    this.slides.push({
      phase: "forward",
      box: boxOf(node, ""),
      edge: node.index,
      html: [
        head("forward", this.#call(node), where(node)),
        workedHtml(worked),
        cards([...inputs, ...outputs]),
      ].join("\n"),
    });
  }

  seed(): void {
    const { loss } = this.#recording;
    const node = this.#makers.get(loss);
    const value = this.#values.get(loss)!;
    const gradient = this.#notation.gradient(this.#notation.value(loss));
    this.#gradient.set(loss, this.slides.length);
    this.slides.push({
      phase: "backward",
      box: boxOf(node, loss),
      html: [
        head("backward", `Start from the loss: ${gradient} = 1`, ""),
        `<p>The walk back asks of every value: how much does ${escapeHtml(this.#notation.loss)} change when this changes a little? For the loss itself the answer is 1. From here each op hands the question to its inputs, by the chain rule.</p>`,
        cards([this.#gradientCard(loss, value.gradient, "incoming")]),
      ].join("\n"),
    });
  }

  backward(node: ShownNode): void {
    const step = this.slides.length;
    this.#backward.set(node.index, step);
    const reached = node.inputs.flatMap((name, k) => (node.inputGradients[k] ? [{ name, k }] : []));
    // The last contribution completes a value's gradient.
    for (const { name } of reached) this.#gradient.set(name, step);
    const worked = reached.map(({ k }) => workedHtml(this.#worker.backward(node, k)));
    const unasked = this.#tensors(node.inputs).filter((_, k) => !node.inputGradients[k]);
    const incoming = node.outputs.map((name, k) =>
      this.#gradientCard(name, node.outputGradients[k], "incoming"),
    );
    const outgoing = reached.map(({ name, k }) =>
      this.#gradientCard(name, node.inputGradients[k], "outgoing"),
    );
    const shared = reached.filter(({ name }) => this.#isShared(name));
    this.slides.push({
      phase: "backward",
      box: boxOf(node, ""),
      edge: node.index,
      html: [
        head("backward", `Back through ${this.#call(node)}`, where(node)),
        ...worked,
        unasked.length === 0
          ? ""
          : `<p class="note">No gradient for ${escapeHtml(unasked.map((name) => this.#notation.value(name)).join(", "))}: nobody asked for it, or the loss does not depend on it.</p>`,
        shared.length === 0
          ? ""
          : `<p class="note">${escapeHtml(shared.map(({ name }) => this.#notation.value(name)).join(", "))} is read more than once: the contributions of all its readers are added up.</p>`,
        cards([...incoming, ...outgoing]),
      ].join("\n"),
    });
  }

  update({ value, after, formula }: CheckedUpdate): void {
    this.#update.set(value.name, { step: this.slides.length, after });
    const name = this.#notation.value(value.name);
    this.slides.push({
      phase: "update",
      box: boxOf(undefined, value.name),
      html: [
        head("update", `Update ${name}`, ""),
        workedHtml(this.#worker.update(value, formula, after.data)),
        cards([
          this.#card(value.name, value, "before"),
          this.#gradientCard(value.name, value.gradient, "gradient"),
          card("updated", name, "after", arrayTable(after, this.#notation, value.name)),
        ]),
      ].join("\n"),
    });
  }

  result(text: string, values: Readonly<Record<string, number>>): void {
    const rows = Object.entries(values).map(([name, value]) =>
      card(
        "updated",
        name,
        "",
        `<table class="array"><tbody><tr><td>${showNumber(value)}</td></tr></tbody></table>`,
      ),
    );
    this.slides.push({
      phase: "result",
      html: [head("result", "What came of it", ""), `<p>${escapeHtml(text)}</p>`, cards(rows)].join("\n"),
    });
  }

  /** `h = sigmoid(z)` */
  #call({ op, inputs, outputs }: ShownNode): string {
    const list = (names: readonly string[]) => names.map((name) => this.#notation.value(name)).join(", ");
    return `${list(outputs)} = ${op}(${list(inputs)})`;
  }

  #tensors(names: readonly string[]): string[] {
    return [...new Set(names)].filter((name) => this.#values.get(name)!.kind !== "number");
  }

  #isShared(name: string): boolean {
    return this.#recording.nodes.flatMap(({ inputs }) => inputs).filter((input) => input === name).length > 1;
  }

  #card(name: string, array: ShownArray, role: string): string {
    return card("value", this.#notation.value(name), role, arrayTable(array, this.#notation, name), array);
  }

  #gradientCard(name: string, array: ShownArray | null | undefined, role: string): string {
    const title = this.#notation.gradient(this.#notation.value(name));
    const body = array ? arrayTable(array, this.#notation, name) : '<p class="none">none</p>';
    return card("gradient", title, role, body, array ?? undefined);
  }
}

function head(phase: Slide["phase"], title: string, place: string): string {
  const at = place === "" ? "" : `\n<p class="where">${place}</p>`;
  return `<div class="phase">${phaseNames[phase]}</div>\n<h2>${escapeHtml(title)}</h2>${at}`;
}

function where({ index, source, scope, attrsText }: ShownNode): string {
  const parts = [`node ${index} of the tape`];
  if (scope !== "") parts.push(`layer ${escapeHtml(scope)}`);
  if (source !== "") parts.push(`<code>${escapeHtml(source)}</code>`);
  if (attrsText !== "") parts.push(`<code>${escapeHtml(attrsText)}</code>`);
  return parts.join(" · ");
}

function workedHtml({ formula, lines, more, note }: Worked): string {
  const items = lines.map((parts) => {
    const shown = parts.map((part, i) => {
      const text = escapeHtml(part);
      return `<span>${i === 0 ? "" : "=&nbsp;"}${i === parts.length - 1 ? `<b>${text}</b>` : text}</span>`;
    });
    return `<li>${shown.join(" ")}</li>`;
  });
  const rest = lines.length > 0 && more > 0 ? `and so on for ${more} more` : "";
  return [
    `<div class="formula">${escapeHtml(formula)}</div>`,
    items.length === 0 ? "" : `<ul class="lines">${items.join("")}</ul>`,
    [rest, note].some((text) => text !== "")
      ? `<p class="note">${escapeHtml([rest, note].filter((text) => text !== "").join("; "))}</p>`
      : "",
  ].join("\n");
}

function card(kind: string, title: string, role: string, body: string, array?: ShownArray): string {
  const shape = array === undefined ? "" : ` [${array.shape.join(", ")}]`;
  return `<section class="card ${kind}"><h3><strong>${escapeHtml(title)}</strong>${escapeHtml(shape)} ${escapeHtml(role)}</h3>${body}</section>`;
}

const cards = (all: readonly string[]) => `<div class="cards">${all.join("")}</div>`;

// Writes docs/ops.md: each public op with its declaration, what the sources say of it, how accurate each adapter is, and an
// example with what it prints. npm run op-table calls it.

import fs from "node:fs";
import path from "node:path";
import * as gradgpu from "../../engine/index.ts";
import * as ops from "../../engine/ops/index.ts";
import type { Measured, Row } from "../conformance/row.ts";
import { opExamples } from "./op-examples.ts";

/** By the folder of engine/ops that an op's source lies in. */
const groups: readonly (readonly [title: string, rooms: readonly string[]])[] = [
  ["Element by element", ["elementwise"]],
  ["Shapes and places", ["layout", "arrange", "indexing"]],
  ["Sums and the like", ["reduce"]],
  ["Products", ["matmul"]],
  ["Normalization and losses", ["normalize"]],
  ["Images, sequences and attention", ["windows", "images", "attention"]],
  ["Random numbers", ["random"]],
];

/** What stands for more than it says. */
const declarations: Readonly<Record<string, string>> = {
  ReduceFunction:
    "OpFunction<[x: TensorLike, axes?: number | readonly number[], options?: ReduceOptions], Tensor>",
  Pooling: "OpFunction<[x: Tensor, size: PerAxis, options?: WindowOptions], Tensor>",
};

/** Ops of a name of their own that compute a public one, where the compiler can't say which. */
const computedBy: Readonly<Record<string, string>> = {
  depthwiseConv1d: "depthwiseConvolution",
  depthwiseConv2d: "depthwiseConvolution",
  embedding: "gather",
  ctcLoss: "ctcLogLosses",
};

interface Source {
  readonly room: string;
  readonly says: string;
}

const publicOps = (): string[] =>
  Object.entries(ops)
    .filter(([name, value]) => typeof value === "function" && Object.hasOwn(gradgpu, name))
    .map(([name]) => name);

/** The page. Its examples run on the CPU reference. */
export async function opTable(root: string): Promise<string> {
  const device = await gradgpu.init({ device: "cpu", seed: 1 });
  try {
    return await pageOf(root);
  } finally {
    device.dispose();
  }
}

async function pageOf(root: string): Promise<string> {
  const names = publicOps();
  const missing = names.filter((name) => opExamples[name] === undefined);
  if (missing.length > 0)
    throw new Error(`test/support/op-examples.ts has no example of ${missing.join(", ")}`);
  const signatures = signaturesIn(root);
  const sources = sourcesIn(path.join(root, "engine", "ops"));
  const measured = adaptersIn(path.join(root, "docs", "conformance"));
  const parts = [intro(names.length, measured)];
  for (const [title, rooms] of groups) {
    const inGroup = names.filter((name) => rooms.includes(sources.get(name)?.room ?? "")).sort();
    parts.push(`## ${title}\n\n${inGroup.map((name) => `[${name}](#${name.toLowerCase()})`).join(" · ")}\n`);
    for (const name of inGroup) {
      const said = sources.get(name)?.says ?? "";
      const says = said === "" ? "" : `\n${said}\n`;
      parts.push(
        `### \`${name}\`\n${says}\n\`${signatures.get(name)}\`\n\n${accuracyOf(name, measured)}\n\n\`\`\`ts\n${await exampleOf(name)}\`\`\`\n`,
      );
    }
  }
  return parts.join("\n");
}

const intro = (
  count: number,
  measured: readonly Measured[],
): string => `<!-- Written by npm run op-table; don't edit. -->
# Ops

All ${count} ops of \`gradgpu\` by what they are for: how they are called, the largest error that \`npm run conformance\` found on each adapter (${measured.map(({ name }) => name).join(", ")};
[conformance](conformance.md) says how, and has the ops that these are made of), and an example with what it prints. "ULP" is units in the last place of the
result, "exact" means the exact result, rounded once; without a unit it is |error| / (1 + |y|). Tensors that ops take may be
arrays or numbers where the type is \`TensorLike\`. As methods of tensors: \`import "gradgpu/methods"\`.
`;

function accuracyOf(name: string, measured: readonly Measured[]): string {
  const op = (ops as unknown as Record<string, { op?: { name: string } }>)[name].op?.name ?? computedBy[name];
  if (op === undefined) return "Made of other ops: as accurate as those.";
  const rows = measured.flatMap(({ name: adapter, rows }) =>
    rows.filter((row) => row.op === op).map((row) => [adapter, row] as const),
  );
  if (rows.length === 0) throw new Error(`docs/conformance has no numbers of ${op}, which computes ${name}`);
  const [, { bound, gradient }] = rows[0];
  const texts = [...new Set(rows.map(([, row]) => errorText(row)))];
  const error =
    texts.length === 1
      ? `${texts[0]} on each adapter`
      : rows.map(([adapter, row]) => `${errorText(row)} on ${adapter}`).join(", ");
  const promise = bound === "" || bound === "exact" ? "" : `; it promises ${bound}`;
  const failed = rows.filter(([, row]) => row.forward !== "pass").map(([adapter]) => adapter);
  const none = gradient.startsWith("none") ? ` No gradient${gradient.slice(4)}.` : "";
  return `Error: ${error}${promise}.${failed.length > 0 ? ` Fails on ${failed.join(", ")}.` : ""}${none}`;
}

/** At most three digits, as docs/conformance.md has them. */
function errorText({ error, unit }: Row): string {
  if (unit === "exact") return "exact";
  if (error === 0) return "0";
  const digits = error < 0.01 ? error.toExponential(1) : String(Number(error.toPrecision(3)));
  return unit === "1 + |y|" ? digits : `${digits} ${unit}`;
}

/** A program, and what it prints as comments of its end. */
async function exampleOf(name: string): Promise<string> {
  const call = opExamples[name];
  const used = Object.keys(gradgpu).filter((word) => new RegExp(`\\b${word}\\b(?=\\()`).test(call));
  const imports = [...new Set(["init", "print", ...used])].sort((a, b) => a.localeCompare(b));
  const printed: string[] = [];
  const { log } = console;
  console.log = (text: string) => printed.push(text);
  try {
    const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
    const run = new AsyncFunction(...Object.keys(gradgpu), `await print(${call});`);
    await run(...Object.values(gradgpu));
  } finally {
    console.log = log;
  }
  // A second device of a process is called "cpu 2".
  const said = printed.map((text) => text.replace(/ on cpu \d+\)/g, " on cpu)"));
  const lines = said.flatMap((text) => text.split("\n")).map((text) => `// ${text}`);
  return `import { ${imports.join(", ")} } from "gradgpu";\n\nawait init({ device: "cpu" });\nawait print(${call});\n${lines.join("\n")}\n`;
}

/** By name, as a call: `softmax(x: TensorLike): Tensor`. */
function signaturesIn(root: string): Map<string, string> {
  const text = fs.readFileSync(path.join(root, "test", "public-api.txt"), "utf8");
  const [, section] = /^# gradgpu\n([\s\S]*?)^# /m.exec(text) as RegExpExecArray;
  const found = new Map<string, string>();
  for (const line of section.split("\n")) {
    const [, name, declaration] = /^(\w+): (?:const|function) \w+:? ?(.*);$/.exec(line) ?? [];
    if (name === undefined || found.has(name)) continue;
    found.set(name, signature(name, declaration));
  }
  return found;
}

function signature(name: string, declared: string): string {
  let type = declared.replace(/import\("[^"]*"\)\./g, "").replace(/\s+/g, " ");
  for (const [alias, meaning] of Object.entries(declarations)) if (type === alias) type = meaning;
  type = type
    .replace(/^Convolution<(\w+)>$/, "OpFunction<[x: Tensor, weights: Tensor, options?: $1], Tensor>")
    .replace(/^Normalization<\[(.*)\]>$/, "OpFunction<[x: Tensor, $1], Tensor>")
    .replace(
      "ClipArguments",
      "[x: TensorLike, ...limits: [low: number, high: number] | [limits: ClipOptions]]",
    )
    .replace(/^\(\((.*)\) & \{[^{}]*\}$/, "($1");
  const [, args, result] = /^OpFunction<\[ ?(.*)\], (.*)>$/.exec(type) ?? [];
  if (args !== undefined) return `${name}(${args.trim().replaceAll(" | undefined", "")}): ${result}`;
  return `${name}${type.replace(") => ", "): ")}`;
}

/** The room and the first sentence of the comment of what engine/ops exports, by name. */
function sourcesIn(folder: string): Map<string, Source> {
  const found = new Map<string, Source>();
  for (const file of fs.readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts")) continue;
    const text = fs.readFileSync(path.join(folder, file), "utf8");
    const pattern = /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?export (?:function|const) (\w+)/g;
    for (const [, comment = "", name] of text.matchAll(pattern))
      if (!found.has(name) || comment !== "")
        found.set(name, { room: file.split(path.sep)[0], says: firstSentence(comment) });
  }
  return found;
}

function firstSentence(comment: string): string {
  const text = comment.replace(/\s*\n\s*\* ?/g, " ").trim();
  const [sentence] = /^.*?(?:(?<!et al|\.)\.(?=\s|$)|$)/.exec(text.split(" @")[0]) as RegExpExecArray;
  return sentence
    .replace(/\{@link (\w+)\}/g, "`$1`")
    .replace(/(?<!`)\b_/g, "\\_")
    .replace(/<(?=\w)/g, "\\<");
}

/** What docs/conformance has, by the adapters' names. */
function adaptersIn(folder: string): Measured[] {
  return fs
    .readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => JSON.parse(fs.readFileSync(path.join(folder, file), "utf8")) as Measured);
}

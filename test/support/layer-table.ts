// Writes docs/layers.md from what nn and optim export and what the sources say of it; npm run layer-table calls it.

import fs from "node:fs";
import path from "node:path";
import * as nn from "../../nn/index.ts";
import * as optim from "../../optim/index.ts";
import { differences, type Kind, kerasNames, otherNames } from "./keras-names.ts";

interface Entry {
  readonly name: string;
  /** The name with the arguments that stand before the options. */
  readonly title: string;
}

interface Source {
  /** Path from the root. */
  readonly file: string;
  readonly name: string;
  /** The first sentence of the comment. */
  readonly says: string;
  readonly isInternal: boolean;
}

/** The comments before what a file exports, or the files of a folder. */
function sourcesIn(root: string, place: string): Source[] {
  if (!place.endsWith(".ts")) {
    const entries = fs.readdirSync(path.join(root, place), { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() || entry.name.endsWith(".ts"))
      .flatMap(({ name }) => sourcesIn(root, path.posix.join(place, name)));
  }
  const text = fs.readFileSync(path.join(root, place), "utf8");
  const found = text.matchAll(
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export (?:abstract )?(?:class|function|const) (\w+)/g,
  );
  return [...found].map(([, comment, name]) => ({
    file: place,
    name,
    says: sentence(comment),
    isInternal: comment.includes("@internal"),
  }));
}

/** The first sentence of a comment, as Markdown that a table holds. */
function sentence(comment: string): string {
  const text = comment.replace(/\n\s*\* ?/g, " ").trim();
  // "et al." and "..." end no sentence.
  const [first] = /^.*?(?:(?<!et al|\.)\.(?=\s|$)|$)/.exec(text) as RegExpExecArray;
  return first
    .replace(/\{@link (\w+)\}/g, "`$1`")
    .replace(/\.$/, "")
    .split(/(`[^`]*`)/)
    .map((part) => part.replace(part.startsWith("`") ? /\|/g : /[|<*_]/g, "\\$&"))
    .join("");
}

const alike = (name: string) => name.toLowerCase().replaceAll("_", "");

/** What Keras calls it. */
function kerasName(kind: Kind, name: string): string | undefined {
  const other = otherNames[kind]?.[name];
  return other ?? kerasNames[kind].find((one) => alike(one) === alike(name));
}

const isClass = (value: unknown, base: { readonly prototype: object; readonly name: string }) =>
  typeof value === "function" && Object.prototype.isPrototypeOf.call(base.prototype, value.prototype ?? {});

const functionsOf = (module: object): Entry[] =>
  Object.entries(module)
    .filter(([, value]) => typeof value === "function")
    .map(([name]) => ({ name, title: name }));

/** What each table holds. */
function entriesOf(kind: Kind): Entry[] {
  if (kind === "layers") {
    return (
      Object.entries(nn)
        // TextVectorization is none by type, as it works on the host.
        .filter(([name, value]) => isClass(value, nn.Layer) || name === "TextVectorization")
        .map(([name, Own]) => ({
          name,
          title: `${name}(${(Own as unknown as { positional?: readonly string[] }).positional?.join(", ") ?? ""})`,
        }))
    );
  }
  if (kind === "optimizers") {
    return Object.entries(optim)
      .filter(([, value]) => isClass(value, optim.Optimizer))
      .map(([name]) => ({ name, title: name }));
  }
  if (kind === "schedules") return functionsOf(optim.schedules);
  const { activations, losses, metrics, initializers, regularizers, constraints } = nn;
  return functionsOf({ activations, losses, metrics, initializers, regularizers, constraints }[kind]);
}

/** Functions of those modules that make nothing. */
const helpers = new Set([
  ...["get", "find", "reduce", "fans"],
  ...["check", "checkName", "checkNotLossMaker", "checkNotMetricMaker"],
]);

const places: Readonly<Record<Kind, readonly string[]>> = {
  layers: ["nn/layers"],
  activations: ["nn/layers/activations.ts", "engine/ops/elementwise", "engine/ops/normalize/softmax.ts"],
  losses: ["crossentropies", "ctc", "distances", "margins"].map((name) => `nn/objective/${name}.ts`),
  metrics: ["nn/objective"],
  optimizers: ["optim"],
  schedules: ["optim/schedules"],
  initializers: ["nn/layers/initializers.ts"],
  regularizers: ["nn/layers/regularizers.ts"],
  constraints: ["nn/layers/constraints.ts"],
};

const rooms: Readonly<Record<string, string>> = {
  core: "Core",
  merging: "Merging",
  regularizing: "Regularizing",
  normalization: "Normalization",
  windows: "Windows",
  attention: "Attention",
  recurrent: "Recurrent",
  preprocessing: "Preprocessing",
};

/** The room of the house of layers that one stands in: layers to be used, not the frame around them. */
const roomOf = (source: Source | undefined): string | undefined =>
  /^nn\/layers\/([^/]+)\//.exec(source?.file ?? "")?.[1];

/** One table. @throws Error where a source says nothing of an entry */
function tableOf(kind: Kind, entries: readonly Entry[], sources: ReadonlyMap<string, Source>): string[] {
  const rows = entries.map(({ name, title }) => {
    const keras = kerasName(kind, name);
    const says = sources.get(name)?.says;
    if (says === undefined || says === "") {
      throw new Error(
        `layers.md: no comment stands before ${name}, or not in ${places[kind].join(", ")}; write one, or name the place in test/support/layer-table.ts`,
      );
    }
    const cells = [
      `\`${title}\``,
      keras === undefined ? "-" : `\`${keras}\``,
      says,
      differences[kind]?.[name] ?? "",
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return ["| gradgpu | Keras | what it is | otherwise than in Keras |", "|---|---|---|---|", ...rows, ""];
}

/** A line on what Keras has besides. */
function absent(kind: Kind, entries: readonly Entry[]): string[] {
  const have = new Set(entries.map(({ name }) => kerasName(kind, name)));
  const missing = kerasNames[kind].filter((name) => !have.has(name));
  if (missing.length === 0) return [];
  return [`Of Keras's, gradgpu has not: ${missing.join(", ")}.`, ""];
}

/** The page. */
export function layerTable(root: string): string {
  const lines = [
    "# Layers, losses, metrics, optimizers and the rest",
    "",
    "All that `gradgpu/nn` and `gradgpu/optim` hold, beside the names of Keras 3.16. Names are Keras's in camelCase, layers and",
    "optimizers are classes made by `new`, all else are functions; options stand in one object after the arguments that are",
    "shown. What is true of all: images and sequences have their channels last, numbers are f32, and Keras's options `dtype`,",
    "`data_format` and `seed` of layers have no counterpart but `init({ seed })`. [Training](training.md) says how losses and",
    "metrics are used, [optimizers](optimizers.md) how optimizers are, [migration](migration.md) how code is carried over.",
    "",
    "`npm run layer-table` writes this page from the sources.",
    "",
  ];
  for (const kind of Object.keys(kerasNames) as Kind[]) {
    const found = places[kind].flatMap((place) => sourcesIn(root, place));
    const sources = new Map(found.map((source) => [source.name, source]));
    const entries = entriesOf(kind)
      .filter(({ name }) => !helpers.has(name) && sources.get(name)?.isInternal !== true)
      .filter(({ name }) => kind !== "layers" || roomOf(sources.get(name)) !== undefined)
      .sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
    lines.push(`## ${kind[0].toUpperCase()}${kind.slice(1)}`, "");
    if (kind === "layers") {
      for (const [room, title] of Object.entries(rooms)) {
        const own = entries.filter(({ name }) => roomOf(sources.get(name)) === room);
        lines.push(`### ${title}`, "", ...tableOf(kind, own, sources));
      }
    } else {
      lines.push(...tableOf(kind, entries, sources));
    }
    if (kind === "metrics")
      lines.push("Every loss that has a name in text is a metric, too, by that name.", "");
    lines.push(...absent(kind, entries));
  }
  return lines.join("\n");
}

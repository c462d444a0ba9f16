// The declarations that the package ships, emitted anew, and the public ones among them as one text.

import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { publicModules, root } from "./doc-snippets.ts";
import { onceARun } from "./once.ts";

/** What the compiler prints: one line a mistake, none where there are none. */
export async function compile(...args: string[]): Promise<string[]> {
  const compiler = path.join(root, "node_modules/typescript/bin/tsc");
  const failure = await promisify(execFile)(process.execPath, [compiler, "--pretty", "false", ...args], {
    cwd: root,
    maxBuffer: 1 << 24,
  }).then(
    () => undefined,
    (error: { stdout: string }) => error.stdout,
  );
  return failure === undefined ? [] : failure.trim().split("\n");
}

/** The folder with them, emitted once a run, and the compiler's mistakes. */
export const emittedDeclarations = (): Promise<{ folder: string; mistakes: string[] }> =>
  onceARun("declarations", async (folder) => ({
    folder,
    mistakes: await compile("-p", "tsconfig.build.json", "--outDir", folder),
  }));

const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");

/** The statements of a declaration file: each begins at the left margin with a keyword. */
const statementsOf = (file: string): string[] =>
  withoutComments(fs.readFileSync(file, "utf8"))
    .split(/\n(?=(?:export|declare|import|type|interface|class)\b)/)
    .map((statement) => statement.replace(/\s+/g, " ").trim())
    .filter((statement) => statement !== "");

/** The names of an import or export list, with what they are called elsewhere. */
const partsOf = (list: string): string[][] =>
  list
    .split(",")
    .map((part) => part.trim().replace(/^type /, ""))
    .filter((part) => part !== "")
    .map((part) => part.split(" as "));

interface Exports {
  /** By the exported name: its declarations (overloads are several), or where it comes from. */
  readonly named: Map<string, { readonly texts: string[]; readonly from?: { file: string; name: string } }>;
  readonly all: string[];
}

function exportsOf(file: string): Exports {
  const named: Exports["named"] = new Map();
  const all: string[] = [];
  const local = new Map<string, string[]>();
  const imported = new Map<string, { file: string; name: string }>();
  const target = (specifier: string) =>
    path.join(path.dirname(file), specifier.replace(/\.(?:ts|js)$/, ".d.ts"));
  for (const statement of statementsOf(file)) {
    const declared =
      /^(?:export )?(?:declare )?(?:abstract )?(?:const|let|function|class|interface|type|enum) (\w+)/.exec(
        statement,
      );
    if (declared !== null) {
      local.set(declared[1], [...(local.get(declared[1]) ?? []), statement]);
      if (statement.startsWith("export")) named.set(declared[1], { texts: local.get(declared[1])! });
      continue;
    }
    const taken = /^import (?:type )?\{([^}]*)\} from ["']([^"']+)["']/.exec(statement);
    if (taken !== null) {
      for (const [name, alias = name] of partsOf(taken[1]))
        imported.set(alias, { file: target(taken[2]), name });
    }
    const star = /^export \* from ["']([^"']+)["']/.exec(statement);
    if (star !== null) all.push(target(star[1]));
    const space = /^export \* as (\w+) from ["']([^"']+)["']/.exec(statement);
    if (space !== null) named.set(space[1], { texts: [], from: { file: target(space[2]), name: "*" } });
    const list = /^export (?:type )?\{([^}]*)\}(?: from ["']([^"']+)["'])?/.exec(statement);
    if (list === null) continue;
    for (const [name, alias = name] of partsOf(list[1])) {
      const from = list[2] === undefined ? imported.get(name) : { file: target(list[2]), name };
      named.set(alias, { texts: local.get(name) ?? [], from });
    }
  }
  return { named, all };
}

/** The declarations behind a name, through all the files that only hand it on. */
function declarationsOf(file: string, name: string): string[] | undefined {
  const { named, all } = exportsOf(file);
  const found = named.get(name);
  if (found?.from !== undefined) {
    if (found.from.name !== "*") return declarationsOf(found.from.file, found.from.name);
    return namesOf(found.from.file).flatMap((part) =>
      declarationsOf(found.from!.file, part)!.map((text) => `${part}: ${text}`),
    );
  }
  if (found !== undefined) return found.texts;
  for (const other of all) {
    const texts = declarationsOf(other, name);
    if (texts !== undefined) return texts;
  }
  return undefined;
}

function namesOf(file: string): string[] {
  const { named, all } = exportsOf(file);
  return [...new Set([...named.keys(), ...all.flatMap(namesOf)])].sort();
}

/** What the package's entries export, a name and its declaration a line. */
export function publicApi(folder: string): string {
  return Object.entries(publicModules)
    .map(([module, source]) => {
      const file = path.join(folder, source.replace(/\.ts$/, ".d.ts"));
      const lines = namesOf(file).flatMap((name) => {
        const texts = declarationsOf(file, name);
        if (texts === undefined || texts.length === 0)
          throw new Error(`${module}: no declaration of ${name}`);
        return texts.map((text) => `${name}: ${text.replace(/^export (?:declare )?/, "")}`);
      });
      return `# ${module}\n\n${lines.join("\n")}\n`;
    })
    .join("\n");
}

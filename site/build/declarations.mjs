// What the sources say of each exported name: its comment, where it stands, and its members with theirs.

import fs from "node:fs";
import path from "node:path";
import { parseSync } from "rolldown/utils";
import { root } from "../../scripts/setup.mjs";

/**
 * @typedef {{ name: string, text: string, comment: string }} Member
 * @typedef {{ name: string, without: string[], only: string[] | undefined }} Base Some members may be left out, or some alone taken
 * @typedef {{ kind: string, file: string, line: number, comment: string, members: Member[], bases: Base[] }} Declared
 */

const kinds = {
  TSInterfaceDeclaration: "interface",
  ClassDeclaration: "class",
  FunctionDeclaration: "function",
  TSDeclareFunction: "function",
  VariableDeclaration: "const",
  TSTypeAliasDeclaration: "type",
};

/**
 * @param {readonly string[]} folders
 * @returns {Map<string, Declared[]>} By name: files may call different things the same
 */
export function readDeclarations(folders) {
  const found = new Map();
  for (const folder of folders) {
    for (const name of fs
      .readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .sort()) {
      if (!name.endsWith(".ts")) continue;
      const file = path.posix.join(folder, name.split(path.sep).join("/"));
      for (const [declared, what] of declarationsOf(file))
        found.set(declared, [...(found.get(declared) ?? []), what]);
    }
  }
  return found;
}

/** @returns {[string, Declared][]} */
function declarationsOf(file) {
  const text = fs.readFileSync(path.join(root, file), "utf8");
  const { program, comments } = parseSync(file, text);
  const commentBefore = (start) => {
    const comment = comments.findLast(({ end }) => end <= start);
    // Notes to tools may stand between a comment and what it is about.
    const between = comment === undefined ? "x" : text.slice(comment.end, start);
    if (comment === undefined || between.replace(/\/\/[^\n]*\n/g, "").trim() !== "") return "";
    if (comment.type === "Block") return comment.value.startsWith("*") ? plain(comment.value) : "";
    return commentBefore(comment.start);
  };
  const membersOf = (nodes, isClass) =>
    nodes.flatMap((node) => {
      const name = node.key?.name;
      if (name === undefined || node.key.type === "PrivateIdentifier" || node.computed) return [];
      if (["private", "protected"].includes(node.accessibility) || name === "constructor") return [];
      const comment = commentBefore(node.start);
      // An option says by its name and type what it is; a class says again what its base explains.
      return (comment === "" && isClass) || comment.includes("@internal")
        ? []
        : [{ name, text: signatureOf(text, node), comment }];
    });
  const result = [];
  for (const node of program.body) {
    const declaration = node.type === "ExportNamedDeclaration" ? node.declaration : undefined;
    const kind = kinds[declaration?.type];
    if (kind === undefined) continue;
    const names = declaration.id?.name ?? declaration.declarations?.[0]?.id?.name;
    const inside = declaration.body?.body ?? declaration.typeAnnotation?.members ?? [];
    result.push([
      names,
      {
        kind,
        file,
        line: text.slice(0, node.start).split("\n").length,
        comment: commentBefore(node.start),
        members: Array.isArray(inside) && kind !== "function" ? membersOf(inside, kind === "class") : [],
        bases: basesOf(declaration),
      },
    ]);
  }
  return result;
}

/** What a class or an interface extends, through Omit, Pick, Partial and the like. @returns {Base[]} */
function basesOf({ superClass, extends: extended = [] }) {
  if (superClass?.type === "Identifier") return [{ name: superClass.name, without: [], only: undefined }];
  return (extended ?? []).flatMap(({ expression, typeArguments }) => {
    const [of, keys] = typeArguments?.params ?? [];
    const names = keysIn(keys);
    switch (expression?.name) {
      case undefined:
        return [];
      case "Omit":
      case "Pick":
        if (of?.typeName?.name === undefined) return [];
        return expression.name === "Omit"
          ? [{ name: of.typeName.name, without: names, only: undefined }]
          : [{ name: of.typeName.name, without: [], only: names }];
      case "Partial":
      case "Readonly":
      case "Required":
        return of?.typeName?.name === undefined
          ? []
          : [{ name: of.typeName.name, without: [], only: undefined }];
      default:
        return [{ name: expression.name, without: [], only: undefined }];
    }
  });
}

/** The texts of a union of literals. */
const keysIn = (type) =>
  (type?.types ?? [type]).flatMap((one) =>
    typeof one?.literal?.value === "string" ? [one.literal.value] : [],
  );

const plain = (comment) =>
  comment
    .replace(/^\*/, "")
    .replace(/^\s*\* ?/gm, "")
    .trim();

/** A member without what it does: its name, parameters and type. */
function signatureOf(text, node) {
  const end = node.value?.body?.start ?? (node.typeAnnotation ?? node.key).end;
  const untilValue = node.type === "PropertyDefinition" && node.value !== null && node.typeAnnotation == null;
  const full = text.slice(node.start, untilValue ? node.key.end : node.value?.body ? end : node.end);
  const cut = node.type === "PropertyDefinition" ? full.split(/\s=\s/)[0] : full;
  return cut
    .replace(/^(?:public |override |readonly |declare )+/, "")
    .replace(/[;,\s{]+$/, "")
    .replace(/\s+/g, " ");
}

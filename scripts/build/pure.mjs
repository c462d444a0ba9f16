// Makes what a module does while it is loaded droppable: calls at the top are marked pure, and initialisers that
// bundlers take for effects in other ways (property reads, spreads) are wrapped in a call that is marked.

import { parse } from "acorn";
import MagicString from "magic-string";

const PURE = "/* @__PURE__ */ ";

/**
 * `code` with its top-level calls marked, and without comments: most are gone by now, and the rest stands beside nothing.
 *
 * @param {{ rewrite: (source: string) => string, emptied: readonly string[] }} options `rewrite` gives the new source of
 *   an import; properties called as in `emptied` become []
 * @returns {{ code: string, effects: number[] }} `effects`: the lines of statements that run at import, which no
 *   bundler can drop
 */
export function markPure(code, { rewrite, emptied }) {
  const text = new MagicString(code);
  const onComment = (_isBlock, comment, start, end) => {
    if (!/webpackIgnore|@vite-ignore/.test(comment)) text.remove(...withItsLine(code, start, end));
  };
  const tree = parse(code, { ecmaVersion: "latest", sourceType: "module", locations: true, onComment });
  const effects = [];
  walk(tree, (node) => {
    if (node.type === "ImportExpression" && node.source.type === "Literal")
      text.update(node.source.start, node.source.end, JSON.stringify(rewrite(node.source.value)));
    if (node.type !== "Property" || node.shorthand || !emptied.includes(node.key.name)) return true;
    const { start, end } = node.value;
    text.update(start, end, "[]");
    node.value = { type: "ArrayExpression", elements: [], start, end };
    return false;
  });
  for (const statement of tree.body) {
    const { source } = statement;
    if (source) text.update(source.start, source.end, JSON.stringify(rewrite(source.value)));
    if (!visitStatement(statement.declaration ?? statement, text)) effects.push(statement.loc.start.line);
  }
  return { code: text.toString(), effects };
}

/** Where a comment starts and ends, with its line if it has one to itself. */
function withItsLine(code, start, end) {
  const before = code.lastIndexOf("\n", start - 1) + 1;
  const isAlone = code.slice(before, start).trim() === "" && code[end] === "\n";
  return isAlone ? [before, end + 1] : [start, end];
}

/** Whether a bundler can drop the statement, once it is marked, where nothing uses what it declares. */
function visitStatement(statement, text) {
  switch (statement.type) {
    case "VariableDeclaration":
      for (const { id, init } of statement.declarations) {
        if (init) makePure(init, text);
        if (id.type !== "Identifier") return false;
      }
      return true;
    case "ClassDeclaration":
      return visitClass(statement, text);
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
    case "FunctionDeclaration":
    case "EmptyStatement":
      return true;
    default:
      return false;
  }
}

function visitClass({ body, superClass }, text) {
  if (superClass && superClass.type !== "Identifier") return false;
  for (const member of body.body) {
    if (member.type === "StaticBlock") return false;
    if (member.type === "PropertyDefinition" && member.static && member.value) makePure(member.value, text);
  }
  return true;
}

function makePure(expression, text) {
  const calls = [];
  if (collectCalls(expression, calls)) {
    for (const { start } of calls) text.appendLeft(start, PURE);
    return;
  }
  // In brackets, because an object's braces would be read as the function's body.
  text.appendLeft(expression.start, `${PURE}(() => (`);
  text.appendRight(expression.end, "))()");
}

/** Adds the calls that run when the expression does to `calls`; whether nothing else in it looks like an effect. */
function collectCalls(node, calls) {
  switch (node.type) {
    case "Literal":
    case "Identifier":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      return true;
    case "CallExpression":
    case "NewExpression":
      calls.push(node);
      return all(node.arguments, calls);
    case "ArrayExpression":
      return all(node.elements.filter(Boolean), calls);
    case "ObjectExpression":
      return node.properties.every(
        ({ type, computed, key, value }) =>
          type === "Property" && (!computed || key.type === "Literal") && collectCalls(value, calls),
      );
    case "TemplateLiteral":
      return node.expressions.length === 0;
    case "UnaryExpression":
    case "BinaryExpression":
      return isConstant(node);
    default:
      return false;
  }
}

const all = (nodes, calls) => nodes.every((node) => collectCalls(node, calls));

/** Arithmetic on literals: bundlers compute it. */
function isConstant(node) {
  if (node.type === "UnaryExpression") return isConstant(node.argument);
  if (node.type === "BinaryExpression") return isConstant(node.left) && isConstant(node.right);
  return node.type === "Literal";
}

/** Visits a node and, where `visit` says so, those inside it. */
function walk(node, visit) {
  if (node === null || typeof node !== "object") return;
  if (Array.isArray(node)) for (const child of node) walk(child, visit);
  else if (typeof node.type !== "string" || visit(node))
    for (const key in node) if (key !== "loc") walk(node[key], visit);
}

// Makes what a module does while it is loaded droppable: calls at the top are marked pure, and initialisers that
// bundlers take for effects in other ways (property reads, spreads, arithmetic) are wrapped in a call that is marked.

import { parse } from "acorn";
import MagicString from "magic-string";

const PURE = "/* @__PURE__ */ ";

/**
 * `code` with its top-level calls marked, and its relative imports rewritten by `rewrite`.
 *
 * @returns {{ code: string, effects: number[] }} `effects`: the lines of statements that run at import, which no
 *   bundler can drop
 */
export function markPure(code, rewrite = (source) => source) {
  const tree = parse(code, { ecmaVersion: "latest", sourceType: "module", locations: true });
  const text = new MagicString(code);
  const effects = [];
  for (const statement of tree.body) {
    const { source } = statement;
    if (source) text.update(source.start, source.end, JSON.stringify(rewrite(source.value)));
    if (!visitStatement(statement.declaration ?? statement, text)) effects.push(statement.loc.start.line);
  }
  eachDynamicImport(tree, (source) =>
    text.update(source.start, source.end, JSON.stringify(rewrite(source.value))),
  );
  return { code: text.toString(), effects };
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
  if (markCalls(expression, text)) return;
  text.appendLeft(expression.start, `${PURE}(() => `);
  // An object in braces would be read as a function's body.
  if (expression.type === "ObjectExpression") {
    text.appendLeft(expression.start, "(");
    text.prependRight(expression.end, ")");
  }
  text.prependRight(expression.end, ")()");
}

/** Marks the calls in an expression that run when it does; whether nothing else in it looks like an effect. */
function markCalls(node, text) {
  switch (node.type) {
    case "Literal":
    case "Identifier":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      return true;
    case "CallExpression":
    case "NewExpression":
      text.appendLeft(node.start, PURE);
      return all(node.arguments, text);
    case "ArrayExpression":
      return all(node.elements.filter(Boolean), text);
    case "ObjectExpression":
      return node.properties.every(
        (property) =>
          property.type === "Property" &&
          (!property.computed || property.key.type === "Literal") &&
          markCalls(property.value, text),
      );
    case "TemplateLiteral":
      return node.expressions.length === 0;
    case "UnaryExpression":
      return node.argument.type === "Literal";
    case "ParenthesizedExpression":
      return markCalls(node.expression, text);
    default:
      return false;
  }
}

const all = (nodes, text) => nodes.every((node) => markCalls(node, text));

function eachDynamicImport(node, found) {
  if (node === null || typeof node !== "object") return;
  if (Array.isArray(node)) {
    for (const child of node) eachDynamicImport(child, found);
    return;
  }
  if (node.type === "ImportExpression" && node.source.type === "Literal") found(node.source);
  for (const key in node) if (key !== "loc") eachDynamicImport(node[key], found);
}

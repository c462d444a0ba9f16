// Specialises a shader file by replacing whole named declarations.

import { ShaderError } from "../base/errors.ts";
import type { Hooks, Shader } from "./kernel.ts";

/** Over steps that go together (own-rows.wgsl). A block where there is one: SwiftShader takes twice as long over a loop. */
const aheadLoop = /for ?\(var ahead ?= ?0u; ?ahead ?< ?AHEAD; ?ahead\+\+\) ?\{/g;

/** The text of `shader` with the functions, helpers, consts, aliases and bindings of `hooks` put in. */
export function specialize(shader: Shader, hooks: Hooks | undefined): string {
  let text = shader.source;
  if (hooks === undefined) return text;
  const added: string[] = [];
  for (const [name, value] of Object.entries(hooks.consts ?? {})) {
    text = replaceStatement(
      shader,
      text,
      new RegExp(`^const\\s+${name}\\b[^=]*=`, "m"),
      `const ${name} = ${value};`,
      name,
    );
  }
  if (hooks.consts?.AHEAD === "1u") text = text.replaceAll(aheadLoop, "{\n const ahead = 0u;");
  for (const [name, value] of Object.entries(hooks.aliases ?? {})) {
    text = replaceStatement(
      shader,
      text,
      new RegExp(`^alias\\s+${name}\\s*=`, "m"),
      `alias ${name} = ${value};`,
      name,
    );
  }
  for (const b of hooks.bindings ?? []) {
    const space = b.access === "uniform" ? "uniform" : `storage, ${b.access}`;
    const declaration = `@group(0) @binding(${b.binding}) var<${space}> ${b.name}: ${b.type};`;
    const existing = new RegExp(`^@group\\(0\\)[^;]*\\bvar<[^>]*>\\s*${b.name}\\s*:[^;]*;`, "m");
    if (existing.test(text)) text = text.replace(existing, () => declaration);
    else added.push(declaration);
  }
  for (const [name, body] of Object.entries(hooks.functions ?? {})) {
    const range = functionRange(text, name);
    if (range === undefined) added.push(body);
    else text = text.slice(0, range[0]) + body + text.slice(range[1]);
  }
  for (const [name, body] of Object.entries(hooks.helpers ?? {})) {
    if (text.includes(body)) continue;
    if (functionRange(text, name) !== undefined || Object.hasOwn(hooks.functions ?? {}, name)) {
      throw new ShaderError(
        `the helper "${name}" of an op has the name of a function of ${shader.name}.wgsl, which it would replace; call it otherwise, as in "my_${name}"`,
      );
    }
    added.push(body);
  }
  return added.length === 0 ? text : `${text}\n${added.join("\n")}\n`;
}

function replaceStatement(
  shader: Shader,
  text: string,
  start: RegExp,
  replacement: string,
  name: string,
): string {
  const match = start.exec(text);
  if (match === null) throw new ShaderError(`${shader.name}.wgsl declares no "${name}" to replace`);
  const end = text.indexOf(";", match.index) + 1;
  return text.slice(0, match.index) + replacement + text.slice(end);
}

/** Where the top-level function `name` stands, braces matched. */
function functionRange(text: string, name: string): [number, number] | undefined {
  const match = new RegExp(`^fn\\s+${name}\\s*\\(`, "m").exec(text);
  if (match === null) return undefined;
  let depth = 0;
  for (let i = text.indexOf("{", match.index); i < text.length; i++) {
    if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return [match.index, i + 1];
  }
  return undefined;
}

// WGSL functions of shaders/*.wgsl by name, for pointwise expressions: each with what it calls, so that a kernel holds
// no more than it needs.

import activationsSource from "../../../shaders/activations.wgsl";
import errorFunctionSource from "../../../shaders/error-function.wgsl";
import expLogSource from "../../../shaders/exp-log.wgsl";
import geluSource from "../../../shaders/gelu.wgsl";
import hyperbolicSource from "../../../shaders/hyperbolic.wgsl";
import mishSource from "../../../shaders/mish.wgsl";
import powerSource from "../../../shaders/power.wgsl";
import remainderSource from "../../../shaders/remainder.wgsl";
import tanhSource from "../../../shaders/tanh.wgsl";
import trigonometricSource from "../../../shaders/trigonometric.wgsl";

type Helpers = Readonly<Record<string, string>>;

/** Takes functions out of shader files: those called `names` and all that they call, as `helpers` of a pointwise op. */
function functionsOf(...sources: readonly string[]): (...names: readonly string[]) => Helpers {
  // A top-level function ends where a line is a closing brace alone.
  const texts = new Map(
    sources
      .flatMap((source) => source.match(/^fn [\s\S]*?^}/gm) ?? [])
      .map((text) => [/\w+/.exec(text.slice(3))?.[0] ?? "", text]),
  );
  return (...names) => {
    const found: Record<string, string> = {};
    const take = (name: string): void => {
      const text = texts.get(name);
      if (text === undefined || name in found) return;
      found[name] = text;
      for (const [, called] of text.matchAll(/(\w+)\(/g)) take(called);
    };
    for (const name of names) {
      if (!texts.has(name)) throw new Error(`no shader file has a function ${name}`);
      take(name);
    }
    return found;
  };
}

// One a file, so that a bundle holds the files that its ops need.
export const mathFunctions = functionsOf(expLogSource);
export const powerFunctions = functionsOf(expLogSource, powerSource);
export const tanhFunctions = functionsOf(expLogSource, tanhSource);
export const hyperbolicFunctions = functionsOf(expLogSource, hyperbolicSource);
export const trigonometricFunctions = functionsOf(expLogSource, trigonometricSource);
export const errorFunctions = functionsOf(expLogSource, errorFunctionSource);
export const activationFunctions = functionsOf(expLogSource, activationsSource);
export const mishFunctions = functionsOf(expLogSource, activationsSource, mishSource);
export const geluFunctions = functionsOf(expLogSource, errorFunctionSource, activationsSource, geluSource);
export const remainderFunctions = functionsOf(remainderSource);

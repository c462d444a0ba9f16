// Faults in autograd: the walk back, blocks that run again.

import { faultsIn, gpu, unit } from "./fault.mjs";

export const autograd = faultsIn({
  "engine/autograd/walk.ts": [
    [unit("tape"), unit("autograd")],
    [
      "gradients.set(id, keep(add(existing, contribution)));",
      "gradients.set(id, keep(add(contribution, 0)));",
    ],
    ["  existing.dispose();\n", ""],
    ["if (sameShape(gradient.shape, shape)) return gradient;", "return gradient;"],
    ["const summed = axes.length === 0 ? gradient : sum(gradient, axes);", "const summed = sum(gradient);"],
    ["given.has(summed) ? track(summed.alias()) : claim(summed)", "claim(summed)"],
    [
      "saved !== undefined && saved.variable.version !== saved.version",
      "saved === undefined && node.isFreed",
    ],
    ["if (wanted?.has(id)) continue;", ""],
    ["if (frees) node.free();", ""],
    ["|| gradient === undefined || this.#hooked.has(id)) return;", "|| gradient === undefined) return;"],
    ["if (node.isFreed) {", "if (false) {"],
    ["if (marked.size > 0) for (const id of node.outputIds) this.#runHooks(id, marked.get(id));", ""],
    ["for (const [id, leaf] of this.#tape.leaves) this.#runHooks(id, leaf);", ""],
    ["if (cut !== undefined) this.#reached.add(cut);", ""],
    ["if (!goesOn) for (const gradient of step.inputGradients) gradient?.dispose();", ""],
    ["if (!node.outputIds.some((id) => gradients.has(id))) return undefined;", ""],
    ["|| !context.needs(k)) return null;", ") return null;"],
    [
      "outputGradients[index] ??\n        full(node.outputSpecs[index].shape, 0,",
      "outputGradients[index] ??\n        full(node.outputSpecs[index].shape, 1,",
    ],
    ["this.#tape.unseen(() => apply(gradient)),", "apply(gradient),"],
  ],
  "engine/autograd/checkpoint.ts": [
    [gpu("autograd-checkpoint")],
    [
      "const saved = context.input(k);\n      return",
      "const saved = inputs[k];\n      return",
      { tests: [unit("autograd", "registerHook")] },
    ],
    ["random.position = streams;", "void streams;"],
    ["          random.position = now;\n", ""],
    [
      "withAmbient(settings, () => runAgain(",
      "withAmbient([], () => runAgain(",
      { tests: [unit("nn-more-layers", "checkpointed")] },
    ],
    ["context.hasGrad(i) ? [{ root, seed: context.grad(i) }] : []", "[{ root, seed: context.grad(0) }]"],
    ["for (const tensor of watcher.before.values()) tensor.dispose();", ""],
    ["context.input(inputs.length + k)", "context.input(inputs.length + changed.length - 1 - k)"],
    [
      "|| outer?.read(variable) !== undefined || variable.version === version",
      "|| variable !== undefined || version < 0",
    ],
    ["for (const memory of shown.values()) memory.release();", ""],
    ["    before?.release();\n", ""],
    ["shown.get(variable) ?? outer?.read(variable)", "outer?.read(variable)"],
    ["backend.recomputing === undefined ? run() : backend.recomputing(run)", "run()"],
    ["allowsConstants: true", "allowsConstants: false"],
    ["      return true;\n    },\n  };", "      return false;\n    },\n  };"],
  ],
  "engine/jit/scan/traced.ts": [
    [gpu("scan", "hooks on a variable")],
    ["const own = captured.map((_, k) => input(capturedAt + k));", "const own = captured;"],
  ],
});

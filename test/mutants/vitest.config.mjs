// The project's test configuration, with the fault that GRADGPU_MUTANT names put into its file as that is loaded.

import path from "node:path";
import base from "../../vitest.config.ts";

const root = path.resolve(import.meta.dirname, "../..");

const mutant = {
  name: "mutant",
  enforce: "pre",
  // Shaders are a string by now, in which the text stands as JSON writes it.
  transform(code, id) {
    const fault = JSON.parse(process.env.GRADGPU_MUTANT || "null");
    if (fault === null || id.split("?")[0] !== path.join(root, fault.file)) return null;
    const written = (text) => (fault.file.endsWith(".wgsl") ? JSON.stringify(text).slice(1, -1) : text);
    return { code: code.replace(written(fault.text), () => written(fault.with)), map: null };
  },
};

export default {
  ...base,
  root,
  plugins: [...base.plugins, mutant],
  test: {
    ...base.test,
    // A process for each file: modules of the mutant before must not stay.
    projects: base.test.projects.map((project) => ({
      ...project,
      test: { ...project.test, isolate: true, maxWorkers: 1 },
    })),
  },
};

// The files behind the names of package.json's exports map.

/** By the exports map's name: "nn" is "gradgpu/nn", and "index" is "gradgpu" itself. */
export const entries = {
  index: "engine/index.ts",
  inspect: "engine/inspect/index.ts",
  methods: "engine/methods.ts",
  names: "nn/names.ts",
  nn: "nn/index.ts",
  optim: "optim/index.ts",
  data: "data/index.ts",
  worker: "nn/worker/index.ts",
  plot: "nn/plot/index.ts",
};

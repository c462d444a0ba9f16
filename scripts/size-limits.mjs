// How large programs that use the package may become: bundled by esbuild into one file, minified, gzip -9, in KB of
// 1,000 bytes. Raise a limit only with a line that says what for.

export const limits = [
  {
    name: "init",
    // Opens a device, chooses kernels, computes nothing: what every page pays.
    most: 20,
    program: `import { init } from "gradgpu";
      await init();`,
  },
  {
    name: "tensors, matmul, grad",
    // The smallest program that learns, by a loop of its own.
    most: 58,
    program: `import { grad, init, matmul, tensor } from "gradgpu";
      await init();
      const w = tensor([[1], [2]]);
      console.log(await grad((w) => matmul(tensor([[3, 4]]), w))(w));`,
  },
  {
    name: "the same with jit",
    most: 75,
    program: `import { grad, init, jit, matmul, tensor } from "gradgpu";
      await init();
      const w = tensor([[1], [2]]);
      console.log(await jit(grad((w) => matmul(tensor([[3, 4]]), w)))(w));`,
  },
  {
    name: "Sequential, Dense, Adam, fit",
    // A network from the README.
    most: 108,
    // What GPUs, tuning, profiling, streaming and stepping need is loaded when it is asked for.
    mostAtFirst: 100,
    program: `import { init } from "gradgpu";
      import { Dense, Input, Sequential } from "gradgpu/nn";
      import { Adam } from "gradgpu/optim";
      await init();
      const model = new Sequential([new Input([2]), new Dense(8, { activation: "tanh" }), new Dense(1)]);
      model.compile({ optimizer: new Adam({ learningRate: 0.05 }), loss: "meanSquaredError" });
      await model.fit([[0, 1]], [[1]], { epochs: 2 });`,
  },
];

/** Of the tarball, in KB: what an install downloads, and what it takes on the disk. */
export const tarball = { packed: 400, unpacked: 1400 };

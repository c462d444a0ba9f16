// How large programs that use the package may become: bundled by esbuild into one file, minified, gzip -9, in KB of
// 1,000 bytes. Raise a limit only with a line that says what for. An import() of one of the package's own files makes
// esbuild wrap every module that the file stands on in a function of its own: 3.5 KB in the last of these programs.

export const limits = [
  {
    name: "init",
    // Opens a device, chooses kernels, computes nothing: what every page pays.
    // 18.3 before slabs, ceilings and turns of the garbage collector, which keep a loop from killing its process, and
    // before names were checked and shown without control characters.
    most: 22.5,
    program: `import { init } from "gradgpu";
      await init();`,
  },
  {
    name: "tensors, matmul, grad",
    // The smallest program that learns, by a loop of its own.
    // 53.9 before the same, and sums over 10^5 terms that keep their digits; 60 before arrays served as tensors and
    // products took vectors.
    most: 60.5,
    program: `import { grad, init, matmul, tensor } from "gradgpu";
      await init();
      const w = tensor([[1], [2]]);
      console.log(await grad((w) => matmul(tensor([[3, 4]]), w))(w));`,
  },
  {
    name: "the same with jit",
    // 75 before gathers of a set came before what is done with all of it, and arguments could be trees of tensors.
    most: 77,
    program: `import { grad, init, jit, matmul, tensor } from "gradgpu";
      await init();
      const w = tensor([[1], [2]]);
      console.log(await jit(grad((w) => matmul(tensor([[3, 4]]), w)))(w));`,
  },
  {
    name: "Sequential, Dense, Adam, fit",
    // A network from the README.
    // 107.3 before the same, and fit's signal, warnings and line on the terminal, losses and metrics that refuse what does
    // not fit, spellings, a program for trainOnBatch and optimizers that share variables.
    // 121 before 19 losses and 21 metrics could be had by name, weighed, masked and reduced as Keras does.
    // 128 before eight more optimizers, which compile knows by name, and what all of them can: groups, accumulation, averages,
    // hyper-parameters by schedule.
    // 135.5 before models were graphs of calls with several inputs and outputs, and layers had configs, masks, regularizers,
    // constraints and all initializers. It is to come down to 125 at most.
    most: 153,
    // What GPUs, tuning, profiling, streaming and stepping need is loaded when it is asked for.
    // 94.2 before that, 105.5 before those losses and metrics, 112.5 before those optimizers, 120
    // before those models.
    mostAtFirst: 134,
    program: `import { init } from "gradgpu";
      import { Dense, Input, Sequential } from "gradgpu/nn";
      import { Adam } from "gradgpu/optim";
      await init();
      const model = new Sequential([new Input([2]), new Dense(8, { activation: "tanh" }), new Dense(1)]);
      model.compile({ optimizer: new Adam({ learningRate: 0.05 }), loss: "meanSquaredError" });
      await model.fit([[0, 1]], [[1]], { epochs: 2 });`,
  },
];

// Packed 381 and unpacked 1,322 before the parts named above; 411 and 1,417 before images, places along several axes,
// bins, ranges and methods, losses, metrics, layers and optimizers by name.
/** Of the tarball, in KB: what an install downloads, and what it takes on the disk. */
export const tarball = { packed: 570, unpacked: 1990 };

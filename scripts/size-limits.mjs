// How large programs that use the package may become: bundled by esbuild into one file, minified, gzip -9, in KB of
// 1,000 bytes. Raise a limit only with a line that says what for.

export const limits = [
  {
    name: "init",
    // Opens a device, chooses kernels, computes nothing: what every page pays. 21.6 while pages carried what only Node has.
    // 20 while one check of a kernel waited for the other: 0.4 here, 0.6 with all else, save the first init() 31 to 66 waits, which
    // in Firefox take a tenth of a second each.
    most: 20.4,
    program: `import { init } from "gradgpu";
      await init();`,
  },
  {
    name: "tensors, matmul, grad",
    // The smallest program that learns, by a loop of its own. 53.9 before the same, sums over 10^5 terms that keep their
    // digits, arrays served as tensors and products of vectors; 57.9 while transposes brought the kernels of pads. 54.1 before
    // closed devices were collected and told from lost ones (0.1) and large tiles fetched while they multiply (0.06).
    most: 54.2,
    program: `import { grad, init, matmul, tensor } from "gradgpu";
      await init();
      const w = tensor([[1], [2]]);
      console.log(await grad((w) => matmul(tensor([[3, 4]]), w))(w));`,
  },
  {
    name: "the same with jit",
    // 72 before loops in programs and before a lost device could be opened again; 70.5 before functions that are dropped gave
    // their memory back, and grad told of an async function.
    most: 70.6,
    program: `import { grad, init, jit, matmul, tensor } from "gradgpu";
      await init();
      const w = tensor([[1], [2]]);
      console.log(await jit(grad((w) => matmul(tensor([[3, 4]]), w)))(w));`,
  },
  {
    name: "Sequential, Dense, Adam, fit",
    // A network from the README. 107 before losses, metrics, optimizers and initializers could all be had by name, before
    // what optimizers can do (groups, accumulation, averages, schedules), graphs of layers, configs, masks and regularizers;
    // 152 with them, 140.6 when modules stood like beside like and frames had been cut, and then data sets, callbacks,
    // lost devices and runs that are resumed: 148. Then rarer names came in with `gradgpu/names` (8), and what takes batches and
    // cuts packed vectors has no gradient any more (3), and powers, gelu and sinh lie apart from exp and tanh (1.3); then clipping, groups,
    // states of optimizers, class weights, matrix units and what explain says of fusing were imported by those who use them (7).
    // 131 then, until pages left out what only Node has (the terminal's bar, files, Dawn, helpers that compile: 3.4) and
    // normal initializers, some activations and optimizers went to `gradgpu/names` (2). An import() of an own file would
    // have esbuild wrap each module that the file stands on: 3.5 KB. 125.6 before the 0.1 and 0.06 named above.
    most: 125.7,
    // The rest is what GPUs and tuning need, loaded when a GPU is opened. 110.6 before jitted functions that are dropped gave
    // their memory back.
    mostAtFirst: 110.7,
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
// bins, ranges and methods, losses, metrics, layers and optimizers by name; 554 and 1,935 before pipelines and loaders of
// data (43 packed), logs and their page (30), checkpoints, recovery, CTC, loops and recurrent layers; 780 and 2,696 before
// plots, workers, diagnoses and attention; 903 and 3,139 before kernels for GPUs with subgroups of several sizes and functions in
// place of options; 915 and 3,175 before diagrams, windows over series, bounds of time on GPUs and rows with several loads on their way;
// 929 and 3,225 before recurrences in one kernel (12), loss scaling (2.5) and pooling behind convolutions;
// 946 and 3,282 before mixed precision (6), short rows and gates of recurrent layers in kernels of their own (6), products split along K;
// 963 and 3,344 before the batch came first in recurrences, and dropped states in their kernels.
/** Of the tarball, in KB: what an install downloads, and what it takes on the disk. */
export const tarball = { packed: 970, unpacked: 3365 };

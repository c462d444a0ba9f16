// npm start: trains a digit classifier on the real MNIST, and writes curves and numbers to out/mnist/.

import { mnist } from "../data/index.ts";
import { type Device, dispose, GradgpuError, init, tensor } from "../engine/index.ts";
import { BatchNormalization, Dense, Dropout, type History, Input, Sequential } from "../nn/index.ts";
import { plotHistory } from "../nn/plot/index.ts";
import { Adam } from "../optim/index.ts";
import { unwritable, writeWhole } from "../scripts/output-files.mjs";
import { parseTrainingArguments, type TrainingArguments, UsageError } from "./support/arguments.ts";
import { type EndingSignal, endBy, watchSignals } from "./support/ending.ts";
import { median } from "./support/statistics.ts";

const usage = `npm start -- [options]

Trains a digit classifier on the 60,000 images of MNIST and tests it on the other 10,000.

  --epochs N     how often to go through the training images (default 10)
  --seed N       of initial weights, dropout masks and shuffles (default 1)
  --device NAME  auto (the default: WebGPU where there is an adapter), webgpu or cpu
  --help         print this and end

Writes out/mnist/curves.svg, curves.png and result.json; after Ctrl-C, of the epochs that are done.
`;
const directory = "out/mnist";
const pictures = [`${directory}/curves.svg`, `${directory}/curves.png`];
const resultFile = `${directory}/result.json`;
const batchSize = 128;

const print = (line = "") => process.stdout.write(`${line}\n`);

function printDevice({ kind, info }: Device, wanted: TrainingArguments["device"]): void {
  if (kind === "webgpu") {
    const software = info.isSoftware ? " (software: the CPU does a GPU's work)" : "";
    print(`device: WebGPU, ${info.adapter}${software}`);
    print(`driver: ${info.driver}`);
    return;
  }
  if (wanted === "auto") {
    print(
      "An epoch takes minutes there; `npm run doctor` says what is missing, and --epochs 1 makes it short.",
    );
  }
  print(`device: ${info.adapter}`);
}

/** 784-64-BN-64-BN-64-BN-dropout-10. Pixels are bytes on the device and become 0 to 1 as they come in. */
function buildModel(): Sequential {
  return new Sequential([
    new Input([784], { byteScale: 1 / 255 }),
    new Dense(64, { activation: "relu" }),
    new BatchNormalization(),
    new Dense(64, { activation: "relu" }),
    new BatchNormalization(),
    new Dense(64, { activation: "relu" }),
    new BatchNormalization(),
    new Dropout(0.2),
    new Dense(10, { activation: "softmax" }),
  ]);
}

/** @throws OutputError where a file could not be written after the training: that is told before it */
async function checkOutputs(): Promise<void> {
  for (const file of [...pictures, resultFile]) {
    const why = await unwritable(file);
    if (why !== undefined) throw new OutputError(`${why}; nothing was trained`);
  }
}

async function train(options: TrainingArguments): Promise<void> {
  const { epochs, seed, device: wanted } = options;
  await checkOutputs();
  const { train: training, test } = await mnist.load();
  const device = await init({ device: wanted, seed });
  printDevice(device, wanted);
  print();

  const x = tensor(training.images, [training.shape[0], 784]);
  const y = tensor(training.labels);
  const testX = tensor(test.images, [test.shape[0], 784]);
  const testY = tensor(test.labels);

  const model = buildModel();
  model.compile({
    optimizer: new Adam({ learningRate: 1e-3 }),
    loss: "sparseCategoricalCrossentropy",
    metrics: ["accuracy"],
  });
  model.summary();

  const controller = new AbortController();
  let endedBy: EndingSignal | undefined;
  const unwatch = watchSignals((signal) => {
    endedBy = signal;
    // Kernels may be compiling, which takes its time; and there is nothing to be kept.
    if (!model.history?.epoch.length) endBy(signal);
    controller.abort();
  });
  const begun = performance.now();
  try {
    await model.fit(x, y, {
      batchSize,
      epochs,
      // As note 001 does: the test images are looked at after each epoch, and never trained on.
      validationData: [testX, testY],
      verbose: 1,
      signal: controller.signal,
    });
  } catch (error) {
    if (endedBy === undefined) throw error;
  }
  const trainingSeconds = (performance.now() - begun) / 1000;
  await report(model.history!, { device, trainingSeconds, wanted: options, isCut: endedBy !== undefined });
  unwatch();
  if (endedBy !== undefined) endBy(endedBy);
}

interface Outcome {
  device: Device;
  trainingSeconds: number;
  wanted: TrainingArguments;
  /** Whether a signal ended it before the last epoch. */
  isCut: boolean;
}

/** Prints what came out, then writes it: where the one fails, the other is there. */
async function report(
  { history, epoch, epochSeconds, firstStepMs }: History,
  outcome: Outcome,
): Promise<void> {
  const { device, trainingSeconds, wanted, isCut } = outcome;
  const epochs = epoch.length;
  // The test images are those that each epoch was validated on.
  const testAccuracy = history.valAccuracy[epochs - 1];
  // The first epoch compiles the kernels; where it is the only one, it has to do.
  const secondsPerEpoch = median(epochs > 1 ? epochSeconds.slice(1) : epochSeconds);

  print();
  if (isCut) print(`interrupted: ${epochs} of ${wanted.epochs} epochs are done`);
  print(`first step        ${firstStepMs.toFixed(0)} ms (compiles the kernels)`);
  const which = epochs > 1 ? "median of all but the first" : "the only one";
  print(`an epoch          ${secondsPerEpoch.toFixed(2)} s of training (${which})`);
  const all = epochs > 1 ? `all ${epochs} epochs` : "all of it";
  print(`${all.padEnd(17)} ${trainingSeconds.toFixed(1)} s, testing after each epoch included`);
  print(`test accuracy     ${(100 * testAccuracy).toFixed(2)} % of the 10,000 test images`);
  print();

  const { backend, adapter, driver } = device.info;
  const result = {
    testAccuracy,
    history,
    secondsPerEpoch,
    firstStepMs,
    device: { backend, adapter, driver },
    seed: wanted.seed,
    epochs,
    ...(isCut ? { isInterrupted: true } : {}),
  };
  try {
    await writeWhole(resultFile, `${JSON.stringify(result, undefined, 2)}\n`);
    const curves = plotHistory(history, {
      title: `MNIST, 784-64-64-64-10 with batch normalization (seed ${wanted.seed})`,
      names: ["loss", "accuracy"],
      labels: { loss: "cross-entropy (nats per image)", accuracy: "correct (share of images)" },
      validation: "test images",
    });
    for (const file of pictures) await curves.save(file, { width: 1120 });
    print(`wrote ${pictures.join(", ")} and ${resultFile}`);
  } catch (error) {
    throw new OutputError(`the results could not be written: ${(error as Error).message}`);
  }
}

class OutputError extends Error {}

try {
  const options = parseTrainingArguments(process.argv.slice(2), { epochs: 10, seed: 1, device: "auto" });
  if (options.isHelp) process.stdout.write(usage);
  else await train(options);
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`mnist: ${error.message}\n\n${usage}`);
    process.exitCode = 2;
  } else if (error instanceof GradgpuError || error instanceof OutputError) {
    process.stderr.write(`mnist: ${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
} finally {
  dispose();
}

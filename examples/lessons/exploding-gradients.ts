// Weights that are too large make gradients grow from layer to layer; clipping and batch normalization against it.

import {
  Activation,
  BatchNormalization,
  Dense,
  diagnose,
  Input,
  initializers,
  type Layer,
  Sequential,
} from "gradgpu/nn";
import { globalClipNorm, SGD } from "gradgpu/optim";
import { digits } from "./frame/data.ts";
import { gradientSizes } from "./frame/gradients.ts";
import type { Course } from "./frame/lesson.ts";

const large = () => initializers.randomNormal({ stddev: 0.3 });
const { heNormal } = initializers;
const rate = 0.05;

/** A network of so many hidden layers. */
function deep(depth: number, block: () => Layer[], optimizer = new SGD({ learningRate: rate })) {
  const model = new Sequential([
    new Input([784], { byteScale: 1 / 255 }),
    ...Array.from({ length: depth }, block).flat(),
    new Dense(10, { activation: "softmax" }),
  ]);
  return model.compile({ optimizer, loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
}
const relu = (kernelInitializer: initializers.Initializer) => () => [
  new Dense(64, { activation: "relu", kernelInitializer }),
];
const normalized = (kernelInitializer: initializers.Initializer) => () => [
  new Dense(64, { kernelInitializer }),
  new BatchNormalization({ momentum: 0.9 }),
  new Activation("relu"),
];

export async function exploding({ size, watch, keep, tick }: Course) {
  const { x, y, testX, testY } = await digits(size.rows, size.tests);
  const some = [x.subarray(0, 256 * 784), y.subarray(0, 256), "bias"] as const;

  // The gradients that reach each layer, before training.
  keep("large weights: gradients", await gradientSizes(deep(10, relu(large())), ...some));
  keep("He's weights: gradients", await gradientSizes(deep(10, relu(heNormal())), ...some));
  const kernels = [some[0], some[1]] as const;
  for (const depth of [5, 10, 20, 30]) {
    keep(`batch norm, ${depth} layers`, await gradientSizes(deep(depth, normalized(heNormal())), ...kernels));
    await tick(depth, 30);
  }

  // What diagnose says of the network from large weights.
  const { warnings } = await diagnose(deep(10, relu(large())), ...kernels);
  keep(
    "warnings",
    warnings.map(({ text }) => text),
  );

  // Training from large weights: as it is, clipped, and with batch normalization.
  const clipped = new SGD({ learningRate: rate, clipping: globalClipNorm(1) });
  const models = {
    "as it is": deep(10, relu(large())),
    clipped: deep(10, relu(large()), clipped),
    "batch norm": deep(10, normalized(large())),
    "He's weights": deep(10, relu(heNormal())),
  };
  for (const [name, model] of Object.entries(models)) {
    await model.fit(x, y, {
      batchSize: 128,
      epochs: size.epochs,
      validationData: [testX, testY],
      ...watch(name),
    });
  }
}

// Note 001's weight initialization: what comes out of one layer, by initializer and activation.

import { RandomGenerator } from "gradgpu";
import { Activation, Dense, initializers, Sequential } from "gradgpu/nn";
import type { Course } from "./frame/lesson.ts";

const { zeros, randomNormal, glorotNormal, glorotUniform, heNormal } = initializers;

export async function initialization({ keep }: Course) {
  const n_input = 784;
  const n_dense = 256;
  const b_init = zeros();
  const x = new RandomGenerator().uniform([1, n_input]);

  const w_inits = {
    "normal(1)": randomNormal({ stddev: 1.0 }),
    "Glorot normal": glorotNormal(),
    "Glorot uniform": glorotUniform(),
    "He normal": heNormal(),
  };
  for (const [name, w_init] of Object.entries(w_inits)) {
    for (const activation of ["sigmoid", "tanh", "relu"]) {
      const model = new Sequential();
      model.add(
        new Dense(n_dense, { inputDim: n_input, kernelInitializer: w_init, biasInitializer: b_init }),
      );
      model.add(new Activation(activation));

      const outputs = await model.predict(x);
      keep(`${activation}, ${name}`, [...(await outputs.data())]);
    }
  }
}

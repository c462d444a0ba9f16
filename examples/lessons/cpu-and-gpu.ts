// The notes' networks for 20 steps on the CPU reference and on WebGPU, from the same weights.

import { device, init, setDevice } from "gradgpu";
import { BatchNormalization, Dense, Dropout, Input, type Layer, Sequential, StepLosses } from "gradgpu/nn";
import { digits } from "./frame/data.ts";
import type { Course } from "./frame/lesson.ts";

const relu = (units: number) => new Dense(units, { activation: "relu" });
export const nets: Record<string, () => Layer[]> = {
  "784-100-10": () => [relu(100)],
  "784-64-BN-64-BN-64-BN-dropout-10": () => [
    ...[64, 64, 64].flatMap((units) => [relu(units), new BatchNormalization()]),
    new Dropout(0.2),
  ],
  "784-512-512-256-256-128-128-8-10": () => [512, 512, 256, 256, 128, 128, 8].map(relu),
};

export async function cpuAndGpu({ seed, size, keep, tick }: Course) {
  const { x, y } = await digits(20 * size.batch, 0);
  const given = device();
  const wanted = given.kind === "webgpu" ? (["webgpu", "cpu"] as const) : (["cpu"] as const);

  for (const [i, kind] of wanted.entries()) {
    for (const [k, [name, hidden]] of Object.entries(nets).slice(0, size.nets).entries()) {
      // The same seed gives the same weights, masks and order on both.
      const own = kind === given.kind ? given : await init({ device: kind, seed });
      own.setSeed(seed);
      const model = new Sequential([
        new Input([784], { byteScale: 1 / 255 }),
        ...hidden(),
        new Dense(10, { activation: "softmax" }),
      ]);
      model.compile({ optimizer: "adam", loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
      const { steps, epochSeconds } = await model.fit(x, y, {
        batchSize: size.batch,
        epochs: 1,
        verbose: 0,
        callbacks: new StepLosses(),
      });
      keep(`${name} on ${kind}`, steps.loss);
      keep(`${name} on ${kind}: seconds`, epochSeconds[0]);
      if (own !== given) {
        own.dispose();
        setDevice(given);
      }
      await tick(i * size.nets + k + 1, wanted.length * size.nets);
    }
  }
}

// A GAN: generator and discriminator, with an optimizer each, take their steps in one traced function.
// node scripts/run.mjs --setup examples/gan.ts; options: --steps 1000, --device auto | webgpu | cpu.

import { parseArgs } from "node:util";
import {
  add,
  concat,
  dispose,
  type InitOptions,
  init,
  jit,
  mean,
  mul,
  ones,
  RandomGenerator,
  sigmoidCrossEntropy,
  standardDeviation,
  tensor,
  tidy,
  zeros,
} from "gradgpu";
import { Dense, Input, LeakyReLU, Sequential } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";

const { values: options } = parseArgs({
  options: {
    steps: { type: "string", default: "1000" },
    device: { type: "string", default: "auto" },
  },
});
const steps = Number(options.steps);
const batchSize = 64;
const noiseSize = 4;

await init({ device: options.device as InitOptions["device"], seed: 1 });
const random = new RandomGenerator();

/** What the generator is to imitate: points around (2, -1), wider than high. */
const real = (count: number) => add(mul(random.normal([count, 2]), tensor([1, 0.5])), tensor([2, -1]));

const generator = new Sequential([
  new Input([noiseSize]),
  new Dense(16, { activation: "relu" }),
  new Dense(2),
]);
const discriminator = new Sequential([new Input([2]), new Dense(16), new LeakyReLU(), new Dense(1)]);
const make = (count: number) => generator.call(random.normal([count, noiseSize]), { training: true });
const judge = (points: ReturnType<typeof real>) => discriminator.call(points, { training: true });

const settings = { learningRate: 2e-3, beta1: 0.5 };
const generatorOptimizer = new Adam(settings).build(generator.trainableWeights);
const discriminatorOptimizer = new Adam(settings).build(discriminator.trainableWeights);

/** The discriminator learns to tell real from made, then the generator to be taken for real. Nothing is read back. */
const step = jit(() => {
  const both = concat([real(batchSize), make(batchSize)], 0);
  const isReal = concat([ones([batchSize, 1]), zeros([batchSize, 1])], 0);
  const told = discriminatorOptimizer.minimize(
    () => mean(sigmoidCrossEntropy(judge(both), isReal)),
    discriminator.trainableWeights,
  );
  const fooled = generatorOptimizer.minimize(
    () => mean(sigmoidCrossEntropy(judge(make(batchSize)), ones([batchSize, 1]))),
    generator.trainableWeights,
  );
  return [told, fooled] as const;
});

async function show(when: string): Promise<void> {
  const points = make(1000);
  const [center, spread] = tidy(() => [mean(points, 0), standardDeviation(points, 0)]);
  const text = async (numbers: typeof center) =>
    Array.from(await numbers.data(), (value) => value.toFixed(2)).join(" ");
  console.log(`${when}: made around ${await text(center)}, as wide as ${await text(spread)}`);
  for (const one of [points, center, spread]) one.dispose();
}

await show("before");
const [told, fooled] = step.run({ steps });
console.log(`losses: ${(await told.item()).toFixed(3)} and ${(await fooled.item()).toFixed(3)}`);
await show("after");
console.log("wanted: around 2 -1, as wide as 1 0.5");
dispose();

// An LSTM that forecasts a noisy wave: node scripts/run.mjs --setup examples/forecast.ts
// Options: --epochs 10, --quick (a short series, a little net), --device auto | webgpu | cpu.

import { parseArgs } from "node:util";
import { add, dispose, type InitOptions, init, RandomGenerator, tensor } from "gradgpu";
import { NdArray, timeseriesDatasetFromArray } from "gradgpu/data";
import { Dense, Input, LSTM, Sequential } from "gradgpu/nn";
import { Adam } from "gradgpu/optim";
import { sparkline } from "gradgpu/plot";

const { values: options } = parseArgs({
  options: {
    epochs: { type: "string" },
    quick: { type: "boolean", default: false },
    device: { type: "string", default: "auto" },
  },
});
const [steps, window, units] = options.quick ? [400, 12, 8] : [4_000, 48, 32];
const epochs = Number(options.epochs ?? (options.quick ? 12 : 10));

await init({ device: options.device as InitOptions["device"], seed: 1 });

// A day of 24 hours, a week that swells and ebbs, and noise: what nobody can foretell.
const noise = 0.2;
const wave = Float32Array.from(
  { length: steps },
  (_, t) => Math.sin((2 * Math.PI * t) / 24) * (1 + 0.5 * Math.sin((2 * Math.PI * t) / 168)),
);
const values = (await add(
  tensor(wave),
  new RandomGenerator({ seed: 1 }).normal([steps], { stddev: noise }),
).data()) as Float32Array;

// From a window of hours the hour behind it: target i belongs to the window that begins at hour i.
const series = new NdArray(values, [steps, 1]);
const targets = values.subarray(window);
const cut = Math.floor(0.8 * steps);
const train = timeseriesDatasetFromArray(series, targets, window, {
  batchSize: 32,
  shuffle: true,
  endIndex: cut,
});
const test = timeseriesDatasetFromArray(series, targets, window, { startIndex: cut });

const model = new Sequential([new Input([window, 1]), new LSTM(units), new Dense(1)]);
model.compile({
  optimizer: new Adam({ learningRate: options.quick ? 2e-2 : 3e-3 }),
  loss: "meanSquaredError",
  metrics: ["meanAbsoluteError"],
});
console.log(
  `${steps} hours; from ${window} of them the next: ${train.cardinality} batches to learn from, ${test.cardinality} to test`,
);
await model.fit(train, { epochs, validationData: test });

// Beside it: what needs no learning, and what no learning can beat.
const [, error] = await model.evaluate(test, { verbose: 0 });
const meanError = (guess: (hour: number) => number) => {
  const hours = Array.from({ length: steps - cut - window }, (_, i) => cut + window + i);
  return hours.reduce((sum, hour) => sum + Math.abs(values[hour] - guess(hour)), 0) / hours.length;
};
console.log(`\nmean error of the net ${error.toFixed(3)}`);
console.log(`of "as an hour ago" ${meanError((hour) => values[hour - 1]).toFixed(3)}`);
console.log(`of "as a day ago" ${meanError((hour) => values[hour - 24]).toFixed(3)}`);
console.log(`of one who knows all but the noise ${meanError((hour) => wave[hour]).toFixed(3)}`);

// Two days ahead: each hour that it foretells goes in as if it had come.
const known = [...values.subarray(steps - 48 - window, steps - 48)];
for (let hour = 0; hour < 48; hour++) {
  const last = new NdArray(Float32Array.from(known.slice(-window)), [1, window, 1]);
  known.push(...(await (await model.predict(last)).data()));
}
console.log(`\nforetold ${sparkline(known.slice(window), { min: -2, max: 2 })}`);
console.log(`came     ${sparkline(values.subarray(-48), { min: -2, max: 2 })}`);
dispose();

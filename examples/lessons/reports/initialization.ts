// How saturated a layer's outputs are, by initializer and activation.

import { type HistogramPanel, histogramPanel } from "../frame/figure.ts";
import { lesson } from "../frame/lesson.ts";
import { bySeed, deviation, mean, numbersOf, percent } from "../frame/measured.ts";
import { initialization } from "../initialization.ts";

/** The share of outputs at the flat ends of the function, or of zeros for relu. */
const saturated = (activation: string, values: readonly number[]) =>
  mean(
    values.map((value) => {
      if (activation === "tanh") return Math.abs(value) > 0.95 ? 1 : 0;
      if (activation === "sigmoid") return value < 0.05 || value > 0.95 ? 1 : 0;
      return value === 0 ? 1 : 0;
    }),
  );
const initializers = ["normal(1)", "Glorot normal", "Glorot uniform", "He normal"];
const panel = (activation: string, init: string, values: readonly number[]): HistogramPanel =>
  histogramPanel(`${activation}, ${init}`, "output of a unit", values, 24);

const isLower = (activation: "tanh" | "sigmoid") => (runs: Parameters<typeof bySeed>[0]) =>
  bySeed(runs, {
    measure: (run) => ({
      normal: saturated(activation, numbersOf(run, `${activation}, normal(1)`)),
      glorot: saturated(activation, numbersOf(run, `${activation}, Glorot normal`)),
      uniform: saturated(activation, numbersOf(run, `${activation}, Glorot uniform`)),
    }),
    isTrue: ({ normal, glorot, uniform }) => normal > 0.5 && glorot < 0.1 && uniform < 0.1,
    tell: (text) =>
      `${text("normal", percent)} of the units lie at the flat ends with normal(1), ${text("glorot", percent)} with Glorot normal, ${text("uniform", percent)} with Glorot uniform`,
  });

export default lesson({
  name: "initialization",
  title: "Starting weights and saturated neurons",
  korean: "가중치 초기화",
  notes: ["001"],
  topic: "Starting weights and gradients",
  experiments: ["E1"],
  about: `
One row of 784 random numbers goes through one layer of 256 units. With weights from a normal distribution of standard deviation 1 the
sums are large, about √(784 / 3) = 16, and sigmoid and tanh are flat out there: their gradients are next to 0, the neurons are
*saturated*. Glorot's (Xavier's) distributions are narrower, the more so the more inputs and units there are. Counted as saturated are
outputs of tanh beyond ±0.95, and of sigmoid outside of 0.05 to 0.95.`,
  sizes: { quick: {}, usual: {}, full: {}, cpu: {} },
  seeds: { quick: 3, usual: 20, full: 20, cpu: 3 },
  parts: () => 1,
  program: initialization,
  claims: [
    { note: "001", says: "Good initialization lowers saturation: tanh.", judge: isLower("tanh") },
    { note: "001", says: "Good initialization lowers saturation: sigmoid.", judge: isLower("sigmoid") },
    {
      note: "001",
      says: "ReLU with normal(1) saturates, and with Glorot's weights does not.",
      judge: (runs) => ({
        ...bySeed(runs, {
          measure: (run) => ({
            normal: saturated("relu", numbersOf(run, "relu, normal(1)")),
            glorot: saturated("relu", numbersOf(run, "relu, Glorot normal")),
            ratio:
              deviation(numbersOf(run, "relu, normal(1)")) / deviation(numbersOf(run, "relu, Glorot normal")),
          }),
          isTrue: () => false,
          tell: (text) =>
            `${text("normal", percent)} of the units give 0 with normal(1) and ${text("glorot", percent)} with Glorot normal; the outputs are ${text("ratio")} times as wide`,
          range:
            "ReLU has no upper end to saturate at, and half of the sums are negative whatever their width: what differs is the scale, which grows from layer to layer.",
        }),
        verdict: "not applicable",
      }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "histograms",
      title: "What comes out of a layer",
      caption:
        "Outputs of the layer by activation and starting weights. Tanh and sigmoid that pile up at their ends are saturated; ReLU has no upper end.",
      panels: ["tanh", "relu", "sigmoid"].flatMap((activation) =>
        ["normal(1)", "Glorot normal"].map((init) =>
          panel(activation, init, numbersOf(run, `${activation}, ${init}`)),
        ),
      ),
    }),
  ],
  tables: (runs) => [
    {
      title: "Saturated units",
      rows: [
        ["initializer", "sigmoid", "tanh", "ReLU (zeros)"],
        ...initializers.map((init) => [
          init,
          ...["sigmoid", "tanh", "relu"].map((activation) =>
            percent(mean(runs.map((run) => saturated(activation, numbersOf(run, `${activation}, ${init}`))))),
          ),
        ]),
      ],
    },
  ],
});

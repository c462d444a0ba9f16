// How gradients grow with the depth, and what holds them.

import { exploding } from "../exploding-gradients.ts";
import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, curvesOf, keptBy, last, least, numbersOf, percent, spread } from "../frame/measured.ts";

const growth = (run: Run, name: string) => {
  const sizes = numbersOf(run, `${name}: gradients`);
  return sizes[0] / sizes[9];
};
const trained = ["as it is", "clipped", "batch norm", "He's weights"];
const depths = [5, 10, 20, 30];
const accuracy = (run: Run, name: string) => last(curvesOf(run, name).valAccuracy);
const loss = (run: Run, name: string) => last(curvesOf(run, name).loss);

export default lesson({
  name: "exploding-gradients",
  title: "Exploding gradients: clipping and batch normalization",
  korean: "기울기 폭주(Exploding)",
  notes: ["002", "003"],
  topic: "Starting weights and gradients",
  about: `
Ten ReLU layers of 64 units whose weights have a standard deviation of 0.3, where He's would have 0.18: on its way back, and on its way
forward, everything grows by a factor of about 1.7 a layer. What reaches a layer is measured as the root mean square of its bias'
gradient, for 256 digits. Then the same network is trained by SGD with a rate of 0.05: as it is, with the gradient's norm clipped to
1, and with batch normalization before each ReLU. Note 002 has a heading for this and no text, note 003 says that batch
normalization prevents it.`,
  sizes: {
    quick: { rows: 2000, tests: 1000, epochs: 10 },
    usual: { rows: 10_000, tests: 2000, epochs: 6 },
    full: { rows: 60_000, tests: 10_000, epochs: 10 },
    cpu: { rows: 300, tests: 100, epochs: 1 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  parts: () => 1 + trained.length,
  program: exploding,
  claims: [
    {
      note: "002",
      says: "Gradients explode: they grow from the last layer to the first.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ large: growth(run, "large weights"), he: growth(run, "He's weights") }),
          isTrue: ({ large, he }) => large > 30 && he < 10,
          tell: (text) =>
            `over ten layers they grow ${text("large")} times with large weights and ${text("he")} times with He's`,
        }),
    },
    {
      note: "002",
      says: "A network whose gradients explode does not learn.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ plain: accuracy(run, "as it is"), he: accuracy(run, "He's weights") }),
          isTrue: ({ plain, he }) => plain < 0.3 && he > 0.5,
          tell: (text) =>
            `${text("plain", percent)} of new digits are right from large weights, ${text("he", percent)} from He's`,
        }),
    },
    {
      note: "002",
      says: "Clipping the gradient's norm lets it learn.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            clipped: accuracy(run, "clipped"),
            plain: accuracy(run, "as it is"),
            first: curvesOf(run, "clipped").loss[0],
            end: loss(run, "clipped"),
          }),
          isTrue: ({ clipped, plain, first, end }) => end < first && clipped > plain + 0.1,
          tell: (text) =>
            `right ${text("clipped", percent)}, without clipping ${text("plain", percent)}; the clipped loss goes from ${text("first")} to ${text("end")}`,
          range: () =>
            `Clipping keeps steps finite; it does not make large weights small. From He's weights ${spread(
              runs.map((run) => accuracy(run, "He's weights")),
              percent,
            )} are right, without clipping.`,
        }),
    },
    {
      note: "003",
      says: "Batch normalization prevents exploding gradients: the net learns from large weights.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({ normalized: accuracy(run, "batch norm"), plain: accuracy(run, "as it is") }),
          isTrue: ({ normalized, plain }) => normalized > plain + 0.2,
          tell: (text) => `right ${text("normalized", percent)}, without it ${text("plain", percent)}`,
        }),
    },
    {
      note: "003",
      says: "With batch normalization gradients do not explode, however deep the net.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) =>
            Object.fromEntries(
              depths.map((depth) => {
                const sizes = numbersOf(run, `batch norm, ${depth} layers`);
                return [`layers${depth}`, sizes[1] / sizes[depth - 1]];
              }),
            ),
          isTrue: (numbers) => numbers.layers30 < 10,
          tell: (text) =>
            `kernel gradients, second hidden layer to the last, with He's weights: ${depths.map((depth) => `${text(`layers${depth}`)} at ${depth} layers`).join(", ")}`,
          range: (all) =>
            `That is a factor of ${spread(all.map(({ layers30 }) => layers30 ** (1 / 28)))} a layer at 30 layers, before training; theory has √(π / (π - 1)) = 1.21 for ReLU.`,
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "layers",
      title: "Gradients that reach each layer",
      caption:
        "What reaches each layer on its way back, from the output (right) to the input (left), by starting weights.",
      panels: [
        {
          kind: "lines",
          title: "Before training, 256 digits",
          x: { label: "layer, from the input" },
          y: { label: "root mean square of the bias' gradient", isLog: true },
          series: ["large weights", "He's weights"].map((name) => ({
            name,
            y: numbersOf(run, `${name}: gradients`),
          })),
        },
        {
          kind: "lines",
          title: "Batch normalization, He's weights, before training",
          x: { label: "layer, from the input" },
          y: { label: "root mean square of the kernel's gradient", isLog: true },
          series: depths.map((depth) => ({
            name: `${depth} layers`,
            x: Array.from({ length: depth - 1 }, (_, i) => i + 2),
            y: numbersOf(run, `batch norm, ${depth} layers`).slice(1, depth),
          })),
        },
      ],
    }),
    ([run]) => ({
      name: "training",
      title: "Trained from large weights",
      caption:
        "Share of new digits that are right, epoch by epoch, from large weights: as it is, clipped, with batch normalization; and from He's weights.",
      panels: [
        {
          kind: "lines",
          title: "Accuracy on new digits",
          x: { label: "epoch" },
          y: { label: "right (share of images)", low: 0, high: 1 },
          series: trained.map((name) => ({ name, y: curvesOf(run, name).valAccuracy })),
        },
      ],
    }),
  ],
  sections: ([run]) => [
    {
      title: "What diagnose says of the network from large weights",
      text: (keptBy(run, "warnings") as readonly string[]).map((text) => `- ${text}`).join("\n"),
    },
  ],
  tables: ([run]) => [
    {
      title: "Losses",
      rows: [
        ["network", "least training loss", "last training loss"],
        ...trained.map((name) => {
          const { loss } = curvesOf(run, name);
          return [name, least(loss.filter(Number.isFinite)).toPrecision(3), last(loss).toPrecision(3)];
        }),
      ],
    },
  ],
});

// What a batch costs and how noisy its loss is.

import { batchSizes, compareBatchSizes } from "../batch-sizes.ts";
import { lesson, type Run } from "../frame/lesson.ts";
import {
  bySeed,
  curvesOf,
  deviation,
  least,
  mean,
  numberOf,
  numbersOf,
  percent,
  show,
} from "../frame/measured.ts";

const namesOf = (run: Run) =>
  [...run.kept.keys()].filter((name) => /^batch \d+$/.test(name)).sort((a, b) => sizeOf(b) - sizeOf(a));
const sizeOf = (name: string) => Number(name.slice(6));
const allOf = (run: Run) => namesOf(run)[0];
const secondsOf = (run: Run, name: string) => least(numbersOf(run, `${name}: seconds`));
const stepsOf = (run: Run, name: string) =>
  numbersOf(run, `${name}: losses`).length / numbersOf(run, `${name}: seconds`).length;
const stepMs = (run: Run, name: string) => (1000 * secondsOf(run, name)) / stepsOf(run, name);
const lossAtEnd = (run: Run, name: string) =>
  curvesOf(run, name).valLoss[curvesOf(run, name).valLoss.length - 1];
/** How much the loss jumps from step to step, in its second half. */
const noise = (run: Run, name: string) => {
  const losses = numbersOf(run, `${name}: losses`);
  const late = losses.slice(Math.floor(losses.length / 2));
  return deviation(late.slice(1).map((loss, i) => loss - late[i])) / Math.SQRT2;
};
const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

export default lesson({
  name: "batch-sizes",
  title: "Batch, mini-batch and single samples: time, noise, memory",
  korean: "배치 크기(batch size)에 따른 경사 하강법",
  notes: ["002", "004"],
  topic: "Batches, memory and devices",
  about: `
*Batch gradient descent* takes all samples for one update, *stochastic gradient descent* one sample, *mini-batch* descent so many. The same
network, 784-100-10, goes over the same digits as often with each; SGD's rate is 0.1, and 0.01 for single samples. Time and memory are
this machine's; noise is how much the loss differs from one step to the next.`,
  sizes: {
    quick: { rows: 2000, tests: 500, epochs: 2 },
    usual: { rows: 10_000, tests: 1000, epochs: 2 },
    full: { rows: 48_000, tests: 10_000, epochs: 3 },
    cpu: { rows: 128, tests: 50, epochs: 2 },
  },
  seeds: { quick: 1, usual: 2, full: 3, cpu: 1 },
  cut: "All 48,000 rows in one batch exceed what some adapters bind at once; the usual form takes 10,000.",
  isWeighing: true,
  parts: ({ rows }) => batchSizes(rows).length,
  program: compareBatchSizes,
  machine: ["all", "one", "mini", "perStep", "epochAll", "epochOne", "bytes", "bytesOne"],
  claims: [
    {
      note: "002",
      says: "With all samples an update takes long.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            all: stepMs(run, allOf(run)),
            mini: stepMs(run, "batch 32"),
            one: stepMs(run, "batch 1"),
          }),
          isTrue: ({ all, mini, one }) => all > mini && all > one,
          tell: (text) =>
            `an update takes ${text("all")} ms with all samples, ${text("mini")} ms with 32, ${text("one")} ms with one`,
        }),
    },
    {
      note: "002",
      says: "With all samples it takes much memory.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            bytes: numberOf(run, `${allOf(run)}: bytes`),
            bytesOne: numberOf(run, "batch 1: bytes"),
          }),
          isTrue: ({ bytes, bytesOne }) => bytes > 1.2 * bytesOne,
          tell: (text) =>
            `at most ${text("bytes", megabytes)} with all samples, ${text("bytesOne", megabytes)} with one; the data themselves are among both`,
        }),
    },
    {
      note: "004",
      says: "Single samples are certainly faster.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            epochAll: secondsOf(run, allOf(run)),
            epochOne: secondsOf(run, "batch 1"),
          }),
          isTrue: ({ epochAll, epochOne }) => epochOne < epochAll,
          tell: (text) =>
            `an epoch takes ${text("epochOne")} s by single samples, ${text("epochAll")} s by all at once`,
          range: `A step is another matter: ${show(mean(runs.map((run) => stepMs(run, "batch 1"))))} ms by one sample, ${show(mean(runs.map((run) => stepMs(run, allOf(run)))))} ms by all; but an epoch by single samples has ${stepsOf(runs[0], "batch 1") / stepsOf(runs[0], allOf(runs[0]))} times as many.`,
        }),
    },
    {
      note: "002",
      says: "Single samples' steps are unsteady: the loss goes up and down.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            single: noise(run, "batch 1"),
            small: noise(run, "batch 32"),
            large: noise(run, "batch 128"),
          }),
          isTrue: ({ single, small, large }) => single > small && small > large,
          tell: (text) =>
            `from step to step the loss deviates by ${text("single")} with one sample, ${text("small")} with 32, ${text("large")} with 128`,
        }),
    },
    {
      note: "002",
      says: "Mini-batches are quicker than all samples: after as many epochs the loss is lower.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            batchLoss: lossAtEnd(run, allOf(run)),
            miniLoss: lossAtEnd(run, "batch 32"),
            singleLoss: lossAtEnd(run, "batch 1"),
          }),
          isTrue: ({ batchLoss, miniLoss }) => miniLoss < batchLoss,
          tell: (text) =>
            `validation loss ${text("batchLoss")} with all samples, ${text("miniLoss")} with 32, ${text("singleLoss")} with one`,
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "losses",
      title: "The loss step by step",
      caption: "The loss of each step over the share of all samples seen.",
      panels: [
        {
          kind: "lines",
          title: "Training loss",
          x: { label: "epochs" },
          y: { label: "cross-entropy (nats per image)" },
          series: ["batch 1", "batch 32", "batch 128", allOf(run)].map((name) => {
            const losses = numbersOf(run, `${name}: losses`);
            const every = Math.ceil(losses.length / 150);
            const some = losses.filter((_, i) => i % every === 0);
            return { name, x: some.map((_, i) => (i * every + 1) / stepsOf(run, name)), y: some };
          }),
        },
      ],
    }),
  ],
  tables: (runs) => [
    {
      title: "By batch size",
      rows: [
        [
          "batch",
          "steps an epoch",
          "ms a step",
          "s an epoch",
          "most memory",
          "noise",
          "validation loss",
          "right",
        ],
        ...namesOf(runs[0]).map((name) => [
          sizeOf(name),
          stepsOf(runs[0], name),
          show(stepMs(runs[0], name)),
          show(secondsOf(runs[0], name)),
          megabytes(numberOf(runs[0], `${name}: bytes`)),
          // One step an epoch has no deviation.
          stepsOf(runs[0], name) > 1 ? show(mean(runs.map((run) => noise(run, name)))) : "–",
          show(mean(runs.map((run) => lossAtEnd(run, name)))),
          percent(mean(runs.map((run) => curvesOf(run, name).valAccuracy.at(-1) ?? 0))),
        ]),
      ],
    },
  ],
});

// The leaderboard of optimizers, at their defaults and at the best of three rates.

import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, curvesOf, last, least, mean, most, show } from "../frame/measured.ts";
import { compareOptimizers, factors, optimizers } from "../optimizers.ts";

const names = Object.keys(optimizers);
const finite = (value: number) => (Number.isFinite(value) ? value : 1e9);
const atDefault = (run: Run, name: string) => finite(last(curvesOf(run, `${name} × 1`).valLoss));
const atBest = (run: Run, name: string) =>
  least(factors.map((factor) => finite(last(curvesOf(run, `${name} × ${factor}`).valLoss))));
const spreadOfRates = (run: Run, name: string) =>
  most(factors.map((factor) => Math.min(finite(last(curvesOf(run, `${name} × ${factor}`).valLoss)), 2.3))) -
  atBest(run, name);
const rank = (run: Run, of: typeof atBest) => [...names].sort((a, b) => of(run, a) - of(run, b));

export default lesson({
  name: "optimizers",
  title: "Optimizers compared",
  korean: "고급 옵티마이저",
  notes: ["001", "002", "004"],
  topic: "Learning rates and optimizers",
  about: `
Eight optimizers train note 004's network, 784-100-10, on clothes for as many steps each: at their default rates, and at ten times and a
tenth of them. The defaults differ: 0.01 for SGD and its momenta, 0.001 for the others. A ranking at defaults also ranks how well each
default suits this task, so there are two: at the default, and at the best of the three rates.`,
  sizes: {
    quick: { rows: 1500, tests: 1000, epochs: 3 },
    usual: { rows: 6000, tests: 2000, epochs: 3 },
    full: { rows: 48_000, tests: 10_000, epochs: 5 },
    cpu: { rows: 100, tests: 50, epochs: 1 },
  },
  seeds: { quick: 1, usual: 3, full: 3, cpu: 1 },
  parts: () => names.length * factors.length,
  program: compareOptimizers,
  claims: [
    {
      note: "004",
      says: "RMSprop is much better than Adagrad, at the defaults.",
      judge: (runs) => better(runs, "RMSprop", "Adagrad", atDefault),
    },
    {
      note: "004",
      says: "RMSprop is much better than Adagrad, each at its best rate.",
      judge: (runs) => better(runs, "RMSprop", "Adagrad", atBest),
    },
    {
      note: "004",
      says: "RMSprop converges faster than Momentum, at the defaults.",
      judge: (runs) => better(runs, "RMSprop", "Momentum", atDefault),
    },
    {
      note: "004",
      says: "RMSprop converges faster than Momentum and Nesterov, each at its best rate.",
      judge: (runs) => better(runs, "RMSprop", "Nesterov", atBest),
    },
    {
      note: "004",
      says: "Adam and RMSprop are the first to try.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const order = rank(run, atDefault);
            return { adam: order.indexOf("Adam") + 1, rmsprop: order.indexOf("RMSprop") + 1 };
          },
          isTrue: ({ adam, rmsprop }) => adam <= 4 && rmsprop <= 4,
          tell: (text) =>
            `of eight at their defaults Adam is number ${text("adam")}, RMSprop number ${text("rmsprop")}`,
        }),
    },
    {
      note: "004",
      says: "Adaptive rates save tuning the rate.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            adam: spreadOfRates(run, "Adam"),
            rmsprop: spreadOfRates(run, "RMSprop"),
            adagrad: spreadOfRates(run, "Adagrad"),
            sgd: spreadOfRates(run, "SGD"),
            momentum: spreadOfRates(run, "Momentum"),
          }),
          isTrue: ({ adam, rmsprop, sgd }) => adam < sgd && rmsprop < sgd,
          tell: (text) =>
            `between the best and the worst of three rates the validation loss differs by ${text("adam")} with Adam, ${text("rmsprop")} with RMSprop, ${text("adagrad")} with Adagrad, ${text("sgd")} with SGD, ${text("momentum")} with Momentum`,
        }),
    },
  ],
  figures: [
    (runs) => ({
      name: "losses",
      title: "Validation loss by optimizer",
      caption:
        "After as many steps each: at the default rate, and at the best of that, ten times and a tenth of it.",
      panels: [
        {
          kind: "bars",
          title: "Loss at the end, the mean over seeds",
          x: { label: "optimizer" },
          y: { label: "cross-entropy (nats per image)" },
          categories: names,
          series: [
            {
              name: "default rate",
              values: names.map((name) => mean(runs.map((run) => atDefault(run, name)))),
            },
            {
              name: "best of three",
              values: names.map((name) => mean(runs.map((run) => atBest(run, name)))),
            },
          ],
        },
      ],
    }),
    ([run]) => ({
      name: "curves",
      title: "Training loss at the defaults",
      caption: `Training loss by epoch at each optimizer's default rate (seed ${run.seed}).`,
      panels: [
        {
          kind: "lines",
          title: "Training loss",
          x: { label: "epoch" },
          y: { label: "cross-entropy (nats per image)" },
          series: names.map((name) => ({ name, y: curvesOf(run, `${name} × 1`).loss })),
        },
      ],
    }),
  ],
  tables: (runs) => [
    {
      title: "Leaderboard",
      rows: [
        ["optimizer", "at its default", ...factors.map((factor) => `× ${factor}`)],
        ...rank(runs[0], atBest).map((name) => [
          name,
          optimizers[name].rate,
          ...factors.map((factor) =>
            show(mean(runs.map((run) => last(curvesOf(run, `${name} × ${factor}`).valLoss)))),
          ),
        ]),
      ],
    },
  ],
});

function better(runs: readonly Run[], one: string, other: string, of: typeof atBest) {
  return bySeed(runs, {
    measure: (run) => ({ one: of(run, one), other: of(run, other) }),
    isTrue: (losses) => losses.one < losses.other,
    tell: (text) => `validation loss ${text("one")} with ${one}, ${text("other")} with ${other}`,
  });
}

// From where momentum passes the local minimum, and what it does in a ravine.

import { doubleWell } from "../frame/descend.ts";
import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, last, numbersOf, rowsOf, show } from "../frame/measured.ts";
import { momenta, momentum, starts } from "../momentum.ts";

const end = (run: Run, start: number, momentum: number) =>
  last(numbersOf(run, `well from ${start}, momentum ${momentum}`));
const passes = (run: Run, start: number, momentum: number) => end(run, start, momentum) < 0;
const ravine = ([x, y]: readonly number[]) => (x * x + 25 * y * y) / 2;
/** Steps until the function is below a hundredth; all of them where it never is. */
const stepsUntil = (path: readonly (readonly number[])[]) => {
  const found = path.findIndex((_, i) => path.slice(i).every((point) => ravine(point) < 0.01));
  return found < 0 ? path.length : found;
};
/** How often a walk crosses the ravine's bottom. */
const crossings = (path: readonly (readonly number[])[]) =>
  path.slice(1).filter(([, y], i) => y * path[i][1] < 0).length;

export default lesson({
  name: "momentum",
  title: "Momentum: past a local minimum, and along a ravine",
  korean: "모멘텀 (Momentum), local minimum",
  notes: ["001", "002", "004"],
  topic: "Learning rates and optimizers",
  about: `
Momentum adds to each step a part of the last one: v ← μ v - η g, w ← w + v. On (x² - 1)² + 0.3 x a walk from the right comes to a local
minimum at 0.96 first; the least value lies behind a hill, at -1.04. Whether momentum carries over the hill depends on how much speed
the walk has got, so on where it starts. The second function is a ravine, (x² + 25 y²) / 2: steep across, flat along.`,
  sizes: { quick: { steps: 120 }, usual: { steps: 400 }, full: { steps: 400 }, cpu: { steps: 150 } },
  seeds: { quick: 1, usual: 1, full: 1, cpu: 1 },
  parts: () => 1,
  program: momentum,
  claims: [
    {
      note: "002",
      says: "Momentum gets over a local minimum to the global one, where plain descent stops.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            plain: starts.filter((start) => passes(run, start, 0)).length,
            momentum: starts.filter((start) => passes(run, start, 0.9)).length,
          }),
          isTrue: ({ plain, momentum }) => plain === 0 && momentum === starts.length,
          tell: (text) =>
            `plain descent passes from ${text("plain")} of ${starts.length} starts, momentum 0.9 from ${text("momentum")}`,
          range: momenta
            .filter((momentum) => momentum > 0)
            .map((momentum) => {
              const from = starts.filter((start) => passes(runs[0], start, momentum));
              return `${momentum} passes from ${from.length > 0 ? from.join(", ") : "none of the starts"}`;
            })
            .join("; ")
            .concat(". It takes a start that is high enough."),
        }),
    },
    {
      note: "004",
      says: "Momentum starts slowly, gathers speed and is faster in the end.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            plain: stepsUntil(rowsOf(run, "ravine, momentum 0")),
            half: stepsUntil(rowsOf(run, "ravine, momentum 0.5")),
            momentum: stepsUntil(rowsOf(run, "ravine, momentum 0.9")),
          }),
          isTrue: ({ plain, momentum }) => momentum < plain,
          tell: (text) =>
            `in the ravine, at the same rate, the function is below 0.01 after ${text("plain")} steps without momentum, ${text("half")} with 0.5, ${text("momentum")} with 0.9`,
        }),
    },
    {
      note: "004",
      says: "It zigzags less than plain gradient descent.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            plain: crossings(rowsOf(run, "ravine, momentum 0")),
            large: crossings(rowsOf(run, "ravine, large rate").slice(0, 40)),
            momentum: crossings(rowsOf(run, "ravine, momentum 0.9").slice(0, 40)),
          }),
          isTrue: ({ large, momentum }) => momentum < large,
          tell: (text) =>
            `in 40 steps it crosses the ravine's bottom ${text("momentum")} times with momentum 0.9 at a rate of 0.02, ${text("large")} times without at 0.075, at which both go along the ravine about as fast`,
          range: (all) =>
            `At the same rate, 0.02, plain descent crosses it ${all[0].plain} times, and is below 0.01 after ${stepsUntil(rowsOf(runs[0], "ravine, momentum 0"))} steps, with momentum 0.9 after ${stepsUntil(rowsOf(runs[0], "ravine, momentum 0.9"))}.`,
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "well",
      title: "A local minimum, with momentum and without",
      caption:
        "Where the walk from x = 2 is after each step; the local minimum is at 0.96, the lower one at -1.04.",
      panels: [
        {
          kind: "lines",
          title: "From x = 2",
          x: { label: "step" },
          y: { label: "x" },
          series: momenta.map((momentum) => ({
            name: momentum === 0 ? "no momentum" : `momentum ${momentum}`,
            x: numbersOf(run, `well from 2, momentum ${momentum}`).map((_, i) => i),
            y: numbersOf(run, `well from 2, momentum ${momentum}`),
          })),
        },
        {
          kind: "lines",
          title: "The function",
          x: { label: "x" },
          y: { label: "(x² - 1)² + 0.3 x" },
          series: [
            {
              name: "f",
              x: Array.from({ length: 81 }, (_, i) => -1.6 + i / 25),
              y: Array.from({ length: 81 }, (_, i) => doubleWell(-1.6 + i / 25)),
            },
          ],
        },
      ],
    }),
    ([run]) => ({
      name: "ravine",
      title: "Along a ravine",
      caption:
        "Plain descent leaps from side to side at a large rate and crawls at a small one; momentum swings, and runs along the bottom.",
      panels: [
        {
          kind: "surface",
          title: "(x² + 25 y²) / 2, 40 steps",
          x: { label: "x", low: -9, high: 4 },
          y: { label: "y", low: -1.6, high: 1.6 },
          height: (x, y) => ravine([x, y]),
          paths: [
            { name: "plain, 0.02", points: rowsOf(run, "ravine, momentum 0").slice(0, 40) },
            { name: "plain, 0.075", points: rowsOf(run, "ravine, large rate").slice(0, 40) },
            { name: "momentum 0.9, 0.02", points: rowsOf(run, "ravine, momentum 0.9").slice(0, 40) },
          ],
        },
      ],
    }),
  ],
  tables: ([run]) => [
    {
      title: "Where walks end",
      rows: [
        ["momentum", ...starts.map((start) => `from ${start}`)],
        ...momenta.map((momentum) => [momentum, ...starts.map((start) => show(end(run, start, momentum)))]),
      ],
    },
  ],
});

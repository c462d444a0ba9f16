// How much memory a streamed set takes, and that it trains as one in memory does.

import { lesson } from "../frame/lesson.ts";
import { bySeed, curvesOf, last, most, numberOf, percent } from "../frame/measured.ts";
import { largerThanMemory } from "../larger-than-memory.ts";

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

export default lesson({
  name: "larger-than-memory",
  title: "Training sets larger than memory",
  korean: "매우 큰 훈련 세트",
  notes: ["002", "004"],
  topic: "Batches, memory and devices",
  about: `
A file of digits and labels is read batch by batch by a generator, and goes to the device while it works on the batches before:
\`Dataset.fromGenerator\`. The device never holds more than some batches of it, whatever the file's length. The same network from the
same weights learns the same digits from memory, in the same order.`,
  sizes: {
    quick: { rows: 20_000, tests: 1000, epochs: 2 },
    usual: { rows: 60_000, tests: 10_000, epochs: 3 },
    full: { rows: 60_000, tests: 10_000, epochs: 5 },
    cpu: { rows: 200, tests: 50, epochs: 1 },
  },
  seeds: { quick: 1, usual: 1, full: 1, cpu: 1 },
  isWeighing: true,
  parts: () => 2,
  program: largerThanMemory,
  machine: ["disk", "memory"],
  claims: [
    {
      note: "004",
      says: "Only the samples of a step must be in memory, so very large sets can be trained.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            disk: numberOf(run, "from disk: bytes"),
            memory: numberOf(run, "from memory: bytes"),
            set: numberOf(run, "bytes of the set"),
          }),
          isTrue: ({ disk, set }) => disk < set,
          tell: (text) =>
            `the set has ${text("set", mebibytes)}; training held at most ${text("disk", mebibytes)} more on the device from disk, ${text("memory", mebibytes)} from memory`,
          range: "A stream holds some 32 batches at most: a set of any size takes no more.",
        }),
    },
    {
      note: "004",
      says: "It learns what it would learn from memory.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const [a, b] = [curvesOf(run, "from disk").loss, curvesOf(run, "from memory").loss];
            return {
              difference: most(a.map((loss, i) => Math.abs(loss - b[i]))),
              accuracy: numberOf(run, "accuracy"),
              loss: last(a),
            };
          },
          isTrue: ({ difference }) => difference < 1e-4,
          tell: (text) =>
            `the epochs' losses differ by at most ${text("difference")}; ${text("accuracy", percent)} of new digits are right`,
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "memory",
      title: "Device memory of training",
      caption:
        "What the set takes, and what training held at most beyond what was there before: streamed from disk, and from memory.",
      panels: [
        {
          kind: "bars",
          title: "Most memory",
          x: { label: "" },
          y: { label: "MiB" },
          categories: ["the set", "from memory", "from disk"],
          series: [
            {
              name: "MiB",
              values: ["bytes of the set", "from memory: bytes", "from disk: bytes"].map(
                (name) => numberOf(run, name) / 2 ** 20,
              ),
            },
          ],
        },
      ],
    }),
  ],
});

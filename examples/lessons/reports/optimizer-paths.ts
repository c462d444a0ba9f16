// Each optimizer's formula beside its paths.

import { lesson, type Run } from "../frame/lesson.ts";
import { bySeed, last, rowsOf, show } from "../frame/measured.ts";
import { optimizerPaths, optimizers } from "../optimizer-paths.ts";

const names = Object.keys(optimizers);
const surfaces = {
  bowl: { height: (x: number, y: number) => (x * x + y * y) / 2, formula: "(x² + y²) / 2" },
  ravine: { height: (x: number, y: number) => (x * x + 20 * y * y) / 2, formula: "(x² + 20 y²) / 2" },
  "double well": {
    height: (x: number, y: number) => (x * x - 1) ** 2 + 0.3 * x + y * y,
    formula: "(x² - 1)² + 0.3 x + y²",
  },
};
type Surface = keyof typeof surfaces;
const path = (run: Run, surface: Surface, name: string) => rowsOf(run, `${surface}, ${name}`);
const end = (run: Run, surface: Surface, name: string) =>
  last(path(run, surface, name) as unknown as number[]) as unknown as number[];

const formulas: Record<string, string> = {
  SGD: "w ← w - η g",
  Momentum: "v ← μ v - η g; w ← w + v",
  Nesterov: "v ← μ v - η g; w ← w + μ v - η g",
  Adagrad: "s ← s + g²; w ← w - η g / √(s + ε)",
  RMSprop: "s ← ρ s + (1 - ρ) g²; w ← w - η g / √(s + ε)",
  Adam: "m ← β₁ m + (1 - β₁) g; s ← β₂ s + (1 - β₂) g²; w ← w - η m̂ / (√ŝ + ε), m̂ = m / (1 - β₁ᵗ), ŝ = s / (1 - β₂ᵗ)",
  Nadam: "as Adam, with β₁ m̂ + (1 - β₁) g / (1 - β₁ᵗ), a look ahead, in the place of m̂",
};

export default lesson({
  name: "optimizer-paths",
  title: "Optimizers' formulas and their paths",
  korean: "옵티마이저(Optimizer)",
  notes: ["001", "002", "004"],
  topic: "Learning rates and optimizers",
  about: `
Seven optimizers walk down three surfaces: a bowl, a ravine, and a double well whose nearer minimum is not the lower one. Rates are chosen so
that each gets somewhere: SGD and its momenta 0.05, Adagrad 0.5, RMSprop 0.1, Adam and Nadam 0.2.

| optimizer | an update |
|---|---|
${Object.entries(formulas)
  .map(([name, formula]) => `| ${name} | ${formula} |`)
  .join("\n")}

η is the rate, g the gradient, μ the momentum; all squares, roots and quotients are by element.`,
  sizes: { quick: { steps: 60 }, usual: { steps: 120 }, full: { steps: 120 }, cpu: { steps: 60 } },
  seeds: { quick: 1, usual: 1, full: 1, cpu: 1 },
  parts: () => 1,
  program: optimizerPaths,
  claims: [
    {
      note: "002",
      says: "Momentum can get past a local minimum, and plain SGD can't.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => ({
            sgd: end(run, "double well", "SGD")[0],
            momentum: end(run, "double well", "Momentum")[0],
            adam: end(run, "double well", "Adam")[0],
          }),
          isTrue: ({ sgd, momentum }) => sgd > 0 && momentum < 0,
          tell: (text) =>
            `x at the end: SGD ${text("sgd")}, Momentum ${text("momentum")}, Adam ${text("adam")}; the lower minimum is at -1.04`,
          range: "It depends on the start: the lesson on momentum tells from which ones it passes.",
        }),
    },
    {
      note: "002",
      says: "Adagrad, RMSprop and Adam go straight where SGD's path bends: parameters have rates of their own.",
      judge: (runs) =>
        bySeed(runs, {
          measure: (run) => {
            const slant = (name: string) => {
              const [[x0, y0], [x1, y1]] = path(run, "ravine", name);
              return Math.abs((y1 - y0) / (x1 - x0));
            };
            return { sgd: slant("SGD"), adagrad: slant("Adagrad"), adam: slant("Adam") };
          },
          isTrue: ({ sgd, adagrad, adam }) => sgd > 5 && adagrad < 2 && adam < 2,
          tell: (text) =>
            `the first step in the ravine goes ${text("sgd")} times as far across as along with SGD, ${text("adagrad")} times with Adagrad, ${text("adam")} times with Adam`,
        }),
    },
  ],
  figures: [
    ([run]) => ({
      name: "paths",
      title: "Paths of optimizers",
      caption:
        "The same optimizers down a ravine, a bowl and a double well. In the ravine adaptive ones go slantwise, SGD goes across first.",
      panels: (["ravine", "bowl", "double well"] as const).map((surface) => ({
        kind: "surface" as const,
        title: `${surface}: ${surfaces[surface].formula}`,
        x: {
          label: "x",
          low: surface === "double well" ? -2 : -3.4,
          high: surface === "double well" ? 2 : 1.6,
        },
        y: {
          label: "y",
          low: surface === "bowl" ? -1.4 : surface === "ravine" ? -1.3 : -1.5,
          high: surface === "bowl" ? 2.4 : surface === "ravine" ? 1.3 : 1.5,
        },
        height: surfaces[surface].height,
        paths: ["SGD", "Momentum", "Adagrad", "RMSprop", "Adam"].map((name) => ({
          name,
          points: path(run, surface, name),
        })),
      })),
    }),
  ],
  tables: ([run]) => [
    {
      title: "Where paths end",
      rows: [
        ["optimizer", ...Object.keys(surfaces)],
        ...names.map((name) => [
          name,
          ...(Object.keys(surfaces) as Surface[]).map((surface) => {
            const [x, y] = end(run, surface, name);
            return `${show(surfaces[surface].height(x, y))} at (${x.toFixed(2)}, ${y.toFixed(2)})`;
          }),
        ]),
      ],
    },
  ],
});

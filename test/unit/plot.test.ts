// gradgpu/plot: SVG that parses, says what it should and is the same every time; PNG of its size with words in it; wrong
// data and missing packages are told of.

import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError, DataError, ShapeError } from "../../engine/index.ts";
import { levelLines } from "../../nn/plot/contours.ts";
import {
  activationCurves,
  barChart,
  type Chart,
  confusionMatrix,
  decisionBoundary,
  diagram,
  figure,
  heatMap,
  histogram,
  imageGrid,
  lineChart,
  plotHistory,
  sparkline,
  surface,
  usePackage,
} from "../../nn/plot/index.ts";

const loss = [0.9, 0.5, 0.3, 0.2];
const valLoss = [0.8, 0.45, 0.5, 0.6];
const history = {
  history: { loss, valLoss, accuracy: [0.5, 0.7, 0.8, 0.9], valAccuracy: [0.5, 0.6, 0.7, 0.6] },
};

/** One of each kind, with words that must stand in it. */
const kinds: Readonly<Record<string, { make: () => Chart | Promise<Chart>; words: readonly string[] }>> = {
  plotHistory: {
    make: () => plotHistory(history, { title: "A run", labels: { loss: "cross-entropy (nats)" } }),
    words: [
      "A run",
      "Loss",
      "Accuracy",
      "training",
      "validation",
      "epoch",
      "cross-entropy (nats)",
      "least at epoch 2",
    ],
  },
  lineChart: {
    make: () =>
      lineChart({
        title: "Rates",
        xLabel: "step",
        yLabel: "loss (nats)",
        yScale: "log",
        series: [
          { name: "slow", runs: [loss, valLoss] },
          {
            name: "fast",
            y: [1, Number.NaN, 0.01, 1e-5],
            line: "dotted",
            band: { low: loss, high: valLoss },
          },
        ],
        marks: [{ x: 2, label: "halved" }],
      }),
    words: ["Rates", "slow", "fast", "step", "loss (nats)", "halved", "1"],
  },
  barChart: {
    make: () =>
      barChart({
        title: "Norms",
        valueLabel: "norm",
        categories: ["dense", "dense_1"],
        series: [
          { name: "sigmoid", values: [0.5, 0.25], range: { low: [0.4, 0.2], high: [0.6, 0.3] } },
          { name: "relu", values: [-0.5, Number.NaN] },
        ],
      }),
    words: ["Norms", "norm", "dense", "dense_1", "sigmoid", "relu", "0.25", "−0.5"],
  },
  heatMap: {
    make: () =>
      heatMap({
        title: "Weights",
        xLabel: "unit",
        yLabel: "input",
        valueLabel: "weight",
        values: [
          [-1, 0.5],
          [Number.NaN, 1],
        ],
      }),
    words: ["Weights", "unit", "input", "weight", "−1", "0.5", "1"],
  },
  confusionMatrix: {
    make: () =>
      confusionMatrix(
        [
          [90, 10],
          [0, 0],
        ],
        { title: "Errors", classes: ["cat", "a dog with a very long name"] },
      ),
    words: ["Errors", "cat", "90", "10", "0", "true class", "predicted class", "share of the row"],
  },
  diagram: {
    make: () =>
      diagram({
        title: "A network",
        nodes: [
          { id: "x", label: ["input", "[batch, 8]"], kind: "input" },
          { id: "h", label: ["hidden", "72 parameters"] },
          { id: "s", label: ["sum"] },
          { id: "y", label: ["output"], kind: "output" },
        ],
        edges: [
          { from: "x", to: "h" },
          { from: "h", to: "h", label: "again" },
          { from: "h", to: "s" },
          { from: "x", to: "s", label: "shortcut" },
          { from: "s", to: "y" },
        ],
      }),
    words: ["A network", "input", "[batch, 8]", "hidden", "again", "shortcut", "output"],
  },
  imageGrid: {
    make: () =>
      imageGrid({
        title: "Digits",
        images: [
          { pixels: [0, 1, 0.5, 2], width: 2, height: 2, caption: "4, not 9", isMarked: true },
          { pixels: new Float32Array(12), width: 2, height: 2, caption: "colours" },
        ],
      }),
    words: ["Digits", "4, not 9", "colours"],
  },
  surface: {
    make: () =>
      surface({
        title: "Bowl",
        x: [-1, 1],
        y: [-1, 1],
        xLabel: "w1",
        yLabel: "w2",
        heightLabel: "loss",
        height: (x, y) => (x > 0.9 ? Number.NaN : x * x + y * y),
        paths: [
          {
            name: "SGD",
            points: [
              [0.5, 0.5],
              [0, 0],
            ],
          },
          { name: "Adam", points: [[-0.5, 0.5]] },
        ],
      }),
    words: ["Bowl", "w1", "w2", "loss", "SGD", "Adam"],
  },
  decisionBoundary: {
    make: () =>
      decisionBoundary({
        title: "Moons",
        x: [0, 1],
        y: [0, 1],
        xLabel: "a",
        yLabel: "b",
        points: [
          [0.1, 0.2],
          [0.8, 0.9],
        ],
        labels: [0, 2],
        classes: ["red", "green", "blue"],
        predict: async (places) => places.map(([x, y]) => (x + y > 1 ? 2 : x > y ? 1 : 0)),
      }),
    words: ["Moons", "a", "b", "red", "green", "blue"],
  },
  activationCurves: {
    make: () =>
      activationCurves({
        title: "Activations",
        curves: [
          {
            name: "tanh",
            values: (x) => x.map(Math.tanh),
            derivative: (x) => x.map((v) => 1 - Math.tanh(v) ** 2),
          },
          {
            name: "square",
            values: async (x) => x.map((v) => v * v),
            derivative: (x) => x.map((v) => 2 * v),
          },
        ],
      }),
    words: ["Activations", "tanh", "square", "function", "derivative", "input"],
  },
  figure: {
    make: () =>
      figure({
        title: "Both",
        charts: [
          lineChart({ title: "left", series: [{ name: "a", y: [1, 2] }] }),
          histogram({ title: "right", values: [1, 2, 3], xLabel: "x" }),
        ],
      }),
    words: ["Both", "left", "right", "a", "x"],
  },
  histogram: {
    make: () => histogram({ title: "Spread", xLabel: "tanh", values: [0, 0.1, 0.2, Number.NaN], bins: 4 }),
    words: ["Spread", "tanh", "share of values"],
  },
};

/** Tags open and close in pairs, attributes are quoted, and no text is left between that is no element's. */
function checkXml(svg: string): void {
  const open: string[] = [];
  const rest = svg.replace(
    /<(\/?)([\w:]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
    (_, closing, name, _rest, isEmpty) => {
      if (closing) expect(open.pop()).toBe(name);
      else if (!isEmpty) open.push(name);
      return "";
    },
  );
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/[<>]/);
}

/** Width and height from a PNG's header. */
const pngSize = (bytes: Uint8Array) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [view.getUint32(16), view.getUint32(20)];
};

describe.each(Object.entries(kinds))("%s", (_, { make, words }) => {
  it("is SVG that parses and says what it shows", async () => {
    for (const width of [390, 1200]) {
      const svg = await (await make()).toSvg({ width });
      checkXml(svg);
      const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
      for (const word of words) expect(texts).toContain(word);
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
      expect(svg).toMatch(new RegExp(`^<svg role="img" aria-label="[^"]{10,}" width="${width}"`));
    }
  });

  it("is the same every time, and another picture in the dark", async () => {
    const [first, again] = [await (await make()).toSvg(), await (await make()).toSvg()];
    expect(again).toBe(first);
    const dark = await (await make()).toSvg({ theme: "dark" });
    expect(dark).not.toBe(first);
    expect(dark).toContain("#14181d");
    expect(first).not.toContain("#14181d");
  });

  it("keeps every word within the picture and apart from the others", async () => {
    for (const width of [390, 1200]) {
      const svg = await (await make()).toSvg({ width });
      const boxes = textBoxes(svg);
      expect(boxes.length).toBeGreaterThan(words.length / 2);
      for (const { text, left, right } of boxes) {
        expect(left, text).toBeGreaterThanOrEqual(-1);
        expect(right, text).toBeLessThanOrEqual(width + 1);
      }
      const over = boxes.flatMap((a, i) =>
        boxes
          .slice(i + 1)
          .filter((b) => a.left < b.right - 1 && b.left < a.right - 1 && Math.abs(a.y - b.y) < 9)
          .map((b) => `"${a.text}" over "${b.text}"`),
      );
      expect(over).toEqual([]);
    }
  });
});

/** Where texts stand, by how wide DejaVu Sans makes them, about. */
function textBoxes(svg: string) {
  return [...svg.matchAll(/<text([^>]*)>([^<]*)<\/text>/g)].flatMap(([, attributes, text]) => {
    // Those that stand upright.
    if (/transform="(matrix|rotate)/.test(attributes)) return [];
    const size = Number(/font-size:\s*([\d.]+)/.exec(attributes)?.[1] ?? 12);
    const move = /translate\(([-\d.]+) ([-\d.]+)\)/.exec(attributes);
    const of = (name: string) => Number(new RegExp(`\\s${name}="([-\\d.]+)"`).exec(attributes)?.[1] ?? 0);
    const x = of("x") + Number(move?.[1] ?? 0);
    const y = of("y") + Number(move?.[2] ?? 0);
    const wide = text.length * size * 0.55;
    const anchor = /text-anchor="(\w+)"/.exec(attributes)?.[1] ?? "start";
    const left = x - (anchor === "middle" ? wide / 2 : anchor === "end" ? wide : 0);
    return [{ text, left, right: left + wide, y }];
  });
}

describe("a chart", () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-plot-"));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  it("becomes PNG of twice the size, with words drawn", async () => {
    const chart = await kinds.lineChart.make();
    const png = await chart.toPng({ width: 400, height: 300 });
    expect([...png.slice(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
    expect(pngSize(png)).toEqual([800, 600]);
    expect(pngSize(await chart.toPng({ width: 400, height: 300, scale: 1 }))).toEqual([400, 300]);
    // The same picture without a title has fewer dark pixels, so fewer bytes.
    const plain = await plotHistory(history).toPng({ width: 400, height: 600 });
    const titled = await plotHistory(history, { title: "A title of several words" }).toPng({
      width: 400,
      height: 600,
    });
    expect(titled.length).toBeGreaterThan(plain.length + 500);
  });

  it("is saved whole, in a folder that is made", async () => {
    const svg = path.join(folder, "a/b/curves.svg");
    await (await kinds.histogram.make()).save(svg, { width: 390 });
    expect(fs.readFileSync(svg, "utf8")).toBe(await (await kinds.histogram.make()).toSvg({ width: 390 }));
    await (await kinds.histogram.make()).save(path.join(folder, "h.PNG"), { scale: 1 });
    expect(fs.readdirSync(folder).sort()).toEqual(["a", "h.PNG"]);
    await expect((await kinds.histogram.make()).save(path.join(folder, "h.gif"))).rejects.toThrow(
      /save: the path must end with \.svg or \.png/,
    );
    await expect((await kinds.histogram.make()).save(path.join(folder, "h.PNG/x.svg"))).rejects.toThrow(
      DataError,
    );
  });

  it("is made of one point or none", async () => {
    for (const y of [[], [0.5], [Number.NaN]]) {
      const svg = await lineChart({ title: "few", series: [{ name: "a", y }] }).toSvg();
      checkXml(svg);
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    }
    expect(await histogram({ values: [] }).toSvg()).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("escapes what is given it", async () => {
    const svg = await lineChart({ title: '<b> & "c"', series: [{ name: "</svg>", y: [1, 2] }] }).toSvg();
    checkXml(svg);
    expect(svg).toContain("&lt;b&gt; &amp; &quot;c&quot;");
  });

  it("refuses sizes and themes that are none", async () => {
    const chart = await kinds.histogram.make();
    await expect(chart.toSvg({ width: 0 })).rejects.toThrow(/toSvg: width/);
    await expect(chart.toSvg({ theme: "drak" as never })).rejects.toThrow(
      /theme "drak". Did you mean "dark"/,
    );
    await expect(chart.toPng({ scale: -1 })).rejects.toThrow(/toPng: scale/);
  });

  it("says which package is missing, and how it comes", async () => {
    const absent = Object.assign(new Error("Cannot find package 'echarts'"), {
      code: "ERR_MODULE_NOT_FOUND",
    });
    usePackage("echarts", () => Promise.reject(absent));
    try {
      await expect((await kinds.histogram.make()).toSvg()).rejects.toThrow(
        "drawing a chart needs the npm package echarts, which is not installed: npm install echarts",
      );
    } finally {
      usePackage("echarts", () => import("echarts"));
    }
    const noResvg = Object.assign(new Error("Cannot find package '@resvg/resvg-js'"), {
      code: "ERR_MODULE_NOT_FOUND",
    });
    usePackage("@resvg/resvg-js", () => Promise.reject(noResvg));
    try {
      await expect((await kinds.histogram.make()).toPng()).rejects.toThrow("npm install @resvg/resvg-js");
    } finally {
      usePackage("@resvg/resvg-js", () => import("@resvg/resvg-js"));
    }
  });
});

describe("plotHistory", () => {
  it("marks no turn where the validation loss falls to the end", async () => {
    const falling = { loss, valLoss: [3, 2, 1, 0.5] };
    expect(await plotHistory(falling).toSvg()).not.toContain("least at epoch");
    expect(await plotHistory(history, { marksTurn: false }).toSvg()).not.toContain("least at epoch");
  });

  it("lays runs over each other", async () => {
    const svg = await plotHistory(
      { plain: { loss, valLoss }, dropout: history },
      { names: ["loss"] },
    ).toSvg();
    for (const word of ["plain, training", "dropout, validation", "plain: least at epoch 2"])
      expect(svg).toContain(`>${word}<`);
  });

  it("refuses what is no history", () => {
    for (const wrong of [undefined, [], {}, { loss: 3 }, Promise.resolve(history)])
      expect(() => plotHistory(wrong as never)).toThrow(ArgumentError);
    expect(() => plotHistory(history, { names: ["los"] })).toThrow(/no curve "los"; there are loss, valLoss/);
  });
});

describe("wrong data", () => {
  it.each<[string, () => Chart, new (...args: never[]) => Error, RegExp]>([
    ["no series", () => lineChart({ series: [] }), ArgumentError, /series is empty/],
    [
      "y and runs",
      () => lineChart({ series: [{ name: "a", y: [1], runs: [[1]] }] }),
      ArgumentError,
      /either y/,
    ],
    [
      "uneven runs",
      () => lineChart({ series: [{ name: "a", runs: [[1], [1, 2]] }] }),
      ShapeError,
      /runs\[1\] has 2/,
    ],
    [
      "too few places",
      () => lineChart({ x: [1], series: [{ name: "a", y: [1, 2] }] }),
      ShapeError,
      /2 values for 1/,
    ],
    [
      "a string",
      () => lineChart({ series: [{ name: "a", y: ["1"] as never }] }),
      ArgumentError,
      /y\[0\] must be a number/,
    ],
    [
      "ends",
      () => lineChart({ yMin: 2, yMax: 1, series: [{ name: "a", y: [1] }] }),
      ArgumentError,
      /min is 2 and max is 1/,
    ],
    [
      "log of 0",
      () => lineChart({ yMin: 0, yScale: "log", series: [{ name: "a", y: [1] }] }),
      ArgumentError,
      /begins above 0/,
    ],
    [
      "bars",
      () => barChart({ categories: ["a"], series: [{ name: "b", values: [1, 2] }] }),
      ShapeError,
      /has 2 numbers; it must have 1/,
    ],
    ["values and series", () => histogram({}), ArgumentError, /either values, or series/],
    ["uneven rows", () => heatMap({ values: [[1, 2], [3]] }), ShapeError, /values\[1\] has 1/],
    ["no square", () => confusionMatrix([[1, 2]]), ShapeError, /must be square/],
    [
      "names",
      () => confusionMatrix([[1]], { classes: ["a", "b"] }),
      ShapeError,
      /has 2 names; it must have 1/,
    ],
    [
      "pixels",
      () => imageGrid({ images: [{ pixels: [1, 2], width: 2, height: 2 }] }),
      ShapeError,
      /has 2 values for 2 by 2/,
    ],
    ["no boxes", () => diagram({ nodes: [], edges: [] }), ArgumentError, /nodes is empty/],
    [
      "an arrow to nowhere",
      () => diagram({ nodes: [{ id: "a", label: [] }], edges: [{ from: "a", to: "b" }] }),
      ArgumentError,
      /edges\[0\]\.to is "b"; nodes are a/,
    ],
    [
      "a circle",
      () =>
        diagram({
          nodes: ["a", "b", "c"].map((id) => ({ id, label: [id] })),
          edges: [
            { from: "a", to: "b" },
            { from: "b", to: "c" },
            { from: "c", to: "b" },
          ],
        }),
      ArgumentError,
      /edges lead in a circle, among b, c/,
    ],
    [
      "no function",
      () => surface({ x: [0, 1], y: [0, 1], height: 1 as never }),
      ArgumentError,
      /height must be a function/,
    ],
    [
      "a range",
      () => surface({ x: [1, 1], y: [0, 1], height: () => 1 }),
      ArgumentError,
      /from a number to a larger one/,
    ],
    ["no charts", () => figure({ charts: [] }), ArgumentError, /charts is empty/],
    [
      "a tensor's handle",
      () => histogram({ values: { data: () => 1, shape: [1] } as never }),
      ArgumentError,
      /await x\.data\(\)/,
    ],
    ["bins", () => histogram({ values: [1], bins: 0 }), ArgumentError, /bins/],
  ])("%s: refused", (_, make, kind, message) => {
    expect(make).toThrow(kind);
    expect(make).toThrow(message);
  });
});

it("what predict and functions give is looked at", async () => {
  const wrong = decisionBoundary({ x: [0, 1], y: [0, 1], predict: () => [1, 2] });
  await expect(wrong).rejects.toThrow(/what predict gives has 2 numbers; it must have 14641/);
  const labels = decisionBoundary({
    x: [0, 1],
    y: [0, 1],
    points: [[0, 0]],
    labels: [0.5],
    predict: (p) => p.map(() => 1),
  });
  await expect(labels).rejects.toThrow(/labels\[0\] must be a class from 0 to 1/);
  const curve = activationCurves({ curves: [{ name: "f", values: () => [1], derivative: () => [1] }] });
  await expect(curve).rejects.toThrow(/curves\[0\]\.values has 1 numbers; it must have 201/);
});

it("level lines go where the height is the level", () => {
  const size = 31;
  const at = (n: number) => (n / (size - 1)) * 4 - 2;
  const heights = Array.from(
    { length: size * size },
    (_, n) => at(n % size) ** 2 + at(Math.floor(n / size)) ** 2,
  );
  const lines = levelLines(heights, size, size, 1);
  expect(lines).toHaveLength(1);
  const radii = lines[0].map(([x, y]) => Math.hypot(at(x), at(y)));
  expect(Math.min(...radii)).toBeGreaterThan(0.99);
  expect(Math.max(...radii)).toBeLessThan(1.01);
  expect(lines[0][0]).toEqual(lines[0].at(-1));
  expect(levelLines(heights, size, size, 100)).toEqual([]);
});

describe("sparkline", () => {
  it("draws a curve in one line", () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7])).toBe("▁▂▃▄▅▆▇█");
    expect(sparkline([1, Number.NaN, 0])).toBe("█ ▁");
    expect(sparkline([3, 3])).toBe("▅▅");
    expect(sparkline([])).toBe("");
    expect(
      sparkline(
        Array.from({ length: 1000 }, (_, i) => i),
        { width: 8 },
      ),
    ).toBe("▁▂▃▄▅▆▇█");
    expect(sparkline([0.5], { min: 0, max: 1 })).toBe("▅");
    expect(() => sparkline("12" as never)).toThrow(ArgumentError);
  });
});

it("draws axes whose ends are no exact multiples of a step", async () => {
  const ranges = [
    [0.9545, 0.9577],
    [0.00278039, 0.00278087],
    [0.9721361, 1.1461337],
    [0.0015444, 0.0015544],
  ];
  for (const y of ranges) expect(await lineChart({ series: [{ name: "a", y }] }).toSvg()).toContain("<path");
});

it("costs nobody else anything: no other entry reaches plot", async () => {
  const run = promisify(execFile);
  const { stdout } = await run("git", [
    "grep",
    "-l",
    "plot/",
    "--",
    "engine",
    "optim",
    "data",
    "nn",
    ":!nn/plot",
  ]).catch(() => ({ stdout: "" }));
  expect(stdout.split("\n").filter((file) => /\.ts$/.test(file))).toEqual([]);
});

// The site's playground without a page: set-ups and their addresses, points, programs in TypeScript and Keras, CSV files.

import { spawnSync } from "node:child_process";
import { transformSync } from "esbuild";
import { describe, expect, it } from "vitest";
import * as gradgpu from "../../engine/index.ts";
import { setDevice } from "../../engine/index.ts";
import * as nn from "../../nn/index.ts";
import * as optim from "../../optim/index.ts";
import "../../nn/names.ts";
import { kerasCode } from "../../site/setup/code-keras.ts";
import { typescriptCode } from "../../site/setup/code-typescript.ts";
import { layerSpecs, newLayer } from "../../site/setup/layers.ts";
import { lessons } from "../../site/setup/lessons.ts";
import { makePoints, pointSets, range } from "../../site/setup/points.ts";
import { rowOf } from "../../site/setup/rows.ts";
import { dataSpecs, defaultSetup, fromHash, type Setup, setupFor, toHash } from "../../site/setup/setup.ts";
import {
  lossesOf,
  metrics,
  metricsOf,
  type OptimizerName,
  optimizers,
  schedules,
  type Task,
} from "../../site/setup/training.ts";
import { line } from "../../site/snippets/shown.ts";
import { readCsv } from "../../site/worker/csv.ts";
import { callbacksOf, makeModel } from "../../site/worker/make-model.ts";
import { readTexts } from "../../site/worker/texts.ts";
import { referenceDevice } from "../support/devices.ts";

const through = (setup: Setup) => fromHash(`#${toHash(setup)}`);

describe("an address", () => {
  it("holds all of a set-up", () => {
    const setup: Setup = {
      ...defaultSetup,
      data: "hills",
      samples: 123,
      noise: 0.07,
      heldBack: 0.25,
      seed: 9,
      layers: [
        newLayer("Dense", { units: 5, activation: "gelu", regularizer: "l2", strength: 0.02 }),
        newLayer("Reshape", { targetShape: "5x1" }),
        newLayer("GRU", { units: 3, returnSequences: true }),
        newLayer("Flatten"),
      ],
      optimizer: "nesterov",
      learningRate: 0.3,
      schedule: "exponential",
      decayEpochs: 7,
      clip: 2,
      loss: "huber",
      metric: "rmse",
      batchSize: 8,
    };
    expect(through(setup)).toEqual({ setup, problems: [] });
    expect(through(setupFor("mnist"))).toEqual({ setup: setupFor("mnist"), problems: [] });
  });

  it("tells what it can't use, and uses the rest", () => {
    const { setup, problems } = fromHash(
      "#data=moons&lr=-1&opt=none&batch=7&layers=Dense(units:0)~Nothing~<b>~Dropout(rate:0.5)&noise=&n=1e9",
    );
    expect(setup).toMatchObject({ data: "moons", learningRate: 0.02, optimizer: "adam", samples: 400 });
    expect(setup.layers.map(({ type, options }) => [type, options.units ?? options.rate])).toEqual([
      ["Dense", 8],
      ["Dropout", 0.5],
    ]);
    expect(problems).toHaveLength(8);
  });

  it("of the user's own rows holds each loss and metric of each task", () => {
    for (const task of ["binary", "classes", "regression"] as const)
      for (const [i, loss] of lossesOf(task).entries()) {
        const metric = metricsOf(task)[i % metricsOf(task).length];
        const setup = { ...setupFor("csv"), loss, metric };
        expect(through(setup)).toEqual({ setup, problems: [] });
      }
  });

  it("of every lesson is understood", () => {
    for (const { name, hash } of lessons) expect([name, fromHash(hash).problems]).toEqual([name, []]);
  });
});

describe("what a program of the docs prints", () => {
  it("is written as Node writes it, of objects without a prototype too", () => {
    const bare = Object.assign(Object.create(null), { a: 1 });
    expect(line(["x", { bare }, [1.5, -0]])).toBe(
      "x { bare: [Object: null prototype] { a: 1 } } [ 1.5, -0 ]",
    );
  });
});

describe("points", () => {
  it.each(Object.keys(pointSets) as (keyof typeof pointSets)[])(
    "of %s lie in range and are the same again",
    (name) => {
      const { x, y } = makePoints(name, 300, 0, 4);
      expect(Math.max(...x.map(Math.abs))).toBeLessThanOrEqual(range);
      expect(makePoints(name, 300, 0, 4)).toEqual({ x, y });
      expect(makePoints(name, 300, 0, 5).x).not.toEqual(x);
      const mean = y.reduce((sum, value) => sum + value, 0) / y.length;
      const [low, high] = dataSpecs[name].task === "binary" ? [0.35, 0.65] : [-0.3, 0.3];
      expect(mean).toBeGreaterThan(low);
      expect(mean).toBeLessThan(high);
    },
  );
});

describe("a program", () => {
  const setup = fromHash(
    "#data=circles&opt=momentum&lr=0.1&clip=1&layers=Dense(units:4,regularizer:l1)~BatchNormalization~Dropout(rate:0.5)",
  ).setup;

  it("in TypeScript has the set-up's layers and numbers", () => {
    const code = typescriptCode(setup, dataSpecs.circles);
    expect(code).toContain(
      'import { BatchNormalization, Dense, Dropout, Input, regularizers, Sequential } from "gradgpu/nn";',
    );
    expect(code).toContain(
      '  new Dense(4, { activation: "relu", kernelRegularizer: regularizers.l1(0.001) }),\n',
    );
    expect(code).toContain('import { SGD, globalClipNorm } from "gradgpu/optim";');
    expect(code).toContain("new SGD({ learningRate: 0.1, momentum: 0.9, clipping: globalClipNorm(1) })");
    expect(typescriptCode({ ...setup, loss: "binaryFocalCrossentropy" }, dataSpecs.circles)).toContain(
      'import "gradgpu/names";',
    );
  });

  it("in Keras has them too", () => {
    const code = kerasCode(setup, dataSpecs.circles);
    expect(code).toContain(
      '    layers.Dense(4, activation="relu", kernel_regularizer=keras.regularizers.L1(0.001)),\n',
    );
    expect(code).toContain("keras.optimizers.SGD(learning_rate=0.1, momentum=0.9, global_clipnorm=1)");
    expect(code).toContain('loss="binary_crossentropy"');
  });
});

/** Each schedule, metric, loss and penalty that the panels offer, with as few programs as hold them. */
const offered: readonly Setup[] = schedules.flatMap((schedule, i) =>
  (["xor", "plane"] as const).map((data): Setup => {
    const { task } = dataSpecs[data];
    const at = <T>(list: readonly T[]): T => list[i % list.length];
    return {
      ...setupFor(data, defaultSetup),
      layers: [
        newLayer("Dense", { units: 4, regularizer: at(["l1l2", "l2", "l1", "none"]), strength: 0.002 }),
      ],
      schedule,
      decayEpochs: schedule === "plateau" ? 3 : 8,
      samples: 40,
      metric: at(metricsOf(task)),
      loss: at(lossesOf(task)),
    };
  }),
);

describe("the programs of what the panels offer", () => {
  it("hold each metric, loss and penalty once at least; those of classes stand in a program of texts", () => {
    const tasks: readonly Task[] = ["binary", "regression"];
    const all = (found: readonly unknown[]) => [...new Set(found)].sort();
    expect(all(offered.map(({ metric }) => metric))).toEqual(all(tasks.flatMap((task) => metricsOf(task))));
    expect(all(offered.map(({ loss }) => loss))).toEqual(all(tasks.flatMap((task) => lossesOf(task))));
    expect(all(offered.map(({ layers: [{ options }] }) => options.regularizer))).toEqual([
      "l1",
      "l1l2",
      "l2",
      "none",
    ]);
    const classes = typescriptCode(
      { ...setupFor("text"), metric: "top3" },
      { ...dataSpecs.text, classes: 5 },
    );
    expect(classes).toContain('loss: "sparseCategoricalCrossentropy"');
    expect(classes).toContain("metrics: [metrics.sparseTopKCategoricalAccuracy({ k: 3 })]");
    expect(new Set(offered.map(({ schedule }) => schedule)).size).toBe(schedules.length);
  });

  it.each(offered.map((setup) => [setup.schedule, setup.metric, setup] as const))(
    "in TypeScript with %s and %s run, and train as the page does",
    async (_schedule, _metric, setup) => {
      const device = await gradgpu.init({ device: "cpu", seed: setup.seed });
      const { x, y } = makePoints(setup.data as "xor", setup.samples, setup.noise, setup.seed);
      const rows = Array.from(y, (value, i) => `${x[2 * i]},${x[2 * i + 1]},${value}`);
      const code = typescriptCode(setup, dataSpecs[setup.data])
        .replace(/^import .*$/gm, "")
        .replace(/^await init\(.*$/m, "")
        .replace("epochs: 100,", "epochs: 4, verbose: 0, shuffle: false,")
        .replace("model.summary();", "");
      const { code: script } = transformSync(`async () => {${code}; return { history, model }; }`, {
        loader: "ts",
      });
      const names = { ...gradgpu, ...nn, ...optim, readFile: async () => `x,y,z\n${rows.join("\n")}\n` };
      const program = new Function(...Object.keys(names), `return ${script}`)(...Object.values(names));
      const { history, model } = await program();
      device.setSeed(setup.seed);
      const count = setup.samples - Math.round(setup.samples * setup.heldBack);
      using page = makeModel(setup, dataSpecs[setup.data], Math.ceil(count / setup.batchSize));
      const part = (values: Float32Array, width: number) =>
        [values.slice(0, count * width), values.slice(count * width)] as const;
      const [[trainX, validX], [trainY, validY]] = [part(x, 2), part(y, 1)];
      const own = await page.fit(trainX, trainY, {
        batchSize: setup.batchSize,
        epochs: 4,
        verbose: 0,
        shuffle: false,
        validationData: [validX, validY],
        callbacks: callbacksOf(setup),
      });
      expect(Object.keys(history.history)).toContain(metrics[setup.metric].key);
      for (const [name, values] of Object.entries(own.history))
        (values as number[]).forEach((value, i) => {
          expect([name, history.history[name][i]]).toEqual([name, expect.closeTo(value, 4)]);
        });
      model.dispose();
      device.dispose();
    },
  );

  it("in Keras are Python", () => {
    const codes = offered.map((setup) => kerasCode(setup, dataSpecs[setup.data]));
    const check = "import sys, json\nfor code in json.load(sys.stdin): compile(code, 'view', 'exec')";
    const { status, stderr, error } = spawnSync("python3", ["-c", check], {
      input: JSON.stringify(codes),
      encoding: "utf8",
    });
    if (error === undefined) expect([status, stderr]).toEqual([0, ""]);
    expect(codes.join()).toMatch(/class OneCycle/);
    expect(codes.join()).toContain("ReduceLROnPlateau(factor=0.5, patience=3)");
    expect(codes.join()).toContain("kernel_regularizer=keras.regularizers.L1L2(l1=0.002, l2=0.002)");
    expect(codes.join()).toContain("metrics=[keras.metrics.Precision()]");
  });
});

describe("a program for the user's own data", () => {
  const setup = { ...setupFor("text"), layers: [newLayer("Embedding"), newLayer("GRU", { bothWays: true })] };

  it("makes numbers of words", () => {
    const code = typescriptCode(setup, dataSpecs.text);
    expect(code).toContain("new TextVectorization({ maxTokens: 2000, outputSequenceLength: 40 })");
    expect(code).toContain('new Input([40], { dtype: "i32" }),\n  new Embedding(2000, 16),\n');
    expect(code).toContain("  new Bidirectional(new GRU(32)),\n");
    const keras = kerasCode(setup, dataSpecs.text);
    expect(keras).toContain('keras.Input((40,), dtype="int32"),\n    layers.Embedding(2000, 16),\n');
    expect(keras).toContain("    layers.Bidirectional(layers.GRU(32)),\n");
  });

  it("reads images in folders", () => {
    const data = { ...dataSpecs.images, shape: [28, 28, 1] };
    expect(typescriptCode(setupFor("images"), data)).toContain('colorMode: "grayscale"');
    expect(kerasCode(setupFor("images"), data)).toContain('image_size=(28, 28), color_mode="grayscale"');
  });
});

describe("a model", () => {
  it("is made of each layer that the editor offers", async () => {
    setDevice(await referenceDevice());
    const shapes: Readonly<Record<string, readonly number[]>> = { Images: [8, 8, 2], Sequences: [5, 3] };
    for (const [type, { group }] of Object.entries(layerSpecs)) {
      const kind = type as keyof typeof layerSpecs;
      const layer = kind === "Reshape" ? newLayer(kind, { targetShape: "6x2" }) : newLayer(kind);
      const isText = kind === "Embedding";
      const shape = isText ? [12] : (shapes[group] ?? [12]);
      const data = isText ? "text" : "xor";
      const model = makeModel({ ...defaultSetup, data, layers: [layer] }, { ...dataSpecs.xor, shape }, 3);
      expect(model.layers[0].type).toBe(type);
      expect(model.outputShape).toEqual([1]);
      model.dispose();
    }
  });

  it("reads sequences both ways where that is asked", async () => {
    setDevice(await referenceDevice());
    const layers = [newLayer("LSTM", { units: 3, bothWays: true })];
    using model = makeModel({ ...defaultSetup, layers }, { ...dataSpecs.xor, shape: [5, 2] }, 3);
    expect([model.layers[0].type, model.layers[0].outputShape]).toEqual(["Bidirectional", [6]]);
  });

  it("is compiled with each optimizer and schedule that the editor offers, its gradients limited or not", async () => {
    setDevice(await referenceDevice());
    for (const optimizer of Object.keys(optimizers) as OptimizerName[])
      for (const schedule of schedules)
        for (const clip of [0, 2]) {
          const setup = { ...defaultSetup, optimizer, schedule, clip };
          using model = makeModel(setup, dataSpecs.xor, 3);
          const limit = model.optimizer?.clipping;
          expect(limit === undefined ? 0 : limit.limit).toBe(clip);
        }
  });
});

describe("a file of texts", () => {
  const lines = Array.from({ length: 12 }, (_, i) => `${i % 2 ? "good" : "bad"}\tword, and ${i} more`);

  it("has its labels before the texts, or behind them", () => {
    const { classNames, texts, y } = readTexts(lines.join("\n"), "t.tsv");
    expect({ classNames, y: [...y.slice(0, 3)] }).toEqual({ classNames: ["bad", "good"], y: [0, 1, 0] });
    expect(texts?.[1]).toBe("word, and 1 more");
    const turned = lines.map((line) => line.split("\t").reverse().join(","));
    expect(readTexts(turned.join("\r\n"), "t.csv")).toMatchObject({ classNames, texts });
  });

  it.each([
    ["good\tone", /1 lines/],
    [`${lines.join("\n")}\nno label`, /line 13: has no tab/],
    [Array.from({ length: 60 }, (_, i) => `${i},text ${i}`).join("\n"), /60 different labels/],
    ["\0".repeat(99), /no text/],
  ])("says what is wrong: %#", (text, message) => {
    expect(() => readTexts(text, "t")).toThrow(message);
  });
});

describe("a CSV file", () => {
  const rows = Array.from({ length: 12 }, (_, i) => `${i},${i * i},${i % 3 === 0 ? "yes" : "no"}`);

  it("gives standardized columns and classes by name", () => {
    const { shape, classes, task, x: given, y } = readCsv(`a,b,"said"\n${rows.join("\r\n")}\n`, "f.csv");
    expect({ shape, classes, task }).toEqual({ shape: [2], classes: 2, task: "binary" });
    expect([...y].filter((value) => value === 1)).toHaveLength(4);
    const x = given as Float32Array;
    const first = x.filter((_, i) => i % 2 === 0);
    expect(first.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 5);
    expect(first.reduce((sum, value) => sum + value * value, 0) / 12).toBeCloseTo(1, 5);
  });

  it("takes a row that is typed in the file's own units", () => {
    const { columns, x: given } = readCsv(`a,b,said\n${rows.join("\n")}\n`, "f.csv");
    const x = [...given];
    const typed = rowOf("3, 9", columns ?? []);
    const at = x.findIndex((value, i) => i % 2 === 0 && Math.abs(value - typed[0]) < 1e-6);
    expect(x[at + 1]).toBeCloseTo(typed[1], 5);
    expect(columns?.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(() => rowOf("3", columns ?? [])).toThrow("1 values, where the net takes 2");
    expect(() => rowOf("3, <b>", columns ?? [])).toThrow("“<b>” is no number");
  });

  it("takes numbers that are no classes for a regression", () => {
    const text = Array.from({ length: 12 }, (_, i) => `${i};${i / 7}`).join("\n");
    expect(readCsv(text, "f.csv")).toMatchObject({
      task: "regression",
      shape: [1],
      target: { name: "column 2" },
    });
  });

  it("leaves out rows that lack a value, and says how many", () => {
    const drop = { target: "", missing: "drop", learntAs: "auto" } as const;
    const holes = [",1,yes", "1,NA,no", "2,n/a,no", "3,4,", "5,6,NaN"];
    // The first of them is no row of names.
    const { y, leftOut, classNames, x: given } = readCsv([...holes, ...rows].join("\n"), "f.csv", drop);
    expect([y.length, leftOut, classNames]).toEqual([12, 5, ["no", "yes"]]);
    expect([...given].every(Number.isFinite)).toBe(true);
    expect(readCsv(rows.join("\n"), "f.csv")).not.toHaveProperty("leftOut");
    // What is learnt stays a number where one is missing.
    const text = Array.from({ length: 12 }, (_, i) => `${i};${i === 3 ? "" : i / 7}`).join("\n");
    expect(readCsv(text, "f.csv")).toMatchObject({ task: "regression", leftOut: 1 });
  });

  it("takes what stands in quotes as it stands: separators, ends of lines, quotes", () => {
    const named = rows.map((row, i) =>
      row.replace(/\w+$/, i % 2 ? '"Oslo, ""the city""\nNorway"' : '"Rome"'),
    );
    const { classNames, y, columns } = readCsv(`"a, in m","b\nin s",city\r\n${named.join("\r\n")}`, "f.csv");
    expect([classNames, y.length]).toEqual([['Oslo, "the city"\nNorway', "Rome"], 12]);
    expect(columns?.map(({ name }) => name)).toEqual(["a, in m", "b\nin s"]);
    const semicolons = rows.map((row) => row.replaceAll(",", ";")).join("\n");
    expect(readCsv(`"a, b, c, d";e;f\n${semicolons}`, "f.csv").shape).toEqual([2]);
    // Within a cell it is a letter as others are.
    const inches = rows.map((row) => row.replace(/(\w+)$/, '5" $1')).join("\n");
    expect(readCsv(inches, "f.csv").classNames).toEqual(['5" no', '5" yes']);
  });

  it.each([
    [`${rows.join("\n")}\n1,2,"yes\n3,4,no`, /f\.csv, line 13: the quote \("\) .* is not closed/],
    ["", /needs two columns/],
    ["a,b\n1,2\n", /1 rows of samples; 10 are the least/],
    [`${rows.join("\n")}\n1,2\n`, /line 13: 2 columns, where the first row has 3/],
  ])("that is wrong is refused with the place (%#)", (text, message) => {
    expect(() => readCsv(text, "f.csv")).toThrow(message);
  });
});

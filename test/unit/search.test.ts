// search: which values trials get, whatever the number of workers; halving; failures; files that a killed search goes on
// from; memory that comes back; logs.

import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArgumentError, DataError } from "../../engine/base/errors.ts";
import { type Device, init, setSeed, variable } from "../../engine/index.ts";
import {
  Dense,
  LogDownload,
  readEvents,
  type SearchOptions,
  Sequential,
  type Space,
  search,
} from "../../nn/index.ts";
import { Adam } from "../../optim/index.ts";

let device: Device;
let folder: string;
beforeAll(async () => {
  device = await init({ device: "cpu", seed: 1 });
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-search-"));
});
afterAll(() => {
  device.dispose();
  fs.rmSync(folder, { recursive: true, force: true });
});

const space = {
  optimizer: ["adam", "sgd"],
  rate: { logUniform: [1e-4, 1e-1] },
  units: { integer: [4, 7] },
  dropout: { uniform: [0, 0.5] },
  momentum: { uniform: [0.5, 0.9], when: { optimizer: "sgd" } },
  batchNorm: [true, false],
  epochs: 5,
} as const satisfies Space;

/** The best is where the rate is 1e-2. */
const distance = ({ rate }: { rate: number }) => Math.abs(Math.log10(rate) + 2);
const quiet = { verbose: 0 } as const;
const waiting = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("values", () => {
  it("lie in the space, are spread over it, and come from seed and number alone", async () => {
    const seen: Parameters<SearchOptions<typeof space>["run"]>[0][] = [];
    const run: SearchOptions<typeof space>["run"] = (values) => {
      seen.push(values);
      return distance(values);
    };
    const found = await search({ space, run, trials: 400, seed: 5, ...quiet });
    for (const { rate, units, dropout, momentum, optimizer, batchNorm, epochs } of seen) {
      expect(rate >= 1e-4 && rate <= 1e-1 && dropout >= 0 && dropout <= 0.5).toBe(true);
      expect([4, 5, 6, 7]).toContain(units);
      expect(momentum === undefined).toBe(optimizer === "adam");
      expect([typeof batchNorm, epochs]).toEqual(["boolean", 5]);
    }
    const share = (fits: (values: (typeof seen)[0]) => boolean) => seen.filter(fits).length / seen.length;
    expect(Math.abs(share(({ rate }) => rate < 10 ** -2.5) - 0.5)).toBeLessThan(0.08);
    for (const units of [4, 5, 6, 7])
      expect(Math.abs(share((one) => one.units === units) - 0.25)).toBeLessThan(0.07);
    expect(Math.abs(share(({ optimizer }) => optimizer === "sgd") - 0.5)).toBeLessThan(0.08);
    expect(found.best?.score).toBe(Math.min(...seen.map(distance)));
    // The first of fewer trials are the same.
    const fewer = await search({ space, run: distance, trials: 10, seed: 5, ...quiet });
    const values = (result: typeof found) =>
      [...result.trials].sort((a, b) => a.number - b.number).map((one) => one.values);
    expect(values(fewer)).toEqual(values(found).slice(0, 10));
    const other = await search({ space, run: distance, trials: 10, seed: 6, ...quiet });
    expect(values(other)).not.toEqual(values(fewer));
  });

  it("of a grid are all combinations that differ in something that counts", async () => {
    const found = await search({
      space: {
        optimizer: ["adam", "sgd"],
        momentum: { choice: [0, 0.9], when: { optimizer: ["sgd", "rmsprop"] } },
        rate: { logUniform: [1e-3, 1e-1] },
        units: { integer: [1, 2] },
        dropout: { uniform: [0, 1], steps: 2 },
      },
      method: "grid",
      run: ({ rate }) => rate,
      ...quiet,
    });
    expect(found.trials).toHaveLength((1 + 2) * 3 * 2 * 2);
    expect(new Set(found.trials.map(({ values }) => JSON.stringify(values))).size).toBe(36);
    const rates = [...new Set(found.trials.map(({ values }) => values.rate))];
    for (const [i, rate] of [1e-3, 1e-2, 1e-1].entries()) expect(rates[i]).toBeCloseTo(rate, 12);
  });

  it.each<[string, unknown, RegExp]>([
    ["nothing", {}, /space must be an object of hyper-parameters/],
    ["two kinds", { a: { uniform: [0, 1], integer: [0, 1] } }, /space\.a must have one of choice/],
    ["ends", { a: { uniform: [1, 0] } }, /space\.a: uniform must be \[low, high\]/],
    ["log of 0", { a: { logUniform: [0, 1] } }, /must begin above 0/],
    ["halves", { a: { integer: [0.5, 2] } }, /from a whole number/],
    ["no values", { a: [] }, /to choose from/],
    ["a slip", { a: { uniform: [0, 1], step: 2 } }, /Did you mean "steps"/],
    ["what stands behind", { a: { uniform: [0, 1], when: { b: 1 } }, b: [1] }, /must stand before it/],
  ])("a space of %s is refused", async (_, wrong, message) => {
    await expect(search({ space: wrong as Space, run: () => 1, ...quiet })).rejects.toThrow(message);
    await expect(search({ space: wrong as Space, run: () => 1, ...quiet })).rejects.toThrow(ArgumentError);
  });
});

describe("a search", () => {
  it("finds the same with any number of workers", async () => {
    const results = [];
    for (const workers of [1, 4]) {
      let running = 0;
      let most = 0;
      const found = await search({
        space,
        method: "halving",
        trials: 9,
        seed: 2,
        workers,
        run: async (values, { number, seed, budget = 0 }) => {
          most = Math.max(most, ++running);
          await waiting((number * 7) % 5);
          running--;
          return { loss: distance(values) / budget + (seed % 7) / 1e3, budget };
        },
        ...quiet,
      });
      expect(most).toBe(workers);
      results.push(found.trials.map(({ seconds: _, ...one }) => one));
    }
    expect(results[1]).toEqual(results[0]);
  });

  it("halves: all at the first budget, a third of them at thrice it, to the last", async () => {
    const asked: [number, number | undefined][] = [];
    const found = await search({
      space: { rate: { logUniform: [1e-4, 1e-1] } },
      method: "halving",
      trials: 9,
      budget: [2, 18],
      run: (values, { number, budget }) => {
        asked.push([number, budget]);
        return distance(values);
      },
      ...quiet,
    });
    const at = (budget: number) => asked.filter(([, one]) => one === budget).map(([number]) => number);
    expect([at(2).length, at(6).length, at(18).length]).toEqual([9, 3, 1]);
    const ranked = [...found.trials]
      .sort((a, b) => distance(a.values) - distance(b.values))
      .map(({ number }) => number);
    expect(new Set(at(6))).toEqual(new Set(ranked.slice(0, 3)));
    expect(at(18)).toEqual([ranked[0]]);
    expect(found.best).toMatchObject({ number: ranked[0], budget: 18, rung: 2 });
    expect(found.trials.map(({ budget }) => budget)).toEqual([18, 6, 6, 2, 2, 2, 2, 2, 2]);
  });

  it("goes on where a trial fails, and ranks it last", async () => {
    const lines: string[] = [];
    const found = await search({
      space: { a: [1, 2, 3, 4] },
      method: "grid",
      direction: "maximize",
      objective: "accuracy",
      run: ({ a }) => {
        if (a === 1) throw new Error("the rate is too large");
        if (a === 2) return { accuracy: Number.NaN, loss: 2 };
        return { accuracy: a / 10, loss: 1 };
      },
      print: (line) => lines.push(line),
    });
    expect(found.trials.map(({ number, score, error }) => [number, score, error])).toEqual([
      [3, 0.4, undefined],
      [2, 0.3, undefined],
      [0, undefined, "the rate is too large"],
      [1, undefined, "accuracy is NaN"],
    ]);
    expect(lines).toEqual([
      "trial 0: failed: the rate is too large (a 1)",
      "trial 1: failed: accuracy is NaN (a 2)",
      "trial 2: accuracy 0.3, the best so far 0.3 (a 3)",
      "trial 3: accuracy 0.4, the best so far 0.4 (a 4)",
    ]);
    const table = String(found).split("\n");
    expect(table[0]).toMatch(/^ +trial +accuracy +a +seconds$/);
    expect(table[1]).toMatch(/^1 +3 +0\.4 +4 +0\.0$/);
    expect(table.at(-1)).toBe("trial 1 failed: accuracy is NaN");
    const lost = await search({ space: { a: [1] }, run: () => ({ acc: 1 }), trials: 1, ...quiet });
    expect(lost.best).toBeUndefined();
    expect(lost.trials[0].error).toMatch(/run gave acc, and no loss/);
  });

  it("gives the memory of a trial back before the next", async () => {
    const shared = variable([1, 2, 3]);
    const memory: number[] = [];
    const x = Array.from({ length: 8 }, (_, i) => [i]);
    const y = x.map(([value]) => 2 * value);
    const found = await search({
      space: { units: [4, 8, 16, 32, 64, 4] },
      method: "grid",
      run: async ({ units }, { seed }) => {
        memory.push(device.memory().bytes);
        setSeed(seed);
        const model = new Sequential([
          new Dense(units, { activation: "relu", inputShape: [1] }),
          new Dense(1),
        ]);
        model.compile({ optimizer: new Adam(), loss: "mse" });
        const { history } = await model.fit(x, y, { epochs: 2, verbose: 0 });
        return history.loss.at(-1) as number;
      },
      ...quiet,
    });
    expect(found.trials.every(({ score }) => score !== undefined)).toBe(true);
    // The first makes constants that stay.
    expect(new Set(memory.slice(1)).size).toBe(1);
    expect(shared.isDisposed).toBe(false);
    shared.dispose();
    let freed = 0;
    await search({
      space: { a: [1, 2] },
      method: "grid",
      workers: 2,
      run: (_, { use }) => {
        use({ dispose: () => freed++ });
        throw new Error("no");
      },
      ...quiet,
    });
    expect(freed).toBe(2);
  });

  it("ends by its signal, and goes on from its file", async () => {
    const file = path.join(folder, "stopped.json");
    const controller = new AbortController();
    const asked: number[] = [];
    const common = { space: { rate: { logUniform: [1e-4, 1e-1] } }, trials: 6, file, ...quiet } as const;
    const first = search({
      ...common,
      signal: controller.signal,
      run: (values, { number }) => {
        asked.push(number);
        if (number === 2) controller.abort(new Error("enough"));
        return distance(values);
      },
    });
    await expect(first).rejects.toThrow("enough");
    expect(asked).toEqual([0, 1, 2]);
    const rest: number[] = [];
    const run = (values: { rate: number }, { number }: { number: number }) => {
      rest.push(number);
      return distance(values);
    };
    const found = await search({ ...common, run });
    expect(rest).toEqual([3, 4, 5]);
    const whole = await search({ ...common, file: undefined, run });
    const bare = (result: typeof found) => result.trials.map(({ seconds: _, ...one }) => one);
    expect(bare(found)).toEqual(bare(whole));
    await expect(search({ ...common, seed: 1, run })).rejects.toThrow(/with other settings/);
    fs.writeFileSync(file, "{");
    await expect(search({ ...common, run })).rejects.toThrow(DataError);
  });

  it("that was killed goes on with what was done", async () => {
    const file = path.join(folder, "killed.json");
    const program = path.join(folder, "search.mjs");
    const { build } = await import("esbuild");
    await build({
      stdin: {
        contents: `
          import { search } from "./nn/index.ts";
          const found = await search({
            space: { a: { uniform: [0, 1] } }, trials: 5, seed: 3, file: process.argv[2], verbose: 0,
            run: ({ a }, { number }) => {
              console.log("run", number);
              if (number === Number(process.argv[3])) process.kill(process.pid, "SIGKILL");
              return a;
            },
          });
          console.log("best", found.best.number);
        `,
        resolveDir: path.resolve(import.meta.dirname, "../.."),
        loader: "ts",
      },
      bundle: true,
      platform: "node",
      format: "esm",
      outfile: program,
      loader: { ".wgsl": "text" },
      external: ["webgpu"],
    });
    const start = (at: number) =>
      promisify(execFile)(process.execPath, [program, file, String(at)]).then(
        ({ stdout }) => stdout.trim().split("\n"),
        ({ stdout }: { stdout: string }) => stdout.trim().split("\n"),
      );
    expect(await start(2)).toEqual(["run 0", "run 1", "run 2"]);
    expect(await start(4)).toEqual(["run 2", "run 3", "run 4"]);
    const last = await start(-1);
    expect(last.slice(0, -1)).toEqual(["run 4"]);
    const whole = await search({
      space: { a: { uniform: [0, 1] } },
      trials: 5,
      seed: 3,
      run: ({ a }) => a,
      ...quiet,
    });
    expect(last.at(-1)).toBe(`best ${whole.best?.number}`);
  });

  it("logs each trial's hyper-parameters and scores", async () => {
    const logs = new LogDownload();
    await search({
      space: { rate: [0.1, 0.01], optimizer: "adam" },
      method: "grid",
      objective: "valLoss",
      logDir: logs,
      run: ({ rate }) => {
        if (rate === 0.01) throw new Error("lost");
        return { valLoss: rate, accuracy: 0.5 };
      },
      ...quiet,
    });
    const read = (name: string) => readEvents([...logs.files()].find(([file]) => file.startsWith(name))![1]);
    const [first, second] = [read("trial_000"), read("trial_001")];
    expect(first.hparams).toEqual({ rate: 0.1, optimizer: "adam" });
    expect(first.scalars.get("search/valLoss")?.[0].value).toBeCloseTo(0.1, 6);
    expect(first.scalars.get("search/accuracy")?.[0].value).toBe(0.5);
    expect(second.hparams).toEqual({ rate: 0.01, optimizer: "adam" });
    expect([...second.texts.keys()]).toEqual(["search/error"]);
  });

  it("refuses wrong options", async () => {
    const wrong = (options: object) =>
      search({ space: { a: [1] }, run: () => 1, ...quiet, ...options } as SearchOptions);
    await expect(wrong({ method: "bayes" })).rejects.toThrow(/method "bayes"/);
    await expect(wrong({ run: 3 })).rejects.toThrow(ArgumentError);
    await expect(wrong({ workers: 0 })).rejects.toThrow(/workers/);
    await expect(wrong({ method: "halving", budget: [3, 1] })).rejects.toThrow(
      /budget must be \[first, last\]/,
    );
    await expect(wrong({ trails: 3 })).rejects.toThrow(/Did you mean "trials"/);
  });
});

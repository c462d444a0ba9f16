// timeseriesDatasetFromArray: the rows that Keras documents and tests, windows against plain loops, orders, and errors.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NdArray, timeseriesDatasetFromArray } from "../../data/index.ts";
import { ArgumentError, init, ShapeError, tensor } from "../../engine/index.ts";
import { Dense, Input, LSTM, Sequential } from "../../nn/index.ts";

const count = (n: number) => Float32Array.from({ length: n }, (_, i) => i);
const doubled = (n: number) => count(n).map((i) => 2 * i);
const rowsOf = ({ values, shape }: NdArray): number[][] =>
  Array.from({ length: shape[0] }, (_, i) => [...values.subarray(i * shape[1], (i + 1) * shape[1])]);
const from = (start: number, length: number, by = 1) => Array.from({ length }, (_, i) => start + i * by);

describe("timeseriesDatasetFromArray", () => {
  // Keras's documentation, example 1: indices 0 to 98.
  it("gives the rows of Keras's first example", async () => {
    const options = { samplingRate: 2, sequenceStride: 3 };
    const set = timeseriesDatasetFromArray(count(99), null, 10, options);
    const [batch, ...more] = await set.toArray();
    expect(more).toEqual([]);
    const rows = rowsOf(batch);
    expect(rows.slice(0, 3)).toEqual([
      [0, 2, 4, 6, 8, 10, 12, 14, 16, 18],
      [3, 5, 7, 9, 11, 13, 15, 17, 19, 21],
      [6, 8, 10, 12, 14, 16, 18, 20, 22, 24],
    ]);
    expect(rows.at(-1)).toEqual([78, 80, 82, 84, 86, 88, 90, 92, 94, 96]);
    // With one step more the window from 81 on, which ends at 99, is whole.
    const [longer] = await timeseriesDatasetFromArray(count(100), null, 10, options).toArray();
    expect(rowsOf(longer).at(-1)?.at(-1)).toBe(99);
  });

  // Examples 2 and 3: the next step, and targets that are windows themselves.
  it("gives the rows of Keras's second and third example", async () => {
    const data = count(40);
    const next = timeseriesDatasetFromArray(data.subarray(0, -10), data.subarray(10), 10);
    const [[x, y]] = await next.take(1).toArray();
    expect(rowsOf(x)[0]).toEqual(from(0, 10));
    expect(y).toEqual(count(40).slice(10, 31));
    const apart = { sequenceStride: 20 };
    const [targets] = await timeseriesDatasetFromArray(doubled(100), null, 20, apart).toArray();
    expect(targets.shape).toEqual([5, 20]);
    expect(rowsOf(targets)[1]).toEqual(from(40, 20, 2));
  });

  // What Keras's own tests expect: [steps, length, options, batches of 5, windows in the last].
  it.each([
    [{}, 19, 2, 1, 1],
    [{ samplingRate: 2 }, 17, 4, 1, 2],
    [{ sequenceStride: 3 }, 7, 1, 3, 1],
  ])("batches as Keras's tests expect, with %o", async (options, batches, rest, stride, rate) => {
    const set = timeseriesDatasetFromArray(count(100), doubled(100), 9, { ...options, batchSize: 5 });
    expect(set.cardinality).toBe(batches);
    const all = await set.toArray();
    expect(all.map(([x]) => x.shape)).toEqual([...new Array(batches - 1).fill([5, 9]), [rest, 9]]);
    const rows = all.flatMap(([x]) => rowsOf(x));
    expect(rows).toEqual(rows.map((_, i) => from(i * stride, 9, rate)));
    expect(all.flatMap(([, y]) => [...(y as Float32Array)])).toEqual(rows.map(([first]) => 2 * first));
  });

  it("gives the windows and targets of plain loops, from tensors, too", async () => {
    const device = await init({ device: "cpu" });
    const size = (max: number) => fc.integer({ min: 1, max });
    await fc.assert(
      fc.asyncProperty(
        size(30),
        size(3),
        size(6),
        size(4),
        size(4),
        fc.nat(8),
        fc.nat(8),
        fc.nat(8),
        fc.boolean(),
        async (steps, features, length, stride, rate, first, cut, fewer, isTensor) => {
          const stop = steps - cut;
          const targets = steps - fewer;
          const expected: [number[][], number][] = [];
          for (let at = first; at + (length - 1) * rate < stop && at < targets; at += stride) {
            const window = from(at, length, rate).map((step) => from(step * features, features));
            expected.push([window, 100 + at]);
          }
          const shape = [steps, features];
          const data = isTensor
            ? tensor(count(steps * features), { shape, device })
            : new NdArray(count(steps * features), shape);
          const options = {
            sequenceStride: stride,
            samplingRate: rate,
            startIndex: first,
            endIndex: stop,
            batchSize: null,
          } as const;
          const make = () =>
            timeseriesDatasetFromArray(
              data,
              Float32Array.from(from(100, Math.max(targets, 0))),
              length,
              options,
            );
          if (expected.length === 0) {
            expect(make).toThrow(/endIndex|time steps|none for the window/);
            return;
          }
          const found = await make().toArray();
          expect(found.map(([x, y]) => [(x as NdArray).shape, [...(x as NdArray).values], y])).toEqual(
            expected.map(([window, y]) => [[length, features], window.flat(), y]),
          );
        },
      ),
      { numRuns: 60 },
    );
    device.dispose();
  });

  it("shuffles whole windows with their targets, anew each epoch, alike for the same seed", async () => {
    const make = (seed: number) =>
      timeseriesDatasetFromArray(count(60), doubled(60), 5, { batchSize: 4, shuffle: true, seed });
    const starts = async (set: ReturnType<typeof make>, epoch: number) => {
      const batches = await set.toArray({ epoch });
      for (const [x, y] of batches) {
        for (const [i, row] of rowsOf(x).entries()) {
          expect(row).toEqual(from(row[0], 5));
          expect((y as Float32Array)[i]).toBe(2 * row[0]);
        }
      }
      return batches.flatMap(([x]) => rowsOf(x).map(([first]) => first));
    };
    const first = await starts(make(123), 0);
    expect(first).not.toEqual(from(0, 56));
    expect([...first].sort((a, b) => a - b)).toEqual(from(0, 56));
    expect(await starts(make(123), 0)).toEqual(first);
    expect(await starts(make(123), 1)).not.toEqual(first);
    expect(await starts(make(124), 0)).not.toEqual(first);
  });

  it("opens anywhere, and refuses a place that was noted of other windows", async () => {
    const set = timeseriesDatasetFromArray(count(50), null, 4, { batchSize: 3 });
    const opened = await set.open({ skip: 6, withChecksum: true });
    const { value } = await opened.next();
    expect(rowsOf(value as NdArray)[0]).toEqual(from(18, 4));
    const other = timeseriesDatasetFromArray(count(50), null, 4, { batchSize: 3, samplingRate: 2 });
    await expect(other.open(opened.position)).rejects.toThrow(/other data/);
  });

  it("trains a model", async () => {
    const device = await init({ device: "cpu", seed: 1 });
    const wave = Float32Array.from({ length: 60 }, (_, i) => Math.sin(i / 3));
    const series = new NdArray(wave, [60, 1]);
    const train = timeseriesDatasetFromArray(series, wave.subarray(6), 6, { batchSize: 16, shuffle: true });
    const model = new Sequential([new Input([6, 1]), new LSTM(3), new Dense(1)]);
    model.compile({ optimizer: "adam", loss: "meanSquaredError" });
    const { history } = await model.fit(train, { epochs: 4, verbose: 0 });
    expect(history.loss[3]).toBeLessThan(0.98 * history.loss[0]);
    device.dispose();
  });

  it("says what is wrong", () => {
    const make = (length: unknown, options: object = {}, data: unknown = count(10)) =>
      timeseriesDatasetFromArray(data as Float32Array, null, length as number, options);
    for (const name of ["sequenceStride", "samplingRate", "batchSize"])
      expect(() => make(3, { [name]: 0 })).toThrow(new RegExp(name));
    expect(() => make(0)).toThrow(/sequenceLength/);
    expect(() => make(3, { shuffle: 1 })).toThrow(/shuffle must be true or false, got 1/);
    for (const options of [{ startIndex: 11 }, { endIndex: 11 }, { startIndex: 5, endIndex: 5 }])
      expect(() => make(3, options)).toThrow(/0 <= startIndex < endIndex <= 10/);
    expect(() => make(3, { startIndex: -1 })).toThrow(ArgumentError);
    expect(() => make(6, { samplingRate: 2 })).toThrow(ShapeError);
    expect(() => make(6, { samplingRate: 2 })).toThrow(/spans 11 time steps, and there are 10/);
    expect(() => make(3, { squenceStride: 2 })).toThrow(/sequenceStride/);
    expect(() => make(3, {}, ["a", "b", "c"])).toThrow(/one series of numbers/);
    expect(() => make(3, {}, [count(5), count(5)])).toThrow(/one series of numbers/);
    expect(() => make(3, {}, null)).toThrow(ArgumentError);
    expect(() => timeseriesDatasetFromArray(count(10), count(2), 3, { startIndex: 2 })).toThrow(
      /there are 2 targets, none for the window that begins at step 2/,
    );
  });
});

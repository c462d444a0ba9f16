// Data sets: what elements and batches look like, what is closed, and what is refused with which words.

import { afterEach, beforeEach, describe, expect, expectTypeOf, it, type MockInstance, vi } from "vitest";
import { Shuffled } from "../../data/dataset/shuffle.ts";
import { Slices } from "../../data/dataset/slices.ts";
import { Dataset, NdArray, type NumberArray } from "../../data/index.ts";
import {
  ArgumentError,
  DataError,
  init,
  ShapeError,
  setSeed,
  tensor,
  toCategorical,
  variable,
} from "../../engine/index.ts";

let warn: MockInstance;
beforeEach(() => {
  warn = vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterEach(() => void vi.restoreAllMocks());

const images = new NdArray(
  Uint8Array.from({ length: 24 }, (_, i) => i),
  [6, 2, 2],
);
const labels = Int32Array.of(0, 1, 2, 0, 1, 2);
const pairs = Dataset.fromTensorSlices([images, labels]);

/** A generator that notes whether it was closed. */
function counted(count = 10) {
  const seen = { made: 0, closed: 0, opened: 0 };
  const set = Dataset.fromGenerator(function* () {
    seen.opened++;
    try {
      for (let i = 0; i < count; i++) {
        seen.made++;
        yield i;
      }
    } finally {
      seen.closed++;
    }
  });
  return { set, seen };
}

describe("elements of slices", () => {
  it("are rows of each part: numbers, typed arrays, arrays with a shape, texts", async () => {
    const [first] = await pairs.take(1).toArray();
    expectTypeOf(first[1]).toEqualTypeOf<number>();
    expect(first).toEqual([new NdArray(Uint8Array.of(0, 1, 2, 3), [2, 2]), 0]);
    const named = Dataset.fromTensorSlices({
      x: { values: Float32Array.of(1, 2, 3, 4), shape: [2, 2] },
      name: ["a", "b"],
      nested: [
        [1, 2],
        [3, 4],
      ],
    });
    expectTypeOf(named).toExtend<Dataset<{ name: string }>>();
    expect(await named.toArray()).toEqual([
      { x: Float32Array.of(1, 2), name: "a", nested: Float64Array.of(1, 2) },
      { x: Float32Array.of(3, 4), name: "b", nested: Float64Array.of(3, 4) },
    ]);
    expect(await Dataset.fromTensorSlices([3, 1, 2]).toArray()).toEqual([3, 1, 2]);
    expect(
      await Dataset.fromTensorSlices([
        [
          [0, 1],
          [1, 0],
        ],
        [1, 0],
      ]).toArray(),
    ).toEqual([
      [Float64Array.of(0, 1), 1],
      [Float64Array.of(1, 0), 0],
    ]);
  });

  it("of tensors are read once, of variables each epoch", async () => {
    const device = await init({ device: "cpu" });
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const v = variable([5, 6]);
    const set = Dataset.fromTensorSlices([x, v]);
    expect(await set.toArray()).toEqual([
      [Float32Array.of(1, 2), 5],
      [Float32Array.of(3, 4), 6],
    ]);
    v.set([7, 8]);
    expect((await set.toArray()).map(([, y]) => y)).toEqual([7, 8]);
    x.dispose();
    v.dispose();
    device.dispose();
  });

  it("are copies: what a map writes into them stays out of the data", async () => {
    const set = pairs.map(([x]) => {
      x.values.fill(9);
      return x;
    });
    await set.toArray();
    expect(images.values[0]).toBe(0);
  });

  it("are refused where there are none", () => {
    expect(() => Dataset.fromTensorSlices([images, Int32Array.of(1)])).toThrow(ShapeError);
    expect(() => Dataset.fromTensorSlices([new Float32Array(12), labels])).toThrow(
      /part 1 has 6 rows and the first part 12/,
    );
    expect(() => Dataset.fromTensorSlices([labels, new Float32Array(12)])).toThrow(
      /pass \{ values, shape \}/,
    );
    expect(() => Dataset.fromTensorSlices([[1], [2], [3], [4]])).toThrow(
      /4 arrays can be as many parts or as many rows; pass \[rows\]/,
    );
    expect(() => Dataset.fromTensorSlices(3)).toThrow(ArgumentError);
    expect(() => Dataset.fromTensorSlices([])).toThrow(/no parts/);
    expect(() => Dataset.fromTensorSlices([[[1, 2], [3]]])).toThrow(/ragged/);
    expect(() => Dataset.fromTensorSlices({ x: { values: new Float32Array(3), shape: [2, 2] } })).toThrow(
      ShapeError,
    );
  });
});

describe("batch", () => {
  it("keeps the arrays' types, and the last short batch unless told otherwise", async () => {
    const batches = await pairs.batch(4).toArray();
    expectTypeOf(batches[0][1]).toEqualTypeOf<NumberArray>();
    expect(batches).toEqual([
      [new NdArray(images.values.slice(0, 16), [4, 2, 2]), Int32Array.of(0, 1, 2, 0)],
      [new NdArray(images.values.slice(16), [2, 2, 2]), Int32Array.of(1, 2)],
    ]);
    expect(await pairs.batch(4, { dropRemainder: true }).toArray()).toHaveLength(1);
    expect(pairs.batch(4, { dropRemainder: true }).cardinality).toBe(1);
  });

  it("stacks what maps give: typed arrays, nested arrays, texts, tensors", async () => {
    const device = await init({ device: "cpu" });
    const set = Dataset.range(2).map((i) => ({
      a: Float32Array.of(i, i),
      b: [[i], [i]],
      c: `${i}`,
      t: tensor([i, i]),
      ok: i > 0,
    }));
    const [batch] = await set.batch(2).toArray();
    expect(batch.a).toEqual(new NdArray(Float32Array.of(0, 0, 1, 1), [2, 2]));
    expect(batch.b).toEqual(new NdArray(Float64Array.of(0, 0, 1, 1), [2, 2, 1]));
    expect(batch.c).toEqual(["0", "1"]);
    expect(batch.ok).toEqual(Float64Array.of(0, 1));
    expect(batch.t.shape).toEqual([2, 2]);
    expect(await batch.t.array()).toEqual([
      [0, 0],
      [1, 1],
    ]);
    device.dispose();
  });

  it("refuses elements of another shape, naming the batch and the place", async () => {
    const set = Dataset.range(6).map((i) => [new Float32Array(i < 4 ? 2 : 3), i]);
    await expect(set.batch(3).toArray()).rejects.toThrow(
      /range\(0, 6, 1\)\.map\(\)\.batch\(3\): batch 1: part 0 of the element at 1 of a batch has shape \[3\] and the first \[2\]; .*paddedBatch/,
    );
    const forms = Dataset.range(2).map((i) => (i === 0 ? [1, 2] : { a: 1 }));
    await expect(forms.batch(2).toArray()).rejects.toThrow(/another form than the first's/);
  });

  it("padded fills each axis up to the longest of its batch", async () => {
    const set = Dataset.range(3).map((i) => ({ ids: Int32Array.from({ length: i + 1 }, () => 1), y: i }));
    expect(await set.paddedBatch(2, { padValue: { ids: -1, y: 0 } }).toArray()).toEqual([
      { ids: new NdArray(Int32Array.of(1, -1, 1, 1), [2, 2]), y: Float64Array.of(0, 1) },
      { ids: new NdArray(Int32Array.of(1, 1, 1), [1, 3]), y: Float64Array.of(2) },
    ]);
    const planes = Dataset.range(2)
      .map(
        (i) =>
          [
            [
              [1, 1],
              [1, 1],
            ],
            [[2, 2, 2]],
          ][i],
      )
      .map((x) => ({ x }));
    const [{ x }] = await planes.paddedBatch(2).toArray();
    expect(x).toEqual(new NdArray(Float64Array.of(1, 1, 0, 1, 1, 0, 2, 2, 2, 0, 0, 0), [2, 2, 3]));
  });

  it("padded keeps each row's own values, and fills parts inside others with the values for their places", async () => {
    const elements = [
      {
        text: {
          words: [
            [1, 2],
            [3, 4],
          ],
          ids: Int32Array.of(5),
        },
        tags: [6],
      },
      { text: { words: [[7, 8, 9]], ids: Int32Array.of(10, 11) }, tags: [12, 13, 14] },
    ];
    const set = Dataset.range(2).map((i) => elements[i]);
    const padValue = { text: { words: -1, ids: -2 }, tags: -3 };
    const [{ text, tags }] = await set.paddedBatch(2, { padValue }).toArray();
    const words = text.words as NdArray;
    expect(words.shape).toEqual([2, 2, 3]);
    expect([...words.values]).toEqual([1, 2, -1, 3, 4, -1, 7, 8, 9, -1, -1, -1]);
    expect(text.ids).toEqual(new NdArray(Int32Array.of(5, -2, 10, 11), [2, 2]));
    expect([...tags.values]).toEqual([6, -3, -3, 12, 13, 14]);
    const alike = await set
      .map((one) => ({ words: one.text.words }))
      .paddedBatch(2, { padValue: 9 })
      .toArray();
    expect([...(alike[0].words as NdArray).values]).toEqual([1, 2, 9, 3, 4, 9, 7, 8, 9, 9, 9, 9]);
    await expect(
      set.paddedBatch(2, { padValue: { text: { words: 0 }, tags: 0 } as never }).toArray(),
    ).rejects.toThrow(/padValue must be a number, .* for part text\/ids it is undefined/);
  });

  it("padded takes parts of one number of axes, whichever has more", async () => {
    const parts = [[1, 2], [[3, 4]]];
    const of = (order: number[]) =>
      Dataset.range(2)
        .map((i) => ({ x: parts[order[i]] }))
        .paddedBatch(2)
        .toArray();
    await expect(of([0, 1])).rejects.toThrow(
      /part x of the element at 1 of a batch has 2 axes and the first 1/,
    );
    await expect(of([1, 0])).rejects.toThrow(
      /part x of the element at 1 of a batch has 1 axes and the first 2/,
    );
  });

  it("by length has few shapes, and every element once", async () => {
    const lengths = [3, 1, 9, 2, 4, 8, 20, 1, 3];
    const set = Dataset.fromGenerator(() => lengths.map((n) => [new Float32Array(n).fill(n), n] as const));
    const batches = await set
      .bucketByLength(([x]) => x.length, { boundaries: [4, 10], batchSize: 2 })
      .toArray();
    expect(batches.map(([x]) => x.shape)).toEqual([
      [2, 4],
      [2, 4],
      [2, 10],
      [2, 4],
      [1, 20],
    ]);
    expect(batches.flatMap(([, y]) => Array.from(y)).sort()).toEqual([...lengths].sort());
    expect(() => set.bucketByLength(([x]) => x.length, { boundaries: [4, 3], batchSize: 2 })).toThrow(
      /rising/,
    );
    expect(() => set.bucketByLength(([x]) => x.length, { boundaries: [4], batchSize: [2] })).toThrow(
      /2 buckets/,
    );
    await expect(
      set.bucketByLength(() => Number.NaN, { boundaries: [4], batchSize: 2 }).toArray(),
    ).rejects.toThrow(/element 0: its length must be a whole number, got NaN/);
  });
});

describe("shuffle", () => {
  it("gives another order each epoch, the same for the same seed and epoch", async () => {
    const set = Dataset.range(50).shuffle({ seed: 3 });
    const [first, second] = [await set.toArray({ epoch: 0 }), await set.toArray({ epoch: 1 })];
    expect(first).not.toEqual(second);
    expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(await Dataset.range(50).shuffle(50, { seed: 3 }).toArray({ epoch: 1 })).toEqual(second);
    expect(await Dataset.range(50).shuffle({ seed: 4 }).toArray()).not.toEqual(first);
    // In every JavaScript engine.
    expect(first.slice(0, 8)).toMatchInlineSnapshot(`
      [
        3,
        11,
        8,
        5,
        0,
        22,
        36,
        35,
      ]
    `);
    expect((await Dataset.range(50).shuffle(5, { seed: 3 }).toArray()).slice(0, 8)).toMatchInlineSnapshot(`
      [
        1,
        3,
        0,
        5,
        8,
        6,
        4,
        9,
      ]
    `);
  });

  it("has batches of the same order, taken out of arrays at once or one by one", async () => {
    const values = Float32Array.from({ length: 40 }, (_, i) => i);
    const flat = async (set: Dataset<unknown>) =>
      ((await set.toArray({ epoch: 1 })) as (number | NumberArray)[]).flatMap((one) =>
        typeof one === "number" ? [one] : [...one],
      );
    const shuffled = () => Dataset.fromTensorSlices(values).shuffle({ seed: 5 });
    const order = await flat(shuffled());
    expect(order).not.toEqual([...values]);
    expect(await flat(shuffled().batch(7))).toEqual(order);
  });

  it("of a buffer picks anew, however long the set is", async () => {
    const size = 16;
    const count = 1024;
    const order = await Dataset.range(count).shuffle(size, { seed: 3 }).toArray();
    // What it picked, followed by hand: each place is filled with the next number.
    const buffer = Array.from({ length: size }, (_, i) => i);
    const picked = order.slice(0, count - size).map((value, i) => {
      const at = buffer.indexOf(value);
      buffer[at] = size + i;
      return at;
    });
    expect(picked.slice(256, 512)).not.toEqual(picked.slice(0, 256));
    expect(Math.max(...picked)).toBe(size - 1);
  });

  it("draws from the device where no seed is given, each set its own order", async () => {
    const device = await init({ device: "cpu", seed: 11 });
    const [a, b] = [Dataset.range(50).shuffle(), Dataset.range(50).shuffle()];
    expect(await a.toArray({ epoch: 0 })).not.toEqual(await b.toArray({ epoch: 0 }));
    device.dispose();
  });

  it("has another order from the moment on that it takes another key", () => {
    const stage = new Shuffled(new Slices("test", Float32Array.from({ length: 30 })), undefined, 1);
    const before = [...stage.orderOf(0)];
    stage.reseed([9, 8, 0, 7]);
    expect([...stage.orderOf(0)]).not.toEqual(before);
  });

  it("iterates epoch after epoch", async () => {
    const set = Dataset.range(20).shuffle({ seed: 1 });
    const found: number[][] = [];
    for (let i = 0; i < 2; i++) {
      const epoch: number[] = [];
      for await (const x of set) epoch.push(x);
      found.push(epoch);
    }
    expect(found).toEqual([await set.toArray({ epoch: 0 }), await set.toArray({ epoch: 1 })]);
  });

  it("follows from setSeed where no seed is given", async () => {
    const device = await init({ device: "cpu" });
    const draw = () => {
      setSeed(5);
      return Dataset.range(30).shuffle().toArray();
    };
    expect(await draw()).toEqual(await draw());
    device.dispose();
  });

  it("draws from a buffer as long as it is, whatever the source", async () => {
    const known = await Dataset.range(40).shuffle(7, { seed: 2 }).toArray();
    const streamed = await Dataset.fromGenerator(() => Array.from({ length: 40 }, (_, i) => i))
      .shuffle(7, { seed: 2 })
      .toArray();
    expect(streamed).toEqual(known);
    known.forEach((x, i) => {
      expect(x).toBeLessThan(i + 7);
    });
  });

  it("refuses to shuffle an endless set whole", () => {
    expect(() => Dataset.range(3).repeat().shuffle()).toThrow(
      /endless .* shuffle before repeat\(\), or pass a bufferSize/,
    );
  });
});

describe("a generator", () => {
  it("is closed where its elements are not all taken", async () => {
    const { set, seen } = counted();
    for await (const x of set
      .map((x) => x)
      .filter(() => true)
      .batch(2))
      if (x[0] === 2) break;
    expect(seen).toEqual({ made: 4, closed: 1, opened: 1 });
    await set.take(3).toArray();
    expect(seen.closed).toBe(2);
    await Dataset.zip([set, Dataset.range(2)]).toArray();
    expect(seen.closed).toBe(3);
    const iterator = await set.prefetch(2).open();
    await iterator.next();
    await iterator.return();
    expect(seen.closed).toBe(4);
    const ended = await set
      .open({ signal: AbortSignal.abort(new Error("enough")) })
      .catch((error) => error.message);
    expect(ended).toBe("enough");
  });

  it("that throws says where in the chain and at which element", async () => {
    const set = Dataset.fromGenerator(function* () {
      yield 1;
      yield 2;
      throw new Error("no more disk");
    });
    await expect(
      set
        .map((x) => x)
        .batch(2)
        .toArray(),
    ).rejects.toThrow(new DataError("fromGenerator(): element 2: it threw no more disk"));
    const later = Dataset.fromGenerator(async function* () {
      yield 1;
      throw new Error("no more net");
    });
    await expect(later.prefetch(2).toArray()).rejects.toThrow(
      /fromGenerator\(\): element 1: it threw no more net/,
    );
    await expect(
      Dataset.range(3)
        .map((x) => (x as unknown as { missing: { y: number } }).missing.y)
        .toArray(),
    ).rejects.toThrow(/^range\(0, 3, 1\)\.map\(\): element 0: it threw .*undefined/);
    await expect(
      Dataset.range(3)
        .filter(async () => Promise.reject(new Error("odd")))
        .toArray(),
    ).rejects.toThrow(/range\(0, 3, 1\)\.filter\(\): element 0: it threw odd/);
  });

  it("must be a function that gives a new iterator", async () => {
    expect(() => Dataset.fromGenerator([1, 2] as never)).toThrow(
      /takes a function that gives an iterator.*got an array/,
    );
    const one = [1, 2, 3][Symbol.iterator]();
    const set = Dataset.fromGenerator(() => one);
    await set.toArray();
    await expect(set.toArray()).rejects.toThrow(/same iterator as before/);
    await expect(Dataset.fromGenerator(() => 3 as never).toArray()).rejects.toThrow(/gave the number 3/);
  });

  it("of a given length must have it", async () => {
    const make = () => [1, 2, 3];
    expect(Dataset.fromGenerator(make, { length: 3 }).batch(2).cardinality).toBe(2);
    await expect(Dataset.fromGenerator(make, { length: 4 }).toArray()).rejects.toThrow(
      /ended after 3 elements.*given as 4/,
    );
    await expect(Dataset.fromGenerator(make, { length: 2 }).toArray()).rejects.toThrow(/gave more than 2/);
  });

  it("is told the epoch, and where to begin if it can", async () => {
    const at: unknown[] = [];
    const set = Dataset.fromGenerator(
      (place) => {
        at.push(place);
        return [0, 1, 2, 3].slice(place.skip);
      },
      { length: 4, seekable: true },
    );
    const opened = await set.repeat().open({ epoch: 0, skip: 6 });
    expect((await opened.next()).value).toBe(2);
    expect(opened.rerun).toBe(0);
    expect(at).toEqual([{ epoch: 1, skip: 2 }]);
  });

  it("is opened in batches at the repetition in which the place is, and runs again no more than leads there", async () => {
    const set = Dataset.fromGenerator(() => [0, 1, 2, 3], { length: 4 })
      .repeat(3)
      .batch(2);
    const opened = await set.open({ epoch: 0, skip: 3 });
    expect((await opened.next()).value).toEqual(Float64Array.of(2, 3));
    expect(opened.rerun).toBe(1);
  });
});

describe("open", () => {
  it("refuses what was run through again and differs, or is too short", async () => {
    let data = [1, 2, 3, 4, 5];
    const set = Dataset.fromGenerator(() => data).map((x) => Float32Array.of(x));
    const iterator = await set.open({ withChecksum: true });
    await iterator.next();
    await iterator.next();
    const place = iterator.position;
    expect(JSON.parse(JSON.stringify(place))).toEqual({
      epoch: 0,
      skip: 2,
      checksum: expect.any(String),
      data: expect.any(String),
      orders: [],
    });
    const again = await set.open(place);
    expect(again.rerun).toBe(2);
    expect((await again.next()).value).toEqual(Float32Array.of(3));
    data = [1, 7, 3];
    await expect(set.open(place)).rejects.toThrow(
      /2 elements before element 2 of epoch 0 are not those that were taken before/,
    );
    data = [1];
    await expect(set.open(place)).rejects.toThrow(DataError);
    await expect(Dataset.range(3).open({ skip: 4 })).rejects.toThrow(/has 3 elements, and 4 were taken/);
    await expect(set.open({ skip: -1 })).rejects.toThrow(ArgumentError);
    await expect(set.open({ from: 1 } as never)).rejects.toThrow(/from/);
  });

  it("runs nothing again where elements can be had by number", async () => {
    let mapped = 0;
    const set = Dataset.zip([pairs.shuffle(4, { seed: 1 }), Dataset.range(100)])
      .map((x) => {
        mapped++;
        return x;
      })
      .repeat()
      .skip(1)
      .batch(4)
      .take(20)
      .enumerate();
    const opened = await set.open({ epoch: 2, skip: 19, withChecksum: true });
    expect(opened.rerun).toBe(0);
    expect(opened.position).toMatchObject({ epoch: 2, skip: 19 });
    expect(opened.position.checksum).toBeUndefined();
    await opened.next();
    expect(mapped).toBe(4);
  });

  it("refuses a position of other data, and goes on in the orders of a shuffle without a seed", async () => {
    const make = (values: Int32Array) => Dataset.fromTensorSlices(values).shuffle().batch(4);
    const values = Int32Array.from({ length: 30 }, (_, i) => i);
    const set = make(values);
    const iterator = await set.open({ withChecksum: true });
    await iterator.next();
    const place = JSON.parse(JSON.stringify(iterator.position));
    const rest = [];
    for await (const batch of iterator) rest.push(batch);
    // Another shuffle, as a new process makes it.
    const again = [];
    for await (const batch of await make(values.slice()).open(place)) again.push(batch);
    expect(again).toEqual(rest);
    await expect(make(values.map((x) => x + 1)).open(place)).rejects.toThrow(/noted of other data/);
    await expect(make(values.slice(1)).open(place)).rejects.toThrow(DataError);
    await expect(Dataset.fromTensorSlices(values).shuffle().batch(5).open(place)).rejects.toThrow(DataError);
  });

  it("ends with the signal's reason, and closes what is open", async () => {
    const { set, seen } = counted(1000);
    const controller = new AbortController();
    const taken: number[] = [];
    const reading = (async () => {
      for await (const x of await set.open({ signal: controller.signal })) {
        taken.push(x);
        if (x === 5) controller.abort(new Error("enough"));
      }
    })();
    await expect(reading).rejects.toThrow("enough");
    expect(taken).toHaveLength(6);
    await vi.waitFor(() => expect(seen.closed).toBe(1), { timeout: 20_000 });
    const hanging = Dataset.fromGenerator(() => ({ next: () => new Promise<never>(() => {}) }));
    const late = new AbortController();
    const iterator = await hanging.open({ signal: late.signal });
    setTimeout(() => late.abort(new Error("late")), 5);
    await expect(iterator.next()).rejects.toThrow("late");
  });
});

describe("cache", () => {
  it("runs what comes before it once, also where it is read in parts", async () => {
    const { set, seen } = counted();
    const cached = set.cache();
    expect(cached.cardinality).toBeUndefined();
    expect(await cached.take(3).toArray()).toEqual([0, 1, 2]);
    expect(await cached.toArray()).toHaveLength(10);
    expect(await cached.toArray()).toHaveLength(10);
    expect(seen.opened).toBe(2);
    expect(cached.cardinality).toBe(10);
    let mapped = 0;
    const indexed = Dataset.range(5)
      .map((x) => {
        mapped++;
        return x;
      })
      .cache()
      .shuffle({ seed: 1 });
    await indexed.toArray();
    await indexed.toArray();
    expect(mapped).toBe(5);
  });

  it("above its budget warns once, and gives all the same", async () => {
    const set = Dataset.fromGenerator(() =>
      Array.from({ length: 10 }, (_, i) => new Float32Array(100).fill(i)),
    );
    const cached = set.cache({ memoryBudget: 2000 });
    for (let i = 0; i < 2; i++)
      expect((await cached.toArray()).map((x) => x[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0][0]).toMatch(/take more than memoryBudget, 2000 bytes; the first 4 are kept/);
  });
});

describe("zip", () => {
  it("ends with the shortest, and warns of unequal lengths", async () => {
    const zipped = Dataset.zip({ a: Dataset.range(3), b: Dataset.range(2) });
    expectTypeOf(zipped).toEqualTypeOf<Dataset<{ a: number; b: number }>>();
    expect(await zipped.toArray()).toEqual([
      { a: 0, b: 0 },
      { a: 1, b: 1 },
    ]);
    expect(warn.mock.calls[0][0]).toMatch(/unequal length \(3, 2\); it ends with the shortest/);
    warn.mockClear();
    expect(await Dataset.zip([Dataset.range(2), Dataset.range(1).repeat()]).toArray()).toHaveLength(2);
    expect(warn).not.toHaveBeenCalled();
    await Dataset.zip([Dataset.range(2), counted(5).set]).toArray();
    expect(warn).toHaveBeenCalledTimes(1);
    expect(() => Dataset.zip([1] as never)).toThrow(ArgumentError);
    expect(() => Dataset.zip([])).toThrow(ArgumentError);
  });
});

describe("lengths", () => {
  it("stay known as far as they can", () => {
    const { set } = counted();
    expect([
      pairs.cardinality,
      pairs.shuffle(2).batch(4).repeat(3).cardinality,
      pairs.repeat().cardinality,
      pairs.repeat().batch(4).take(7).cardinality,
      pairs
        .skip(2)
        .enumerate()
        .map((x) => x)
        .prefetch()
        .cache().cardinality,
      pairs.filter(() => true).cardinality,
      set.cardinality,
      set.take(0).cardinality,
      set.repeat().cardinality,
      Dataset.range(10, 0, -3).cardinality,
      Dataset.range(0).repeat().cardinality,
    ]).toEqual([6, 6, Infinity, 7, 4, undefined, undefined, 0, Infinity, 4, 0]);
  });

  it("an empty repetition ends", async () => {
    expect(await counted(0).set.repeat(3).toArray()).toEqual([]);
    expect(
      await Dataset.fromGenerator(() => [])
        .repeat()
        .take(2)
        .toArray(),
    ).toEqual([]);
    await expect(Dataset.range(3).repeat().toArray()).rejects.toThrow(/endless; take\(\)/);
  });
});

describe("fromCsv", () => {
  const text = "a,b,species\n1,2.5,setosa\n3,4,virginica\n";

  it("gives rows by name, or inputs and a target, each epoch anew", async () => {
    const set = Dataset.fromCsv(text);
    const rows = [
      { a: 1, b: 2.5, species: "setosa" },
      { a: 3, b: 4, species: "virginica" },
    ];
    expect(await set.toArray()).toEqual(rows);
    expect(await set.toArray({ epoch: 1 })).toEqual(rows);
    const bytes = new TextEncoder().encode(text);
    expect(await Dataset.fromCsv(bytes, { select: ["a", "b"], target: "b" }).toArray()).toEqual([
      [Float32Array.of(1), 2.5],
      [Float32Array.of(3), 4],
    ]);
    const opened = await set.open({ skip: 1 });
    expect([opened.rerun, (await opened.next()).value]).toEqual([1, rows[1]]);
  });

  it("says which column is wrong, and what can't be read", async () => {
    await expect(Dataset.fromCsv(text, { target: "c" }).toArray()).rejects.toThrow(
      /fromCsv.*element 0.*no column "c"; its columns are a, b, species|no column "c"/,
    );
    await expect(Dataset.fromCsv(text, { target: "a" }).toArray()).rejects.toThrow(
      /column "species" holds texts/,
    );
    await expect(Dataset.fromCsv("no-such.csv").toArray()).rejects.toThrow(DataError);
    await expect(Dataset.fromCsv(text, { seperator: ";" } as never).toArray()).rejects.toThrow(/seperator/);
    expect(() => Dataset.fromCsv(text, { target: 3 } as never)).toThrow(ArgumentError);
  });
});

describe("arguments", () => {
  it("are refused with what is wanted", () => {
    const set = Dataset.range(3);
    const wrong: (() => unknown)[] = [
      () => set.batch(0),
      () => set.batch(2, { dropLast: true } as never),
      () => set.shuffle(0),
      () => set.shuffle(1.5),
      () => set.shuffle({ seed: -1 }),
      () => set.repeat(-1),
      () => set.take(1.5),
      () => set.skip(-1),
      () => set.map(3 as never),
      () => set.filter("x" as never),
      () => set.prefetch(0),
      () => set.cache({ memoryBudget: -1 }),
      () => set.enumerate(-2),
      () => Dataset.range("3" as never),
      () => Dataset.range(0, 1, 0),
      () => Dataset.fromGenerator(() => [], { size: 3 } as never),
    ];
    for (const call of wrong) expect(call).toThrow(ArgumentError);
  });

  it("a map that returns nothing is told so", async () => {
    await expect(
      Dataset.range(2)
        .map(() => undefined)
        .toArray(),
    ).rejects.toThrow(/element 0: the function gave nothing; return/);
  });
});

it("note 003's arithmetic: 600 steps an epoch with the remainder dropped, 100 of the test set", () => {
  const [train, test] = [60_000, 10_000].map((n) =>
    Dataset.fromTensorSlices([new Uint8Array(n), new Uint8Array(n)]),
  );
  expect(train.shuffle(60_000).batch(100, { dropRemainder: true }).cardinality).toBe(600);
  expect(train.take(59_999).batch(100, { dropRemainder: true }).cardinality).toBe(599);
  expect(test.batch(100).cardinality).toBe(100);
  expect(typeof toCategorical).toBe("function");
});

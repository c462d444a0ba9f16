// IMDB and Reuters in Keras's form against what Keras makes of the same files; pickles that are hostile, or changed; and
// sequences as rows of equal length.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { zipSync } from "fflate";
import { describe, expect, it, vi } from "vitest";
import { npyHeader } from "../../data/formats/npy.ts";
import { pickledSequences } from "../../data/formats/pickle.ts";
import { decodeSequence, imdb, multiHot, padSequences, reuters } from "../../data/index.ts";
import { MersenneTwister, numpyShuffle } from "../../data/sets/numpy-random.ts";
import { ByteReader, once, Turns } from "../../data/sources/bytes.ts";
import { ArgumentError, DataError } from "../../engine/base/errors.ts";
import { cpuMs } from "../support/cpu-time.ts";

interface Loaded {
  options: Record<string, number | null>;
  parts: [sequences: number[][], labels: number[]][];
}

const numpy: {
  pickles: { npy: string; protocol: number; values: number[][] }[];
  hostile: Record<string, string>;
  imdb: { npz: string; loaded: Loaded[] };
  reuters: { npz: string; loaded: Loaded[] };
  randomState: { seed: number; order: number[] }[];
} = JSON.parse(fs.readFileSync(path.resolve(import.meta.dirname, "../fixtures/numpy-files.json"), "utf8"));

const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));
const errorOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error("it was accepted"),
    (error) => error,
  );

/** "num_words" is `numWords` here, and "maxlen" `maxLen`. */
const inCamelCase = (options: Loaded["options"]) =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name === "maxlen" ? "maxLen" : name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()),
      value,
    ]),
  );

async function sequencesIn(bytes: Uint8Array, mostNumbers = 1e6): Promise<number[][]> {
  const reader = new ByteReader(once(bytes));
  const header = await npyHeader("pickle", reader);
  const raw = await reader.take(Infinity);
  const turns = new Turns("pickle", undefined);
  return (await pickledSequences("pickle", header, raw, { mostNumbers }, turns)).map((one) => [...one]);
}

describe("NumPy's random numbers", () => {
  it("put things into NumPy's order", () => {
    for (const { seed, order } of numpy.randomState)
      expect([...numpyShuffle(order.length, new MersenneTwister(seed))]).toEqual(order);
  });
});

describe("Keras's files", () => {
  it.each(numpy.imdb.loaded.map((one) => [JSON.stringify(one.options), one] as const))(
    "of IMDB are as Keras loads them, with %s",
    async (_, { options, parts }) => {
      const { train, test } = await imdb.load({ path: bytesOf(numpy.imdb.npz), ...inCamelCase(options) });
      expect(train.sequences.map((one) => [...one])).toEqual(parts[0][0]);
      expect([...train.labels]).toEqual(parts[0][1]);
      expect(test.sequences.map((one) => [...one])).toEqual(parts[1][0]);
      expect([...test.labels]).toEqual(parts[1][1]);
    },
  );

  it.each(numpy.reuters.loaded.map((one) => [JSON.stringify(one.options), one] as const))(
    "of Reuters are as Keras loads them, with %s",
    async (_, { options, parts }) => {
      const { train, test } = await reuters.load({
        path: bytesOf(numpy.reuters.npz),
        ...inCamelCase(options),
      });
      expect(train.sequences.map((one) => [...one])).toEqual(parts[0][0]);
      expect([...train.labels]).toEqual(parts[0][1]);
      expect(test.sequences.map((one) => [...one])).toEqual(parts[1][0]);
      expect([...test.labels]).toEqual(parts[1][1]);
    },
  );

  it("say how they are got where they are not there", async () => {
    vi.stubEnv("HOME", os.tmpdir());
    const error = await errorOf(imdb.load());
    vi.unstubAllEnvs();
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(
      /\.keras.datasets.imdb\.npz: there is no such file; Keras fetches it to ~\/\.keras\/datasets: python3 -c "from keras\.datasets import imdb; .*"; or pass \{ path \}/,
    );
    expect((await errorOf(reuters.wordIndex({ path: "no/such.json" }))).message).toMatch(
      /^no\/such\.json: there is no such file; Keras fetches/,
    );
  });

  it("that are others' are refused", async () => {
    const error = await errorOf(imdb.load({ path: bytesOf(numpy.reuters.npz) }));
    expect(error.message).toBe('bytes: has no array "x_train"; it has x, y');
    const few = await errorOf(imdb.load({ path: bytesOf(numpy.imdb.npz), maxLen: 1 }));
    expect(few.message).toBe("imdb.load: no text is shorter than maxLen, 1; raise it");
    const wrong = { numWords: -1, seed: 0.5, startChar: "1" as never };
    for (const [option, value] of Object.entries(wrong))
      expect(await errorOf(imdb.load({ [option]: value }))).toBeInstanceOf(ArgumentError);
    expect(await errorOf(reuters.load({ testSplit: 2 }))).toBeInstanceOf(ArgumentError);
  });

  it("have 46 topics and two opinions", () => {
    expect(reuters.classes.length).toBe(46);
    expect(new Set(reuters.classes).size).toBe(46);
    expect(imdb.classes).toEqual(["negative", "positive"]);
  });

  it("have words by number", async () => {
    const path = new TextEncoder().encode('{"the": 1, "film": 2, "__proto__": 3}');
    const index = await imdb.wordIndex({ path });
    expect([...index]).toEqual([
      ["the", 1],
      ["film", 2],
      ["__proto__", 3],
    ]);
    expect(decodeSequence([1, 4, 2, 5, 6], index)).toBe("? the ? film __proto__");
    expect(decodeSequence([1, 2], index, { indexFrom: 0, unknown: "-" })).toBe("the film");
    for (const text of ["[1]", '{"a": "b"}', "{"])
      expect(await errorOf(imdb.wordIndex({ path: new TextEncoder().encode(text) }))).toBeInstanceOf(
        DataError,
      );
  });
});

describe("pickles", () => {
  it.each(numpy.pickles.map((one, i) => [one.protocol, i, one] as const))(
    "of protocol %d are read (%d)",
    async (_, __, { npy, values }) => {
      expect(await sequencesIn(bytesOf(npy))).toEqual(values);
    },
  );

  it.each([
    ["call", /it names builtins\.print|it names __builtin__\.print/],
    ["floats", /the opcode BINFLOAT has no place in one/],
    ["texts", /element 0: expected a list of whole numbers from 0 to 2\^31 - 1, found a text at place 0/],
    ["dict", /the opcode EMPTY_DICT has no place in one/],
    ["negative", /found -1 at place 0/],
    ["huge", /found 1\.2089\d+e\+24 at place 0/],
    ["none", /element 0: expected a list of whole numbers .*, found None/],
    ["nested", /found a list at place 0/],
    ["two axes", /expected 1 x 2 elements along one axis/],
  ])("of %s are refused by name", async (name, told) => {
    const error = await errorOf(sequencesIn(bytesOf(numpy.hostile[name])));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(told);
  });

  it("in which one list stands in many places take no more room than they may", async () => {
    // A list of 10,000 numbers, kept as 0, and 9,999 times what was kept.
    const count = 10_000;
    const array = (items: number[]) => [
      ...Buffer.from(
        "\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01",
        "latin1",
      ),
      ...[0x4d, count & 255, count >> 8, 0x85],
      ...Buffer.from(
        "cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89](",
        "latin1",
      ),
      ...items,
      ...Buffer.from("etb.", "latin1"),
    ];
    const list = [0x5d, 0x71, 0, 0x28, ...new Array(count).fill([0x4b, 7]).flat(), 0x65];
    const pickle = array([...list, ...new Array(count - 1).fill([0x68, 0]).flat()]);
    const header = `{'descr': '|O', 'fortran_order': False, 'shape': (${count},), }`;
    const npy = Uint8Array.from([
      0x93,
      ...Buffer.from("NUMPY"),
      1,
      0,
      header.length,
      0,
      ...Buffer.from(header),
      ...pickle,
    ]);
    const error = await errorOf(sequencesIn(npy, 1e6));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(/more than 1000000 numbers in all/);
    const npz = zipSync({ "x.npy": npy, "y.npy": npy });
    expect((await errorOf(reuters.load({ path: npz, maxBytes: 4e6 }))).message).toMatch(
      /more than 1000000 numbers/,
    );
  });

  it("that are changed anywhere are refused, or lists of whole numbers, in bounded time", async () => {
    let [state, accepted, longest] = [3, 0, 0];
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let i = 0; i < 5000; i++) {
      const bytes = bytesOf(numpy.pickles[random(numpy.pickles.length)].npy);
      for (let k = 0; k <= random(4); k++) {
        const place = random(bytes.length);
        bytes[place] = random(2) === 0 ? bytes[place] ^ (1 << random(8)) : random(256);
      }
      const cut = random(5) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
      const started = cpuMs();
      try {
        for (const sequence of await sequencesIn(cut))
          expect(sequence.every((value) => Number.isInteger(value) && value >= 0 && value < 2 ** 31)).toBe(
            true,
          );
        accepted++;
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
      }
      longest = Math.max(longest, cpuMs() - started);
    }
    expect(accepted).toBeGreaterThan(200);
    expect(longest).toBeLessThan(5000);
  });
});

describe("multiHot", () => {
  it("has a 1 for each number that occurs", () => {
    expect(multiHot([[0, 2, 2], [], Int32Array.of(1)], 3)).toEqual(Uint8Array.of(1, 0, 1, 0, 0, 0, 0, 1, 0));
    expect(multiHot([], 3)).toEqual(new Uint8Array());
  });

  it.each<[() => unknown, RegExp]>([
    [
      () => multiHot([[3]], 3),
      /sequence 0 has 3 at place 0; numbers must be whole, from 0 to 2: pass a larger size, or load with \{ numWords: 3 \}/,
    ],
    [() => multiHot([[-1]], 3), /has -1/],
    [() => multiHot([[0.5]], 3), /has 0\.5/],
    [
      () => multiHot([1] as never, 3),
      /takes an array of sequences, as in \[\[1, 5\], \[2\]\], got an array with the number 1 in it/,
    ],
    [() => multiHot("text" as never, 3), /got the string "text"/],
    [() => multiHot([[0]], 0), /the size must be a whole number of at least 1/],
    [() => multiHot([[0], [0]], 2 ** 31), /2 rows of 2147483648 values are too many/],
  ])("refuses what is none: %s", (run, told) => {
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(told);
  });
});

describe("padSequences", () => {
  // The examples of Keras's documentation.
  const sequence = [[1], [2, 3], [4, 5, 6]];
  it.each([
    [{}, [0, 0, 1, 0, 2, 3, 4, 5, 6]],
    [{ value: -1 }, [-1, -1, 1, -1, 2, 3, 4, 5, 6]],
    [{ padding: "post" }, [1, 0, 0, 2, 3, 0, 4, 5, 6]],
    [{ maxLen: 2 }, [0, 1, 2, 3, 5, 6]],
    [{ maxLen: 2, truncating: "post" }, [0, 1, 2, 3, 4, 5]],
  ] as const)("with %j is as in Keras", (options, rows) => {
    expect(padSequences(sequence, options)).toEqual(Int32Array.from(rows));
  });

  it("refuses what it can't hold", () => {
    expect(() => padSequences([[0.5]])).toThrow(/sequence 0, place 0 must be a whole number .*, got 0\.5/);
    expect(() => padSequences([[1]], { padding: "before" as never })).toThrow(ArgumentError);
    expect(() => padSequences([[1]], { maxLen: -1 })).toThrow(ArgumentError);
  });
});

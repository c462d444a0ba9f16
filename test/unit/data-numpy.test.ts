// npy and npz files as NumPy writes them, what is no number in them, and files that lie, are cut off or hostile.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readNpy, readNpz } from "../../data/index.ts";
import { ArgumentError, DataError } from "../../engine/base/errors.ts";
import { init, tensor } from "../../engine/index.ts";

const fixtures = path.resolve(import.meta.dirname, "../fixtures");

interface Numpy {
  numpy: string;
  arrays: { npy: string; dtype: string; shape: number[]; values: string[] }[];
  others: Record<string, string>;
  imdb: { npz: string };
  reuters: { npz: string };
}

const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));
const read = (file: string): Numpy => JSON.parse(fs.readFileSync(file, "utf8"));
const numpy = read(path.join(fixtures, "numpy-files.json"));
const errorOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error("it was accepted"),
    (error) => error,
  );

/** As Python writes numbers. */
const numberOf = (text: string) =>
  text.endsWith("inf") ? Number(text.replace("inf", "Infinity")) : Number(text);

async function expectAsNumpy({ arrays }: Numpy): Promise<void> {
  expect(arrays.length).toBeGreaterThan(50);
  for (const { npy, dtype, shape, values } of arrays) {
    const array = await readNpy(bytesOf(npy));
    expect(array.dtype).toBe(dtype);
    expect(array.shape).toEqual(shape);
    expect(Array.from(array.values), `${dtype} [${shape.join(", ")}]`).toEqual(values.map(numberOf));
  }
}

describe("npy files", () => {
  it("of all dtypes, byte orders, orders of axes and versions have NumPy's values", () =>
    expectAsNumpy(numpy));

  const numpyIsThere = spawnSync("/usr/bin/python3", ["-c", "import numpy"]).status === 0;
  it.skipIf(!numpyIsThere)("made by the NumPy of this machine do, too", async () => {
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-numpy-")), "numpy.json");
    const { status, stderr } = spawnSync("/usr/bin/python3", [path.join(fixtures, "numpy-files.py"), file]);
    expect(status, String(stderr)).toBe(0);
    await expectAsNumpy(read(file));
    fs.rmSync(path.dirname(file), { recursive: true });
  });

  it("become tensors", async () => {
    await init({ device: "cpu" });
    for (const { npy, dtype, shape, values } of numpy.arrays) {
      const array = await readNpy(bytesOf(npy));
      const made = tensor(array.values, array.shape);
      expect(made.shape).toEqual(shape);
      expect(Array.from(await made.data())).toEqual(
        values.map(numberOf).map((value) => (dtype.startsWith("float") ? Math.fround(value) : value)),
      );
      made.dispose();
    }
  });

  it.each([
    ["objects", /is an array of dtype "\|O", Python objects; numbers can be read/],
    ["texts", /dtype "<U2", texts/],
    ["bytes", /dtype "\|S1", bytes/],
    ["records", /expected a header like \{ descr, fortran_order, shape \} of one dtype/],
    ["complex", /dtype "<c8", complex numbers/],
    ["dates", /dtype "<M8\[s\]", dates/],
    ["large", /element 1 is 1099511627776, which is no 32-bit integer/],
  ])("of %s are refused by name", async (name, told) => {
    const error = await errorOf(readNpy(bytesOf(numpy.others[name])));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(told);
  });

  const header = (text: string, version = 1) => {
    const bytes = new TextEncoder().encode(text);
    const size =
      version === 1 ? [bytes.length & 255, bytes.length >> 8] : [bytes.length & 255, bytes.length >> 8, 0, 0];
    return Uint8Array.from([0x93, ...Buffer.from("NUMPY"), version, 0, ...size, ...bytes]);
  };
  const plain = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";

  it.each<[string, Uint8Array, RegExp]>([
    ["are empty", new Uint8Array(), /is no npy file/],
    ["are text", new TextEncoder().encode("height,weight\n"), /is no npy file/],
    ["have another version", header(plain, 9), /has version 9.0/],
    ["end in the header", header(plain).subarray(0, 30), /ends inside its header/],
    ["have a header without end", header(" ".repeat(20_000)), /its header of 20000 bytes is longer than any/],
    ["promise values", header(plain), /expected 8 bytes of float32 values for shape \[2\], found 0/],
    [
      "promise too much",
      header(plain.replace("2,", "99999999999, 9999")),
      /as the header says, are more than 2147483648/,
    ],
    [
      "have more than they promise",
      Uint8Array.from([...header(plain), ...new Array(9).fill(0)]),
      /has bytes behind its 8/,
    ],
    ["have sizes below 0", header(plain.replace("2,", "-2,")), /expected a header like/],
    ["have code in the header", header(plain.replace("False", "exit()")), /expected a header like/],
    ["name a key twice", header(plain.replace("}", "'shape': (3,)}")), /expected a header like/],
  ])("that %s are refused", async (_, bytes, told) => {
    const error = await errorOf(readNpy(bytes));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(told);
  });

  it("that are changed anywhere are refused, or arrays of the size that they say", async () => {
    let [state, accepted] = [1, 0];
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let i = 0; i < 2000; i++) {
      const bytes = bytesOf(numpy.arrays[random(numpy.arrays.length)].npy);
      for (let k = 0; k <= random(3); k++) bytes[random(Math.min(bytes.length, 140))] ^= 1 << random(8);
      const cut = random(4) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
      try {
        const { shape, values } = await readNpy(cut);
        expect(values.length).toBe(shape.reduce((product, size) => product * size, 1));
        accepted++;
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
      }
    }
    expect(accepted).toBeGreaterThan(20);
  });
});

describe("npz files", () => {
  it("give their arrays by name, stored or compressed", async () => {
    const { y_train: y } = await readNpz(bytesOf(numpy.imdb.npz), { names: ["y_train"] });
    expect([y.dtype, y.shape]).toEqual(["int64", [40]]);
    expect(y.values).toBeInstanceOf(Int32Array);
    const packed = await readNpz(bytesOf(numpy.reuters.npz), { names: ["y"] });
    expect(packed.y.values.length).toBe(40);
  });

  it("say which arrays they have", async () => {
    const error = await errorOf(readNpz(bytesOf(numpy.imdb.npz), { names: ["x_val"] }));
    expect(error.message).toBe('bytes: has no array "x_val"; it has x_train, y_train, x_test, y_test');
    expect((await errorOf(readNpz(bytesOf(numpy.imdb.npz)))).message).toMatch(
      /x_train: is an array of dtype "\|O"/,
    );
  });

  it("beyond the limits are refused before they are unzipped", async () => {
    const error = await errorOf(readNpz(bytesOf(numpy.imdb.npz), { maxBytes: 20_000, maxEntries: 2 }));
    expect(error.message).toMatch(/has 4 entries, more than 2; raise \{ maxEntries \}/);
    expect((await errorOf(readNpz(bytesOf(numpy.imdb.npz), { maxBytes: 100 }))).message).toMatch(
      /has more than 100 bytes; raise \{ maxBytes \}/,
    );
    const packed = bytesOf(numpy.reuters.npz);
    expect((await errorOf(readNpz(packed, { maxBytes: packed.length }))).message).toMatch(
      /expands to \d+ bytes, more than \d+; raise \{ maxBytes \}/,
    );
    expect(await errorOf(readNpz(bytesOf(numpy.imdb.npz), { maxBytes: 0 }))).toBeInstanceOf(ArgumentError);
  });
});

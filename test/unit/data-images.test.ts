// Folders of images by class: what is found, how it is decoded and resized, and files that are damaged or hostile.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { crc32 } from "../../data/formats/crc32.ts";
import { decodeImage, imageSize } from "../../data/formats/image-decoder.ts";
import { imageFolder } from "../../data/index.ts";
import { ArgumentError, DataError } from "../../engine/base/errors.ts";

const errorOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error("it was accepted"),
    (error) => error,
  );

/** A PNG by its specification, of 8 bits a channel. */
function png(
  width: number,
  height: number,
  channels: 1 | 3 | 4,
  pixels: ArrayLike<number>,
): Buffer<ArrayBuffer> {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, { 1: 0, 3: 2, 4: 6 }[channels], 0, 0, 0], 8);
  const rows = Array.from({ length: height }, (_, y) =>
    Buffer.from([0, ...Array.from({ length: width * channels }, (_, i) => pixels[y * width * channels + i])]),
  );
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.concat(rows))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

const form = { height: 2, width: 2, isGray: false, isCropped: false, mostPixels: 1e6 };
const four = [255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30];

describe("a PNG", () => {
  it("of the size that is wanted has its own pixels", async () => {
    expect([...(await decodeImage("a.png", png(2, 2, 3, four), form))]).toEqual(four);
    expect([...(await decodeImage("a.png", png(2, 2, 1, [0, 50, 100, 255]), form))]).toEqual([
      0, 0, 0, 50, 50, 50, 100, 100, 100, 255, 255, 255,
    ]);
  });

  it("is black where it is transparent", async () => {
    const rgba = [255, 0, 0, 255, 255, 0, 0, 0, 0, 0, 255, 255, 9, 9, 9, 0];
    expect([...(await decodeImage("a.png", png(2, 2, 4, rgba), form))]).toEqual([
      255, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0,
    ]);
  });

  it("becomes gray by the weights of ITU-R 601", async () => {
    const gray = await decodeImage("a.png", png(2, 2, 3, four), { ...form, isGray: true });
    expect([...gray]).toEqual([76, 150, 29, 18]);
  });

  it("is stretched, or cut, to another form", async () => {
    // Left half black, right half white, twice as wide as high.
    const wide = png(
      8,
      4,
      1,
      Array.from({ length: 32 }, (_, i) => (i % 8 < 4 ? 0 : 255)),
    );
    const gray = { height: 4, width: 4, isGray: true, isCropped: false, mostPixels: 1e6 };
    const row = [...(await decodeImage("a.png", wide, gray))].slice(0, 4);
    expect(row[0]).toBeLessThan(30);
    expect(row[3]).toBeGreaterThan(225);
    const cut = [...(await decodeImage("a.png", wide, { ...gray, isCropped: true }))].slice(0, 4);
    expect(cut).toEqual([0, 0, 255, 255]);
  });
});

describe("a JPEG", () => {
  it("is decoded, and turned as the camera says", async () => {
    const left = { create: { width: 16, height: 8, channels: 3 as const, background: "#ff0000" } };
    const plain = await sharp(left).jpeg({ quality: 100 }).toBuffer();
    expect(imageSize(plain)).toEqual([16, 8]);
    const [r, g, b] = await decodeImage("a.jpg", plain, form);
    expect(r).toBeGreaterThan(250);
    expect(Math.max(g, b)).toBeLessThan(5);
    // Upper half white; turned by 90 degrees to the right, the right half is.
    const halves = png(
      16,
      16,
      1,
      Array.from({ length: 256 }, (_, i) => (i < 128 ? 255 : 0)),
    );
    const turned = await sharp(halves).jpeg({ quality: 100 }).withMetadata({ orientation: 6 }).toBuffer();
    const gray = await decodeImage("a.jpg", turned, { ...form, isGray: true });
    expect([...gray].map((value) => Math.round(value / 255))).toEqual([0, 1, 0, 1]);
  });
});

describe("what is no image", () => {
  /** The header says 40,000 x 40,000. */
  const enormous = png(2, 2, 1, [0, 0, 0, 0]);
  enormous.writeUInt32BE(40_000, 16);
  enormous.writeUInt32BE(40_000, 20);
  it.each<[string, Uint8Array, RegExp]>([
    ["is empty", new Uint8Array(), /is no PNG or JPEG file/],
    [
      "is a drawing with a link",
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'),
      /is no PNG or JPEG file/,
    ],
    ["is a GIF", Buffer.from("GIF89a\x01\x00\x01\x00"), /is no PNG or JPEG file/],
    ["is cut off", png(2, 2, 3, four).subarray(0, 40), /is damaged/],
    ["has too many pixels", enormous, /has 40000 x 40000 pixels, more than none and at most 1000000/],
    ["has none", png(0, 2, 1, []), /has 0 x 2 pixels/],
  ])("%s: is refused", async (_, bytes, told) => {
    const error = await errorOf(decodeImage("a.png", bytes, form));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(told);
  });

  it("because it was changed is refused, or decoded to as many bytes", async () => {
    const noise = Array.from({ length: 3 * 64 }, (_, i) => (i * 37) % 256);
    const jpeg = await sharp(png(8, 8, 3, noise))
      .jpeg()
      .toBuffer();
    let state = 5;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let i = 0; i < 150; i++) {
      const bytes = Uint8Array.from(i % 2 === 0 ? jpeg : png(8, 8, 3, noise));
      for (let k = random(3); k >= 0; k--) bytes[random(bytes.length)] = random(256);
      const image = await decodeImage("a", bytes, form).catch((error) => {
        if (!(error instanceof DataError)) throw error;
      });
      if (image) expect(image.length).toBe(12);
    }
  });
});

describe("imageFolder", () => {
  let folder: string;
  const one = (value: number) => png(2, 2, 1, [value, value, value, value]);
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradgpu-images-"));
    const files: Record<string, Buffer> = {
      "dogs/2.png": one(20),
      "dogs/10.png": one(10),
      "cats/a.PNG": one(1),
      "cats/more/b.png": one(2),
      "cats/notes.txt": Buffer.from("no image"),
      "cats/.hidden.png": one(99),
      ".cache/x.png": one(99),
      "above.png": one(99),
    };
    for (const [name, bytes] of Object.entries(files)) {
      fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      fs.writeFileSync(path.join(folder, name), bytes);
    }
    fs.symlinkSync("..", path.join(folder, "cats/loop"));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  it("finds images by class, sorted, and labels them", async () => {
    const found = await imageFolder(folder, { size: [2, 2] });
    expect(found.classes).toEqual(["cats", "dogs"]);
    expect(found.files).toEqual(["cats/a.PNG", "cats/more/b.png", "dogs/10.png", "dogs/2.png"]);
    expect(found.labels).toEqual(Int32Array.of(0, 0, 1, 1));
    expect([found.shape, found.length]).toEqual([[2, 2, 3], 4]);
  });

  it("loads all, or one by one", async () => {
    const found = await imageFolder(folder, { size: [1, 2], colorMode: "grayscale" });
    const { images, labels, shape } = await found.load();
    expect(images).toEqual(Uint8Array.of(1, 1, 2, 2, 10, 10, 20, 20));
    expect([labels, shape]).toEqual([Int32Array.of(0, 0, 1, 1), [4, 1, 2, 1]]);
    const all: [number, number][] = [];
    for await (const { image, label } of found) all.push([image[0], label]);
    expect(all).toEqual([
      [1, 0],
      [2, 0],
      [10, 1],
      [20, 1],
    ]);
    expect([...(await found.read(3))]).toEqual([20, 20]);
    expect(await errorOf(found.read(4))).toBeInstanceOf(ArgumentError);
  });

  it("takes some classes, in the order that is wanted", async () => {
    const found = await imageFolder(folder, { size: [1, 1], classes: ["dogs", "cats"] });
    expect(found.files).toEqual(["dogs/10.png", "dogs/2.png", "cats/a.PNG", "cats/more/b.png"]);
    const error = await errorOf(imageFolder(folder, { size: [1, 1], classes: ["cows"] }));
    expect(error.message).toMatch(/has no PNG or JPEG files in a folder "cows"/);
  });

  it("takes the list of files that a page gets", async () => {
    const files = ["pets/dogs/1.png", "pets/cats/1.png", "pets/readme.txt"].map((name, i) =>
      Object.defineProperty(new File([one(i)], path.basename(name)), "webkitRelativePath", { value: name }),
    );
    const found = await imageFolder(files, { size: [1, 1], colorMode: "grayscale" });
    expect(found.files).toEqual(["cats/1.png", "dogs/1.png"]);
    expect((await found.load()).images).toEqual(Uint8Array.of(1, 0));
  });

  it("takes a directory's handle", async () => {
    const file = (name: string, value: number) => ({
      kind: "file" as const,
      name,
      getFile: async () => new File([one(value)], name),
    });
    const directory = (name: string, entries: readonly object[]) => ({
      kind: "directory" as const,
      name,
      values: async function* () {
        yield* entries;
      },
    });
    const root = directory("pets", [
      directory("b", [file("1.png", 4)]),
      directory("a", [file("1.jpg", 5)]),
      file("x.png", 9),
    ]);
    const found = await imageFolder(root as never, { size: [1, 1], colorMode: "grayscale" });
    expect(found.files).toEqual(["a/1.jpg", "b/1.png"]);
    expect((await found.load()).images).toEqual(Uint8Array.of(5, 4));
  });

  it("says what is wrong", async () => {
    const missing = await errorOf(imageFolder("no/such", { size: [1, 1] }));
    expect(missing).toBeInstanceOf(DataError);
    expect(missing.message).toBe(
      "no/such: there is no such folder; it should hold a folder of images for each class",
    );
    expect((await errorOf(imageFolder(path.join(folder, "dogs"), { size: [1, 1] }))).message).toMatch(
      /has no PNG or JPEG files in folders; put the images of each class into a folder of its name/,
    );
    expect((await errorOf(imageFolder(folder, { size: [1, 1], maxFiles: 3 }))).message).toMatch(
      /more than 3 images/,
    );
    const small = await imageFolder(folder, { size: [1, 1], maxBytes: 20 });
    expect((await errorOf(small.load())).message).toMatch(/cats\/a\.PNG: has more than 20 bytes/);
    expect((await errorOf((await imageFolder(folder, { size: [30_000, 30_000] })).load())).message).toMatch(
      /4 images of 2700000000 bytes don't fit/,
    );
    for (const options of [
      undefined,
      {},
      { size: [1] },
      { size: [0, 1] },
      { size: [1, 1], colorMode: "gray" },
    ])
      expect(await errorOf(imageFolder(folder, options as never))).toBeInstanceOf(ArgumentError);
    expect(await errorOf(imageFolder(3 as never, { size: [1, 1] }))).toBeInstanceOf(ArgumentError);
    const aborted = await imageFolder(folder, {
      size: [1, 1],
      signal: AbortSignal.abort(new Error("enough")),
    });
    expect((await errorOf(aborted.load())).message).toMatch(/reading was aborted/);
  });
});
